"""Privacy as a property: over generated plays of every shipped workflow, nobody reads what is not for them.

Each person has an observer who keeps all they could see: their own room and the circle's, with every edit. One of them
is a steward, who also uses every command and looks at every picture there is.
"""

from __future__ import annotations

import logging
import os
import random
from datetime import UTC, datetime

import msgspec
import pytest

from bridge.rehearsal import Line
from bridge.telling.outside import Private, Public, seen_from_outside
from engine.core.values import DAY_MS
from tests.privacy.audiences import EVERYBODY, Audiences
from tests.privacy.crowd import MARK, NAMES, STEWARD, WORKFLOWS, Crowd

SEEDS = int(os.environ.get("HEARTH_PRIVACY", "2"))
STEPS = 80
STILL = "eli"
MIXED = "mixed and without names"
LOOKED_AT = (
    *("my", "my people", "what i carried", "who holds what", "what's on", "help", "try"),
    *("what do you know about me", "what @bruno carried"),
)
"""Every command by which something can be looked at."""


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """All that is logged, the smallest detail too."""
    caplog.set_level(logging.DEBUG)
    return caplog


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_nobody_ever_reads_words_that_are_not_for_them(
    workflow: str, seed: int, logged: pytest.LogCaptureFixture
) -> None:
    crowd = await Crowd.gather(workflow, seed)
    audiences = Audiences(crowd)
    try:
        for _ in range(STEPS):
            await crowd.carry_on(1)
            await audiences.look()
        await crowd.stage.pass_time(40 * DAY_MS)
        await audiences.look()
        for words in LOOKED_AT:
            for name in (STEWARD, "ana", "jun"):
                await crowd.stage.say(name, words)
        assert not await crowd.stage.store.quarantined(), crowd.told()
        _hold_rooms_against(crowd, audiences)
        await _hold_records_against(crowd)
        found = MARK.search(logged.text)
        assert found is None, f"{found} stands in the log\n{crowd.told()}"
    finally:
        await crowd.stage.strike()


def _hold_rooms_against(crowd: Crowd, audiences: Audiences) -> None:
    """Every message that anybody could see, with its edits, has only words that they may read."""
    read = {name: set(MARK.findall(crowd.stage.words(name))) for name in crowd.stage.cast.persons}
    in_the_room = set(MARK.findall(crowd.stage.words(room=True)))
    for written in crowd.written:
        begun = written.prompt is None
        allowed = audiences.may_read_beginning(written) if begun else audiences.may_read(written)
        if EVERYBODY in allowed:
            continue
        readers = {name for name, marks in read.items() if written.mark in marks}
        assert readers <= allowed, (
            f"{written.who} wrote {written.mark} for {sorted(allowed)} "
            f"({written.prompt.ask if written.prompt else 'beginning'}); "
            f"{sorted(readers - allowed)} read it\n{crowd.told()}"
        )
        assert written.mark not in in_the_room, (
            f"{written.mark} of {written.who} stands in the room\n{crowd.told()}"
        )


async def _hold_records_against(crowd: Crowd) -> None:
    """No journal line, snapshot or desk holds anybody's words, and no picture for outsiders tells of a private one."""
    stage = crowd.stage
    actors = [f"i/{s.id}" for s in stage.snapshots()] + [f"d/{p}" for p in stage.cast.persons.values()]
    for actor in actors:
        lines = msgspec.json.encode(await stage.store.journal(actor)).decode()
        assert MARK.search(lines) is None, f"words stand in the journal of {actor}\n{crowd.told()}"
    for snapshot in stage.snapshots():
        definition = stage.catalogue.held(snapshot.definition)
        assert definition is not None
        seen = seen_from_outside(definition, snapshot)
        assert isinstance(seen, Private | Public)
        if definition.shelf is None and not any(state.public for state in definition.states.values()):
            assert isinstance(seen, Private), f"{definition.name} can be seen from outside"


@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_a_no_and_a_silence_are_one_thing_to_everyone_else(workflow: str, seed: int) -> None:
    silent = await Crowd.gather(workflow, seed + 100, still=(STILL,))
    declined = await Crowd.gather(workflow, seed + 100, still=(STILL,))
    eli = random.Random(seed)
    try:
        begun = len(silent.deeds)
        await silent.carry_on(STEPS)
        for deed in silent.deeds[begun:]:
            if eli.random() < 0.3:
                await declined.decline(STILL, eli)
            await declined.do(deed)
        for crowd in (silent, declined):
            await crowd.stage.pass_time(40 * DAY_MS)
            for words in LOOKED_AT:
                await crowd.stage.say(STEWARD, words)
        others = declined.stage.diaries(but=STILL)
        for name, lines in silent.stage.diaries(but=STILL).items():
            assert told(others[name]) == told(lines), f"{name} can tell\n{silent.told()}"
    finally:
        await silent.stage.strike()
        await declined.stage.strike()


def told(lines: list[Line]) -> list[str]:
    return [
        f"{datetime.fromtimestamp(line.at_ms / 1000, UTC):%d %b %H:%M:%S} {unmixed(line)}" for line in lines
    ]


def unmixed(line: Line) -> Line:
    """What is mixed by chance is in another order in every play, whatever anybody does."""
    return line._replace(words="\n".join(sorted(line.words.splitlines()))) if MIXED in line.words else line


def test_the_crowd_is_large_enough_for_unsigned_answers() -> None:
    assert len(NAMES) - 1 >= 5 + 3
