"""Of several circles the person says which one is meant, and it goes on with what they said."""

from __future__ import annotations

from engine.core.desk import Begin, Command, Handover, Prompt, Store, Withdraw
from engine.core.desk_table import TEXT_HELD_MS
from engine.core.desk_where import DECIDES_WITHIN_MS
from engine.core.message import NameOfCircle, Phrase
from engine.core.parcel import Shared
from engine.core.values import CircleId, InstanceId, Picked, TextId
from tests.engine.core.one_desk import BEN, CIRCLE, ME, OTHER, OneDesk
from tests.engine.core.test_desk_practice import begun, two_circles

FRESH = InstanceId("f" * 32)


def question(here: OneDesk) -> Prompt:
    (found,) = [prompt for prompt in here.desk.prompts if prompt.ask == "circle"]
    return found


def answer(here: OneDesk, circle: CircleId) -> None:
    here.write({question(here).row: circle})


def test_their_circles_are_offered_by_what_they_are_called_when_it_is_read() -> None:
    here = two_circles()
    here.order("invite")
    labels = [option.label for option in question(here).message.options]
    assert labels == [
        Phrase("which_circle.option", slots={"circle": NameOfCircle(circle, n)})
        for n, circle in enumerate((CIRCLE, OTHER), 1)
    ]
    assert [p.emoji for p in here.all_parcels if p.reacts is not None] == ["1️⃣", "2️⃣"]


def test_with_whom_it_is_to_be_may_say_where() -> None:
    here = two_circles()
    here.facts |= {"together": frozenset((OTHER,))}
    here.order("invite", people=(BEN,))
    assert [b.circle for b in begun(here)] == [OTHER]
    here.facts |= {"uses": {CIRCLE: ("invitation",)}}
    here.order("invite", people=(BEN,))
    assert [b.circle for b in begun(here)] == [CIRCLE], (
        "whoever is not in the circle may be named all the same"
    )


def test_it_begins_there_for_the_people_who_were_named_before() -> None:
    here = two_circles()
    here.order("invite", people=(BEN, ME))
    answer(here, OTHER)
    assert begun(here) == [Begin(FRESH, "invitation", OTHER, (BEN,), False, None)]
    assert here.desk.undecided is None
    assert all(prompt.ask != "circle" for prompt in here.desk.prompts)


def test_what_they_wrote_behind_it_is_kept_until_then_and_is_what_it_begins_with() -> None:
    here = two_circles()
    here.write(command=Command("invite", rest=TextId("rest")))
    assert [e for e in here.effects if isinstance(e, Store)] == [
        Store(TextId("rest"), None, here.now_ms + TEXT_HELD_MS)
    ]
    answer(here, CIRCLE)
    until_ms = here.now_ms + TEXT_HELD_MS
    assert [e for e in here.effects if isinstance(e, Handover | Store)] == [
        Handover(TextId("rest"), TextId(FRESH), FRESH, until_ms)
    ]
    assert [b.words for b in begun(here)] == [TextId(FRESH)]


def test_each_circle_begins_what_the_word_means_there() -> None:
    here = two_circles()
    here.facts |= {"begins_in": {CIRCLE: "invitation", OTHER: "summons"}}
    here.order("invite")
    answer(here, OTHER)
    assert [b.workflow for b in begun(here)] == ["summons"]
    here.facts |= {"begins_in": {OTHER: "summons", CircleId("not mine"): "invitation"}}
    here.order("invite")
    assert [(b.workflow, b.circle) for b in begun(here)] == [("summons", OTHER)]


def test_something_private_is_asked_about_without_taps_and_can_be_hidden() -> None:
    here = two_circles()
    here.facts |= {"uses": dict.fromkeys((CIRCLE, OTHER), ("practice", "trust_repair"))}
    event = here.write(command=Command("mend"))
    assert question(here).message.sensitive
    assert [p for p in here.all_parcels if p.reacts is not None] == []
    answer(here, CIRCLE)
    assert [(b.workflow, b.circle) for b in begun(here)] == [("trust_repair", CIRCLE)]
    assert here.desk.alone is not None
    assert here.desk.alone.instance == FRESH
    here.order("hide")
    assert event in [p.redacts_event for p in here.all_parcels]


def test_only_circles_that_could_take_it_up_are_asked_about() -> None:
    here = two_circles()
    here.facts |= {"offers_in": {CIRCLE: (), OTHER: ("crew",)}}
    here.order("try", workflow="crew")
    assert [b.circle for b in begun(here)] == [OTHER]
    here.facts |= {"offers_in": {CIRCLE: ("crew",), OTHER: ("crew",)}}
    here.order("try", workflow="crew")
    answer(here, CIRCLE)
    (found,) = begun(here)
    assert (found.workflow, found.circle, found.details) == ("practice", CIRCLE, {"which": Picked("d-crew")})


def test_leave_off_is_asked_in_the_circle_that_was_meant() -> None:
    here = two_circles()
    here.order("leave off", workflow="invitation")
    answer(here, OTHER)
    (found,) = begun(here)
    which = Picked("invitation")
    assert (found.circle, found.details) == (OTHER, {"which": which, "leaving": which})


def test_a_newer_question_takes_the_place_of_an_older_one() -> None:
    here = two_circles()
    here.order("invite", people=(BEN,))
    older = question(here)
    here.order("leave off", workflow="invitation")
    assert Withdraw(older.row) in here.effects
    assert question(here).row != older.row
    here.write({older.row: OTHER}, to=older)
    assert (begun(here), here.said) == ([], ["closed"])


def test_what_is_not_there_any_more_when_they_answer_is_said() -> None:
    here = two_circles()
    here.order("invite")
    here.facts |= {"uses": {CIRCLE: ("practice", "invitation"), OTHER: ("practice",)}}
    answer(here, OTHER)
    assert (begun(here), here.said) == ([], ["not_in_use"])


def test_an_answer_long_after_begins_nothing() -> None:
    here = two_circles()
    here.order("invite")
    here.now_ms += DECIDES_WITHIN_MS
    here.write({question(here).row: OTHER}, to=question(here))
    assert (begun(here), here.said, here.desk.undecided) == ([], ["closed"], None)


def test_of_very_many_circles_none_has_a_number_to_tap() -> None:
    here = OneDesk()
    here.circles = tuple(CircleId(f"c{n}") for n in range(12))
    here.facts |= {"uses": dict.fromkeys(here.circles, ("invitation",))}
    here.order("invite")
    assert len(question(here).message.options) == 12
    assert [p for p in here.all_parcels if p.reacts is not None] == []


def test_a_circle_that_is_named_in_a_shared_room_for_something_private_is_taken_back_there() -> None:
    here = two_circles()
    here.facts |= {"uses": dict.fromkeys((CIRCLE, OTHER), ("practice", "trust_repair"))}
    here.order("mend")
    event = here.write({question(here).row: CIRCLE}, to=question(here), room=True, addressed=True)
    assert [(p.redacts_event, p.to) for p in here.all_parcels if p.redacts_event] == [(event, Shared(CIRCLE))]
    assert [b.circle for b in begun(here)] == [CIRCLE]
