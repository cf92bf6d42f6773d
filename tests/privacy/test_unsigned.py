"""Unsigned words, over generated plays: all of them at once and mixed, from k writers on, or not at all (right 13)."""

from __future__ import annotations

import pytest

from engine.core.values import DAY_MS, InstanceId
from tests.privacy.crowd import MARK, WORKFLOWS, Crowd, Written, playbill

WITH_UNSIGNED = tuple(
    name
    for name in WORKFLOWS
    if (definition := playbill.in_service(name)) and any(ask.unsigned for ask in definition.asks.values())
)
SEEDS = 4
ROUNDS = 20
PREFERRED = ("unsigned", "event", "coming", "happened")
"""Choices that lead to an unsigned ask."""
FEW, MANY = (
    ("ana", "bruno", "chen", "dora"),
    ("ana", "bruno", "chen", "dora", "eli", "fay", "gus", "hana", "ivo"),
)


class Played:
    """A play in which everybody answers what they are asked, and these people also where it takes words."""

    def __init__(self, crowd: Crowd) -> None:
        self.crowd = crowd
        self.unsigned: dict[tuple[InstanceId | None, str], int] = {}
        """Asks that were put unsigned, with their k."""

    @classmethod
    async def through(cls, workflow: str, seed: int, writers: tuple[str, ...]) -> Played:
        crowd = await Crowd.gather(workflow, seed, guests=9)
        crowd.writing, crowd.prefers = writers, PREFERRED
        played = cls(crowd)
        for _ in range(ROUNDS):
            await crowd.go_through(1)
            for snapshot in crowd.stage.snapshots():
                put = {name: ask.unsigned for name, ask in snapshot.asks.items() if ask.unsigned}
                played.unsigned |= {(snapshot.id, name): k for name, k in put.items()}
        await crowd.stage.pass_time(30 * DAY_MS)
        return played

    def written(self) -> list[tuple[int, list[Written]]]:
        """Per ask that was put unsigned its k, and what was written to it."""
        asked = [(w, (w.prompt.instance, w.prompt.ask)) for w in self.crowd.written if w.prompt is not None]
        return [(k, [w for w, ask in asked if ask == key]) for key, k in self.unsigned.items()]


def messages_with_marks(crowd: Crowd, written: list[Written]) -> list[tuple[str, list[str]]]:
    """Per message somebody else got that has any of these words: whose room it is, and the marks in their order."""
    marks = {each.mark: each.who for each in written}
    return [
        (name, found)
        for name in crowd.stage.cast.persons
        for brought in crowd.stage.seen(name)
        if (found := [m for m in MARK.findall(brought.words) if m in marks and marks[m] != name])
    ]


@pytest.mark.parametrize("workflow", WITH_UNSIGNED)
async def test_where_enough_write_all_words_come_in_one_mixed_message(workflow: str) -> None:
    orders: list[bool] = []
    for seed in range(SEEDS):
        played = await Played.through(workflow, seed, MANY)
        crowd = played.crowd
        for k, written in played.written():
            if len(written) < k:
                continue
            shown = messages_with_marks(crowd, written)
            assert shown, f"nobody reads them\n{crowd.told()}"
            assert len(shown) == len({name for name, _ in shown}), f"more than one message\n{crowd.told()}"
            for reader, marks in shown:
                own = [w.mark for w in written if w.who == reader]
                assert sorted([*marks, *own]) == sorted(w.mark for w in written), crowd.told()
                orders.append(marks == [w.mark for w in written])
        await crowd.stage.strike()
    assert orders, "no unsigned ask was ever released"
    assert not all(orders), "the order in which they were written shows"


@pytest.mark.parametrize("workflow", WITH_UNSIGNED)
async def test_where_too_few_write_only_those_who_chose_their_name_are_read(workflow: str) -> None:
    written_at_all = 0
    for seed in range(SEEDS):
        played = await Played.through(workflow, seed, FEW)
        for k, written in played.written():
            assert len(written) < k
            written_at_all += len(written)
            chose = played.crowd.chose_their_name()
            for _, marks in messages_with_marks(played.crowd, written):
                assert len(marks) == 1, f"several in one message\n{played.crowd.told()}"
                (writer,) = {w.who for w in written if w.mark == marks[0]}
                assert writer in chose, f"{writer} had theirs dropped\n{played.crowd.told()}"
        await played.crowd.stage.strike()
    assert written_at_all, "nobody ever wrote to an unsigned ask"
