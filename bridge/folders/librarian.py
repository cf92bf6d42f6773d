"""The librarian: looks after the workflow folder while the house runs, and tells the stewards what became of a file.

The folder is looked at every two seconds (docs/decisions/0018). What has lain still for one look is examined; what is
fit is stored and then serves new instances; what is not fit is refused, and what it served before goes on serving.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from bridge.folders.bulletin import Register, bulletin, register_of, shown
from engine.core.decide import public_line
from engine.core.desk import Told
from engine.core.message import Message, Phrase, Plain
from engine.core.parcel import Direct, Shared
from engine.core.values import DAY_MS, CircleId, InstanceId, PersonId
from engine.loading.catalogue import Catalogue, Inventory
from engine.loading.folder import Look, contents, look_around
from engine.loading.problem import Problem
from engine.runtime.blame import where
from engine.runtime.line import StraightLine
from engine.runtime.ports import AnyArrival, Cellar, Clock, KeptRow, Noticed, Superseded, ToDesk, Unavailable
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 2_000
CLOSELY_EVERY_LOOKS = 15
"""Every so often all files are read, for file systems on which a change cannot be seen from outside."""
PATIENT_LOOKS = 3
"""How many looks in a row a folder lies still before a file that is not fit, or gone, counts as meant that way."""
USEFUL_MS = 7 * DAY_MS
KIND, KEY = "workflows", "register"


class Stewards(msgspec.Struct, frozen=True):
    """Who hears about workflow files: a room of their own, or else each of them 1:1."""

    user_ids: tuple[str, ...] = ()
    room: str | None = None
    """A Matrix room id."""
    is_circle: bool = False
    """True if that room is a circle's: there the bot has said who it is."""


HELLO = Message(lines=(Phrase("intro.stewards"),))
"""What the bot says first in a room of stewards."""


def hello_id(circle: CircleId) -> str:
    """The id of that: it is said once in a room, whoever comes to say it first."""
    return f"hello:stewards:{circle}"


class Librarian:
    """Keeps a catalogue in step with its folder. ``again`` set from outside means: look now, and wait for nothing."""

    def __init__(
        self,
        folder: Path,
        cellar: Cellar,
        clock: Clock,
        stewards: Stewards | Sequence[Stewards],
        note_refused: Callable[[int], None] | None = None,
        mark: str = "",
    ) -> None:
        """``stewards``: those of each circle that has this folder. ``mark`` sets it apart from other folders."""
        self.catalogue = Catalogue(folder, cellar.definition, mark)
        self.again = asyncio.Event()
        self.in_office: Callable[[], Iterable[PersonId]] = tuple
        """Who else looks after these circles at present, by a role: told 1:1 as those are whom the settings name."""
        self._folder = folder
        self._cellar = cellar
        self._clock = clock
        self._stewards = (stewards,) if isinstance(stewards, Stewards) else tuple(stewards)
        self._mark = mark
        self._key = f"{KEY}:{mark}" if mark else KEY
        self._circles: frozenset[CircleId] | None = None
        self._note_refused = note_refused
        self._register = Register()
        self._is_first_time = True
        self._look: Look = {}
        self._looks = 0
        self._still_looks = 0
        self._handled: dict[str, str] = {}
        self._inventory = Inventory({})
        self._owes_news = False

    async def open(self, circles: Collection[CircleId] | None = None) -> Catalogue:
        """Put the folder into service, and bring to mind whatever is still being run on in these circles; None: all.

        A file that is not fit any more serves what it served before the house was stopped.
        """
        self._circles = None if circles is None else frozenset(circles)
        await self._recall()
        self._look = await asyncio.to_thread(look_around, self._folder, {})
        inventory = await asyncio.to_thread(self.catalogue.examine)
        await self._serve(inventory, contents(self._look))
        # What runs on a file that is gone is brought to mind too: answers are read by the words of its choices.
        for digest in sorted({digest for _, digest in await self._running()}):
            if await self.catalogue.by_digest(digest) is None:
                log.error("what runs by definition %s rests: the definition is lost", digest)
        return self.catalogue

    async def _running(self) -> list[tuple[CircleId, str]]:
        """By which definitions something runs in these circles."""
        found: list[tuple[CircleId, str]] = []
        for circle in await self._cellar.circles():
            if self._circles is None or circle in self._circles:
                found += [(circle, digest) for digest in await self._cellar.running_definitions(circle)]
        return found

    async def run(self, line: StraightLine, stop: asyncio.Event) -> None:
        """Tell what changed while the house was stopped, then look again and again until ``stop``."""
        while not stop.is_set():
            try:
                await self.look(line)
            except Unavailable as error:
                log.warning("the store cannot be reached (%s); workflow files are looked at again", error)
            except Superseded:
                raise
            except Exception as error:  # noqa: BLE001 - whatever a file does to the checker, the house goes on
                self._handled, self._owes_news = contents(self._look), False
                log.error("the changed workflow files could not be examined: %s", where(error))  # noqa: TRY400 - no words
            await wake_or(stop, self.again, clock=self._clock, at_ms=self._clock.after(LOOK_EVERY_MS))

    async def look(self, line: StraightLine) -> None:
        """Look once, act on what has lain still for long enough, and tell what is not told yet."""
        await self._examine()
        if self._owes_news:
            await self._tell(line)
            self._owes_news = False

    async def _examine(self) -> None:
        asked = self.again.is_set()
        self.again.clear()
        self._looks += 1
        closely = asked or self._looks % CLOSELY_EVERY_LOOKS == 0
        look = await asyncio.to_thread(look_around, self._folder, self._look, closely=closely)
        present = contents(look)
        self._still_looks = self._still_looks + 1 if present == contents(self._look) else 0
        self._look = look
        if not asked and (present == self._handled or self._still_looks == 0):
            return
        inventory = await asyncio.to_thread(self.catalogue.examine)
        if asked or self._still_looks >= PATIENT_LOOKS or not self._takes_away(inventory, present):
            await self._serve(inventory, present)

    # ── putting into service ─────────────────────────────────────────────────

    async def _recall(self) -> None:
        kept = (await self._cellar.kept()).get((KIND, self._key))
        if kept is None:
            return
        self._is_first_time = False
        self._register = msgspec.json.decode(kept, type=Register)
        found = {f: await self._cellar.definition(s.digest) for f, s in self._register.served.items()}
        self.catalogue.recall({file: definition for file, definition in found.items() if definition})

    def _takes_away(self, inventory: Inventory, present: Mapping[str, str]) -> bool:
        """Whether a file has gone or can be used no more: perhaps only for the moment in which it is written."""
        after = register_of(inventory, present, self._folder, self._register)
        return bool(self._register.served.keys() - inventory.by_file.keys()) or any(
            self._register.refused.get(file) != content for file, content in after.refused.items()
        )

    async def _serve(self, inventory: Inventory, present: dict[str, str]) -> None:
        await self.catalogue.keep(self._cellar.put_definition, inventory)
        self.catalogue.put_into_service(inventory)
        self._inventory, self._handled, self._owes_news = inventory, present, True
        if self._note_refused is not None:
            self._note_refused(len(inventory.refused))
        _write_log(inventory.problems, self._folder)

    # ── telling ──────────────────────────────────────────────────────────────

    async def _tell(self, line: StraightLine) -> None:
        """Tell what the stewards do not know yet, and note that they know it, in one transaction."""
        before, inventory = self._register, self._inventory
        after = register_of(inventory, self._handled, self._folder, before)
        if self._is_first_time:
            # What is fit in a new house is no news.
            before = msgspec.structs.replace(before, served=after.served)
        running = {
            name: await self._running_before(name, digest)
            for name, digest in after.names.items()
            if before.names.get(name, digest) != digest
        }
        message = bulletin(before, after, inventory, self._folder, running)
        arrivals: list[AnyArrival] = []
        if message is not None:
            rooms = tuple(dict.fromkeys(each.room for each in self._stewards if each.room is not None))
            after = msgspec.structs.replace(after, told=before.told + 1, rooms=rooms)
            said = await self._sayings(message, before.rooms)
            arrivals = [self._notice(f"{after.told}:{n}", to, each) for n, (to, each) in enumerate(said)]
        if after != self._register or self._is_first_time:
            # The number of a message is its id: it is told once, however often the house is stopped in between.
            await line.submit(arrivals, [KeptRow(KIND, self._key, msgspec.json.encode(after))])
            self._register, self._is_first_time = after, False

    async def _sayings(
        self, message: Message, introduced: Collection[str]
    ) -> list[tuple[Direct | Shared, Message]]:
        """Who is told what: each stewards' room, where the bot says first who it is, or each steward 1:1."""
        if self._mark:
            lead = Phrase("files.folder", slots={"circle": Plain(self._mark)})
            message = msgspec.structs.replace(message, lines=(lead, *message.lines))
        rooms: list[tuple[Direct | Shared, Message]] = []
        people: dict[PersonId, None] = {}
        for each in dict.fromkeys(self._stewards):
            if each.room is None:
                people.update([(await self._cellar.person(user_id), None) for user_id in each.user_ids])
                continue
            circle = await self._cellar.ensure_circle(each.room, each.room)
            knows = each.room in introduced or each.is_circle
            rooms += [(Shared(circle), said) for said in ([message] if knows else [HELLO, message])]
        people.update(dict.fromkeys(self.in_office()))
        return [*rooms, *((Direct(person), message) for person in people)]

    def _notice(self, number: str, to: Direct | Shared, message: Message) -> AnyArrival:
        id, now_ms = f"files:{self._mark}:{number}" if self._mark else f"files:{number}", self._clock.now_ms()
        until_ms = now_ms + USEFUL_MS
        if isinstance(to, Shared):
            id = hello_id(to.circle) if message == HELLO else id
            return Noticed(
                id=id, occurred_ms=now_ms, circle=to.circle, message=message, useful_until_ms=until_ms
            )
        told = Told(InstanceId(""), PersonId(""), message, "quiet", until_ms)
        return ToDesk(id=id, occurred_ms=now_ms, person=to.person, event=told)

    async def _running_before(self, name: str, digest: str) -> int:
        """How many run on an earlier version and are seen by their whole circle anyway.

        Whether there are others, that only those in them know of, is nobody's business (right 12).
        """
        count = 0
        for circle, before in await self._running():
            definition = await self.catalogue.by_digest(before)
            if definition is None or definition.name != name or before == digest:
                continue
            running = await self._cellar.open_instances(circle, [before])
            count += sum(public_line(definition, snapshot) is not None for snapshot in running)
        return count


def _write_log(problems: Iterable[Problem], folder: Path) -> None:
    for problem in problems:
        place = f"{shown(problem.file, folder)}:{problem.line}:{problem.column}"
        log.warning("%s: %s: %s", place, problem.severity, problem.message)
