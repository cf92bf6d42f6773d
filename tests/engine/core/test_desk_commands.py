"""Commands: the bot's own words, beginnings, powers, and `person`."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from engine.core.desk import (
    Alarm,
    Begin,
    Called,
    Command,
    Empowered,
    Exchange,
    Put,
    Rang,
    Release,
    Settled,
    Store,
)
from engine.core.desk_table import target_of
from engine.core.event import Commanded
from engine.core.message import Count, Message, Names, Phrase, Said, When
from engine.core.parcel import Direct, Shared, Target
from engine.core.schedule import Go, Standing, Wait, schedule
from engine.core.values import DAY_MS, HOUR_MS, CircleId, InstanceId, Ref, RowId, TextId
from tests.engine.core.one_desk import (
    ANA,
    BEN,
    CHEN,
    CIRCLE,
    I1,
    I2,
    I3,
    ME,
    NOON,
    YES_NO,
    OneDesk,
    asked,
    board,
    told,
)

TUESDAY_9 = NOON + 21 * HOUR_MS
SOMETHING = TextId("rest")


# ── when a word is a command ─────────────────────────────────────────────────


@pytest.mark.parametrize("word", ["later", "stop", "person", "start", "help", "my"])
def test_the_bots_own_words_are_never_somebodys_answer(word: str) -> None:
    here = OneDesk()
    question = here.ask("why", expects="words")
    here.order(word)
    assert here.passed == []
    assert here.said
    here.order(word, to=question)
    assert here.passed == []
    assert here.said


def test_not_from_somebody_is_never_carried_to_that_somebody_as_an_answer() -> None:
    here = OneDesk()
    question = here.ask("why", expects="words")
    here.order("not from", people=(ANA,))
    assert (here.passed, here.desk.not_from) == ([], (ANA,))
    here.order("not from", people=(BEN,), to=question)
    assert (here.passed, here.desk.not_from) == ([], (ANA, BEN))


@pytest.mark.parametrize("word", ["help", "start", "my"])
def test_a_choice_of_the_same_name_is_meant_where_it_is_on_offer(word: str) -> None:
    here = OneDesk()
    question = here.ask()
    here.write({question.row: "yes"}, command=Command(word))
    assert here.answer.choice == "yes"
    here.write({question.row: "no"}, command=Command(word), to=question)
    assert here.answer.choice == "no"


@pytest.mark.parametrize("word", ["later", "stop", "person"])
def test_what_stands_at_every_foot_means_itself_even_there(word: str) -> None:
    here = OneDesk()
    question = here.ask()
    here.write({question.row: "yes"}, command=Command(word))
    assert here.passed == []


def test_a_workflows_word_alone_begins_it_and_with_words_behind_may_be_an_answer() -> None:
    here = OneDesk()
    here.ask("why", expects="words")
    here.order("invite", rest=SOMETHING)
    assert here.answer.text is not None
    here.order("invite")
    assert any(isinstance(e, Begin) for e in here.effects)


def test_with_the_bots_name_in_front_it_is_always_a_command() -> None:
    here = OneDesk()
    question = here.ask("why", expects="words")
    here.order("invite", rest=SOMETHING, addressed=True, to=question)
    assert any(isinstance(e, Begin) for e in here.effects)


def test_in_reply_to_a_question_other_peoples_words_are_an_answer() -> None:
    here = OneDesk()
    question = here.ask("why", expects="words")
    here.order("invite", to=question)
    assert here.answer.text is not None


def test_a_slip_of_the_pen_is_asked_about_unless_a_question_lies_open() -> None:
    here = OneDesk()
    here.order("unknown", close_to="invite")
    assert here.said == ["unknown_command"]
    question = here.ask()
    here.order("unknown", close_to="invite")
    assert here.said == ["need_choice"]
    here.order("unknown", close_to="invite", to=question)
    assert here.said == ["need_choice"]


def test_a_word_nobody_knows_or_nobody_offers_now_gets_one_kind_line() -> None:
    here = OneDesk()
    here.order("unknown", addressed=True)
    assert here.said == ["unknown_command_plain"]
    here.order("cancel")
    assert here.said == ["not_now"]


# ── views ────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("word", ["my", "help", "who holds what", "what's on"])
def test_a_view_asked_for_alone_is_shown_alone(word: str) -> None:
    here = OneDesk()
    here.order(word)
    (shown,) = here.parcels
    assert (shown.message.view, shown.to, shown.urgency) == (word, Direct(ME), "reply")


@pytest.mark.parametrize("word", ["who holds what", "what's on"])
def test_a_public_view_asked_for_in_the_room_is_shown_in_the_room(word: str) -> None:
    here = OneDesk(greeted=False)
    here.order(word, room=True, addressed=True)
    (shown,) = here.parcels
    assert (shown.to, shown.urgency) == (Shared(CIRCLE), "post")


@pytest.mark.parametrize("word", ["my", "help"])
def test_what_is_ones_own_is_never_shown_in_the_room(word: str) -> None:
    here = OneDesk()
    here.order(word, room=True, addressed=True)
    assert [p.to for p in here.parcels] == [Direct(ME)]


# ── later ────────────────────────────────────────────────────────────────────


def test_later_brings_a_question_back_once_on_the_next_suitable_day() -> None:
    here = OneDesk()
    question = here.ask()
    here.order("later")
    assert here.said == ["later.ok"]
    assert here.parcels[0].message.lines[0].slots == {"until": When(TUESDAY_9)}
    assert here.alarms == {f"remind:{question.row}": None, f"later:{question.row}": TUESDAY_9}
    here.order("later")
    assert here.said == ["later.again"]
    assert here.alarms == {}


@pytest.mark.parametrize("sensitive", [False, True])
def test_what_later_promised_comes_at_that_moment_whatever_else_came_that_week(sensitive: bool) -> None:
    here = OneDesk()
    question = here.ask(sensitive=sensitive)
    here.order("later")
    here.now_ms = TUESDAY_9
    here.do(Rang(f"later:{question.row}"))
    (back,) = here.all_parcels
    assert back.replies == (None if sensitive else question.row), "in a client it shows the question itself"
    busy = Standing("yes", here.rhythm, present=True, timely_sent_ms=(NOON - 1, NOON))
    assert schedule(back, busy, TUESDAY_9) == Go()
    assert schedule(back, busy, TUESDAY_9 - 1) == Wait(TUESDAY_9, "quiet hours")


def test_whoever_asked_for_silence_is_promised_nothing() -> None:
    here = OneDesk()
    here.ask()
    here.order("stop")
    here.order("later")
    assert here.said == ["stop.already"]
    assert here.alarms == {}


def test_later_for_one_of_several_is_said_by_replying_to_it() -> None:
    here = OneDesk()
    here.ask("first", I1)
    second = here.ask("second", I2)
    here.order("later")
    assert here.said == ["which_one"]
    here.order("later", to=second)
    assert here.alarms[f"later:{second.row}"] == TUESDAY_9


def test_later_with_nothing_open_or_too_late_says_so() -> None:
    here = OneDesk()
    here.order("later")
    assert here.said == ["later.nothing"]
    question = here.ask(closes_ms=TUESDAY_9 + HOUR_MS)
    here.order("later")
    assert here.said == ["later.too_late"]
    here.tap("✅", question)
    here.order("later", to=question)
    assert here.said == ["later.nothing"]


# ── stop, start, pause ───────────────────────────────────────────────────────


def test_stop_is_answered_once_and_then_nothing_more_comes() -> None:
    here = OneDesk()
    here.order("stop")
    assert (here.desk.consent, here.said) == ("stopped", ["stop.ok"])
    for event in (asked(), told(), board()):
        here.do(event)
        assert here.effects == ()
    here.order("stop")
    assert here.said == ["stop.already"]


def test_after_stop_replies_and_help_still_come() -> None:
    here = OneDesk(consent="stopped")
    for word in ("help", "person", "my"):
        here.order(word)
        mine = Standing(here.desk.consent, here.rhythm, present=True)
        assert all(schedule(p, mine, NOON) == Go() for p in here.parcels)
        assert here.parcels
    here.do(asked(urgency="reply"))
    assert here.said == ["rsvp.say"]


def test_start_begins_again_and_ends_a_pause() -> None:
    here = OneDesk(consent="stopped")
    here.order("pause", until_ms=NOON + DAY_MS)
    here.order("start")
    assert (here.desk.consent, here.rhythm.paused_until_ms) == ("yes", 0)
    assert here.said == ["start.ok"]
    assert Release() in here.effects


def test_what_is_kept_up_to_date_begins_anew_after_a_stop_for_it_may_never_have_left() -> None:
    here = OneDesk()
    here.do(board())
    here.do(board())
    assert here.parcels[0].edits is not None
    here.order("stop")
    here.do(board())
    assert here.effects == ()
    here.order("start")
    here.do(board())
    assert here.parcels[0].edits is None


def test_a_pause_holds_what_comes_and_is_answered() -> None:
    here = OneDesk()
    here.order("pause", until_ms=NOON + 3 * DAY_MS)
    assert here.said == ["pause.ok"]
    here.do(asked())
    mine = Standing(here.desk.consent, here.rhythm, present=True)
    assert schedule(here.parcels[0], mine, NOON) == Wait(NOON + 3 * DAY_MS, "paused")


def test_a_pause_made_shorter_lets_what_waits_be_looked_at_again() -> None:
    here = OneDesk()
    here.order("pause", until_ms=NOON + 30 * DAY_MS)
    here.order("pause", until_ms=NOON + DAY_MS)
    assert here.rhythm.paused_until_ms == NOON + DAY_MS
    assert Release() in here.effects


@pytest.mark.parametrize("until_ms", [None, NOON, NOON - 1])
def test_a_pause_without_an_end_asks_until_when(until_ms: int | None) -> None:
    here = OneDesk()
    here.order("pause", until_ms=until_ms)
    assert here.said == ["pause.when"]
    assert here.rhythm.paused_until_ms == 0


# ── not from ─────────────────────────────────────────────────────────────────


def test_nothing_started_by_that_person_is_put_any_more_and_the_rest_is() -> None:
    here = OneDesk()
    here.order("not from", people=(ANA, ME))
    assert here.desk.not_from == (ANA,)
    assert here.parcels[0].message.lines[0].slots == {"who": Names((ANA,))}
    for event in (asked(), told(), board()):
        here.do(event)
        assert (here.effects, here.last.ignored) == ((), "not from this person")
    here.do(asked(starter=BEN))
    assert here.said == ["rsvp.say"]


def test_what_that_person_started_and_has_not_left_yet_is_held_back_too() -> None:
    here = OneDesk()
    question = here.ask("rsvp", deliver=False)
    here.do(told())
    news = here.parcels[0].row
    here.do(board())
    list_ = here.parcels[0].row
    other = here.ask("other", I2, starter=BEN)
    here.do(told(starter=BEN))
    here.order("not from", people=(ANA,))
    assert here.withdrawn == {question.row, news, list_}
    assert here.alarms == {f"remind:{question.row}": None, f"later:{question.row}": None}
    assert here.desk.boards == {}
    assert here.has("other", I2)
    assert other.row not in here.withdrawn


def test_again_from_lets_them_through_and_what_lies_open_of_theirs_is_answered_by_a_loose_word_again() -> (
    None
):
    here = OneDesk()
    question = here.ask()
    here.order("not from", people=(ANA, BEN))
    here.order("again from", people=(ANA, CHEN))
    assert here.desk.not_from == (BEN,)
    assert here.parcels[0].message.lines == (Phrase("again_from.ok", slots={"who": Names((ANA,))}),)
    here.write({question.row: "yes"})
    assert here.answer.choice == "yes"
    here.do(told())
    assert here.said == ["gone"]


def test_again_from_leaves_alone_what_is_not_wanted_for_another_reason() -> None:
    here = OneDesk()
    question = here.ask(workflow="invitation")
    here.order("stop", workflow="invitation")
    here.order("not from", people=(ANA,))
    here.order("again from", people=(ANA,))
    assert here.prompt("rsvp").set_aside
    assert question.row == here.prompt("rsvp").row


UNDONE = [
    pytest.param(("not from", {"people": (ANA,)}), ("again from", {"people": (ANA,)}), id="again from"),
    pytest.param(("stop", {"workflow": "invitation"}), ("start", {"workflow": "invitation"}), id="start"),
]
Order = tuple[str, dict[str, Any]]


@pytest.mark.parametrize(("held", "wanted"), UNDONE)
@pytest.mark.parametrize("poll", [False, True])
def test_what_was_held_back_before_it_came_comes_once_it_is_wanted_again(
    held: Order, wanted: Order, poll: bool
) -> None:
    """Its row never leaves any more: it comes under another one, with what belongs to it."""
    here = OneDesk()
    message = Message(lines=(Phrase("rsvp.say", "d"),), options=YES_NO, mention=True, poll=poll)
    before = here.ask(deliver=False, message=message)
    here.order(held[0], **held[1])
    here.now_ms += HOUR_MS
    here.order(wanted[0], **wanted[1])
    question = here.prompt("rsvp")
    assert question.row != before.row
    put = next(parcel for parcel in here.parcels if parcel.row == question.row)
    assert (put.message, put.urgency, put.target) == (message, "timely", target_of(question))
    laid = [effect.parcel for effect in here.effects if isinstance(effect, Put)]
    assert [p.row for p in laid if p.polls == question.row] == [question.poll] * poll
    assert [p.emoji for p in laid if p.reacts == question.row] == [o.emoji for o in YES_NO if not poll]
    assert here.alarms == {f"remind:{question.row}": question.rings_ms}
    assert len(here.desk.prompts) == 1
    here.write({question.row: "yes"})
    assert here.answer.choice == "yes"


def test_something_private_that_was_held_back_knocks_once_it_is_wanted_again() -> None:
    here = OneDesk()
    before = here.ask(sensitive=True, deliver=False)
    here.order("not from", people=(ANA,))
    here.order("again from", people=(ANA,))
    question = here.prompt("rsvp")
    assert question.knock not in (None, before.knock)
    assert "knock" in here.said
    assert "rsvp.say" not in here.said


def test_what_comes_after_all_keeps_what_was_said_about_when() -> None:
    here = OneDesk(unanswered=3)
    here.ask("still", deliver=False)
    first = here.prompt("still")
    here.order("not from", people=(ANA,))
    here.order("again from", people=(ANA,))
    still = here.prompt("still")
    assert [p.urgency for p in here.parcels if p.row == still.row] == ["quiet"]
    assert first.rings_ms is still.rings_ms is None
    back_ms = NOON + 2 * DAY_MS
    here.desk = replace(here.desk, prompts=(replace(still, put_off=True, set_aside=True, rings_ms=back_ms),))
    here.desk = replace(here.desk, not_from=(ANA,))
    here.delivered.clear()
    here.order("again from", people=(ANA,))
    assert here.alarms == {f"later:{here.prompt('still').row}": back_ms}


@pytest.mark.parametrize("case", ["over", "stopped"])
def test_what_nobody_could_answer_any_more_or_is_not_to_be_written_does_not_come_after_all(case: str) -> None:
    here = OneDesk()
    before = here.ask(deliver=False)
    here.order("not from", people=(ANA,))
    if case == "over":
        here.now_ms = before.closes_ms
    else:
        here.order("stop")
    here.order("again from", people=(ANA,))
    assert here.said == ["again_from.ok"]
    assert here.prompt("rsvp") == replace(before, set_aside=False)


def test_again_from_says_whom_it_means_and_that_nothing_was_held_back() -> None:
    here = OneDesk()
    here.order("again from")
    assert here.said == ["again_from.whom"]
    here.order("again from", people=(ANA,))
    assert here.said == ["again_from.nothing"]
    assert here.desk.not_from == ()


def test_a_question_that_was_asked_before_can_still_be_answered() -> None:
    here = OneDesk()
    question = here.ask()
    here.order("not from", people=(ANA,))
    here.tap("✅", question)
    assert here.answer.choice == "yes"


def test_a_question_of_that_person_waits_for_nothing_any_more_and_no_loose_word_answers_it() -> None:
    here = OneDesk()
    question = here.ask()
    private = here.ask("private", sensitive=True)
    other = here.ask("other", I2, starter=BEN)
    here.order("not from", people=(ANA,))
    here.write({question.row: "yes", private.row: "yes"})
    assert here.passed == []
    here.order("open")
    assert here.said == ["open.nothing"]
    here.now_ms += 6 * DAY_MS
    for prompt in (question, private):
        here.do(Rang(f"remind:{prompt.row}"))
        assert here.effects == ()
    here.write({other.row: "yes"})
    assert here.answer.ask == "other"


def test_what_was_answered_before_stays_answered_and_taken_back_it_waits_for_nothing() -> None:
    here = OneDesk()
    question = here.ask()
    answer = here.write({question.row: "yes"})
    here.order("not from", people=(ANA,))
    assert here.passed == []
    assert here.prompt("rsvp").sources
    here.remove(answer)
    assert not any(isinstance(e, Alarm) for e in here.effects)
    here.order("later")
    assert here.said == ["later.nothing"]


def test_not_from_nobody_asks_whom() -> None:
    here = OneDesk()
    for people in ((), (ME,)):
        here.order("not from", people=people)
        assert here.said == ["not_from.whom"]
    assert here.desk.not_from == ()


def test_said_twice_it_is_one_word() -> None:
    here = OneDesk()
    for _ in range(2):
        here.order("not from", people=(ANA,))
    assert here.desk.not_from == (ANA,)


# ── beginning something ──────────────────────────────────────────────────────


def test_a_beginning_says_who_where_and_with_which_words() -> None:
    here = OneDesk()
    here.order("invite", people=(BEN, ME, CHEN), rest=SOMETHING, room=True, addressed=True)
    instance = InstanceId("f" * 32)
    assert here.effects == (
        Store(SOMETHING, instance, NOON + 7 * DAY_MS),
        Begin(instance, "invitation", CIRCLE, (BEN, CHEN), everyone=False, words=SOMETHING),
    )


def test_ones_only_circle_is_meant_where_none_is_named() -> None:
    here = OneDesk()
    here.order("invite", everyone=True)
    (begun,) = (e for e in here.effects if isinstance(e, Begin))
    assert (begun.circle, begun.everyone) == (CIRCLE, True)


@pytest.mark.parametrize(
    ("circles", "key"), [((), "begin.no_circle"), ((CIRCLE, CircleId("other")), "which_circle")]
)
def test_without_one_clear_circle_nothing_begins(circles: tuple[CircleId, ...], key: str) -> None:
    here = OneDesk()
    here.circles = circles
    here.order("invite")
    assert here.said == [key]
    assert not any(isinstance(e, Begin) for e in here.effects)


def test_who_had_answered_the_greeting_keeps_their_answer_when_they_begin_something() -> None:
    here = OneDesk(consent="stopped")
    here.order("invite")
    assert here.desk.consent == "stopped"


# ── powers ───────────────────────────────────────────────────────────────────


def empower(here: OneDesk, instance: InstanceId, *words: str, unbidden: bool = False) -> None:
    here.do(Empowered(instance, words, Phrase(f"called.{instance[0]}", "d"), unbidden=unbidden))


def test_a_word_that_one_instance_offers_goes_there() -> None:
    here = OneDesk()
    empower(here, I1, "cancel", "renew")
    empower(here, I2, "renew")
    here.order("cancel")
    assert here.passed == [Commanded("cancel", Ref("me"))]
    assert here.effects[0].instance == I1  # type: ignore[union-attr]


def test_of_several_the_person_says_which_by_number() -> None:
    here = OneDesk()
    for instance in (I1, I2, I3):
        empower(here, instance, "cancel")
    here.order("cancel")
    assert here.passed == []
    first, *lines = here.parcels[0].message.lines
    assert first.key == "which_instance"
    assert [line.slots for line in lines] == [
        {"n": Count(n), "about": Said(f"called.{n}", "d")} for n in (1, 2, 3)
    ]
    here.order("cancel", nth=2)
    assert [e.instance for e in here.effects] == [I2]  # type: ignore[union-attr]


def test_a_number_means_what_it_stood_for_when_it_was_shown() -> None:
    here = OneDesk()
    for instance in (I1, I2, I3):
        empower(here, instance, "cancel")
    here.order("cancel")
    empower(here, I1)  # it ended meanwhile
    empower(here, I2, "cancel", "renew")  # this one has moved on
    here.order("cancel", nth=3)
    assert [e.instance for e in here.effects] == [I3]  # type: ignore[union-attr]
    here.order("cancel", nth=1)
    assert (here.passed, here.said) == ([], ["which_instance"])


@pytest.mark.parametrize("nth", [0, 1, 2, -1, 99])
def test_a_number_that_stands_for_nothing_shows_the_list_even_if_only_one_is_left(nth: int) -> None:
    here = OneDesk()
    empower(here, I1, "cancel")
    here.order("cancel", nth=nth)
    assert (here.passed, here.said) == ([], ["which_instance"])


def test_as_a_reply_it_means_what_was_replied_to_also_where_words_are_asked_for() -> None:
    for expects in ("choice", "words"):
        here = OneDesk()
        question = here.ask("how", I2, expects=expects)
        for instance in (I1, I2):
            empower(here, instance, "enough")
        here.order("enough", to=question)
        assert [e.instance for e in here.effects] == [I2]  # type: ignore[union-attr]


def test_as_a_reply_to_something_else_or_with_more_behind_it_it_is_an_answer() -> None:
    here = OneDesk()
    question = here.ask("how", I2, expects="words")
    empower(here, I1, "enough")
    here.order("enough", to=question)
    assert here.answer.ask == "how"
    empower(here, I2, "enough")
    here.order("enough", to=question, rest=SOMETHING)
    assert here.answer.ask == "how"
    own = here.ask("rsvp", I2)
    here.write({own.row: "yes"}, command=Command("enough"), to=own)
    assert here.answer.choice == "yes"


def test_what_began_by_itself_and_has_never_said_a_word_is_not_asked_about() -> None:
    here = OneDesk()
    empower(here, I1, "enough", unbidden=True)
    empower(here, I2, "enough")
    here.order("enough")
    assert [e.instance for e in here.effects] == [I2]  # type: ignore[union-attr]
    empower(here, I3, "enough")
    here.order("enough")
    (parcel,) = here.parcels
    assert [line.key for line in parcel.message.lines] == ["which_instance", *["which_instance.line"] * 2]
    here.order("enough", nth=2)
    assert [e.instance for e in here.effects] == [I3]  # type: ignore[union-attr]


@pytest.mark.parametrize("by", ["question", "knock", "board", "exchange"])
def test_what_began_by_itself_is_meant_once_it_has_put_something_to_them(by: str) -> None:
    here = OneDesk()
    for instance in (I1, I2):
        empower(here, instance, "enough", unbidden=True)
    match by:
        case "question":
            here.ask("how", I2)
        case "knock":
            here.ask("how", I2, sensitive=True)
        case "board":
            here.do(board(instance=I2))
        case _:
            here.desk = replace(here.desk, private=(Exchange((), (), "how", I2),))
    here.order("enough")
    assert [e.instance for e in here.effects] == [I2]  # type: ignore[union-attr]


def test_among_what_has_said_nothing_yet_the_person_says_which_and_the_only_one_is_meant() -> None:
    here = OneDesk()
    empower(here, I1, "enough", unbidden=True)
    here.order("enough")
    assert [e.instance for e in here.effects] == [I1]  # type: ignore[union-attr]
    empower(here, I2, "enough", unbidden=True)
    here.ask("how", I2, deliver=False)
    here.order("enough")
    assert here.said == ["which_instance"]


def test_a_power_taken_away_means_nothing_any_more() -> None:
    here = OneDesk()
    empower(here, I1, "cancel")
    empower(here, I1)
    here.order("cancel")
    assert here.said == ["not_now"]
    empower(here, I1)
    assert here.effects == ()


# ── person ───────────────────────────────────────────────────────────────────


def offered(here: OneDesk) -> list[str]:
    return [choice for choice, _ in here.prompt("person", None).choices]


def test_person_is_answered_at_once_and_tells_nobody() -> None:
    here = OneDesk()
    here.contacts = (BEN, ME, CHEN)
    here.order("person")
    (question,) = here.parcels
    assert (question.to, question.urgency, here.said) == (Direct(ME), "safety", ["person.answer"])
    assert offered(here) == ["contact:ben", "contact:chen", "outside", "nobody"]
    assert [o.id for o in question.message.options] == offered(here)


def test_whom_one_wants_nothing_from_is_not_suggested() -> None:
    here = OneDesk(not_from=(BEN,))
    here.contacts = (BEN, CHEN)
    here.order("person")
    assert offered(here) == ["contact:chen", "outside", "nobody"]


def test_without_contacts_it_says_so_and_shows_help_from_outside() -> None:
    here = OneDesk(not_from=(BEN,))
    here.order("person")
    assert here.said == ["person.no_one"]
    assert offered(here) == ["outside", "nobody"]


def test_only_the_tap_tells_the_one_who_was_chosen_and_nothing_else() -> None:
    here = OneDesk()
    here.order("person")
    here.write({here.prompt("person", None).row: "contact:ben"})
    assert here.informed == [(BEN, Called(ME))]
    (to_me,) = here.parcels
    assert (to_me.to, here.said) == (Direct(ME), ["person.told"])
    assert not here.has("person", None)


@pytest.mark.parametrize(("choice", "key"), [("outside", "person.outside"), ("nobody", "person.nobody")])
def test_any_other_choice_sends_nothing_to_anyone(choice: str, key: str) -> None:
    here = OneDesk()
    here.order("person")
    here.write({here.prompt("person", None).row: choice})
    assert here.said == [key]
    assert ([p.to for p in here.parcels], here.informed) == ([Direct(ME)], [])


def test_a_choice_means_the_person_it_showed_and_who_is_no_contact_any_more_is_not_told() -> None:
    here = OneDesk()
    here.contacts = (BEN, CHEN)
    here.order("person")
    question = here.prompt("person", None)
    here.contacts = (CHEN, ANA)
    here.write({question.row: "contact:chen"})
    assert here.informed == [(CHEN, Called(ME))]
    here.contacts = (ANA,)
    here.order("person")
    here.write({here.prompt("person", None).row: "contact:chen"})
    assert (here.informed, here.said) == ([], ["person.answer"])
    assert offered(here) == ["contact:ana", "outside", "nobody"]


def test_another_choice_can_be_made_afterwards_by_replying_to_the_same_message() -> None:
    here = OneDesk()
    here.order("person")
    question = here.prompt("person", None)
    here.write({question.row: "nobody"})
    here.write({question.row: "contact:ben"}, to=question)
    assert here.informed == [(BEN, Called(ME))]


def test_asked_for_again_the_newest_list_is_the_one_that_counts() -> None:
    here = OneDesk()
    for _ in range(5):
        here.order("person")
    assert sum(p.ask == "person" for p in here.desk.prompts) == 1
    here.write({here.prompt("person", None).row: "contact:ben"})
    assert here.informed == [(BEN, Called(ME))]


def test_a_number_right_after_the_list_means_the_list() -> None:
    here = OneDesk(greeted=False, consent="unknown")
    here.ask(urgency="reply")
    here.order("person")
    rows = {p.row: "yes" for p in here.desk.prompts} | {here.prompt("person", None).row: "contact:ben"}
    here.write(rows)
    assert here.passed == []
    assert here.informed == [(BEN, Called(ME))]


def test_once_another_question_has_come_it_is_asked_which_is_meant() -> None:
    here = OneDesk()
    here.order("person")
    newer = here.ask()
    here.write({here.prompt("person", None).row: "contact:ben", newer.row: "yes"})
    assert here.said == ["which_one"]
    assert [p.to for p in here.parcels] == [Direct(ME)]


def test_a_question_of_an_instance_that_is_called_person_is_no_list_of_contacts() -> None:
    here = OneDesk()
    here.tap("✅", Target(RowId("gone"), I1, "person", 1, (("contact:ben", "✅"),)))
    assert here.said == ["closed"]


def test_after_stop_or_pause_the_question_still_comes_and_the_contact_is_still_told() -> None:
    here = OneDesk(consent="stopped")
    here.order("person")
    here.write({here.prompt("person", None).row: "contact:ben"})
    muted = Standing("stopped", here.rhythm, present=True)
    assert schedule(here.parcels[0], muted, NOON) == Go()
    assert here.informed == [(BEN, Called(ME))]
    here.do(told())
    assert here.effects == ()


def test_every_sentence_has_its_own_row_and_is_for_nobody_else() -> None:
    here = OneDesk()
    here.ask()
    for word in ("later", "stop", "start", "pause", "not from", "help"):
        here.order(word)
        assert all(p.to == Direct(ME) for p in here.parcels)
    here.do(Settled(I1, "rsvp", 1))
    assert not any(isinstance(e, Alarm) and e.due_ms is not None for e in here.effects)
