"""`hearth replay` as an operator runs it: a story for whoever may know it, and of what is private not a word."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from bridge.cli.graph import PRIVATE
from bridge.cli.replay import LOOKED, OTHERWISE
from bridge.settings import Settings, load_settings, shipped_workflows
from engine.core.decide_desk import decide_desk
from engine.core.desk import Desk, DeskFacts, Put, Told
from engine.core.event import Answered, Commanded, Event, Facts, Started
from engine.core.replay import Entry
from engine.core.replay import replay as replayed
from engine.core.values import (
    DAY_MS,
    HOUR_MS,
    InstanceId,
    Moment,
    Number,
    PersonId,
    Persons,
    Picked,
    Ref,
    TextId,
    Words,
)
from engine.runtime.ports import Changes, Line, TextRow, ToDesk
from engine.store import TortoiseStore
from tests.bridge.cli.test_graph import KEY, definition_of, furnish
from tests.bridge.command import Outcome, hearth

SOUP, NEED, UNKNOWN = (InstanceId(letter * 32) for letter in "abc")
AT_MS = 1_800_273_600_000
"""Monday 2027-01-18 12:00 UTC."""
STARTS_MS = AT_MS + 4 * DAY_MS
SECRET = "quince and cardamom"
ADA, BO, CLEO, DAN = (f"@{name}:example.org" for name in ("ada", "bo", "cleo", "dan"))
"""Ada invites Bo and Cleo; Dan only lives in the same house."""


def soup() -> list[tuple[Event, int]]:
    """An invitation to two people of whom three are needed: one comes, the other says no."""
    details = {
        "what": Words(TextId("t1")),
        "guests": Persons(("p2", "p3")),
        "reach": Picked("named"),
        "kind": Picked("event"),
        "starts": Moment(STARTS_MS),
        "enough": Number(2),
    }
    return [
        (Started(Ref("p1"), details, spoken=True), 0),
        (Answered("personal", 1, Ref("p2"), choice="coming"), HOUR_MS),
        (Answered("personal", 1, Ref("p3"), choice="no"), 2 * HOUR_MS),
        (Commanded("postpone", Ref("p2")), 3 * HOUR_MS),
        (Answered("personal", 1, Ref("p2"), choice="coming"), 4 * HOUR_MS),
    ]


@pytest.fixture
async def house(tmp_path: Path) -> Path:
    """A house in which an invitation to two people runs, and a hand is needed, which its circle sees."""
    settings = furnish(tmp_path)
    keys = settings.database.keys
    keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = await TortoiseStore.open(settings.database.path, bytes.fromhex(KEY), keys=keys, random=Random(1))
    circle = await store.ensure_circle("!room:example.org", "Circle")
    people = [await store.person(name) for name in (ADA, BO, CLEO)]
    await store.person(DAN)
    needed: list[tuple[Event, int]] = [
        (Started(Ref("p1"), {"what": Words(TextId("t2")), "due": Moment(STARTS_MS)}, spoken=True), 0)
    ]
    for instance, workflow, events in ((SOUP, "invitation", soup()), (NEED, "need", needed)):
        file = shipped_workflows() / f"{workflow}.yaml"
        definition = definition_of(file)
        await store.put_definition(definition, file.read_text(encoding="utf-8"))
        entries = [
            Entry(
                n,
                event,
                Facts(
                    now_ms=AT_MS + after_ms,
                    occurred_ms=AT_MS + after_ms,
                    instance=instance,
                    circle=circle,
                    definition=definition.digest if n == 1 else "",
                ),
                "decided",
            )
            for n, (event, after_ms) in enumerate(events, 1)
        ]
        passages = list(replayed(entries, definition, {}.get))
        snapshot = passages[-1].after
        assert snapshot is not None
        lines = [
            Line(f"i/{instance}", p.entry.n, p.entry.facts.now_ms, p.entry.event, p.entry.facts, p.result)
            for p in passages
        ]
        await store.commit(
            Changes(
                snapshots={instance: (snapshot, 0)},
                desks={people[0]: (Desk(people[0], 1), 0)} if instance == SOUP else {},
                parts=[(instance, f"p{n}", person) for n, person in enumerate(people, 1)],
                journal=lines,
                texts=[TextRow(TextId("t1"), people[0], instance, SECRET, AT_MS + DAY_MS)]
                if instance == SOUP
                else [],
            )
        )
    await store.close()
    return tmp_path


async def replay(house: Path, *arguments: str) -> Outcome:
    return await hearth("replay", "--folder", house, *arguments)


async def waiting(house: Path) -> list[ToDesk]:
    """What waits for the house to be decided."""
    settings = load_settings(house, {})
    assert isinstance(settings, Settings)
    store = await TortoiseStore.open(settings.database.path, bytes.fromhex(KEY), keys=settings.database.keys)
    found = [each for each in await store.waiting_inbox(10) if isinstance(each, ToDesk)]
    await store.close()
    return found


async def test_what_the_circle_does_not_see_looks_like_what_is_not_there(house: Path) -> None:
    for reader in ((), ("--as", DAN)):
        private, unknown = [await replay(house, each, *reader) for each in (SOUP, UNKNOWN)]
        assert private == unknown == Outcome(1, "", f"hearth: {PRIVATE}\n")


async def test_anybody_hears_where_the_circle_sees_it_and_nothing_of_anybody(house: Path) -> None:
    outcome = await replay(house, NEED)
    assert outcome.status == 0, outcome.text
    assert outcome.out.splitlines()[1:] == ["2027-01-18 12:00 UTC  The circle sees it in “open”."]
    assert "example.org" not in outcome.out


async def test_the_host_hears_of_a_yes_and_not_of_a_no(house: Path) -> None:
    outcome = await replay(house, SOUP, "--as", ADA)
    assert outcome.status == 0, outcome.text
    assert "2027-01-18 12:00 UTC  You began it." in outcome.out
    assert BO in outcome.out
    assert "2027-01-18 14:00" not in outcome.out, "nothing came of the no, and it is not told of"
    assert OTHERWISE not in outcome.out


async def test_a_guest_hears_their_own_side_and_why_something_did_not_count(house: Path) -> None:
    outcome = await replay(house, SOUP, "--as", BO)
    assert "You were asked:" in outcome.out
    assert f"You answered “{ADA} invites you.” with “I'm coming”." in outcome.out
    assert "You wrote *postpone*; it did not count, because it was not for you to write." in outcome.out
    assert "it did not count, because it was what you had said already" in outcome.out
    assert CLEO not in outcome.out
    mine = await replay(house, SOUP, "--as", CLEO)
    assert f"2027-01-18 14:00 UTC  You answered “{ADA} invites you.” with “no”." in mine.out
    assert BO not in mine.out


async def test_nobodys_words_stand_in_it(house: Path) -> None:
    for reader in (ADA, BO, CLEO):
        for how in ((), ("--json",)):
            outcome = await replay(house, SOUP, "--as", reader, *how)
            assert outcome.status == 0
            assert SECRET not in outcome.text
    assert "…" in (await replay(house, SOUP, "--as", BO)).out, "what the host wrote is left out there"


async def test_a_tool_reads_it_as_one_object_and_steps_have_no_numbers_that_tell_of_others(
    house: Path,
) -> None:
    told = json.loads((await replay(house, SOUP, "--as", CLEO, "--json")).out)
    assert told["instance"] == SOUP
    assert told["as"] == CLEO
    assert told["is_faithful"] is True
    assert told["steps"][-1] == {
        "at": "2027-01-18T14:00:00Z",
        "kind": "did",
        "text": f"You answered “{ADA} invites you.” with “no”.",
    }
    assert {key for step in told["steps"] for key in step} == {"at", "kind", "text"}
    public = json.loads((await replay(house, NEED, "--format", "json")).out)
    assert public["as"] is None
    assert [step["kind"] for step in public["steps"]] == ["stands"]


async def test_whoever_is_looked_at_is_told_and_nobody_else(house: Path) -> None:
    await replay(house, NEED)
    await replay(house, SOUP, "--as", DAN)
    assert await waiting(house) == []
    await replay(house, SOUP, "--as", BO)
    (event,) = await waiting(house)
    assert isinstance(event.event, Told)
    assert event.event.message.lines[0].key == LOOKED
    assert event.event.urgency == "quiet"
    assert event.person != PersonId("")


async def test_whoever_asked_not_to_be_written_to_is_told_of_the_look_all_the_same(house: Path) -> None:
    settings = load_settings(house, {})
    assert isinstance(settings, Settings)
    store = await TortoiseStore.open(settings.database.path, bytes.fromhex(KEY), keys=settings.database.keys)
    bo = await store.person(BO)
    stopped = Desk(bo, 1, consent="stopped", greeted=True)
    await store.commit(Changes(desks={bo: (stopped, 0)}))
    await store.close()
    await replay(house, SOUP, "--as", BO)
    (event,) = await waiting(house)
    assert isinstance(event.event, Told)
    assert event.event.useful_until_ms is None
    decision = decide_desk(stopped, event.event, DeskFacts(AT_MS, AT_MS))
    assert [type(effect) for effect in decision.effects] == [Put]


async def test_a_house_without_a_database_is_said(tmp_path: Path) -> None:
    furnish(tmp_path)
    outcome = await replay(tmp_path, SOUP)
    assert outcome.status == 1
    assert "is not there" in outcome.err
