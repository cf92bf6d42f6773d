"""Which circle a beginning is for, what circles take up and leave off (right 17), and ``stop`` with a name."""

from __future__ import annotations

import pytest

from engine.core.definition import TITLE_TEXT
from engine.core.desk import Alarm, Begin, Rang, Settled, Store
from engine.core.desk_private import ALONE_MS
from engine.core.message import Plain, Said
from engine.core.parcel import Direct, Shared
from engine.core.values import DAY_MS, InstanceId, Picked, TextId
from tests.engine.core.one_desk import ANA, CIRCLE, I1, I2, ME, OTHER, OneDesk, asked, told

FRESH = InstanceId("f" * 32)


def begun(here: OneDesk) -> list[Begin]:
    return [e for e in here.effects if isinstance(e, Begin)]


def two_circles() -> OneDesk:
    """Somebody of two circles: both have invitations, one has pulse, and mending is asked privately."""
    here = OneDesk()
    here.circles = (CIRCLE, OTHER)
    here.facts |= {
        "begins": {"invite": "invitation", "pulse": "pulse", "mend": "trust_repair"},
        "uses": {
            CIRCLE: ("practice", "invitation"),
            OTHER: ("practice", "invitation", "pulse", "trust_repair"),
        },
        "offers": {"crew": "d-crew"},
        "could_begin": {"call out": "crew"},
        "titles": {"pulse": "d-pulse", "crew": "d-crew", "trust_repair": "d-mend"},
        "discreet": frozenset(("trust_repair",)),
    }
    return here


# ── in which circle ──────────────────────────────────────────────────────────


def test_it_begins_in_the_only_circle_that_has_it_in_use() -> None:
    here = two_circles()
    here.order("pulse")
    assert begun(here) == [Begin(FRESH, "pulse", OTHER, (), False, None)]


def test_where_two_circles_have_it_the_person_says_which() -> None:
    here = two_circles()
    here.order("invite")
    assert (begun(here), here.said) == ([], ["which_circle"])


def test_of_something_private_nobody_is_sent_to_a_shared_room() -> None:
    here = two_circles()
    here.facts |= {"uses": dict.fromkeys((CIRCLE, OTHER), ("practice", "trust_repair"))}
    here.order("mend")
    assert (begun(here), here.said, here.desk.alone) == ([], ["which_circle.private"], None)


def test_begun_in_ones_own_room_something_private_need_not_knock_and_begun_among_others_it_does() -> None:
    for room, said in ((False, "rsvp.say"), (True, "knock")):
        here = two_circles()
        here.facts |= {"uses": {CIRCLE: ("practice", "trust_repair")}}
        here.order("mend", room=room, addressed=room)
        here.do(asked("rsvp", FRESH, sensitive=True, urgency="reply"))
        assert here.said == [said]
        here.do(asked("rsvp", I2, sensitive=True, urgency="reply"))
        assert here.said == ["knock"], "of another matter it knocks as ever"


def test_some_time_after_the_word_it_knocks() -> None:
    here = two_circles()
    here.order("mend")
    here.now_ms += ALONE_MS
    here.do(asked("rsvp", FRESH, sensitive=True, urgency="reply"))
    assert here.said == ["knock"]


def test_what_rests_says_what_it_waits_for() -> None:
    here = two_circles()
    here.facts |= {"begins": {}, "resting": {"mend": "trust_repair"}}
    here.order("mend")
    assert (begun(here), here.said) == ([], ["try.waits"])
    assert here.parcels[0].message.lines[0].slots == {"title": Said(TITLE_TEXT, "d-mend")}
    here.order("mend", room=True, addressed=True)
    assert here.taken_back == {"$e2"}
    assert [line.key for line in here.parcels[0].message.lines] == ["continue_here", "try.waits"]
    here.circles = ()
    here.order("mend")
    assert here.said == ["begin.no_circle"]
    here.order("mend", room=True, addressed=True)
    assert [line.key for line in here.parcels[0].message.lines] == ["continue_here", "try.waits"]


def test_in_a_room_it_is_for_that_circle_if_that_has_it() -> None:
    here = two_circles()
    here.order("invite", room=True, addressed=True)
    assert [b.circle for b in begun(here)] == [CIRCLE]
    here.order("pulse", room=True, addressed=True)
    assert (begun(here), here.said) == ([], ["not_in_use.here"])


def test_a_room_that_could_take_it_up_is_told_how() -> None:
    here = two_circles()
    here.facts |= {"offers": {"pulse": "d-pulse"}}
    here.order("pulse", room=True, addressed=True)
    assert (begun(here), here.said) == ([], ["not_in_use"])
    assert here.parcels[0].message.lines[0].slots == {"title": Said(TITLE_TEXT, "d-pulse")}


def test_what_no_circle_has_taken_up_is_answered_kindly() -> None:
    here = two_circles()
    here.order("call out")
    assert (begun(here), here.said) == ([], ["not_in_use"])
    assert here.parcels[0].message.lines[0].slots == {"title": Said(TITLE_TEXT, "d-crew")}


def test_what_has_just_gone_out_of_use_is_answered_kindly_too() -> None:
    here = two_circles()
    here.facts |= {"uses": {}}
    here.order("pulse")
    assert (begun(here), here.said) == ([], ["not_in_use"])


def test_beginning_something_private_in_a_shared_room_is_taken_back_there_and_goes_on_one_to_one() -> None:
    here = two_circles()
    here.facts |= {"uses": {CIRCLE: ("practice", "trust_repair")}}
    here.order("mend", room=True, addressed=True, people=(ANA,), rest=TextId("why"))
    back, here_now = here.all_parcels
    assert (back.to, back.redacts_event) == (Shared(CIRCLE), "$e1")
    assert (here_now.to, here.said) == (Direct(ME), ["continue_here"])
    assert [(b.workflow, b.people) for b in begun(here)] == [("trust_repair", (ANA,))]
    assert any(isinstance(e, Store) for e in here.effects)


def test_asking_for_something_private_that_is_not_in_use_is_taken_back_too() -> None:
    here = two_circles()
    here.facts |= {"discreet": frozenset(("crew",))}
    here.order("call out", room=True, addressed=True)
    assert here.taken_back == {"$e1"}
    assert [line.key for line in here.parcels[0].message.lines] == ["continue_here", "not_in_use"]


# ── try, leave off ───────────────────────────────────────────────────────────


def one_circle() -> OneDesk:
    here = two_circles()
    here.circles = (CIRCLE,)
    here.facts |= {"offers": {"pulse": "d-pulse"}, "uses": {CIRCLE: ("practice", "invitation")}}
    here.facts["titles"] |= {"invitation": "d-invitation"}
    return here


def test_try_alone_shows_what_could_be_taken_up_also_in_the_room() -> None:
    here = one_circle()
    here.order("try")
    assert [(p.message.view, p.to) for p in here.parcels] == [("try", Direct(ME))]
    here.order("try", room=True, addressed=True)
    assert [(p.message.view, p.to) for p in here.parcels] == [("try", Shared(CIRCLE))]


def test_try_with_a_name_asks_everyone_about_what_could_be_read_then() -> None:
    here = one_circle()
    here.order("try", workflow="pulse")
    details = {"which": Picked("d-pulse")}
    assert begun(here) == [Begin(FRESH, "practice", CIRCLE, (), False, None, details)]


def test_try_in_a_room_is_for_that_circle_and_in_two_circles_one_says_which() -> None:
    here = two_circles()
    here.order("try", workflow="crew", room=True, addressed=True)
    assert [b.circle for b in begun(here)] == [CIRCLE]
    here.order("try", workflow="crew")
    assert (begun(here), here.said) == ([], ["which_circle"])


@pytest.mark.parametrize(("workflow", "key"), [("invitation", "try.in_use"), ("trust_repair", "try.waits")])
def test_what_is_there_already_or_has_to_wait_is_not_asked_about(workflow: str, key: str) -> None:
    here = one_circle()
    here.order("try", workflow=workflow)
    assert (begun(here), here.said) == ([], [key])


def test_without_a_way_to_agree_nothing_is_taken_up() -> None:
    here = one_circle()
    here.facts |= {"uses": {CIRCLE: ("invitation",)}}
    here.order("try", workflow="pulse")
    assert (begun(here), here.said) == ([], ["try.not_here"])


def test_leave_off_asks_everyone_too() -> None:
    here = one_circle()
    here.order("leave off", workflow="invitation")
    which = Picked("d-invitation")
    assert [(b.workflow, b.details) for b in begun(here)] == [
        ("practice", {"which": which, "leaving": which})
    ]


@pytest.mark.parametrize(
    ("workflow", "key"),
    [(None, "leave_off.which"), ("practice", "leave_off.agreeing"), ("pulse", "leave_off.not_in_use")],
)
def test_leave_off_of_nothing_changes_nothing(workflow: str | None, key: str) -> None:
    here = one_circle()
    here.order("leave off", workflow=workflow)
    assert (begun(here), here.said) == ([], [key])


def test_leave_off_is_for_the_circle_that_has_it() -> None:
    here = two_circles()
    here.order("leave off", workflow="pulse")
    assert [b.circle for b in begun(here)] == [OTHER]


def test_outside_every_circle_nothing_can_be_tried() -> None:
    here = one_circle()
    here.circles = ()
    here.order("try", workflow="pulse")
    assert (begun(here), here.said) == ([], ["begin.no_circle"])


def test_whoever_tries_something_out_first_of_all_is_greeted_and_hears_of_it() -> None:
    here = one_circle()
    here.desk = OneDesk(greeted=False, consent="unknown").desk
    here.order("try", workflow="pulse")
    assert (here.said, here.desk.consent, len(begun(here))) == (["hello"], "when_invited", 1)


def test_as_a_reply_to_a_question_for_words_it_is_an_answer_rather_than_a_question_to_everyone() -> None:
    here = one_circle()
    question = here.ask("lesson", expects="words")
    here.order("try", workflow="pulse", to=question)
    assert (begun(here), here.answer.ask) == ([], "lesson")
    here.order("try", workflow="pulse", room=True, addressed=True)
    assert [b.workflow for b in begun(here)] == ["practice"]


@pytest.mark.parametrize(
    ("word", "more"),
    [("language", {"language": "de"}), ("letter", {"weekday": 4}), ("leave off", {"workflow": "x"})],
)
def test_what_is_said_to_the_bot_alone_never_becomes_the_answer_to_a_question_for_words_unless_as_a_reply(
    word: str, more: dict[str, object]
) -> None:
    here = OneDesk()
    question = here.ask("how", expects="words")
    here.order(word, **more)
    assert here.passed == []
    before = here.desk
    here.order(word, to=question, **more)
    assert here.answer.ask == "how"
    assert (here.desk.language, here.desk.letter_weekday) == (before.language, before.letter_weekday)


# ── stop invitation ──────────────────────────────────────────────────────────


def test_stop_with_a_name_hushes_what_that_workflow_asks_and_holds_back_more() -> None:
    here = OneDesk()
    of_it = here.ask()
    of_another = here.ask("renew", I2, workflow="role")
    here.order("stop", workflow="invitation")
    assert (here.said, here.desk.muted, here.desk.consent) == (["stop.workflow_ok"], ("invitation",), "yes")
    assert of_it.row in here.withdrawn
    assert here.alarms == {f"remind:{of_it.row}": None, f"later:{of_it.row}": None}
    assert of_another.row not in here.withdrawn
    here.do(asked("again"))
    assert (here.effects, here.last.ignored) == ((), "not from this workflow")
    here.do(asked("renew", I2, workflow="role", round=2))
    assert here.said == ["renew.say"]


def test_stop_twice_is_one_and_start_with_a_name_brings_it_back() -> None:
    here = OneDesk()
    here.order("stop", workflow="invitation")
    here.order("stop", workflow="invitation")
    assert here.desk.muted == ("invitation",)
    here.order("start", workflow="invitation")
    assert (here.said, here.desk.muted) == (["start.workflow_ok"], ())
    here.ask()
    assert here.said == ["rsvp.say"]


def test_start_with_a_name_ends_no_stop_of_everything() -> None:
    here = OneDesk(consent="stopped", muted=("invitation",))
    here.order("start", workflow="invitation")
    assert (here.said, here.desk.consent, here.desk.muted) == (["start.workflow_stopped"], "stopped", ())


def test_what_somebody_begins_themselves_is_asked_of_them_all_the_same() -> None:
    here = OneDesk(muted=("invitation",))
    here.do(asked("when", starter=ME, urgency="reply"))
    assert here.said == ["when.say"]


def test_a_hushed_question_can_still_be_answered_and_taken_back_without_being_brought_up_again() -> None:
    here = OneDesk()
    question = here.ask()
    here.order("stop", workflow="invitation")
    answer = here.write({question.row: "yes"}, to=question)
    assert here.answer.choice == "yes"
    here.remove(answer)
    assert not any(isinstance(e, Alarm) for e in here.effects)


def test_a_hushed_question_waits_for_nothing_until_it_is_wanted_again() -> None:
    here = OneDesk()
    question = here.ask()
    knocked = here.ask("private", sensitive=True)
    here.order("stop", workflow="invitation")
    for word, said in (("open", "open.nothing"), ("later", "later.nothing")):
        here.order(word)
        assert here.said == [said]
    here.write({question.row: "yes"})
    assert (here.passed, here.said) == ([], ["nothing_open"])
    here.do(Rang(f"remind:{question.row}"))
    assert here.effects == ()
    here.order("start", workflow="invitation")
    here.write({question.row: "yes"})
    assert here.answer.choice == "yes"
    here.order("open")
    assert here.parcels[0].row == knocked.row


def test_start_with_a_name_brings_nothing_back_from_whoever_is_not_wanted() -> None:
    here = OneDesk()
    question = here.ask()
    here.order("stop", workflow="invitation")
    here.order("not from", people=(ANA,))
    here.order("start", workflow="invitation")
    here.write({question.row: "yes"})
    assert (here.passed, here.said) == ([], ["nothing_open"])


def test_what_was_set_aside_is_not_counted_as_left_unanswered() -> None:
    here = OneDesk()
    here.ask()
    here.order("stop", workflow="invitation")
    here.now_ms += 8 * DAY_MS
    here.do(Settled(I1, "rsvp", 1))
    assert (here.desk.unanswered, here.desk.prompts) == (0, ())


def test_what_was_agreed_is_still_told() -> None:
    here = OneDesk(muted=("invitation",))
    here.do(told(urgency="change"))
    assert here.said == ["gone"]


def test_a_workflow_whose_file_has_gone_is_called_by_its_name() -> None:
    here = OneDesk()
    here.order("stop", workflow="case_clinic")
    assert here.parcels[0].message.lines[0].slots == {"title": Plain("case clinic")}
