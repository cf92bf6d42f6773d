"""Workflow files that are changed while the house runs: what serves, what is refused, and what the stewards hear."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.folders.librarian import CLOSELY_EVERY_LOOKS, LOOK_EVERY_MS, PATIENT_LOOKS, Librarian, Stewards
from bridge.views import HouseViews
from bridge.wording.render import Hearer, Voice
from bridge.wording.render import House as Described
from engine.core.parcel import Direct, Parcel
from engine.core.values import DAY_MS, PersonId, RowId
from engine.runtime.bell import Bell
from engine.runtime.outbox import Outbox
from engine.runtime.ports import Unavailable
from engine.runtime.practices import Practices
from engine.testing import MemoryStore, RecordingPostman
from tests.engine.runtime.small_house import SmallHouse

ROOM = "!stewards:hearth.test"
IN_THEIR_ROOM = Stewards(room=ROOM)
TEA = """\
name: tea
about: Drink tea together.
begins with: tea
listed in: what's on
people:
  host: starter
  guests: named in guests
details:
  guests:
    ask: Whom?
    type: people
asks:
  invited:
    to: guests
    say: <host> invites you to tea.
    answers:
      coming: ✅ Coming
    seen by: host
    until: 3 days after opening
states:
  draft:
    gather: guests
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: done
  open:
    asks: invited
    public: Tea with <host>
    moves:
      - at: 5 days after entering
        to: done
  done:
    ends with: Tea was drunk.
"""
LATER = TEA.replace("3 days after opening", "4 days after opening")
BETTER_WORDS = TEA.replace("invites you to tea", "asks you to tea")
BAD = TEA.replace("to: done", "to: doone")


class _Names:
    def __init__(self, house: SmallHouse) -> None:
        self._house = house

    async def name_of(self, person: PersonId, _hearer: object = None) -> str | None:
        return next((name for name, known in self._house.village.persons.items() if known == person), None)


class Library:
    """A small house whose workflows lie in a folder; ``again`` is the same house after a restart."""

    def __init__(self, folder: Path, stewards: Stewards, store: MemoryStore | None = None) -> None:
        self.folder = folder
        self.stewards = stewards
        self.house = SmallHouse(store=store)
        self.refused: list[int] = []
        self.librarian = self._librarian()

    def _librarian(self) -> Librarian:
        return Librarian(self.folder, self.house.cellar, self.house.clock, self.stewards, self.refused.append)

    @classmethod
    async def open(cls, folder: Path, stewards: Stewards = IN_THEIR_ROOM) -> Library:
        library = cls(folder, stewards)
        house = library.house
        house.village.circle = await house.store.ensure_circle("!circle:hearth.test", "Circle")
        for name in ("ana", "ben"):
            house.village.persons[name] = await house.store.person(f"@{name}:hearth.test")
            house.postman.present.add(house.id(name))
        await library._begin()
        for name in ("ana", "ben"):
            await house.say(name, "start")
        await house.settle()
        return library

    async def _begin(self) -> None:
        house, librarian = self.house, self.librarian
        house.shelf = await librarian.open()  # type: ignore[assignment]
        house.practices = Practices(librarian.catalogue, house.village, rehearsed=True)
        house.line = house.another_line()
        house.bell = Bell(house.cellar, house.line, house.clock)
        present = house.postman.present
        house.postman = RecordingPostman(self._write)
        house.postman.present = present
        house.outbox = Outbox(house.cellar, house.postman, house.clock, house.chance)
        self.voice = Voice(
            Described("Hearth", "Dora", "112"),
            names=_Names(house),
            texts=house.store,
            definitions=librarian.catalogue,
            views=HouseViews(house.store, librarian.catalogue, house.village),
        )
        house.line.start()

    async def _write(self, parcel: Parcel) -> str:
        if parcel.emoji is not None:
            return parcel.emoji
        to = parcel.to
        hearer = Hearer(person=to.person) if isinstance(to, Direct) else Hearer(circle=to.circle)
        return (await self.voice.render(parcel.message, hearer, self.house.now_ms)).body

    async def restart(self) -> None:
        await self.house.close()
        self.librarian = self._librarian()
        await self._begin()

    def put(self, text: str, file: str = "tea.yaml") -> None:
        (self.folder / file).parent.mkdir(exist_ok=True)
        (self.folder / file).write_text(text)

    async def looks(self, times: int = 1) -> None:
        for _ in range(times):
            await self.librarian.look(self.house.line)
            await self.house.clock.advance(LOOK_EVERY_MS)
        await self.house.settle()

    async def long_enough(self) -> None:
        await self.looks(PATIENT_LOOKS + 1)

    def serves(self, word: str = "tea") -> str | None:
        """The digest that a new one would run on."""
        found = self.librarian.catalogue.in_service(word)
        return None if found is None else found.digest

    async def until(self, happened: Callable[[], bool]) -> None:
        """Let time pass, as far as the librarian waits for it, until something has happened."""
        async with asyncio.timeout(20):
            while not happened():
                await asyncio.sleep(0)
                await self.house.clock.advance(LOOK_EVERY_MS)

    async def told(self) -> list[str]:
        """What lies in the stewards' room, oldest first."""
        circle = await self.house.store.circle(ROOM)
        return [b.words for b in self.house.postman.brought if b.room == f"s/{circle}"]

    def seen(self, name: str) -> str:
        return "\n\n".join(b.words for b in self.house.seen(name))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tea.yaml").write_text(TEA)
    return tmp_path


async def test_a_good_change_serves_new_ones_and_what_runs_stays_on_its_version(folder: Path) -> None:
    library = await Library.open(folder)
    await library.house.say("ana", "tea @ben")
    before = library.serves()
    library.put(LATER)
    await library.looks(2)
    assert library.serves() != before
    (running,) = await library.house.snapshots()
    assert running.definition == before
    assert await library.house.store.definition(library.serves() or "") is not None, "stored before it serves"
    hello, news = await library.told()
    assert "In this room I tell you what becomes of workflow files" in hello
    assert "Tea: the changed tea.yaml serves new ones now" in news.replace("*", "")
    assert "1 that everyone can see is running on the version before" in news
    await library.house.say("ben", "tea @ana")
    assert {s.definition for s in await library.house.snapshots()} == {before, library.serves()}
    await library.house.close()


async def test_a_change_is_not_acted_on_before_it_has_lain_still(folder: Path) -> None:
    library = await Library.open(folder)
    before = library.serves()
    for n in range(4, 9):
        library.put(TEA.replace("3 days after opening", f"{n} days after opening"))
        await library.looks()
        assert library.serves() == before
    await library.looks()
    assert library.serves() != before
    await library.house.close()


async def test_a_half_written_file_is_given_time(folder: Path) -> None:
    library = await Library.open(folder)
    library.put(LATER[: len(LATER) // 2])
    await library.looks(PATIENT_LOOKS)
    library.put(LATER)
    await library.looks(2)
    assert [line for line in await library.told() if "can't be used" in line] == []
    assert library.refused[-1] == 0
    await library.house.close()


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_bad_file_is_refused_told_once_and_the_old_one_stays(folder: Path, restarts: bool) -> None:
    library = await Library.open(folder)
    before = library.serves()
    library.put(BAD)
    await library.long_enough()
    for _ in range(3):
        if restarts:
            await library.restart()
        await library.looks(CLOSELY_EVERY_LOOKS)
    assert library.serves() == before
    (told,) = [line for line in await library.told() if "can't be used" in line] or [""]
    if not restarts:
        assert "The version before stays in service." in told
        assert "tea.yaml:27:13 unknown state `doone` (also in line 33); did you mean `done`?" in told.replace(
            "*", ""
        )
    assert library.refused[-1] == 1
    rows = [b for b in library.house.postman.brought if "can't be used" in b.words]
    assert len(rows) == (0 if restarts else 1)
    await library.house.close()


async def test_the_same_mistake_made_again_is_told_again(folder: Path) -> None:
    library = await Library.open(folder)
    for text in (BAD, TEA, BAD):
        library.put(text)
        await library.long_enough()
    refused = [line for line in await library.told() if "can't be used" in line]
    assert len(refused) == 2
    assert any("tea.yaml is in order again" in line.replace("*", "") for line in await library.told())
    await library.house.close()


async def test_better_words_are_used_in_prompts_that_have_not_left_yet(folder: Path) -> None:
    library = await Library.open(folder)
    library.house.postman.present.discard(library.house.id("ben"))
    await library.house.say("ana", "tea @ben")
    await library.house.settle()
    before = library.serves()
    library.put(BETTER_WORDS)
    await library.looks(2)
    assert library.serves() == before
    assert await library.told() == [], "words alone are no news"
    await library.house.come("ben")
    await library.house.settle()
    assert "ana asks you to tea." in library.seen("ben")
    stored = await library.house.store.definition(before or "")
    assert stored is not None
    assert stored.texts["invited.say"] == "<host> asks you to tea."
    await library.house.close()


async def test_a_file_that_is_removed_begins_nothing_and_what_runs_ends_as_it_would(folder: Path) -> None:
    library = await Library.open(folder)
    await library.house.say("ana", "tea @ben")
    (folder / "tea.yaml").unlink()
    await library.looks(2)
    assert library.serves() is not None, "an editor may be about to put it back"
    await library.long_enough()
    assert library.serves() is None
    assert any("Tea begins nothing any more" in line for line in await library.told())
    await library.house.pass_time(6 * DAY_MS)
    assert await library.house.snapshots() == []
    await library.house.close()


async def test_a_file_that_is_only_called_otherwise_is_no_news(folder: Path) -> None:
    library = await Library.open(folder)
    before = library.serves()
    (folder / "tea.yaml").rename(folder / "afternoon.yaml")
    await library.long_enough()
    assert library.serves() == before
    assert await library.told() == []
    await library.house.close()


@pytest.mark.parametrize(
    "in_passing", [".tea.yaml", "#tea.yaml#", ".#tea.yaml", "~tea.yaml", "tea.yaml~", "4913"]
)
async def test_what_editors_leave_in_passing_is_no_workflow(folder: Path, in_passing: str) -> None:
    library = await Library.open(folder)
    library.put(LATER, in_passing)
    await library.long_enough()
    assert library.refused == [0]
    assert await library.told() == []
    await library.house.close()


async def test_an_editor_that_writes_beside_and_renames_is_understood(folder: Path) -> None:
    library = await Library.open(folder)
    before = library.serves()
    library.put(LATER, ".tea.yaml.new")
    os.rename(folder / ".tea.yaml.new", folder / "tea.yaml")  # noqa: PTH104 - as editors do it
    await library.looks(2)
    assert library.serves() not in (before, None)
    await library.house.close()


async def test_a_change_that_leaves_size_and_times_as_they_were_is_found_by_looking_closely(
    folder: Path,
) -> None:
    library = await Library.open(folder)
    before, status = library.serves(), (folder / "tea.yaml").stat()
    marks = dict(library.librarian._look)
    library.put(LATER)
    os.utime(folder / "tea.yaml", ns=(status.st_atime_ns, status.st_mtime_ns))
    # A file system that tells nothing: to a look from outside it is the file it was.
    now = (folder / "tea.yaml").stat()
    old = marks["tea.yaml"]
    library.librarian._look = {
        "tea.yaml": type(old)(now.st_mtime_ns, now.st_ctime_ns, now.st_size, now.st_ino, old.content)
    }
    await library.looks(2)
    assert library.serves() == before
    await library.looks(CLOSELY_EVERY_LOOKS)
    assert library.serves() != before
    await library.house.close()


async def test_asked_to_look_it_waits_for_nothing(folder: Path) -> None:
    library = await Library.open(folder)
    library.put(BAD)
    library.librarian.again.set()
    await library.looks()
    assert any("can't be used" in line for line in await library.told())
    await library.house.close()


async def test_two_files_that_clash_are_told_and_the_first_serves(folder: Path) -> None:
    library = await Library.open(folder)
    before = library.serves()
    library.put(LATER, "zzz.yaml")
    await library.long_enough()
    assert library.serves() == before
    assert any("already stands in tea.yaml" in line for line in await library.told())
    await library.house.close()


async def test_a_change_made_while_the_house_was_stopped_is_told_at_the_start(folder: Path) -> None:
    library = await Library.open(folder)
    await library.looks()
    await library.house.close()
    library.put(LATER)
    library.librarian = library._librarian()
    await library._begin()
    await library.looks()
    assert any("serves new ones now" in line for line in await library.told())
    await library.house.close()


async def test_a_file_spoilt_while_the_house_was_stopped_goes_on_serving_what_it_served(folder: Path) -> None:
    library = await Library.open(folder)
    await library.looks()
    before = library.serves()
    await library.house.close()
    library.put(BAD)
    library.librarian = library._librarian()
    await library._begin()
    assert library.serves() == before
    await library.looks()
    assert sum("can't be used" in line for line in await library.told()) == 1
    await library.house.close()


async def test_killed_between_serving_and_telling_it_is_told_after_the_restart_and_once(folder: Path) -> None:
    library = await Library.open(folder)
    await library.looks()
    library.put(LATER)
    library.librarian.again.set()
    await library.librarian._examine()
    served = library.serves()
    for _ in range(2):
        await library.restart()
        assert library.serves() == served
        await library.looks()
    circle = await library.house.store.circle(ROOM)
    assert circle is not None
    sent = await library.house.store.sent_event(RowId("notice:files:1:1"))
    assert sent is not None
    assert await library.house.store.sent_event(RowId("notice:files:2:0")) is None
    await library.house.close()


async def test_while_nothing_can_be_stored_the_old_one_serves_and_it_is_tried_again(folder: Path) -> None:
    library = await Library.open(folder)
    before = library.serves()
    library.house.faults.fail("put_definition", Unavailable("the disk is full"))
    library.put(LATER)
    stop = asyncio.Event()
    running = asyncio.create_task(library.librarian.run(library.house.line, stop))
    await library.until(lambda: library.house.faults.unused == [])
    assert library.serves() == before
    await library.until(lambda: library.serves() != before)
    stop.set()
    await running
    await library.house.close()


async def test_a_file_on_which_the_checker_stumbles_stops_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library = await Library.open(folder)
    before = library.serves()

    def stumbles(*_: object) -> object:
        raise ZeroDivisionError("words of the file")

    monkeypatch.setattr("engine.loading.catalogue.examine_file", stumbles)
    library.put(LATER)
    stop = asyncio.Event()
    running = asyncio.create_task(library.librarian.run(library.house.line, stop))
    await library.until(lambda: "could not be examined" in caplog.text)
    assert "words of the file" not in caplog.text
    assert library.serves() == before
    monkeypatch.undo()
    library.put(LATER.replace("Drink tea", "Drink some tea"))
    await library.until(lambda: library.serves() not in (None, before))
    stop.set()
    await running
    await library.house.close()


async def test_stewards_without_a_room_are_told_one_to_one_and_without_a_sound(folder: Path) -> None:
    library = await Library.open(folder, Stewards(user_ids=("@ana:hearth.test",)))
    library.put(BAD)
    await library.long_enough()
    assert "can't be used" in library.seen("ana")
    assert "can't be used" not in library.seen("ben")
    (told,) = [b for b in library.house.seen("ana") if "can't be used" in b.words]
    assert told.parcel.urgency == "quiet"
    assert not told.parcel.message.mention
    await library.house.close()


async def test_a_steward_who_wrote_stop_is_left_in_peace(folder: Path) -> None:
    library = await Library.open(folder, Stewards(user_ids=("@ana:hearth.test",)))
    await library.house.say("ana", "stop")
    library.put(BAD)
    await library.long_enough()
    assert "can't be used" not in library.seen("ana")
    await library.house.close()


async def test_a_message_to_the_stewards_has_a_limit(folder: Path) -> None:
    library = await Library.open(folder)
    broken = "\n".join(
        f"  s{n}:\n    moves:\n      - at: 1 day after nothing{n}\n        to: nowhere{n}" for n in range(60)
    )
    library.put(TEA + broken + "\n")
    await library.long_enough()
    (told,) = [line for line in await library.told() if "can't be used" in line]
    assert len(told) < 4_000
    assert "more; *hearth check* shows them all." in told
    await library.house.close()


async def test_of_very_many_bad_files_some_are_a_number(folder: Path) -> None:
    library = await Library.open(folder)
    for n in range(30):
        library.put("name: [", f"bad{n}.yaml")
    await library.long_enough()
    (told,) = [line for line in await library.told() if "can't be used" in line]
    assert "and 24 more files." in told
    assert library.refused[-1] == 30
    await library.house.close()


async def test_what_only_those_in_it_know_of_is_not_counted(folder: Path) -> None:
    private = TEA.replace("listed in: what's on\n", "").replace("    public: Tea with <host>\n", "")
    (folder / "tea.yaml").write_text(private)
    library = await Library.open(folder)
    await library.house.say("ana", "tea @ben")
    library.put(private.replace("3 days after opening", "4 days after opening"))
    await library.looks(2)
    news = (await library.told())[-1]
    assert "What began on the version before ends on it." in news
    assert not any(character.isdigit() for character in news)
    await library.house.close()


async def test_a_new_house_says_nothing_of_what_is_fit(folder: Path) -> None:
    library = await Library.open(folder)
    await library.long_enough()
    await library.restart()
    await library.long_enough()
    assert await library.told() == []
    await library.house.close()


async def test_a_better_translation_is_live_without_a_word(folder: Path) -> None:
    library = await Library.open(folder)
    before = library.serves()
    library.put("asks:\n  invited:\n    say: <host> lädt dich zum Tee ein.\n", "texts/tea.de.yaml")
    await library.looks(2)
    found = await library.librarian.catalogue.by_digest(before or "")
    assert found is not None
    assert found.translations["de"]["invited.say"] == "<host> lädt dich zum Tee ein."
    assert library.serves() == before
    assert await library.told() == []
    await library.house.close()


async def test_a_translation_that_breaks_a_promise_is_refused_with_its_place(folder: Path) -> None:
    library = await Library.open(folder)
    library.put("asks:\n  invited:\n    say: <hots> lädt dich zum Tee ein.\n", "texts/tea.de.yaml")
    await library.long_enough()
    assert library.serves() is not None
    (told,) = [line for line in await library.told() if "can't be used" in line]
    assert "texts/tea.de.yaml:3:" in told
    assert "Its workflow stays in service, without this language." in told
    await library.house.close()
