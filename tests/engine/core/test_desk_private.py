"""Private matters knock first, are opened by a word, and take no reactions (right 15); and help that is shown."""

from __future__ import annotations

import pytest

from engine.core.desk import Alarm, Command, Helped, Prompt, Put, Rang, Settled
from engine.core.message import Count, Phrase
from engine.core.schedule import LEAST_LEFT_MS
from engine.core.values import DAY_MS, HOUR_MS
from tests.engine.core.one_desk import ANA, BEN, I1, I2, I3, ME, NOON, OneDesk, asked


def knocked(**more: object) -> tuple[OneDesk, Prompt]:
    desk = OneDesk()
    return desk, desk.ask(sensitive=True, **more)  # type: ignore[arg-type]


def opened(**more: object) -> tuple[OneDesk, Prompt]:
    desk, _ = knocked(**more)
    desk.order("open")
    return desk, desk.prompt("rsvp")


def test_it_knocks_and_tells_nothing_of_the_question() -> None:
    desk, prompt = knocked()
    (parcel,) = desk.all_parcels
    assert [line.key for line in parcel.message.lines] == ["knock"]
    assert (parcel.message.options, parcel.message.footer, parcel.target) == ((), (), None)
    assert (parcel.urgency, parcel.message.mention, parcel.message.sensitive) == ("timely", True, True)
    assert (parcel.row, prompt.knock) != (prompt.row, None)


def test_open_shows_it_without_anything_to_tap() -> None:
    desk, prompt = opened()
    (parcel,) = desk.all_parcels
    assert [line.key for line in parcel.message.lines] == ["rsvp.say"]
    assert [(o.id, o.emoji) for o in parcel.message.options] == [("yes", ""), ("no", "")]
    assert (parcel.row, parcel.urgency, parcel.message.mention) == (prompt.row, "reply", False)
    assert parcel.target is not None
    assert parcel.target.choices == (("yes", ""), ("no", ""))
    assert prompt.knock is None


def test_whether_the_knock_has_arrived_matters_like_whether_the_question_has() -> None:
    desk, prompt = knocked()
    assert desk.desk.prompt_rows() == (prompt.row, prompt.knock)
    desk.order("open")
    assert desk.desk.prompt_rows() == (prompt.row,)


def test_it_cannot_be_answered_before_it_was_opened() -> None:
    desk, prompt = knocked()
    desk.write({prompt.row: "yes"})
    assert (desk.passed, desk.said) == ([], ["knock"])


def test_opened_it_is_answered_as_any_other_and_says_so_by_an_edit() -> None:
    desk, prompt = opened()
    desk.write({prompt.row: "yes"})
    assert desk.answer.choice == "yes"


def test_the_oldest_is_opened_first_and_how_many_more_wait_is_said() -> None:
    desk = OneDesk()
    for n, instance in enumerate((I1, I2, I3)):
        desk.ask(f"q{n}", instance, sensitive=True)
    for n in range(3):
        desk.order("open")
        lines = desk.parcels[0].message.lines
        assert lines[0].key == f"q{n}.say"
        assert lines[1:] == ((Phrase("open.more", slots={"n": Count(2 - n)}),) if n < 2 else ())
    assert len(desk.desk.prompts) == 3
    assert all(len(p.message.lines) == 1 for p in desk.desk.prompts)


def test_open_again_shows_once_more_what_is_not_answered_and_then_says_that_nothing_waits() -> None:
    desk, prompt = opened()
    desk.order("open")
    (parcel,) = desk.all_parcels
    assert parcel.row != prompt.row
    assert parcel.target is not None
    assert parcel.target.row == prompt.row
    desk.write({prompt.row: "no"})
    desk.order("open")
    assert desk.said == ["open.nothing"]


def test_open_is_meant_for_what_knocked_even_if_another_question_offers_it() -> None:
    desk, prompt = knocked()
    other = desk.ask("door", I2)
    desk.write({other.row: "open"}, command=Command("open"))
    assert desk.parcels[0].row == prompt.row
    desk.write({other.row: "open"}, command=Command("open"))
    assert desk.answer.ask == "door"


def test_open_in_a_shared_room_shows_it_in_ones_own() -> None:
    desk, prompt = knocked()
    desk.order("open", room=True, addressed=True)
    assert {p.to.person for p in desk.parcels} == {ME}  # type: ignore[union-attr]
    assert desk.parcels[0].row == prompt.row


def test_a_reaction_on_it_is_not_counted_and_is_answered_kindly() -> None:
    desk, prompt = opened()
    desk.tap("✅", prompt)
    assert (desk.passed, desk.said) == ([], ["open.no_reactions"])


def test_a_reaction_on_the_knock_is_noted_and_nothing_else() -> None:
    desk, _ = knocked()
    desk.tap("👍", None)
    assert desk.effects == ()


@pytest.mark.parametrize("first", ["knock", "open"])
def test_the_one_reminder_only_knocks(first: str) -> None:
    desk, prompt = opened() if first == "open" else knocked()
    remind_ms = NOON + 6 * DAY_MS
    desk.now_ms = remind_ms
    desk.do(_rang(prompt))
    (parcel,) = desk.all_parcels
    assert [line.key for line in parcel.message.lines] == ["knock"]
    assert (parcel.target, parcel.replies) == (None, None)
    assert parcel.useful_until_ms == prompt.closes_ms - LEAST_LEFT_MS
    desk.do(_rang(prompt))
    assert desk.last.ignored == "reminded already"
    desk.order("open")
    assert desk.said == ["rsvp.say"]


def test_there_is_a_reminder_to_come_and_none_if_the_knock_never_arrived() -> None:
    desk = OneDesk()
    prompt = desk.ask(sensitive=True, deliver=False)
    assert desk.alarms == {f"remind:{prompt.row}": NOON + 6 * DAY_MS}
    desk.do(_rang(prompt))
    assert desk.last.ignored == "not in the room yet"


def test_later_brings_the_knock_back() -> None:
    desk, prompt = knocked()
    desk.order("later")
    assert desk.said == ["later.ok"]
    (due_ms,) = [
        e.due_ms for e in desk.effects if isinstance(e, Alarm) and e.name.startswith("later") and e.due_ms
    ]
    desk.now_ms = due_ms
    desk.do(_rang(prompt, "later"))
    assert desk.said == ["knock"]


def test_when_it_is_over_the_knock_goes_too_if_it_has_not_left() -> None:
    desk, prompt = knocked()
    desk.do(Settled(I1, "rsvp", 1))
    assert desk.withdrawn == {prompt.row, prompt.knock}
    desk.order("open")
    assert desk.said == ["open.nothing"]


def test_what_has_closed_is_not_opened() -> None:
    desk, _ = knocked()
    desk.now_ms += 8 * DAY_MS
    desk.order("open")
    assert desk.said == ["open.nothing"]


def test_not_from_takes_the_knock_back_and_holds_further_ones_off() -> None:
    desk, prompt = knocked()
    desk.order("not from", people=(ANA,))
    assert {prompt.row, prompt.knock} <= desk.withdrawn
    desk.do(asked("other", sensitive=True))
    assert desk.last.ignored == "not from this person"


# ── help ─────────────────────────────────────────────────────────────────────


def test_help_shows_what_person_shows_and_goes_at_any_hour() -> None:
    desk = OneDesk()
    desk.now_ms = NOON + 11 * HOUR_MS
    desk.do(Helped(I1, BEN))
    (parcel,) = desk.parcels
    assert (parcel.message.lines[0].key, parcel.urgency) == ("person.answer", "safety")
    shown = parcel.message
    other = OneDesk()
    other.order("person")
    assert other.parcels[0].message == shown


def test_whoever_has_stopped_or_wants_nothing_from_that_person_is_left_alone() -> None:
    for desk in (OneDesk(consent="stopped"), OneDesk(not_from=(BEN,))):
        desk.do(Helped(I1, BEN))
        assert desk.effects == ()


def test_somebody_never_written_to_is_greeted_first() -> None:
    desk = OneDesk(greeted=False, consent="unknown")
    desk.do(Helped(I1, BEN))
    assert desk.said == ["hello", "person.answer"]
    assert all(isinstance(e, Put) for e in desk.effects)


def _rang(prompt: Prompt, kind: str = "remind") -> Rang:
    return Rang(f"{kind}:{prompt.row}")
