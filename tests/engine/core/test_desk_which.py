"""Where a message could be for several questions, they are listed by number, and the number is enough."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.definition import TITLE_TEXT
from engine.core.desk import Handover, Settled, Store
from engine.core.desk_table import TEXT_HELD_MS
from engine.core.desk_which import HELD_MS, MOST_LISTED
from engine.core.event import Answered
from engine.core.message import AnySlot, Count, Message, Names, Phrase, Said
from engine.core.values import HOUR_MS, InstanceId, Ref, RowId, TextId
from tests.engine.core.one_desk import ANA, I1, I2, I3, NOON, OneDesk


def two(**more: Any) -> OneDesk:
    here = OneDesk()
    here.ask(instance=I1, **more)
    here.ask(instance=I2, **more)
    return here


def picks(here: OneDesk, choice: str = "yes") -> dict[RowId, str]:
    return {prompt.row: choice for prompt in here.desk.prompts}


def lines(here: OneDesk) -> list[Phrase]:
    return list(here.parcels[-1].message.lines)


def test_they_are_listed_with_their_title_and_their_first_sentence() -> None:
    here = two()
    here.write(picks(here))
    first = Said("rsvp.say", "d")
    assert lines(here) == [
        Phrase("which_one", slots={"n": Count(2)}),
        *(
            Phrase(
                "which_one.titled", slots={"n": Count(n), "title": Said(TITLE_TEXT, "d"), "briefly": first}
            )
            for n in (1, 2)
        ),
    ]


def test_the_number_answers_with_what_was_said_before() -> None:
    here = two()
    event = here.write(picks(here))
    here.write(number=2)
    assert here.answer == Answered("rsvp", 1, Ref("me"), "yes", None, None)
    assert [source.event_id for source in here.prompt("rsvp", I2).sources] == [event]
    assert not here.prompt("rsvp", I1).sources
    assert here.desk.which is None


def test_a_number_that_is_also_a_choice_means_the_question_here() -> None:
    here = two()
    here.write(picks(here))
    here.write(picks(here, "no"), number=2)
    assert here.answer.choice == "yes"


def test_words_are_kept_until_then_and_handed_over_to_the_question() -> None:
    here = two(expects="words")
    event = here.write()
    kept = TextId(f"text{event}")
    assert Store(kept, None, NOON + HELD_MS) in here.effects
    number = here.write(number=1)
    under = TextId(f"text{number}")
    assert Handover(kept, under, I1, NOON + TEXT_HELD_MS) in here.effects
    assert here.answer.text == under
    assert not [effect for effect in here.effects if isinstance(effect, Store)]


def test_where_it_was_no_answer_it_says_what_would_be() -> None:
    here = two(expects="moment")
    here.write()
    assert here.said == ["which_one"]
    here.write(number=1)
    assert (here.said, here.passed) == (["need_moment"], [])


def test_later_may_be_said_of_one_by_its_number() -> None:
    here = two()
    here.order("later")
    assert here.said == ["which_one"]
    here.write(number=2)
    assert here.said == ["later.ok"]
    assert (here.prompt("rsvp", I1).put_off, here.prompt("rsvp", I2).put_off) == (False, True)


def test_a_question_that_has_closed_meanwhile_says_so() -> None:
    here = two()
    here.write(picks(here))
    here.do(Settled(I1, "rsvp", 1))
    here.write(number=1)
    assert (here.said, here.passed) == (["closed"], [])


@pytest.mark.parametrize("number", [0, 3, None])
def test_anything_else_is_about_something_else_and_lets_go_of_it(number: int | None) -> None:
    here = two()
    here.write(picks(here))
    here.write(number=number)
    assert here.passed == []
    here.write(number=1)
    assert here.passed == []


def test_it_is_let_go_of_after_half_an_hour_and_by_a_reply() -> None:
    here = two()
    here.write(picks(here))
    here.now_ms += HELD_MS
    here.write(number=1)
    assert here.passed == []
    here.write(picks(here))
    here.write({here.prompt("rsvp", I1).row: "no"}, to=here.prompt("rsvp", I1), number=2)
    assert (here.answer.choice, here.prompt("rsvp", I1).sources != ()) == ("no", True)


def test_talk_in_a_shared_room_leaves_it_as_it_is() -> None:
    here = two()
    here.write(picks(here))
    here.write(number=1, room=True)
    assert (here.passed, here.desk.which is not None) == ([], True)
    here.write(number=1)
    assert here.answer.choice == "yes"


def test_a_message_that_was_removed_answers_nothing_by_its_number() -> None:
    here = two()
    event = here.write(picks(here))
    here.remove("$another")
    here.remove(event)
    here.write(number=1)
    assert here.passed == []


def test_of_something_private_only_that_it_is_there_is_listed() -> None:
    here = two(sensitive=True)
    for instance in (I1, I2):
        here.delivered.add(here.prompt("rsvp", instance).row)
    here.write(picks(here))
    private = Said("which_one.private")
    assert [line.slots["briefly"] for line in lines(here)[1:]] == [private, private]
    here.write(number=1)
    assert here.answer.choice == "yes"


def test_a_question_that_was_asked_back_is_listed_by_itself_and_one_of_the_bots_own_by_its_key() -> None:
    here = OneDesk()
    slots: dict[str, AnySlot] = {"who": Names((ANA,))}
    here.ask(instance=I1, message=Message(lines=(Phrase("question_from", slots=slots),)), expects="words")
    here.ask(instance=I2, message=Message(lines=(Phrase("detail.words"),)), expects="words")
    here.ask(instance=I3, message=Message(), expects="words")
    here.write()
    assert [line.slots["briefly"] for line in lines(here)[1:]] == [
        Said("my.question", slots=slots),
        Said("detail.words"),
        Said("which_one.private"),
    ]


def test_of_very_many_the_newest_are_listed() -> None:
    here = OneDesk()
    for n in range(MOST_LISTED + 3):
        here.ask(instance=InstanceId(f"{n:032}"))
    here.write(picks(here))
    assert lines(here)[0].slots == {"n": Count(MOST_LISTED + 3)}
    assert len(lines(here)) == MOST_LISTED + 1
    here.write(number=1)
    assert here.prompt("rsvp", InstanceId(f"{3:032}")).sources


def test_an_hour_later_nothing_waits_for_its_number() -> None:
    here = two()
    here.write(picks(here))
    here.now_ms += HOUR_MS
    here.write(picks(here), number=1)
    assert here.said == ["which_one"]


def test_one_of_the_bots_own_questions_may_be_meant() -> None:
    here = OneDesk()
    here.ask()
    here.order("forget me")
    own = here.prompt("forget me", None)
    here.write({own.row: "stay", here.prompt("rsvp").row: "yes"})
    assert here.said == ["which_one"]
    here.write(number=2)
    assert (here.passed, here.has("forget me", None)) == ([], False)
    assert here.said == ["forget.stayed"]
