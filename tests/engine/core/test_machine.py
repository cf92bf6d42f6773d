"""The machine of a definition: which move a trigger takes."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core import machine
from engine.core.definition import (
    AtMoment,
    CountOf,
    Definition,
    MomentExpr,
    MoveDef,
    OnAnswer,
    OnClosed,
    OnCommand,
    OnGathered,
    StateDef,
)
from engine.core.machine import UnknownState, Ways, trigger_name, ways_of
from engine.core.values import AnyValue, Ref


class Said:
    """A scene in which so many said yes."""

    def __init__(self, yes: int = 0) -> None:
        self._yes = yes

    def who_said(self, ask: str, choice: str) -> tuple[Ref, ...]:
        return tuple(Ref(f"p{n}") for n in range(self._yes))

    def asked(self, ask: str) -> int:
        return 3

    def detail(self, name: str) -> AnyValue | None:
        return None


NOBODY = Said()
ENOUGH = CountOf((("rsvp", "yes"),), ">=", 2)


def definition(*moves: MoveDef, digest: str = "d", **more: StateDef) -> Definition:
    states = {
        "here": StateDef("here", moves=moves),
        "there": StateDef("there", final=True),
        "elsewhere": StateDef("elsewhere", final=True),
    }
    return Definition("w", "W", "", digest, "begin", (), {}, {}, states | more, "here", {}, {})


def taken(moves: tuple[MoveDef, ...], trigger: str, scene: Said = NOBODY, choice: str | None = None) -> Any:
    return Ways(definition(*moves)).next_move("here", trigger, scene, choice)


ON = [
    (AtMoment(MomentExpr("entering")), "at:00"),
    (OnCommand("cancel", ("host",)), "command:cancel"),
    (OnAnswer("rsvp"), "answer:rsvp"),
    (OnClosed("rsvp"), "closed:rsvp"),
    (OnGathered(), "gathered"),
]


@pytest.mark.parametrize(("on", "name"), ON)
def test_every_trigger_takes_its_move_and_no_other(on: Any, name: str) -> None:
    move = MoveDef(on, "there")
    assert trigger_name(on, 0) == name
    for _, other in ON:
        assert taken((move,), other) == (move if other == name else None)


def test_moments_are_told_apart_by_their_place() -> None:
    moves = tuple(MoveDef(AtMoment(MomentExpr("entering", n)), "there") for n in range(12))
    assert taken(moves, "at:03") is moves[3]
    assert taken(moves, "at:11") is moves[11]


def test_the_first_move_whose_condition_holds_is_taken() -> None:
    first = MoveDef(OnClosed("rsvp"), "there", when=ENOUGH)
    second = MoveDef(OnClosed("rsvp"), "elsewhere")
    assert taken((first, second), "closed:rsvp", Said(2)) is first
    assert taken((first, second), "closed:rsvp", Said(1)) is second
    assert taken((first,), "closed:rsvp", Said(1)) is None


def test_a_move_by_an_answer_may_ask_for_one_choice() -> None:
    named = MoveDef(OnAnswer("rsvp", "small"), "there")
    anything = MoveDef(OnAnswer("rsvp"), "elsewhere")
    assert taken((named, anything), "answer:rsvp", choice="small") is named
    assert taken((named, anything), "answer:rsvp", choice="later") is anything
    assert taken((named,), "answer:rsvp", choice=None) is None


def test_a_trigger_that_another_state_knows_takes_nothing_here() -> None:
    other = StateDef("other", moves=(MoveDef(OnCommand("renew", ()), "there"),))
    ways = Ways(definition(other=other))
    assert ways.next_move("here", "command:renew", NOBODY) is None
    assert ways.next_move("other", "command:renew", NOBODY) is other.moves[0]


def test_a_state_that_the_definition_lacks_is_an_error_not_a_loop() -> None:
    with pytest.raises(UnknownState, match="vanished"):
        Ways(definition()).next_move("vanished", "gathered", NOBODY)


@pytest.mark.parametrize(
    "word", ["state", "trigger", "model", "to_there", "os.getcwd", "__class__", "is_here"]
)
def test_no_word_of_a_file_collides_with_the_machines_own(word: str) -> None:
    move = MoveDef(OnCommand(word, ()), "there")
    assert taken((move,), f"command:{word}") is move
    assert taken((move,), word) is None


def test_states_may_be_called_anything() -> None:
    names = ("state", "trigger", "os.getcwd", "initial", "*", "=")
    odd = {name: StateDef(name, moves=(MoveDef(OnGathered(), "there"),)) for name in names}
    ways = Ways(definition(**odd))
    for name in names:
        assert ways.next_move(name, "gathered", NOBODY) is odd[name].moves[0]
    assert ways.next_move("here", "gathered", NOBODY) is None


def test_a_machine_is_built_once_per_digest_and_not_kept_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []

    def build(what: Definition) -> Ways:
        built.append(what.digest)
        return Ways(what)

    monkeypatch.setattr(machine, "_ways", {})
    for digest in ("a", "b", "a"):
        ways_of(definition(digest=digest), build)
    assert built == ["a", "b"]
    for n in range(256):
        ways_of(definition(digest=f"more{n}"), build)
    ways_of(definition(digest="a"), build)
    assert built.count("a") == 2
    assert len(machine._ways) <= 256
