"""Views and files of generated plays of the shipped workflows: complete for their reader, and nobody else's."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.wording.render import Hearer
from engine.core.definition import Definition
from engine.core.message import Message
from engine.core.values import DAY_MS
from tests.bridge.views.a_circle import OWN_VIEWS, PUBLIC_VIEWS
from tests.privacy.audiences import EVERYBODY, Audiences
from tests.privacy.crowd import MARK, WORKFLOWS, Crowd, Written

STEPS = 45
LONGEST_VIEW = 60
"""Lines of a view in a circle that has been busy for months."""


async def played(workflow: str) -> tuple[Crowd, Audiences]:
    crowd = await Crowd.gather(workflow, seed=5)
    audiences = Audiences(crowd)
    for _ in range(STEPS):
        await crowd.carry_on(1)
        await audiences.look()
    return crowd, audiences


def hearer(crowd: Crowd, name: str) -> Hearer:
    return Hearer(crowd.stage.cast.persons[name], f"@{name}:hearth.test")


async def document(crowd: Crowd, name: str, which: str) -> str:
    made = await crowd.stage.voice.document(which, hearer(crowd, name), crowd.stage.now_ms)
    return made.text


def only_mine(crowd: Crowd, written: Written) -> bool:
    """Whether somebody wrote this for their own eyes only."""
    if written.prompt is None or written.prompt.instance is None:
        return False
    definition = crowd.stage.definition_of(written.prompt.instance)
    assert isinstance(definition, Definition)
    ask = definition.asks.get(written.prompt.ask)
    return ask is not None and ask.seen_by == ("me",)


@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_a_file_holds_all_words_of_its_reader_that_are_kept_and_no_words_that_are_not_for_them(
    workflow: str,
) -> None:
    crowd, audiences = await played(workflow)
    store = crowd.stage.store
    try:
        for name, person in crowd.stage.cast.persons.items():
            whole = await document(crowd, name, "export with reflections")
            for kept in await store.texts_of(person):
                body = await store.text(kept.id)
                assert body is not None
                assert body.strip() in whole, f"{name} misses their own words\n{crowd.told()}"
            without = set(MARK.findall(await document(crowd, name, "export")))
            read = set(MARK.findall(whole)) | without
            for written in crowd.written:
                if written.mark not in read:
                    continue
                begun = written.prompt is None
                allowed = audiences.may_read_beginning(written) if begun else audiences.may_read(written)
                assert {name, EVERYBODY} & allowed, f"{name} reads {written}\n{crowd.told()}"
                is_left_out = written.who == name and only_mine(crowd, written)
                assert not is_left_out or written.mark not in without, f"{name}: {written}\n{crowd.told()}"
    finally:
        await crowd.stage.strike()


@pytest.mark.parametrize("workflow", WORKFLOWS)
async def test_every_view_has_words_in_every_language_and_is_no_longer_than_it_should_be(
    workflow: str,
) -> None:
    crowd, _ = await played(workflow)
    stage = crowd.stage
    try:
        for days in (0, 40):
            await stage.pass_time(days * DAY_MS)
            for name in stage.cast.persons:
                for language in ("en", "es", "de"):
                    reader = replace(hearer(crowd, name), language=language)
                    for view in (*OWN_VIEWS, *PUBLIC_VIEWS):
                        said = await stage.voice.render(Message(view=view), reader, stage.now_ms)
                        assert said.body.strip()
                        assert said.body.count("\n") <= LONGEST_VIEW, said.body
    finally:
        await stage.strike()
