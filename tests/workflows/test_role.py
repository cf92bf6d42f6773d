"""The role, walked from every beginning to every end."""

from engine.core.definition import NO
from engine.core.effect import Show, StartOther, Tell
from engine.core.values import AnyValue, Nothing, Picked
from tests.workflows.walk import Walk, people, shipped


def described(*, in_use: tuple[str, ...] = (), **changes: AnyValue) -> Walk:
    """p1 describes a role that p2 is to hold for 120 days, with p3 as understudy."""
    walk = Walk(shipped("role"), in_use=in_use)
    details: dict[str, AnyValue] = {
        "title": walk.words(),
        "purpose": walk.words(),
        "may_decide": walk.words(),
        "holder": people("p2"),
        "understudy": people("p3"),
        "ends": walk.at(120),
    }
    return walk.begin(**(details | changes))


def held(*, in_use: tuple[str, ...] = (), **changes: AnyValue) -> Walk:
    return described(in_use=in_use, **changes).answer("p2", "take", "gladly")


def paired() -> Walk:
    return held().answer("p3", "pair", "gladly")


def test_the_holder_is_asked_first_and_alone() -> None:
    walk = described()
    assert (walk.state, walk.asked()) == ("proposed", {("p2", "take")})
    assert walk.heard["room"] == []
    assert walk.heard["p3"] == []
    assert walk.public() is None


def test_with_a_yes_the_circle_hears_and_the_understudy_is_asked() -> None:
    walk = held()
    assert walk.state == "shared"
    assert ("p3", "pair") in walk.asked()
    assert walk.heard["room"][-1].endswith("Until: day 120\nUnderstudy: none yet")
    assert walk.public() == "«t1»: p2, until day 120. Understudy: none yet"


def test_an_understudy_shows_once_they_said_yes() -> None:
    assert paired().public() == "«t1»: p2, until day 120. Understudy: p3"


def test_no_silence_and_nobody_named_all_read_none_yet() -> None:
    for walk in (held().answer("p3", "pair", NO), held().wait(8), held(understudy=Nothing())):
        assert walk.public() == "«t1»: p2, until day 120. Understudy: none yet"
        assert "Understudy: nobody yet" in walk.heard["p2"][-1]


def test_an_understudy_may_stop_at_any_time() -> None:
    walk = paired().wait(70).answer("p3", "pair", NO)
    assert walk.state == "review"
    assert walk.public() == "«t1»: p2, until day 120. Understudy: none yet"


def test_without_a_yes_it_stays_open_and_a_no_looks_like_silence() -> None:
    silent, no = described().wait(7), described().answer("p2", "take", NO).wait(7)
    assert silent.state == no.state == "open"
    assert silent.heard["p1"] == no.heard["p1"]
    assert "stays open, and that's fine" in no.heard["p1"][-1]
    assert no.heard["room"] == []


def test_once_a_month_only_the_holder_is_asked_and_only_they_see_it() -> None:
    walk = held()
    assert ("p2", "checkin") not in walk.asked()
    walk.wait(30)
    assert "another month on" in walk.heard["p2"][-1]
    walk.answer("p2", "checkin")
    assert not [e for e in walk.effects if isinstance(e, Tell)]
    heard = len(walk.heard["p2"])
    walk.wait(29)
    assert len(walk.heard["p2"]) == heard


def test_the_question_of_the_month_comes_every_month() -> None:
    walk = held(ends=held().at(400)).wait(180)
    assert sum("another month on" in line for line in walk.heard["p2"]) == 6


def test_halfway_the_circle_is_asked_and_the_holder_hears_alone() -> None:
    walk = held().wait(61)
    assert walk.state == "review"
    for who in ("p1", "p3", "p4", "p5"):
        assert "One thing to keep, one to change?" in walk.heard[who][-1]
    assert not [line for line in walk.heard["p2"] if "One thing to keep, one to change" in line]
    walk.answer("p4", "halfway")
    assert walk.heard["p2"][-1] == "[words_from]"
    assert {e.who for e in walk.effects if isinstance(e, Show)} == {"p2"}


def test_a_month_before_the_end_holder_and_understudy_are_asked() -> None:
    walk = paired().wait(89.9)
    assert walk.state == "review"
    walk.wait(0.2)
    assert walk.state == "last_month"
    assert "Renew, hand over, or let it rest?" in "".join(walk.heard["p2"])
    assert "What would be right for you after that?" in walk.heard["p3"][-1]
    closes_ms = walk.snapshot.asks["next"].closes_ms
    assert (walk.at(120 - 90.1).at_ms - closes_ms) // 86_400_000 == 6


def test_handing_over_takes_the_small_things_and_a_week_side_by_side() -> None:
    walk = paired().wait(91).answer("p3", "yours", "take").answer("p2", "next", "hand_over")
    assert (walk.state, walk.asked()) == ("handing_over", {("p2", "small_things")})
    walk.answer("p2", "small_things")
    assert walk.heard["p3"][-2:][0] == "[words_from]"
    assert (walk.state, walk.asked()) == ("overlap", {("p3", "taken_over")})
    walk.answer("p3", "taken_over", "have")
    assert "Has them all: p3" in walk.heard["p2"][-1]
    assert walk.wait(6.9).state == "overlap"
    assert walk.wait(0.2).state == "handed_over"
    assert walk.heard["room"][-1].endswith("has passed from p2 to p3. Thank you, p2, for carrying it.")


def asked_over() -> Walk:
    """p2 would pass the role on, and p3 is asked whether they would take it."""
    return paired().wait(10).write("p2", "handover")


def handing_over() -> Walk:
    return asked_over().answer("p3", "over", "gladly")


def test_the_holder_may_hand_over_at_any_time() -> None:
    walk = asked_over()
    assert (walk.state, walk.asked()) == ("offering", {("p3", "over")})
    assert walk.answer("p3", "over", "gladly").state == "handing_over"
    walk = held().wait(10).write("p2", "handover")
    assert (walk.state, walk.refused) == ("shared", "not_now")


def test_small_things_that_never_come_do_not_stop_it() -> None:
    assert handing_over().wait(14).state == "overlap"


def test_whoever_learns_a_role_is_asked_before_it_comes_to_them() -> None:
    for chosen in ("stay", "rest"):
        walk = paired().wait(91).answer("p3", "yours", chosen).answer("p2", "next", "hand_over")
        assert (walk.state, walk.asked()) == ("offering", {("p3", "over")})
        assert walk.public() == "«t1»: p2, until day 120. Understudy: p3"


def test_an_understudy_who_would_rather_not_looks_like_silence_and_it_is_open() -> None:
    silent, no = asked_over().wait(7), asked_over().answer("p3", "over", NO).wait(7)
    assert silent.state == no.state == "open"
    for who in ("p1", "p2", "p4", "room"):
        assert silent.heard[who] == no.heard[who]


def test_a_no_to_the_small_things_is_not_seen_before_their_time() -> None:
    walk = handing_over().answer("p2", "small_things", NO)
    assert walk.state == "handing_over"
    assert walk.wait(14).state == "overlap"


def test_nobody_to_take_it_on_is_open_and_fine() -> None:
    walk = held().wait(91).answer("p2", "next", "hand_over")
    assert walk.state == "open"
    assert "is open now, and that's fine. Thank you, p2, for carrying it." in walk.heard["room"][-1]
    assert "Who'd like it next?" in walk.heard["room"][-1]


def test_renewing_needs_a_new_end_and_the_holder_is_asked_for_it() -> None:
    walk = paired().wait(91).answer("p2", "next", "renew")
    assert (walk.state, walk.asked()) == ("renewing", {("p2", "detail:next_ends")})
    walk.give("p2", "next_ends", walk.at(150))
    assert walk.state == "renewed"
    assert "for another term, until day 241" in walk.heard["p2"][-1]
    assert walk.heard["room"][-1] == "p2 goes on with *«t1»*, until day 241."


def test_a_renewed_term_goes_its_way_to_the_new_end() -> None:
    walk = paired().wait(91).answer("p2", "next", "renew").give("p2", "next_ends", held().at(291))
    assert walk.public() == "«t1»: p2, until day 291. Understudy: p3"
    assert walk.wait(101).state == "review"
    assert walk.wait(70).state == "last_month"
    walk.answer("p2", "next", "renew")
    assert walk.asked() == {("p2", "detail:next_ends")}


def test_renewing_without_a_date_rests() -> None:
    assert paired().wait(91).answer("p2", "next", "renew").wait(14).state == "open"


def test_a_term_that_ends_in_silence_rests_unless_the_understudy_would_take_it() -> None:
    assert paired().wait(121).state == "open"
    assert paired().wait(91).answer("p3", "yours", "take").wait(30).state == "handing_over"


def test_the_holder_may_lay_it_down_at_any_time() -> None:
    assert held().write("p2", "rest").state == "open"
    assert held().wait(70).write("p2", "rest").state == "open"
    assert held().wait(91).answer("p2", "next", "rest").state == "open"


def test_nobody_else_may_lay_it_down() -> None:
    assert held().write("p1", "rest").refused == "not_yours"
    assert held().write("p3", "rest").refused == "not_yours"


def test_the_holder_leaving_leaves_it_open() -> None:
    walk = held().leave("p2")
    assert walk.state == "left_open"
    assert "is open now" in walk.heard["room"][-1]


def test_whoever_described_it_may_leave_and_it_goes_on() -> None:
    assert held().leave("p1").wait(61).state == "review"


def test_a_role_nobody_finishes_describing_is_set_aside() -> None:
    walk = Walk(shipped("role"))
    assert walk.begin(title=walk.words()).wait(14).state == "withdrawn"
    assert described().write("p1", "cancel").state == "withdrawn"


def test_a_short_term_goes_the_same_way() -> None:
    walk = held(ends=held().at(20)).wait(10.1)
    assert walk.state == "last_month"
    assert walk.wait(10).state == "open"


def test_an_open_role_is_listed_for_a_month_and_then_let_be() -> None:
    walk = held().write("p2", "rest")
    assert walk.public() == "«t1». What for: «t2»"
    assert walk.wait(8).state == "still_open"
    assert walk.public() == "«t1». What for: «t2»"
    assert walk.wait(23).state == "resting"
    assert walk.public() is None


def test_a_role_that_nobody_took_is_listed_without_a_word_in_the_room() -> None:
    walk = described().answer("p2", "take", NO).wait(7)
    assert (walk.state, walk.heard["room"]) == ("open", [])
    assert walk.public() == "«t1». What for: «t2»"
    assert walk.write("p1", "cancel").state == "resting"


def test_whoever_takes_up_an_open_role_begins_one_of_their_own() -> None:
    walk = held().write("p2", "rest").answer("p4", "who_next", "mine")
    assert walk.state == "taken_up"
    (start,) = (e for e in walk.effects if isinstance(e, StartOther))
    assert (start.workflow, start.by, start.details["holder"]) == ("role", "p4", people("p4"))
    assert start.details["origin"] == Picked("taken")


def test_whoever_has_said_yes_elsewhere_is_not_asked_again() -> None:
    walk = described(origin=Picked("taken"))
    assert (walk.state, walk.asked()) == ("shared", {("p3", "pair")})


def test_what_was_handed_over_is_a_term_of_its_own_at_once() -> None:
    walk = handing_over().answer("p2", "small_things").wait(8)
    assert walk.state == "handed_over"
    (start,) = (e for e in walk.effects if isinstance(e, StartOther))
    assert (start.workflow, start.by, start.details["holder"]) == ("role", "p3", people("p3"))
    assert start.details["origin"] == Picked("taken")


def test_what_was_taken_on_is_listed_at_once_and_questions_left_open_give_nothing_back() -> None:
    walk = Walk(shipped("role"))
    taken = {"title": walk.words(), "purpose": walk.words(), "may_decide": walk.words()}
    walk.begin(**taken, holder=people("p1"), origin=Picked("taken"))
    assert walk.state == "passed_on"
    assert walk.public() == "«t1»: p1. Until when: still open. Understudy: none yet"
    assert walk.wait(14).state == "half_a_year"
    assert walk.public() == "«t1»: p1, for half a year. Understudy: none yet"
    assert "for half a year from today" in "".join(walk.heard["p1"])
    assert walk.wait(185).state == "open"
    assert "is open now, and that's fine. Thank you, p1, for carrying it." in walk.heard["room"][-1]


def test_who_took_a_role_on_and_leaves_is_thanked_by_name_in_the_room() -> None:
    walk = Walk(shipped("role"))
    taken = {"title": walk.words(), "purpose": walk.words(), "may_decide": walk.words()}
    walk.begin(**taken, holder=people("p1"), origin=Picked("taken")).leave("p1")
    assert walk.state == "left_open"
    assert "Thank you, p1, for carrying it." in walk.heard["room"][-1]


def test_the_holder_is_offered_a_feedback_round_where_the_circle_has_it_and_only_then() -> None:
    assert ("p2", "look_back") not in held().write("p2", "rest").asked()
    walk = held(in_use=("feedback_round",)).write("p2", "rest")
    assert ("p2", "look_back") in walk.asked()
    walk.answer("p2", "look_back", "gladly")
    (start,) = (e for e in walk.effects if isinstance(e, StartOther))
    assert (walk.state, start.workflow, start.by) == ("still_open", "feedback_round", "p2")


def test_a_quiet_card_is_suggested_before_answering_where_the_circle_has_it() -> None:
    walk = described(in_use=("before_you_answer",))
    assert "*before answering*" in "".join(walk.heard["p2"])
    assert "*before answering*" not in "".join(described().heard["p2"])
