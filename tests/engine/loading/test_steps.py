"""Steps become the states they stand for, and what an author never writes is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core.definition import (
    AnsweredBy,
    AnyOf,
    AtMoment,
    Circle,
    CountOf,
    Definition,
    MomentExpr,
    MoveDef,
    OnAnswer,
    OnCommand,
    OnEnded,
    OnGathered,
    OwnText,
    Part,
    ShareSaid,
    StartDef,
    Starter,
    TellDef,
)
from engine.core.values import DAY_MS, HOUR_MS
from engine.loading.load import examine_text, load_definition

BOOK_CLUB = """\
name: Book club
about: Read a book together, talk about it once, pass the hosting on.
people:
  host: starter
  readers: chosen by host
details:
  book: text
  meeting: date and time
steps:
  - ask: readers
    say: <host> invites you to read <book> and talk about it on <meeting>.
    answers: [Count me in, Maybe]
    seen_by: host
    until: 3 days before meeting
    needs: 2 Count me in
  - wait: until 1 day after meeting
  - ask: readers who answered Count me in
    say: Thank you for coming. Would you like to help host the next book?
    answers: [Gladly, With someone]
    seen_by: host
"""
FIRST, SECOND = "ask_readers", "ask_readers_anew"
ENOUGH_SAID = CountOf(((FIRST, "count_me_in"), (SECOND, "count_me_in")), ">=", 2)
SOMEBODY = replace(ENOUGH_SAID, bound=1)
SAID_YES_OR_MAYBE = Part("ask_readers__count_me_in__maybe")


def steps(*lines: str, head: str = "") -> Definition:
    text = f"name: Small\nabout: Small.\n{head}steps:\n" + "".join(f"  {line}\n" for line in lines)
    loaded = load_definition(text, "small.yaml")
    assert isinstance(loaded, Definition), "\n".join(map(str, loaded))
    return loaded


def club(old: str = "", new: str = "") -> Definition:
    assert old in BOOK_CLUB
    loaded = load_definition(BOOK_CLUB.replace(old, new, 1) if old else BOOK_CLUB, "club.yaml")
    assert isinstance(loaded, Definition), "\n".join(map(str, loaded))
    return loaded


def moves_of(definition: Definition, state: str) -> list[tuple[object, str]]:
    return [(move.on, move.to) for move in definition.states[state].moves]


def move_on(definition: Definition, state: str, on: object) -> MoveDef:
    return next(move for move in definition.states[state].moves if move.on == on)


ASK = ("- ask: everyone", "  say: How are you?", "  answers: [Well, Tired]", "  seen by: me")


# ── the way through ──────────────────────────────────────────────────────────


def test_each_step_that_lasts_is_a_state_whose_name_can_be_read() -> None:
    assert list(club().states) == [
        "gathering",
        "ask_readers",
        "too_few",
        "new_date",
        "between_dates",
        "ask_readers_anew",
        "waiting",
        "ask_readers_2",
        "withdrawn",
        "not_this_time",
        "cancelled",
        "done",
        "stopped",
    ]


def test_the_details_are_gathered_first_and_whom_the_starter_chooses_with_them() -> None:
    book_club = club()
    assert book_club.states["gathering"].gather == ("book", "meeting", "readers")
    assert move_on(book_club, "gathering", OnGathered()).to == "ask_readers"
    assert book_club.own["meeting"] == OwnText("detail.moment", words=(("what", "meeting"),))


def test_with_enough_it_goes_on_and_with_too_few_the_starter_chooses() -> None:
    closing = AtMoment(MomentExpr("reply_by"))
    ways = [(m.to, m.when) for m in club().states["ask_readers"].moves if m.on == closing]
    assert ways == [("waiting", ENOUGH_SAID), ("too_few", None)]
    assert club().details["reply_by"].default_moment == MomentExpr("meeting", -3 * DAY_MS)


def test_the_choice_is_small_another_date_or_letting_go_and_closes_by_itself() -> None:
    ways = moves_of(club(), "too_few")
    assert ways == [
        (OnAnswer("too_few", "small"), "waiting"),
        (OnAnswer("too_few", "new_date"), "new_date"),
        (OnAnswer("too_few", "let_go"), "not_this_time"),
        (AtMoment(MomentExpr("meeting", -2 * HOUR_MS)), "not_this_time"),
        (OnCommand("cancel", ("host",)), "cancelled"),
    ]
    assert club().asks["too_few"].to == Part("host")
    assert club().asks["too_few"].seen_by == ("me",)


def test_for_another_date_those_who_said_yes_or_maybe_are_asked_again_and_all_only_if_nobody_had() -> None:
    for state in (club().states[name] for name in ("new_date", "between_dates")):
        assert (state.gather, state.again) == (("meeting",), ("meeting",))
        ways = [(m.to, m.when) for m in state.moves if m.on == OnGathered()]
        travelling = tuple((ask, choice) for ask in (FIRST, SECOND) for choice in ("count_me_in", "maybe"))
        assert ways == [("ask_readers_anew", CountOf(travelling, ">=", 1)), ("ask_readers", None)]


def test_the_second_question_is_the_first_in_the_same_words_and_takes_its_place() -> None:
    book_club = club()
    first, second = book_club.asks[FIRST], book_club.asks[SECOND]
    assert second == replace(first, name=SECOND, to=SAID_YES_OR_MAYBE, replaces=(FIRST,))
    assert first.replaces == (SECOND,)
    assert book_club.texts[f"{SECOND}.say"] == book_club.texts[f"{FIRST}.say"]
    assert book_club.gaps[f"{SECOND}.say"] == book_club.gaps[f"{FIRST}.say"]


def test_that_it_is_moving_is_told_only_if_no_other_date_is_there_soon_and_to_no_one_who_said_no() -> None:
    book_club = club()
    assert [t for s in book_club.states.values() for t in s.tells if t.text == "moving.tell"] == [
        TellDef(SAID_YES_OR_MAYBE, "moving.tell")
    ]
    assert moves_of(book_club, "new_date")[2:4] == [
        (AtMoment(MomentExpr("entering", 3 * HOUR_MS)), "between_dates"),
        (AtMoment(MomentExpr("meeting", -5 * HOUR_MS)), "between_dates"),
    ]


def test_where_the_question_does_not_say_the_date_it_is_told_with_it() -> None:
    undated = club("talk about it on <meeting>", "talk about it")
    told = move_on(undated, "new_date", OnGathered()).tells
    assert told == (TellDef(SAID_YES_OR_MAYBE, "moved.meeting.tell"),)
    assert undated.own["moved.meeting.tell"].gaps == (("when", "meeting"),)


def test_what_is_asked_in_the_room_is_asked_there_again_and_those_who_had_taken_it_up_hear_of_it() -> None:
    potluck = steps(
        *("- ask: room", "  named: joining", "  say: Who's in?", "  answers: [I'm coming]"),
        *("  seen by: circle", "  until: 1 day before starts", "  needs: 2 I'm coming"),
        head="details:\n  starts: date and time\n",
    )
    assert [*potluck.asks] == ["joining", "too_few"]
    named = move_on(potluck, "new_date", OnGathered())
    assert (named.to, named.when) == ("ask_joining", None)
    assert named.tells == (TellDef(AnsweredBy("joining", ("im_coming",)), "moved_there.starts.tell"),)


def test_parts_conditions_and_names_of_the_first_question_mean_the_second_too() -> None:
    meant = club(
        "chosen by host\n", "chosen by host\n  coming: those who answered Count me in to ask_readers\n"
    )
    coming = next(part for part in meant.parts if part.name == "coming")
    assert coming.sources == (AnsweredBy(FIRST, ("count_me_in",)), AnsweredBy(SECOND, ("count_me_in",)))
    assert meant.asks["ask_readers_2"].to == Part("ask_readers__count_me_in")
    told = club(
        "  - wait:",
        "  - tell: host\n    say: It is on for <ask_readers.Count me in>.\n"
        "    if: half said ask_readers.Count me in\n  - wait:",
    )
    assert told.texts["step.2.say"] == "It is on for <ask_readers__count_me_in>."
    tell = next(t for m in told.states[SECOND].moves for t in m.tells)
    assert tell.when == AnyOf((ShareSaid(FIRST, "count_me_in", 50), ShareSaid(SECOND, "count_me_in", 50)))


def test_a_way_that_passes_a_question_by_may_tell_nobody_who_answered_it() -> None:
    told = "  - tell: those who answered Gladly\n    say: Thank you.\n"
    assert examine_text(BOOK_CLUB + told, "club.yaml").problems == ()
    early = BOOK_CLUB.replace("  - wait:", told.replace("Gladly", "gladly to ask_readers_2") + "  - wait:")
    assert [p.code for p in examine_text(early, "club.yaml").problems] == ["nobody-yet"]


def test_what_can_be_said_of_one_question_only_is_told_where_it_may_be_put_again() -> None:
    text = BOOK_CLUB + "  - tell: host\n    say: Not there, <not joining ask_readers>.\n"
    problems = examine_text(text, "club.yaml").problems
    assert [(p.code, p.line) for p in problems] == [("asked-twice", 22)], [str(p) for p in problems]


def test_without_a_date_there_is_no_other_date_to_choose() -> None:
    small = steps(*ASK[:3], "  seen by: starter", "  needs: 2 Well")
    assert [c.id for c in small.asks["too_few"].choices] == ["small", "let_go"]


def test_who_said_yes_may_say_no_until_the_date_that_is_waited_for() -> None:
    book_club = club()
    assert book_club.asks["ask_readers"].changeable_until == MomentExpr("meeting")
    assert book_club.asks["ask_readers_2"].changeable_until is None
    for ask in (FIRST, SECOND):
        assert [s.name for s in book_club.states.values() if ask in s.keeps] == [
            "too_few",
            "new_date",
            "between_dates",
            "waiting",
        ]


def test_a_step_whose_people_are_nobody_is_passed_over() -> None:
    after = AtMoment(MomentExpr("meeting", DAY_MS))
    ways = [(m.to, m.when) for m in club().states["waiting"].moves if m.on == after]
    assert ways == [("ask_readers_2", SOMEBODY), ("done", None)]


def test_a_step_with_if_is_passed_over_and_what_is_told_is_told_all_the_same() -> None:
    small = steps(
        *ASK,
        "- tell: room",
        "  say: Thank you.",
        "- wait: for 2 days",
        "  if: kind is long",
        "- ends with: It is over.",
        head="details:\n  kind: [Long, Short]\n",
    )
    week = AtMoment(MomentExpr("entering", 7 * DAY_MS))
    ways = [m for m in small.states["ask_everyone"].moves if m.on == week]
    assert [m.to for m in ways] == ["waiting", "done"]
    assert [[tell.text for tell in m.tells] for m in ways] == [["step.2.say"], ["step.2.say"]]
    assert small.texts["state.done.outcome"] == "It is over."


def test_a_question_to_the_starter_alone_goes_on_once_it_is_answered() -> None:
    small = steps(*("- ask: starter", *ASK[1:]), "- wait: for 2 days")
    assert move_on(small, "ask_starter", OnAnswer("ask_starter")).to == "waiting"
    assert small.start == "ask_starter"


def test_a_started_workflow_is_waited_for_and_never_for_ever() -> None:
    small = steps(
        "- start: Decision",
        "  hand over: [what, host as proposer]",
        "- wait: until decision ends",
        head=HANDED,
    )
    waiting = small.states["waiting"]
    assert waiting.starts == (StartDef("decision", None, (("what", "what"), ("host", "proposer"))),)
    assert [m.on for m in waiting.moves[:2]] == [
        OnEnded("decision"),
        AtMoment(MomentExpr("entering", 90 * DAY_MS)),
    ]


HANDED = "people:\n  host: starter\ndetails:\n  what: text\n"


def test_what_is_gathered_later_is_not_asked_in_the_beginning() -> None:
    small = steps(
        *ASK,
        "- gather: themes",
        "- tell: room",
        "  say: <themes>",
        head="details:\n  themes: text\n  what: text\n",
    )
    assert small.states["gathering"].gather == ("what",)
    assert small.states["gathering_more"].gather == ("themes",)


# ── coming round ─────────────────────────────────────────────────────────────


def test_a_series_goes_on_to_its_next_round_if_somebody_says_nothing_or_no_to_what_is_gathered() -> None:
    head = "people:\n  all: everyone\n  guide: one of all\ndetails:\n  way:\n    type: text\n    asked of: guide\n"
    way = ("- gather: way", "- tell: room", "  say: <way>")
    late = AtMoment(MomentExpr("entering", 14 * DAY_MS))
    series = steps(*way, "- again: every 6 weeks", head=head)
    assert (late, "resting") in moves_of(series, "gathering_more")
    assert (late, "stopped") in moves_of(steps(*way, head=head), "gathering_more")


def test_it_comes_round_counted_from_its_last_beginning_until_it_is_enough() -> None:
    small = steps(*ASK, "- again: every 3 weeks")
    assert moves_of(small, "resting") == [
        (AtMoment(MomentExpr("entering", 14 * DAY_MS)), "ask_everyone"),
        (OnCommand("cancel", ("starter",)), "stopped"),
        (OnCommand("enough", ("starter",)), "enough"),
    ]


def test_dates_that_steps_stand_on_are_asked_anew_each_time() -> None:
    small = steps(
        *ASK,
        "- wait: until meeting",
        "- again: every 1 month",
        head="details:\n  meeting: date and time\n  book: text\n",
    )
    assert small.states["next_round"].again == ("meeting",)
    assert move_on(small, "next_round", OnGathered()).to == "ask_everyone"


def test_while_somebody_keeps_a_date_free_it_is_called_off_and_not_merely_enough() -> None:
    small = steps(
        *ASK, "- wait: until meeting", "- again: every 1 month", head="details:\n  meeting: date and time\n"
    )
    words = {
        state.name: [m.on.word for m in state.moves if isinstance(m.on, OnCommand)]
        for state in small.states.values()
    }
    assert words["waiting"] == ["cancel"]
    assert words["resting"] == ["cancel", "enough"]


# ── calling off, and who hears of it ─────────────────────────────────────────


def test_calling_off_tells_those_who_said_yes_or_maybe_and_the_starter_and_nobody_else() -> None:
    cancelled = club().states["cancelled"]
    assert [tell.to for tell in cancelled.tells] == [SAID_YES_OR_MAYBE, Part("host")]
    assert move_on(club(), "ask_readers", OnCommand("cancel", ("host",))).to == "cancelled"


def test_after_the_date_nobody_hears_that_what_took_place_is_called_off() -> None:
    assert move_on(club(), "ask_readers_2", OnCommand("cancel", ("host",))).to == "stopped"
    assert [tell.to for tell in club().states["stopped"].tells] == [Part("host")]


def test_no_file_of_steps_ever_looks_at_a_no() -> None:
    assert "'no'" not in repr(club().states) + repr(club().parts)


def test_when_the_starter_leaves_it_closes_as_if_called_off() -> None:
    for state in club().states.values():
        off = next((m.to for m in state.moves if m.on == OnCommand("cancel", ("host",))), None)
        assert state.final or state.if_starter_leaves == off


def test_whoever_sees_answers_has_one_list_of_them_and_hidden_ones_come_at_the_end() -> None:
    assert club().texts["step.1.board.host"] == (
        "*Book club*\nCount me in: <ask_readers__count_me_in>\nMaybe: <ask_readers__maybe>"
    )
    assert club().texts["step.2.board.host"].startswith("*Book club* · <meeting>\n")
    hidden = steps(*ASK[:3], "  seen by: starter", "  hidden until: closed")
    assert hidden.states["ask_everyone"].board == ()
    assert [(t.to, t.text) for t in hidden.states["done"].tells] == [
        (Part("starter"), "step.1.result.starter")
    ]


def test_a_question_seen_by_nobody_else_has_no_list() -> None:
    assert steps(*ASK).states["ask_everyone"].board == ()


def test_every_sentence_that_nobody_wrote_is_one_of_the_bots_own() -> None:
    book_club = club()
    tells = [
        t.text for s in book_club.states.values() for t in (*s.tells, *(x for m in s.moves for x in m.tells))
    ]
    outcomes = [s.outcome for s in book_club.states.values() if s.outcome]
    assert {*tells, *outcomes, "too_few.say"} <= {*book_club.own}


def test_a_file_of_steps_may_stand_in_a_public_list_while_it_runs() -> None:
    listed = club("people:", "listed in: what's on\npublic: <book> · <meeting>\npeople:")
    shown = {state.name for state in listed.states.values() if state.public is not None}
    assert shown == {state.name for state in listed.states.values() if not state.final} - {"gathering"}
    assert listed.texts["public"] == "<book> · <meeting>"


# ── people ───────────────────────────────────────────────────────────────────


def test_a_starter_is_there_even_if_nobody_says_so() -> None:
    small = steps(*ASK)
    assert small.parts[-1].sources == (Starter(),)
    assert small.parts[-1].name == "starter"
    assert small.asks["ask_everyone"].to == Circle()


def test_a_label_means_the_last_question_that_offers_it() -> None:
    small = steps(
        *ASK,
        *("- ask: everyone", "  named: again", "  say: And now?", *ASK[2:]),
        "- tell: those who answered Well",
        "  say: Good.",
    )
    told = [t.to for s in small.states.values() for m in s.moves for t in m.tells if t.text == "step.3.say"]
    assert set(told) == {AnsweredBy("again", ("well",))}


def test_human_names_give_the_short_name_and_the_words_that_begin_it() -> None:
    assert (club().name, club().title, club().begins_with) == ("book_club", "Book club", "book club")


# ── what is wrong is said of the step it is in ───────────────────────────────


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("needs: 2 Count me in", "needs: 2 Count us in", "needs: 2", "none of the answers here"),
        (
            "who answered Count me in",
            "who answered Cuont me in",
            "readers who answered Cuont",
            "no ask offers",
        ),
        ("wait: until 1 day after meeting", "wait: until a bit later", "until a bit", "is no moment"),
        ("<book> and", "<bok> and", "<bok>", "unknown placeholder `bok`"),
        ("after meeting", "after meting", "meting", "unknown moment `meting`"),
        ("  - wait:", "  - wiat:", "wiat:", "unknown key `wiat`"),
        (
            "  - wait: until 1 day after meeting",
            "  - again: every 2 days\n  - wait: for 1 day",
            "wait: for",
            "nothing comes after",
        ),
        (
            "  - wait: until 1 day after meeting",
            "  - tell: raeders\n    say: Hello",
            "raeders",
            "unknown part `raeders`",
        ),
    ],
)
def test_a_problem_points_to_its_own_step(old: str, new: str, where: str, what: str) -> None:
    text = BOOK_CLUB.replace(old, new, 1)
    problems = examine_text(text, "club.yaml").problems
    line = text[: text.index(where)].count("\n") + 1
    assert [(p.line, what in p.message) for p in problems] == [(line, True)], [str(p) for p in problems]


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        (("- ends with: Over.",), "step"),
        (("- again: every 2 days",), "again"),
        ((*ASK, "- again: every 2 days"), "again"),
        ((*ASK, "- again: now and then"), "duration"),
        ((*ASK, "  named: Some Thing"), "name"),
        ((*ASK, "  named: ask_starter", "- ask: starter", "  named: ask_starter", *ASK[1:]), "name"),
        ((*ASK, "  hidden until: shown"), "hidden"),
        ((*ASK, "  needs: many"), "needs"),
        ((*ASK, "  needs: 2 Well or so"), "needs"),
        ((*ASK, "- gather: waht"), "unknown-detail"),
        ((*ASK, "- wait: until sometime next week"), "wait"),
        ((*ASK, "- wait: for a bit"), "duration"),
        ((*ASK, "- hello"), "step"),
        (("- ask: the boss", *ASK[1:]), "who"),
        (("- start: Tea", "  hand over: what as it is there"), "hand-over"),
    ],
)
def test_what_makes_no_step_is_told(lines: tuple[str, ...], code: str) -> None:
    text = "name: Small\nabout: Small.\nsteps:\n" + "".join(f"  {line}\n" for line in lines)
    problems = examine_text(text, "small.yaml").problems
    assert code in {p.code for p in problems}, [str(p) for p in problems]


@pytest.mark.parametrize("wrong", ["steps: []", "steps: later", "steps:\n  ask: everyone"])
def test_steps_are_a_list(wrong: str) -> None:
    assert "not-a-list" in {p.code for p in examine_text(f"name: x\nabout: x.\n{wrong}\n", "x.yaml").problems}


def test_a_file_with_neither_steps_nor_states_is_told_so() -> None:
    assert "missing" in {p.code for p in examine_text("name: x\nabout: x.\n", "x.yaml").problems}


def test_steps_close_by_themselves_when_the_starter_leaves() -> None:
    text = BOOK_CLUB.replace("people:", "if the starter leaves: done\npeople:")
    assert "both" in {p.code for p in examine_text(text, "club.yaml").problems}


def test_a_start_with_if_is_a_step_of_its_own() -> None:
    small = steps(
        *ASK,
        "- start: tea",
        "  if: kind is long",
        "- tell: room",
        "  say: Tea.",
        head="details:\n  kind: [Long, Short]\n",
    )
    begun = small.states["start_tea"]
    assert begun.starts == (StartDef("tea"),)
    assert move_on(small, "start_tea", AtMoment(MomentExpr("entering"))).to == "done"


def test_a_workflow_that_begins_with_a_telling_says_it_first() -> None:
    small = steps("- tell: room", "  say: Hello.", *ASK)
    assert small.start == "beginning"
    assert [t.text for t in small.states["beginning"].moves[0].tells] == ["step.1.say", "begun.tell"]


def test_problems_speak_of_steps_and_not_of_states() -> None:
    text = (
        BOOK_CLUB.replace("talk about it on <meeting>", "talk about it, <later>")
        .replace("  meeting: date and time", "  meeting: date and time\n  later: text")
        .replace("  - wait:", "  - gather: later\n  - wait:")
    )
    problems = examine_text(text, "club.yaml").problems
    assert [p.message for p in problems] == ["`later` may not be known yet in step 1"]


def test_steps_and_states_are_not_mixed() -> None:
    text = f"{BOOK_CLUB}states:\n  done:\n    ends with: Over.\n"
    assert "both" in {p.code for p in examine_text(text, "club.yaml").problems}


@given(
    st.integers(0, len(BOOK_CLUB) - 1),
    st.sampled_from(["", ":", "\n", " ", "-", "'", "<", "x", "[", "\t", "&", "\x00", "☃", ",", "0"]),
)
def test_no_slip_of_the_hand_breaks_the_loader(at: int, slip: str) -> None:
    examined = examine_text(BOOK_CLUB[:at] + slip + BOOK_CLUB[at + 1 :], "club.yaml")
    lines = BOOK_CLUB.count("\n") + 2
    assert examined.definition is not None or examined.problems
    assert all(1 <= p.line <= lines and p.column >= 1 and p.message for p in examined.problems)


@given(st.lists(st.sampled_from(BOOK_CLUB.splitlines()), max_size=25))
def test_no_order_of_the_lines_breaks_the_loader(lines: list[str]) -> None:
    examined = examine_text("\n".join(lines), "club.yaml")
    assert examined.definition is not None or examined.problems
