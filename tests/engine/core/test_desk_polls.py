"""A question's poll on a desk: where it stands, which votes count, and how it is closed."""

from __future__ import annotations

from typing import Any

import pytest

from engine.core.definition import AskDef, AtMoment, MomentExpr, MoveDef, Room, StateDef
from engine.core.desk import Settled, Tapped, Ticked
from engine.core.desk_polls import CLOSED, as_poll
from engine.core.effect import Post
from engine.core.message import Message, Phrase
from engine.core.parcel import Direct, Parcel, Target
from engine.core.schedule import Go, Standing, Wait, schedule
from engine.core.values import DAY_MS, HOUR_MS, Ms, RowId
from tests.engine.core.one_desk import CIRCLE, I1, ME, NOON, YES_NO, OneDesk, asked, choices_of
from tests.engine.core.one_instance import YES, Course, workflow

SAY = Message(
    lines=(Phrase("rsvp.say", "d"), Phrase("words_welcome")), options=YES_NO, mention=True, poll=True
)


class Polled(OneDesk):
    """A desk to which a question with a poll is put."""

    def put(self, **more: Any) -> None:
        self.do(asked(message=more.pop("message", SAY), **more))

    def poll(self) -> Parcel:
        return next(p for p in self.all_parcels if p.polls is not None)

    def tick(self, *answers: str, at_ms: Ms | None = None, target: Target | None = None) -> str:
        """Vote; the event's id."""
        event = self._event_id()
        prompts = self.desk.prompts
        row = prompts[-1].row if prompts else RowId("gone")
        on = target or Target(row, I1, "rsvp", 1, (("yes", "✅"), ("no", "✖️")))
        self.occurred_ms = at_ms
        self.do(Ticked(event, answers, on))
        return event


@pytest.fixture
def here() -> Polled:
    desk = Polled()
    desk.put()
    return desk


def test_it_takes_the_place_of_reactions_and_says_the_question_and_the_choices(here: Polled) -> None:
    prompt, poll = here.prompt("rsvp"), here.poll()
    assert (poll.polls, poll.row, poll.to) == (prompt.row, prompt.poll, Direct(ME))
    assert poll.message == Message(lines=(Phrase("rsvp.say", "d"),), options=YES_NO, poll=True)
    assert poll.target == Target(prompt.row, I1, "rsvp", 1, (("yes", "✅"), ("no", "✖️")))
    assert not [p for p in here.all_parcels if p.reacts]
    assert poll.useful_until_ms == prompt.closes_ms


def test_it_takes_nothing_of_the_budget_and_neither_it_nor_its_end_comes_in_quiet_hours(here: Polled) -> None:
    standing = Standing("yes", here.rhythm, True, (NOON - HOUR_MS,) * 9)
    assert schedule(here.poll(), standing, NOON) == Go()
    night_ms = NOON + 11 * HOUR_MS
    assert isinstance(schedule(here.poll(), standing, night_ms), Wait)
    poll = here.poll()
    here.do(Settled(I1, "rsvp", 1))
    (end,) = (p for p in here.all_parcels if p.ends == poll.row)
    assert isinstance(schedule(end, standing, night_ms), Wait)
    assert schedule(end, standing, NOON) == Go()
    here.put()
    assert here.poll().belongs_below
    assert here.poll().forerunners == (here.prompt("rsvp").row,)


def test_a_vote_is_an_answer(here: Polled) -> None:
    here.tick("yes")
    assert here.answer.choice == "yes"
    assert here.prompt("rsvp").sources[0].vote


def test_the_newest_vote_counts_by_the_time_it_was_cast(here: Polled) -> None:
    here.tick("yes", at_ms=NOON)
    here.tick("no", at_ms=NOON + 2)
    assert here.answer.choice == "no"
    late = here.tick("yes", at_ms=NOON + 1)
    assert here.passed == []
    assert choices_of(here.prompt("rsvp").sources) == ["yes", "yes", "no"]
    here.remove("$e2")
    assert here.answer.choice == "yes"
    assert here.prompt("rsvp").sources[-1].event_id == late


@pytest.mark.parametrize("answers", [(), ("yes", "tea"), ("tea",)])
def test_no_answer_or_one_that_nobody_offered_takes_the_votes_back(
    here: Polled, answers: tuple[str, ...]
) -> None:
    here.tick("yes")
    here.tick(*answers)
    (event,) = here.passed
    assert type(event).__name__ == "TookBack"
    assert here.prompt("rsvp").sources == ()


def test_what_was_written_stays_when_the_vote_is_taken_back(here: Polled) -> None:
    prompt = here.prompt("rsvp")
    here.write({prompt.row: "no"})
    here.tick("yes")
    here.tick()
    assert here.answer.choice == "no"
    here.tick()
    assert here.passed == []


def test_a_vote_cast_before_one_was_taken_back_does_not_count_any_more(here: Polled) -> None:
    here.tick("yes", at_ms=NOON)
    here.tick(at_ms=NOON + 2)
    here.tick("no", at_ms=NOON + 1)
    assert here.passed == []
    assert here.prompt("rsvp").sources == ()
    here.tick("no", at_ms=NOON + 3)
    assert here.answer.choice == "no"


def test_of_several_ticks_the_first_counts(here: Polled) -> None:
    here.tick("no", "yes")
    assert here.answer.choice == "no"


def test_a_removed_vote_gives_way_to_what_was_said_before(here: Polled) -> None:
    here.write({here.prompt("rsvp").row: "yes"})
    vote = here.tick("no")
    here.remove(vote)
    assert here.answer.choice == "yes"


def test_a_vote_in_no_poll_of_the_bots_is_nothing(here: Polled) -> None:
    here.do(Ticked("$e", ("yes",), None))
    assert here.last.ignored == "a vote in something that is no poll of the bot's"


def test_it_is_closed_with_its_question_and_a_vote_after_that_hears_so(here: Polled) -> None:
    prompt = here.prompt("rsvp")
    here.do(Settled(I1, "rsvp", 1))
    (end,) = (p for p in here.all_parcels if p.ends)
    assert (end.ends, end.message, end.urgency) == (prompt.poll, CLOSED, "quiet")
    assert prompt.poll in here.withdrawn
    here.tick("yes")
    assert here.said == ["closed"]
    here.tick()
    assert here.last.ignored == "no vote to take back"


def test_in_the_room_it_is_the_rooms_own_and_no_end_of_it_is_put_1_to_1() -> None:
    here = Polled()
    room = Target(RowId("post"), I1, "wide", 1, (("yes", "✅"),), shared=True)
    here.do(Ticked("$1", ("yes",), room, CIRCLE))
    assert here.answer.choice == "yes"
    here.do(Ticked("$2", (), room, CIRCLE))
    assert here.prompt("wide").sources == ()
    here.do(Settled(I1, "wide", 1))
    assert here.all_parcels == []


def test_a_private_one_comes_when_the_question_is_opened_and_is_hidden_with_it() -> None:
    here = Polled()
    here.put(sensitive=True)
    assert not [p for p in here.all_parcels if p.polls]
    here.order("open")
    prompt, poll = here.prompt("rsvp"), here.poll()
    assert [o.emoji for o in poll.message.options] == ["", ""]
    assert poll.message.sensitive
    vote = here.tick("yes")
    assert here.answer.choice == "yes"
    here.order("open")
    assert not [p for p in here.all_parcels if p.polls]
    here.order("hide")
    assert {prompt.poll, vote} <= here.taken_back
    here.order("open")
    here.tick()
    here.order("open")
    assert here.poll().row != poll.row


def test_the_next_private_question_brings_its_poll_at_once_to_whoever_is_alone_with_it() -> None:
    here = Polled()
    here.put(sensitive=True)
    here.order("open")
    here.tick("yes")
    here.put(sensitive=True, ask="next", urgency="reply")
    assert here.poll().polls == here.prompt("next").row


def test_hide_takes_the_poll_of_an_ordinary_question_too(here: Polled) -> None:
    prompt = here.prompt("rsvp")
    here.order("hide", to=prompt)
    assert {prompt.row, prompt.poll} <= here.taken_back


def test_a_poll_says_the_question_in_its_first_line_only() -> None:
    assert as_poll(SAY).lines == (Phrase("rsvp.say", "d"),)


# ── reactions that are written out ───────────────────────────────────────────


def test_a_reaction_that_says_a_choice_is_one_but_never_on_something_private(here: Polled) -> None:
    target = Target(here.prompt("rsvp").row, I1, "rsvp", 1, (("yes", "✅"), ("no", "✖️")))
    here.do(Tapped("$w", "No, thanks", target, choice="no"))
    assert here.answer.choice == "no"
    private = Polled()
    private.put(sensitive=True)
    private.order("open")
    private.do(Tapped("$w", "yes", target, choice="yes"))
    assert private.said == ["open.no_reactions"]


# ── in the room ──────────────────────────────────────────────────────────────


def cups(*, poll: bool = True) -> Course:
    """An open question in the room, changeable for a day after it has closed."""
    ask = AskDef(
        "cups",
        Room(),
        choices=YES,
        seen_by=("circle",),
        until=MomentExpr("opening", 2 * DAY_MS),
        changeable_until=MomentExpr("opening", 3 * DAY_MS),
        poll=poll,
    )
    later = MoveDef(AtMoment(MomentExpr("entering", 9 * DAY_MS)), "over")
    return Course(workflow(StateDef("open", asks=("cups",), moves=(later,)), asks=[ask]), room=["p2"]).begin()


def ends(course: Course) -> list[bool]:
    return [effect.ends_poll for effect in course.effects if isinstance(effect, Post)]


def test_a_poll_in_the_room_stays_open_while_answers_may_change_and_is_closed_once() -> None:
    course = cups()
    (post,) = (effect for effect in course.effects if isinstance(effect, Post))
    assert post.message.poll
    course.answer("p2", "cups", "yes")
    assert ends(course) == [False]
    course.ring("close:cups:1")
    assert ends(course) == [False]
    course.ring("fix:cups:1")
    assert ends(course) == [True]
    assert not next(e for e in course.effects if isinstance(e, Post)).message.poll


def test_a_question_without_a_poll_ends_none() -> None:
    course = cups(poll=False).answer("p2", "cups", "yes")
    course.ring("close:cups:1")
    assert ends(course.ring("fix:cups:1")) == [False]


def test_a_poll_that_is_closed_by_the_end_of_everything_is_closed_in_the_last_edit() -> None:
    course = cups().answer("p2", "cups", "yes")
    for timer in list(course.snapshot.timers):
        if timer not in ("close:cups:1", "fix:cups:1"):
            course.ring(timer)
            break
    assert course.state == "over"
    assert ends(course) == [True]
