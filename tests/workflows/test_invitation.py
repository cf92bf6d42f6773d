"""The invitation, walked from every beginning to every end."""

import pytest

from engine.core.definition import NO
from engine.core.effect import Confirm, Tell
from engine.core.values import AnyValue, Number, Picked
from tests.workflows.walk import Walk, people, shipped


def invited(*, in_use: tuple[str, ...] = (), **changes: AnyValue) -> Walk:
    """p1 invites p2, p3 and p4 to something in five days; one yes is enough."""
    walk = Walk(shipped("invitation"), in_use=in_use)
    details: dict[str, AnyValue] = {
        "kind": Picked("event"),
        "guests": people("p2", "p3", "p4"),
        "reach": Picked("named"),
        "what": walk.words(),
        "starts": walk.at(5),
        "enough": Number(1),
    }
    return walk.begin(**(details | changes))


def to_everyone(*, in_use: tuple[str, ...] = (), **changes: AnyValue) -> Walk:
    return invited(in_use=in_use, guests=people(), reach=Picked("everyone"), **changes)


def test_only_what_is_missing_is_asked_one_thing_at_a_time() -> None:
    walk = Walk(shipped("invitation"))
    walk.begin(guests=people("p2"), what=walk.words())
    assert walk.asked() == {("p1", "detail:kind")}
    walk.give("p1", "kind", Picked("event"))
    assert walk.asked() == {("p1", "detail:starts")}
    walk.give("p1", "starts", walk.at(5))
    assert walk.asked() == {("p1", "detail:enough")}
    walk.give("p1", "enough", Number(1))
    assert (walk.state, walk.asked()) == ("open", {("p2", "personal")})


def test_guests_are_asked_one_to_one_and_the_room_hears_nothing() -> None:
    walk = invited()
    assert walk.asked() == {("p2", "personal"), ("p3", "personal"), ("p4", "personal")}
    assert walk.heard["room"] == []
    assert walk.public() is None


def test_everyone_is_asked_once_in_the_room() -> None:
    walk = to_everyone()
    assert walk.asked() == set()
    assert walk.heard["room"] == ["p1 invites everyone here.\n\n«t1»\n\nWhen: day 5."]
    assert walk.public() == "«t1» · day 5 · p1"


def test_a_yes_and_a_maybe_show_as_they_come_and_a_no_makes_no_ripple() -> None:
    walk = invited().answer("p2", "personal", "coming").answer("p3", "personal", "maybe")
    assert "Coming: p2\nMaybe: p3" in walk.heard["p1"][-1]
    before = len(walk.heard["p1"])
    walk.answer("p4", "personal", NO)
    assert len(walk.heard["p1"]) == before
    assert all(isinstance(effect, Confirm) for effect in walk.effects)


def test_a_no_and_silence_are_the_same_to_the_host_all_the_way() -> None:
    silent = invited().answer("p2", "personal", "coming").wait(4)
    no = invited().answer("p2", "personal", "coming").answer("p4", "personal", NO).wait(4)
    assert silent.heard["p1"] == no.heard["p1"]
    assert any(words.startswith("It's on. Not joining: 2.") for words in no.heard["p1"])


def test_the_whole_straight_line() -> None:
    walk = invited().answer("p2", "personal", "coming").answer("p3", "personal", "maybe").wait(4)
    assert walk.state == "accepted"
    assert walk.heard["p2"][-2].startswith("It's on, and you're coming.")
    assert walk.heard["p2"][-1].startswith("Would you like to help p1 host?")
    assert "You said maybe" in walk.heard["p3"][-1]
    assert len(walk.heard["p4"]) == 1
    walk.answer("p2", "help", "gladly")
    assert "Helping: p2" in walk.heard["p1"][-1]
    walk.write("p1", "happened")
    assert (walk.state, walk.asked()) == ("delivered", {("p1", "wants")})
    walk.answer("p1", "wants", "ask")
    assert (walk.state, walk.asked()) == ("feedback", {("p2", "came"), ("p1", "looking_back")})
    walk.answer("p2", "came")
    assert walk.heard["p1"][-1] == "[words_from]"
    walk.answer("p1", "looking_back")
    assert not [e for e in walk.effects if isinstance(e, Tell)]
    assert walk.wait(7).state == "closed"
    assert walk.snapshot.finished_ms is not None


def test_the_end_time_passing_is_enough() -> None:
    walk = invited().answer("p2", "personal", "coming").wait(5.1)
    assert walk.state == "accepted"
    assert walk.wait(0.1).state == "delivered"


def test_feedback_is_asked_only_if_the_host_asked_for_it() -> None:
    walk = invited().answer("p2", "personal", "coming").wait(5.5)
    walk.answer("p1", "wants", NO)
    heard = len(walk.heard["p2"])
    walk.wait(4)
    assert (walk.state, walk.asked()) == ("feedback", {("p1", "looking_back")})
    assert walk.wait(7).state == "closed"
    assert len(walk.heard["p2"]) == heard


def test_a_yes_can_become_a_no_until_the_start() -> None:
    walk = invited().answer("p2", "personal", "coming").wait(4.5)
    walk.answer("p2", "personal", NO)
    assert walk.heard["p1"][-1] == "[gone]"
    assert "Coming: nobody yet" in walk.heard["p1"][-2]
    walk.wait(0.6).answer("p2", "personal", "coming")
    assert walk.refused == "closed"


def test_those_who_help_a_project_are_thanked() -> None:
    walk = (
        invited(kind=Picked("project"))
        .answer("p2", "personal", "coming")
        .wait(4)
        .answer("p2", "help", "gladly")
    )
    walk.wait(13)
    assert walk.state == "closed"
    assert walk.heard["p2"][-1] == "Thank you for helping p1 to carry this.\n\n«t1»"


def test_a_proposal_that_enough_take_part_in_opens_a_decision_once() -> None:
    walk = invited(in_use=("decision",), kind=Picked("proposal")).answer("p2", "personal", "coming").wait(4)
    assert list(walk.snapshot.children.values()) == ["decision"]
    assert "your proposal has a decision of its own now" in "".join(walk.heard["p1"])
    walk.write("p1", "postpone").give("p1", "starts", walk.at(9)).answer("p2", "again", "coming").wait(8)
    assert walk.state == "accepted"
    assert list(walk.snapshot.children.values()) == ["decision"]


def test_where_the_circle_does_not_decide_with_me_yet_the_host_hears_how_it_could() -> None:
    walk = invited(kind=Picked("proposal")).answer("p2", "personal", "coming").wait(4)
    assert "*try decision* asks everyone" in "".join(walk.heard["p1"])
    assert walk.wait(20).state == "closed"


def test_feedback_is_named_or_unsigned_as_the_host_asked_for_it() -> None:
    for choice, ask in (("ask", "came"), ("unsigned", "came_unsigned")):
        walk = invited().answer("p2", "personal", "coming").wait(5.5).answer("p1", "wants", choice)
        assert walk.asked() == {("p2", ask), ("p1", "looking_back")}


# ── too few ──────────────────────────────────────────────────────────────────


def test_with_too_few_the_host_chooses() -> None:
    walk = invited(enough=Number(2)).answer("p2", "personal", "coming").wait(4)
    assert walk.state == "few_so_far"
    assert "Yes: p2. Maybe: nobody yet. You had hoped for 2." in walk.heard["p1"][-1]
    assert walk.heard["p1"][-2] == "Not joining: 2."
    assert walk.answer("p1", "few", "small").state == "accepted"


def test_letting_go_tells_those_who_made_room_and_nobody_else() -> None:
    walk = (
        invited(enough=Number(3)).answer("p2", "personal", "coming").answer("p3", "personal", "maybe").wait(4)
    )
    walk.answer("p1", "few", "let_go")
    assert (walk.state, walk.told()) == ("let_go", {"p1", "p2", "p3"})


def test_silence_of_the_host_closes_it_kindly_before_it_would_start() -> None:
    walk = invited(enough=Number(2)).answer("p2", "personal", "coming").wait(4).wait(22 / 24)
    assert walk.state == "too_few"
    assert walk.heard["p2"][-1].startswith("This isn't happening this time.")
    assert len(walk.heard["p3"]) == 1


def test_a_new_date_asks_those_who_said_yes_or_maybe_again() -> None:
    walk = (
        invited(enough=Number(2)).answer("p2", "personal", "coming").answer("p3", "personal", "maybe").wait(4)
    )
    walk.answer("p1", "few", "new_date").give("p1", "starts", walk.at(6))
    assert (walk.state, walk.asked()) == ("asking_again", {("p2", "again"), ("p3", "again")})
    assert "until day 9" in walk.heard["p1"][-1]
    assert "Coming: nobody yet\nMaybe: nobody yet" in walk.heard["p1"][-1]
    walk.answer("p2", "again", "coming").answer("p3", "again", "coming").wait(5)
    assert walk.state == "accepted"
    assert any(words.startswith("It's on. Not joining: 0.") for words in walk.heard["p1"])
    assert "Coming: p2 and p3" in walk.heard["p1"][-1]
    assert len(walk.heard["p4"]) == 1


def test_those_who_do_not_say_yes_to_the_new_date_are_not_counted() -> None:
    walk = (
        invited(enough=Number(2)).answer("p2", "personal", "coming").answer("p3", "personal", "maybe").wait(4)
    )
    walk.answer("p1", "few", "new_date").give("p1", "starts", walk.at(6)).answer(
        "p3", "again", "coming"
    ).wait(5)
    assert walk.state == "few_so_far"
    assert "Yes: p3. Maybe: nobody yet." in walk.heard["p1"][-1]


def test_a_new_date_when_nobody_said_yes_is_a_new_invitation() -> None:
    walk = invited().wait(4).answer("p1", "few", "new_date")
    walk.give("p1", "starts", walk.at(6))
    assert (walk.state, walk.asked()) == (
        "open",
        {("p2", "personal"), ("p3", "personal"), ("p4", "personal")},
    )


def test_a_new_date_is_said_in_the_room_as_well_if_everyone_was_invited() -> None:
    walk = to_everyone().answer("p2", "open", "coming").wait(4)
    walk.write("p1", "postpone").give("p1", "starts", walk.at(6))
    assert (walk.state, walk.asked()) == ("asking_again", {("p2", "again")})
    assert walk.heard["room"][-1] == "p1 invites everyone here.\n\n«t1»\n\nWhen: day 10."


def test_no_new_date_for_a_week_closes_it_kindly() -> None:
    walk = invited().answer("p2", "personal", "coming").wait(4).write("p1", "postpone").wait(0.2)
    assert walk.state == "between_dates"
    assert walk.heard["p2"][-1].startswith("The date is moving: it won't be day 5.")
    assert walk.wait(7).state == "too_few"
    assert walk.heard["p2"][-1].startswith("This isn't happening this time.")


# ── stopping ─────────────────────────────────────────────────────────────────


def test_before_anyone_is_asked_it_is_set_aside() -> None:
    walk = Walk(shipped("invitation"))
    assert walk.begin(guests=people("p2")).write("p1", "cancel").state == "withdrawn"
    assert walk.heard["p2"] == []
    walk = Walk(shipped("invitation"))
    assert walk.begin().wait(14).state == "withdrawn"


@pytest.mark.parametrize("days", [1, 4, 4.5])
def test_called_off_those_who_said_yes_or_maybe_hear_and_nobody_else(days: float) -> None:
    walk = (
        invited()
        .answer("p2", "personal", "coming")
        .answer("p3", "personal", "maybe")
        .answer("p4", "personal", NO)
    )
    walk.wait(days).write("p1", "cancel")
    assert (walk.state, walk.told()) == ("cancelled", {"p1", "p2", "p3"})


def test_called_off_within_a_day_of_the_start_is_a_change_that_may_not_wait() -> None:
    walk = invited().answer("p2", "personal", "coming").wait(4.5).write("p1", "cancel")
    assert {e.who: e.urgency for e in walk.effects if isinstance(e, Tell)} == {"p1": "reply", "p2": "change"}


def test_only_the_host_can_call_it_off() -> None:
    walk = invited().write("p2", "cancel")
    assert (walk.refused, walk.state) == ("not_yours", "open")


def test_the_host_leaving_closes_it_kindly() -> None:
    walk = invited().answer("p2", "personal", "coming").leave("p1")
    assert walk.state == "cancelled"
    assert walk.heard["p2"][-1].startswith("This has been called off.")


def test_a_guest_leaving_is_silence() -> None:
    walk = invited(enough=Number(2)).answer("p2", "personal", "coming").leave("p2").wait(4)
    assert walk.state == "few_so_far"


def test_a_guest_may_ask_the_host_something() -> None:
    walk = invited().answer("p2", "personal")
    assert ("p1", "question:personal:p2:1") in walk.asked()
    assert walk.answer("p2", "personal", "coming").refused is None
