"""Rights as commands: what is known, a file of it, to be forgotten, what was carried, one's language (right 11)."""

from __future__ import annotations

import pytest

from engine.core.desk import Called, Forget, Prompt, Rang, Release
from engine.core.message import Count
from engine.core.parcel import Direct, Shared, Target
from engine.core.schedule import Go, Standing, schedule
from engine.core.values import HOUR_MS, RowId
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
    OneDesk,
    asked,
    board,
    told,
)

PRIVATE = [
    *("person", "what do you know about me", "export", "forget me", "hide", "open", "not from"),
    *("my", "my people", "what i carried", "show", "keep to myself"),
]


@pytest.mark.parametrize("word", PRIVATE)
def test_private_words_written_in_a_shared_room_are_taken_back_there_and_go_on_one_to_one(word: str) -> None:
    here = OneDesk()
    here.order(word, room=True, addressed=True)
    back, *answers = here.all_parcels
    assert (back.to, back.urgency, back.redacts_event) == (Shared(CIRCLE), "post", "$e1")
    assert (back.message.lines, back.message.view) == ((), None)
    assert {p.to for p in answers} == {Direct(ME)}
    assert answers[0].message.lines[0].key == "continue_here"
    assert sum(line.key == "continue_here" for p in answers for line in p.message.lines) == 1


@pytest.mark.parametrize("word", PRIVATE)
def test_in_ones_own_room_nothing_is_taken_back_and_nothing_needs_to_go_on_elsewhere(word: str) -> None:
    here = OneDesk()
    here.order(word)
    assert here.taken_back == set()
    assert "continue_here" not in here.said


def test_whoever_is_greeted_first_still_reads_where_it_goes_on() -> None:
    here = OneDesk(greeted=False, consent="unknown")
    here.order("export", room=True, addressed=True)
    assert here.said == ["hello", "continue_here"]


@pytest.mark.parametrize("word", ["help", "pause", "later", "stop", "language", "letter"])
def test_other_words_stay_where_they_were_written(word: str) -> None:
    here = OneDesk()
    here.order(word, room=True, addressed=True)
    assert here.taken_back == set()


# ── what is known, and the file ──────────────────────────────────────────────


def test_what_is_known_is_shown_in_ones_own_room() -> None:
    here = OneDesk(consent="stopped", letter_ms=None)
    here.order("what do you know about me")
    (parcel,) = here.parcels
    assert (parcel.message.view, parcel.urgency, parcel.to) == ("know", "reply", Direct(ME))


def export(here: OneDesk) -> Prompt:
    here.order("export")
    return here.prompt("export", None)


@pytest.mark.parametrize(("choice", "document"), [("with", "export with reflections"), ("without", "export")])
def test_the_file_holds_what_was_only_for_oneself_if_one_says_so(choice: str, document: str) -> None:
    here = OneDesk()
    question = export(here)
    assert (here.said, here.all_parcels) == (["export.ask"], here.parcels)
    here.write({question.row: choice})
    (parcel,) = here.parcels
    assert (parcel.document, parcel.urgency, here.said) == (document, "reply", ["export.here"])
    assert not here.has("export", None)


def test_who_has_stopped_gets_their_file_all_the_same() -> None:
    here = OneDesk(consent="stopped", letter_ms=None)
    here.write({export(here).row: "without"})
    muted = Standing("stopped", here.rhythm, present=True)
    assert [schedule(p, muted, NOON + 14 * HOUR_MS) for p in here.parcels] == [Go()]


def test_the_file_can_be_taken_back_from_the_room() -> None:
    here = OneDesk()
    here.write({export(here).row: "with"})
    (file,) = here.parcels
    here.order("hide")
    assert file.row in here.taken_back


def test_a_number_right_after_it_was_asked_means_the_file() -> None:
    here = OneDesk()
    older = here.ask()
    question = export(here)
    here.write({older.row: "yes", question.row: "with"})
    assert (here.said, here.passed) == (["export.here"], [])


def test_asked_for_twice_there_is_one_question() -> None:
    here = OneDesk()
    older = export(here)
    newer = export(here)
    assert [p.row for p in here.desk.prompts] == [newer.row]
    here.write({older.row: "with"}, to=older)
    assert here.said == ["closed"]


def test_a_reaction_is_no_answer_to_what_is_private() -> None:
    here = OneDesk()
    question = export(here)
    here.tap("👍", question)
    assert here.said == ["open.no_reactions"]
    here.order("forget me")
    here.tap("👍", here.prompt("forget me", None))
    assert (here.said, here.desk.leaving) == (["open.no_reactions"], False)


def test_words_that_choose_nothing_are_asked_back() -> None:
    here = OneDesk()
    export(here)
    here.write()
    assert here.said == ["need_choice"]


# ── to be forgotten ──────────────────────────────────────────────────────────


def wants_to_go(here: OneDesk) -> Prompt:
    here.order("forget me")
    return here.prompt("forget me", None)


def test_what_goes_and_what_stays_is_said_before_anything_does() -> None:
    here = OneDesk()
    question = wants_to_go(here)
    assert (here.said, here.all_parcels) == (["forget.ask"], here.parcels)
    assert [choice for choice, _ in question.choices] == ["forget", "stay"]
    assert not any(isinstance(e, Forget) for e in here.effects)


def test_yes_forgets_and_says_nothing_itself_and_what_waits_is_dropped() -> None:
    here = OneDesk()
    waiting = here.ask(sensitive=True, deliver=False)
    here.do(told(), deliver=False)
    (letter,) = here.parcels
    here.write({wants_to_go(here).row: "forget"})
    assert [e for e in here.effects if isinstance(e, Forget)] == [Forget()]
    assert any(isinstance(e, Release) for e in here.effects)
    assert here.parcels == []
    assert {waiting.row, waiting.knock, letter.row} <= here.withdrawn
    assert here.alarms[f"remind:{waiting.row}"] is None
    assert here.alarms["letter"] is None
    desk = here.desk
    assert (desk.leaving, desk.consent, desk.prompts, desk.powers, desk.boards) == (
        True,
        "stopped",
        (),
        {},
        {},
    )


def test_the_rooms_own_question_stays_in_the_room() -> None:
    here = OneDesk()
    target = Target(RowId("room:1"), I1, "open", 1, (("yes", "✅"),), shared=True)
    here.tap("✅", target)
    here.write({wants_to_go(here).row: "forget"})
    assert target.row not in here.withdrawn


def test_once_meant_nothing_is_taken_in_any_more() -> None:
    here = OneDesk()
    question = wants_to_go(here)
    here.write({question.row: "forget"})
    version = here.desk.version
    for event in (asked(), told(), board(), Called(ANA), Rang("letter"), Rang("call:ben")):
        here.do(event)
        assert (here.effects, here.last.ignored) == ((), "being forgotten")
    here.order("forget me")
    here.order("start")
    here.write({question.row: "forget"}, to=question)
    here.tap("✅", question)
    assert (here.effects, here.desk.version) == ((), version)


@pytest.mark.parametrize("word", ["export", "person", "help", "what do you know about me"])
def test_whoever_does_something_else_first_is_not_forgotten_by_a_stray_number(word: str) -> None:
    here = OneDesk()
    question = wants_to_go(here)
    here.order(word)
    here.write({question.row: "forget"})
    here.write({question.row: "forget"}, to=question)
    assert (here.said, here.desk.leaving) == (["closed"], False)


def test_stay_changes_nothing() -> None:
    here = OneDesk()
    before = here.ask()
    here.write({wants_to_go(here).row: "stay"})
    assert (here.said, here.desk.leaving, here.desk.prompts) == (["forget.stayed"], False, (before,))


def test_a_plain_no_means_the_less_of_it() -> None:
    here = OneDesk()
    wants_to_go(here)
    here.write(declines=True)
    assert here.said == ["forget.stayed"]
    export(here)
    here.write(declines=True)
    assert here.parcels[0].document == "export"


def test_written_twice_it_is_asked_twice_and_nothing_goes() -> None:
    here = OneDesk()
    older = wants_to_go(here)
    wants_to_go(here)
    assert here.said == ["forget.ask"]
    here.write({older.row: "forget"}, to=older)
    assert (here.said, here.desk.leaving) == (["closed"], False)


def test_a_number_that_might_answer_another_question_forgets_nobody() -> None:
    here = OneDesk()
    other = here.ask()
    question = wants_to_go(here)
    here.write({other.row: "yes", question.row: "forget"})
    assert (here.said, here.desk.leaving) == (["which_one"], False)
    here.write({question.row: "forget"}, to=question)
    assert here.desk.leaving


def test_a_yes_after_an_hour_is_asked_for_once_more() -> None:
    here = OneDesk()
    question = wants_to_go(here)
    here.now_ms += HOUR_MS
    here.write({question.row: "forget"}, to=question)
    assert (here.said, here.desk.leaving) == (["forget.ask"], False)
    here.write({here.prompt("forget me", None).row: "forget"})
    assert here.desk.leaving


def test_the_question_can_be_hidden_and_is_gone_then() -> None:
    here = OneDesk()
    question = wants_to_go(here)
    here.order("hide")
    assert question.row in here.taken_back
    assert not here.has("forget me", None)


# ── what one carried ─────────────────────────────────────────────────────────


def carrying(*instances: str, **desk: object) -> OneDesk:
    here = OneDesk(**desk)
    here.facts["carried"] = instances
    return here


def test_what_was_carried_is_ones_own_to_see() -> None:
    here = carrying(I1, I2)
    here.order("what i carried")
    (parcel,) = here.parcels
    assert (parcel.message.view, parcel.to) == ("what i carried", Direct(ME))


def test_a_line_is_shown_and_kept_by_its_number() -> None:
    here = carrying(I1, I2, I3)
    here.order("what i carried")
    here.order("show", nth=2)
    assert (here.said, here.desk.shown) == (["show.ok"], (I2,))
    assert here.parcels[0].message.lines[0].slots == {"n": Count(2)}
    here.order("show", nth=2)
    here.order("show", nth=1)
    assert here.desk.shown == (I2, I1)
    here.order("keep to myself", nth=2)
    assert (here.said, here.desk.shown) == (["keep.ok"], (I1,))
    here.order("keep to myself", nth=2)
    assert here.desk.shown == (I1,)


def test_a_number_means_the_line_it_stood_at_when_it_was_shown() -> None:
    here = carrying(I1, I2)
    here.order("what i carried")
    here.facts["carried"] = (I3, I1, I2)
    here.order("show", nth=1)
    assert here.desk.shown == (I1,)


@pytest.mark.parametrize("nth", [None, 0, 7, -1])
@pytest.mark.parametrize(("word", "key"), [("show", "show.which"), ("keep to myself", "keep.which")])
def test_a_number_nobody_was_shown_shows_the_lines_again(word: str, key: str, nth: int | None) -> None:
    here = carrying(I1, I2, I3)
    here.order("what i carried")
    here.order(word, nth=nth)
    assert (here.said, here.desk.shown) == ([key], ())
    assert here.parcels[0].message.view == "what i carried"


def test_a_number_before_the_lines_were_ever_seen_shows_them_first() -> None:
    here = carrying(I1, I2)
    here.order("show", nth=1)
    assert (here.said, here.desk.shown) == (["show.which"], ())
    here.order("show", nth=1)
    assert here.desk.shown == (I1,)


def test_a_line_that_is_kept_no_more_is_not_shown() -> None:
    here = carrying(I1, I2)
    here.order("what i carried")
    here.facts["carried"] = (I2,)
    here.order("show", nth=1)
    assert (here.said, here.desk.shown) == (["show.which"], ())


def test_the_only_line_needs_no_number_and_without_any_there_is_nothing_to_show() -> None:
    here = carrying(I1)
    here.order("show")
    assert here.desk.shown == (I1,)
    here = carrying()
    here.order("show", nth=1)
    assert here.said == ["carried.nothing"]


def test_of_many_shown_lines_the_oldest_become_ones_own_again() -> None:
    here = carrying(I1, shown=tuple(f"i{n}" for n in range(500)))
    here.order("show")
    assert (len(here.desk.shown), here.desk.shown[0], here.desk.shown[-1]) == (500, "i1", I1)


def test_what_others_show_is_for_the_circle_where_it_is_asked() -> None:
    here = OneDesk()
    here.order("what they carried", people=(ANA,))
    (parcel,) = here.parcels
    assert (parcel.message.view, parcel.to) == (f"carried by:{ANA}", Direct(ME))
    here.order("what they carried", people=(ANA,), room=True, addressed=True)
    (parcel,) = here.parcels
    assert (parcel.message.view, parcel.to) == (f"carried by:{ANA}", Shared(CIRCLE))
    assert here.taken_back == set()


def test_whose_is_asked_where_it_is_not_one_person() -> None:
    here = OneDesk()
    for people in ((), (BEN, CHEN)):
        here.order("what they carried", people=people)
        assert here.said == ["carried.whom"]


# ── language ─────────────────────────────────────────────────────────────────


def test_a_language_is_kept_and_without_one_it_is_asked_which() -> None:
    here = OneDesk()
    here.order("language", language="de")
    assert (here.said, here.desk.language) == (["language.ok"], "de")
    here.order("language")
    assert (here.said, here.desk.language) == (["language.which"], "de")
