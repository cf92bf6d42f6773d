"""Whom somebody may call on, and whether a weekly letter has anything to say (rights 5 and 14)."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from engine.core.definition import (
    AskDef,
    AtMoment,
    Choice,
    Contacts,
    Definition,
    DetailDef,
    MomentExpr,
    MoveDef,
    NamedIn,
    OnCommand,
    Part,
    PartDef,
    Starter,
    StateDef,
)
from engine.core.desk import DeskFacts, Heard, Rang
from engine.core.values import DAY_MS
from engine.runtime.ports import Rung
from tests.engine.runtime.conftest import OpenHouse
from tests.engine.runtime.small_house import SmallHouse

A_WEEK = MomentExpr("entering", 7 * DAY_MS)


def mend(*, sensitive: bool = True, **more: Any) -> Definition:
    """Whoever begins it names somebody, who is asked in private; a contact may be asked to stand beside them."""
    asks = {
        "invited": AskDef(
            "invited", Part("other"), choices=(Choice("yes", "✅"),), sensitive=sensitive, until=A_WEEK
        ),
        "beside": AskDef(
            "beside", Part("helper"), choices=(Choice("yes", "✅"),), sensitive=sensitive, until=A_WEEK
        ),
    }
    open_ = StateDef(
        "open",
        asks=("invited", "beside"),
        moves=(MoveDef(OnCommand("enough", ("host",)), "over"), MoveDef(AtMoment(A_WEEK), "over")),
        **more,
    )
    return Definition(
        name="mend",
        title="Mend",
        about="",
        digest=f"mend-{sensitive}-{hash(repr(open_)):x}",
        begins_with="mend",
        parts=(
            PartDef("host", (Starter(),)),
            PartDef("other", (NamedIn("other"),)),
            PartDef("helper", (Contacts(),)),
        ),
        details={"other": DetailDef("other", "people")},
        asks=asks,
        states={"open": open_, "over": StateDef("over", final=True, outcome="over")},
        start="open",
        texts={
            "invited.say": "?",
            "beside.say": "?",
            "over": ".",
            "line": "Something is on.",
            "called": "mend",
        },
        gaps={},
    )


async def opened(open_house: OpenHouse, definition: Definition | None = None) -> SmallHouse:
    """Dora, Eli and Fay are the safety contacts."""
    house = await open_house("ana", "ben", "dora", "eli", "fay")
    house.village.helpers = tuple(house.id(name) for name in ("dora", "eli", "fay"))
    known = definition or mend()
    house.shelf.definitions[known.digest] = known
    return house


async def offered(house: SmallHouse, name: str) -> list[str]:
    """The names of those that ``person`` offers."""
    await house.say(name, "person")
    lines = await house.store.journal(f"d/{house.id(name)}")
    facts = [line.facts for line in lines if isinstance(line.event, Heard)][-1]
    assert isinstance(facts, DeskFacts)
    names = {person: who for who, person in house.village.persons.items()}
    return [names[contact] for contact in facts.contacts]


ALL = ["dora", "eli", "fay"]


async def test_the_contacts_of_ones_circle_are_offered_without_oneself(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    assert await offered(house, "ana") == ALL
    assert await offered(house, "eli") == ["dora", "fay"]


async def test_nobody_is_offered_who_has_said_stop_or_does_not_want_to_hear_from_them(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await house.say("dora", "stop")
    assert await offered(house, "ana") == ["eli", "fay"]
    await house.say("eli", "not from @ana")
    await house.say("ana", "not from @fay")
    assert await offered(house, "ana") == []
    assert await offered(house, "ben") == ["eli", "fay"]
    await house.say("dora", "start")
    assert await offered(house, "ana") == ["dora"]


async def test_who_is_in_a_private_matter_that_one_began_is_left_out_until_it_ends(
    open_house: OpenHouse,
) -> None:
    house = await opened(open_house)
    await house.say("ana", "mend @dora")
    assert await offered(house, "ana") == ["eli", "fay"]
    assert await offered(house, "ben") == ALL
    await house.say("ana", "enough")
    assert await offered(house, "ana") == ALL


async def test_who_is_in_a_private_matter_that_was_put_to_somebody_is_left_out(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await house.say("dora", "mend @ben")
    await house.settle()
    assert await offered(house, "ben") == ["eli", "fay"]


async def test_that_somebody_is_missing_never_tells_of_what_did_not_reach_them(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await house.say("ben", "stop")
    await house.say("dora", "mend @ben")
    await house.settle()
    assert await offered(house, "ben") == ALL


async def test_a_contact_who_only_helps_in_a_matter_is_offered(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await house.say("ana", "mend @ben")
    await house.settle()
    assert await offered(house, "ana") == ALL
    assert await offered(house, "ben") == ALL


async def test_a_matter_that_is_not_private_keeps_nobody_away(open_house: OpenHouse) -> None:
    house = await opened(open_house, mend(sensitive=False))
    await house.say("ana", "mend @dora")
    await house.settle()
    assert await offered(house, "ana") == ALL


async def test_nothing_says_why_somebody_is_left_out(
    open_house: OpenHouse, caplog: pytest.LogCaptureFixture
) -> None:
    house = await opened(open_house)
    await house.say("ana", "mend @dora")
    with caplog.at_level(logging.DEBUG):
        await offered(house, "ana")
    assert house.id("dora") not in caplog.text
    lines = await house.store.journal(f"d/{house.id('ana')}")
    assert lines[-1].result == "decided"


@pytest.mark.parametrize("private", [True, False])
async def test_a_desk_is_told_whether_its_command_words_belong_to_a_private_matter(
    open_house: OpenHouse, private: bool
) -> None:
    house = await opened(open_house, mend(sensitive=private))
    await house.say("ana", "mend @ben")
    (power,) = (await house.desk("ana")).powers.values()
    assert power.discreet is private


async def test_contacts_are_looked_for_only_where_somebody_may_be_called_on(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    house.faults.calls.clear()
    await house.say("ana", "mend @ben")
    await house.say("ana", "good morning")
    assert house.faults.calls["instances_of"] == 0
    await offered(house, "ana")
    assert house.faults.calls["instances_of"] == 1


# ── news ─────────────────────────────────────────────────────────────────────


async def news(house: SmallHouse, name: str) -> bool:
    """Whether a letter that is due now would have anything to say."""
    actor = f"d/{house.id(name)}"
    due_ms = (await house.desk(name)).letter_ms
    assert due_ms is not None
    ring = Rung(id=house.next_id(), occurred_ms=due_ms, actor=actor, name="letter", entry=0)
    await house.submit(ring)
    line = [each for each in await house.store.journal(actor) if isinstance(each.event, Rang)][-1]
    assert isinstance(line.facts, DeskFacts)
    return line.facts.news


async def test_without_anything_on_or_open_there_is_no_news(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    assert not await news(house, "ana")


async def test_a_question_that_lies_open_is_news_for_the_person_it_was_put_to(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    await house.say("ana", "supper @ben")
    await house.settle()
    assert await news(house, "ben")
    assert not await news(house, "eli")
    await house.pass_time(9 * DAY_MS)
    assert not await news(house, "ben")


async def test_a_question_that_has_not_come_yet_is_no_news(open_house: OpenHouse) -> None:
    house = await opened(open_house)
    house.postman.present.discard(house.id("ben"))
    await house.say("ana", "supper @ben")
    await house.settle()
    assert not await news(house, "ben")


@pytest.mark.parametrize(("shelf", "there"), [("on", True), ("holds", False), (None, False)])
async def test_a_public_line_of_what_is_on_is_news_for_everybody(
    open_house: OpenHouse, shelf: Any, there: bool
) -> None:
    house = await opened(open_house, mend(public="line", public_shelf=shelf))
    await house.say("ana", "mend @ben")
    assert await news(house, "ana") is there
