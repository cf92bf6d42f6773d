"""Definitions outlive the engine that stored them: what an earlier version wrote down is still what it was."""

from __future__ import annotations

import pathlib
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from engine.core import definition as definitions
from engine.core.definition import Definition
from engine.loading.load import load_definition
from engine.store import codec

WORKFLOWS = pathlib.Path(__file__).parents[3] / "workflows"
SINCE = ("begins_for", "needs_contacts", "carried")
SINCE_IN_STATES = ("public_shelf", "brings_in", "takes_out")


def shipped(name: str) -> Definition:
    found = load_definition(WORKFLOWS / f"{name}.yaml")
    assert isinstance(found, Definition), found
    return found


def as_before(definition: Definition, *, arrival: bool) -> bytes:
    """The same as it was stored before a workflow could begin for those who are there."""
    held: dict[str, Any] = msgspec.msgpack.decode(codec.encode(definition))
    for key in SINCE:
        held.pop(key, None)
    for state in held["states"].values():
        for key in SINCE_IN_STATES:
            state.pop(key, None)
    return codec.encode(held | {"arrival": arrival})


@pytest.mark.parametrize("name", ["invitation", "role"])
def test_what_is_stored_now_comes_out_as_it_was(name: str) -> None:
    definition = shipped(name)
    found = codec.decode_definition(codec.encode(definition))
    assert found == definition
    assert type(found) is Definition


@pytest.mark.parametrize(("arrival", "begins_for"), [(True, "arriving"), (False, None)])
def test_what_was_stored_before_begins_when_it_began_and_keeps_its_digest(
    arrival: bool, begins_for: str | None
) -> None:
    definition = shipped("invitation")
    states = {
        name: replace(state, public_shelf=None, brings_in=None, takes_out=None)
        for name, state in definition.states.items()
    }
    plain = replace(definition, states=states, carried=(), needs_contacts=False)
    found = codec.decode_definition(as_before(definition, arrival=arrival))
    assert found == replace(plain, begins_for=begins_for)
    assert found.digest == definition.digest


def test_what_a_file_does_not_use_leaves_its_digest_alone_when_the_language_grows() -> None:
    structs = [each for each in vars(definitions).values() if isinstance(each, type(msgspec.Struct))]
    named = [each for each in structs if each.__module__ == definitions.__name__]
    assert len(named) > 40
    assert [each.__name__ for each in named if not each.__struct_config__.omit_defaults] == []
