"""A story is made of what came to its reader: what others did shows only in that, and what is hidden does not show."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bridge.telling.replaying import LATE, STALE, Heard, Mail, story_for, story_for_outsiders
from engine.core.definition import (
    AnsweredBy,
    AskDef,
    AtMoment,
    BoardDef,
    Condition,
    CountOf,
    Definition,
    DetailDef,
    DetailGiven,
    Hidden,
    InUse,
    MomentExpr,
    MoveDef,
    NamedIn,
    NotThat,
    OnCommand,
    OnGathered,
    OnHolds,
    Part,
    Room,
    StateDef,
    TellDef,
)
from engine.core.event import Due, Started
from engine.core.unsigned import FEWER
from engine.core.values import (
    DAY_MS,
    HOUR_MS,
    InstanceId,
    Moment,
    Nothing,
    Number,
    Persons,
    Picked,
    Ref,
)
from tests.engine.core.noted import Noted
from tests.engine.core.one_instance import NOON_MS, YES, question, workflow

ANA, BO, CLEO = Ref("p1"), Ref("p2"), Ref("p3")
THREE = CountOf((("invited", "yes"),), ">=", 3)
AS_MANY = CountOf((("invited", "yes"),), ">=", "enough")
IN_A_WEEK = AtMoment(MomentExpr("entering", 7 * DAY_MS))
GUESTS = DetailDef("guests", "people")
ENOUGH = DetailDef("enough", "number")
SECRET = DetailDef("secret", "words", asked="guests")


def inviting(*moves: MoveDef, ask: AskDef | None = None, **more: object) -> Definition:
    """Ana invites Bo and Cleo, and sees who says yes."""
    asked = ask or question("invited", "guests", seen_by=("host",))
    state = StateDef("open", asks=("invited",), moves=(*moves, MoveDef(OnCommand("stop", ("host",)), "over")))
    return workflow(
        state,
        StateDef("on", moves=(MoveDef(OnCommand("back", ("host",)), "open"),)),
        parts={"guests": (NamedIn("guests"),)},
        details=(GUESTS, ENOUGH, SECRET),
        asks=(asked,),
        texts={"invited.say": "Come?", "invited.yes": "Yes", "invited.maybe": "Maybe", "noted": "Noted."},
        **more,
    )


def begun(definition: Definition) -> Noted:
    course = Noted(definition)
    course.begin(guests=Persons((BO, CLEO)), enough=Number(3))
    return course


def heard(course: Noted, who: Ref, *mail: Mail) -> list[str]:
    return texts(story_for(course.passages(), who, mail))


def texts(steps: Sequence[Heard]) -> list[str]:
    return [step.text for step in steps]


def goes_on(condition: Condition, **more: object) -> Noted:
    """After a week it goes on if this holds; ``again`` begins it anew."""
    told = TellDef(Part("host"), "noted")
    again = MoveDef(OnCommand("again", ("host",)), "open", tells=(told,))
    return begun(inviting(MoveDef(IN_A_WEEK, "on", when=condition), again, **more))


# ── what others do ───────────────────────────────────────────────────────────


def test_what_somebody_else_answers_is_not_told_and_not_that_it_was_not_enough() -> None:
    course = begun(inviting(MoveDef(OnHolds(THREE), "on")))
    before = heard(course, ANA)
    course.answer("p3", "invited", "no")
    assert heard(course, ANA) == before
    course.answer("p2", "invited", "yes")
    assert heard(course, ANA) == before, "nothing came to her, so she hears of no moment at which it happened"
    assert heard(course, BO)[-1] == "You answered <question> with “Yes”."


def test_whoever_is_shown_a_yes_hears_how_many_are_still_lacking() -> None:
    board = BoardDef("host", "board")
    state = StateDef("open", asks=("invited",), board=(board,), moves=(MoveDef(OnHolds(THREE), "over"),))
    definition = workflow(
        state,
        parts={"guests": (NamedIn("guests"),), "coming": (AnsweredBy("invited", ("yes",)),)},
        details=(GUESTS,),
        asks=(question("invited", "guests", seen_by=("host",)),),
        texts={"board": "Coming: <coming>", "invited.yes": "Yes"},
        gaps={"board": ("coming",)},
    )
    course = Noted(definition)
    course.begin(guests=Persons((BO, CLEO, Ref("p4")))).answer("p2", "invited", "yes")
    assert heard(course, ANA)[-2:] == [
        "You were shown:",
        "It goes on once at least three are coming (1 of 3).",
    ]


def test_what_it_takes_is_told_to_whoever_sees_what_it_counts() -> None:
    course = goes_on(AS_MANY)
    course.answer("p2", "invited", "yes").ring("at:00")
    assert heard(course, ANA)[-1] == (
        "After a week it would have gone on if at least as many as “enough” said “Yes” (1 of 3)."
    )
    assert "After a week" not in " ".join(heard(course, BO))


def test_what_it_takes_is_not_told_before_the_answers_are_shown() -> None:
    ask = question("invited", "guests", seen_by=("host",), hidden=Hidden(until_closed=True))
    course = goes_on(THREE, ask=ask)
    course.answer("p2", "invited", "yes").ring("at:00")
    assert "After a week" not in " ".join(heard(course, ANA))


def test_a_condition_on_what_somebody_else_was_asked_for_is_not_told() -> None:
    course = goes_on(DetailGiven("secret"))
    course.ring("at:00")
    assert "After a week" not in " ".join(heard(course, ANA))
    assert any(each.startswith("After a week it would have gone on if") for each in heard(course, BO))


def test_what_the_whole_circle_knows_is_told_to_everybody_whom_it_came_to() -> None:
    course = goes_on(InUse("pulse"))
    course.ring("at:00")
    said = "After a week it would have gone on if “pulse” is in use in the circle."
    assert heard(course, BO)[-1] == heard(course, CLEO)[-1] == said


def test_what_must_not_hold_says_how_much_there_was() -> None:
    course = goes_on(NotThat(CountOf((("invited", "yes"),), ">=", 1)))
    course.answer("p2", "invited", "yes").ring("at:00")
    assert heard(course, ANA)[-1].endswith("(it was 1).")


def test_an_answer_seen_by_nobody_tells_only_whoever_was_alone_with_it() -> None:
    ask = question("invited", "host", seen_by=("me",))
    course = goes_on(THREE, ask=ask)
    course.answer("p1", "invited", "maybe").ring("at:00")
    assert (
        heard(course, ANA)[-1] == "After a week it would have gone on if at least three said “Yes” (0 of 3)."
    )


# ── timers ───────────────────────────────────────────────────────────────────


def test_a_moment_that_did_not_count_is_told_to_whoever_began_it() -> None:
    course = goes_on(THREE)
    course.happen(Due("at:00", 1))
    said = f"A moment came that did not count: {STALE['moved']}."
    course.command("p1", "again")
    course.happen(Due("at:00", 1))
    assert f"A moment came that did not count: {STALE['left']}." in heard(course, ANA)
    assert said not in heard(course, BO)


# ── what was meant for the reader ────────────────────────────────────────────


def test_what_came_later_stands_at_the_moment_it_came() -> None:
    course = begun(inviting())
    (asked,) = [step for step in story_for(course.passages(), BO) if step.kind == "asked"]
    assert asked.at_ms == NOON_MS
    (number,) = [
        n for n, e in enumerate(course.effects) if getattr(e, "who", None) == BO and hasattr(e, "expects")
    ]
    late = Mail(1, number, NOON_MS + HOUR_MS)
    (asked,) = [step for step in story_for(course.passages(), BO, [late]) if step.kind == "asked"]
    assert asked.at_ms == NOON_MS + HOUR_MS
    assert heard(course, BO, Mail(1, number)) == [], "what is on its way is not known yet"
    assert heard(course, BO, Mail(1, number, why="not from this person")) == [], (
        "of that they want to know nothing"
    )


def test_what_was_kept_from_somebody_who_knows_of_it_says_why_in_plain_words() -> None:
    told = MoveDef(OnCommand("again", ("host",)), "open", tells=(TellDef(Part("guests"), "noted"),))
    course = begun(inviting(told))
    course.answer("p2", "invited", "yes").command("p1", "again")
    (number,) = [
        n
        for n, e in enumerate(course.effects)
        if getattr(e, "who", None) == BO and type(e).__name__ == "Tell"
    ]
    refusals = ("not from this person", "not from this workflow", "asked not to be written to")
    for why in (*refusals, "only when someone invites them"):
        # Which of them it was is nobody's to know: whoever looks may not be the one who refused.
        assert "Something did not come to you: it was not to come." in heard(
            course, BO, Mail(3, number, why=why)
        )
    strange = Mail(3, number, why="403 M_FORBIDDEN")
    assert f"Something did not come to you: {LATE}." in heard(course, BO, strange)


def test_a_question_that_never_came_does_not_close_either() -> None:
    course = begun(inviting())
    asks = [
        n for n, e in enumerate(course.effects) if getattr(e, "who", None) == BO and type(e).__name__ == "Ask"
    ]
    course.answer("p2", "invited", "maybe").take_back("p2", "invited").command("p1", "stop")
    closed = "<question> closed, without an answer of yours."
    assert closed in heard(course, BO)
    assert closed not in heard(course, BO, *(Mail(1, n, why="withdrawn") for n in asks))


def test_a_private_question_is_told_without_what_it_was() -> None:
    course = begun(inviting(ask=question("invited", "guests", seen_by=("host",), sensitive=True)))
    course.answer("p2", "invited", "yes").take_back("p2", "invited").answer("p3", "invited", "yes")
    course.command("p1", "stop")
    assert heard(course, BO) == [
        "You were asked something private.",
        "You answered something private.",
        "You took back your answer to something private.",
        "Something private closed, without an answer of yours.",
        "It ended.",
    ]


# ── whoever takes no part ────────────────────────────────────────────────────


def test_outsiders_hear_where_the_circle_sees_it_and_nothing_once_it_does_not() -> None:
    definition = workflow(
        StateDef("open", public="line", moves=(MoveDef(OnCommand("on", ("host",)), "shared"),)),
        StateDef("shared", public="other", moves=(MoveDef(OnCommand("stop", ("host",)), "over"),)),
        texts={"line": "It is open.", "other": "It is shared."},
        shelf="on",
    )
    course = Noted(definition)
    assert story_for_outsiders(course.passages()) == ()
    course.begin()
    course.command("p1", "on")
    steps = story_for_outsiders(course.passages())
    assert texts(steps) == ["The circle sees it in “open”.", "The circle sees it in “shared”."]
    kinds = [step.kind for step in story_for(course.passages(), ANA) if step.kind != "told"]
    assert kinds == ["did", "stands", "did", "stands"]
    course.command("p1", "stop")
    assert story_for_outsiders(course.passages()) == ()


def test_somebody_to_whom_nothing_came_hears_nothing() -> None:
    course = begun(inviting())
    assert story_for(course.passages(), Ref("p9")) == ()


# ── what one did, in plain words ─────────────────────────────────────────────


def test_what_somebody_gave_is_told_by_its_kind_and_never_in_their_words() -> None:
    details = (
        DetailDef("what", "words"),
        DetailDef("when", "moment"),
        DetailDef("who", "people"),
        DetailDef("many", "number"),
        DetailDef("beside", "person", optional=True),
        DetailDef("kind", "choice", choices=YES),
        DetailDef("invitees", "people"),
    )
    definition = workflow(
        StateDef("asking", gather=tuple(d.name for d in details), moves=(MoveDef(OnGathered(), "over"),)),
        parts={"invitees": (NamedIn("invitees"),)},
        details=details,
        texts={"kind.yes": "Yes"},
        reach="kind",
    )
    course = Noted(definition)
    course.begin().write("p1", "detail:what").give("p1", "when", Moment(NOON_MS + DAY_MS))
    course.give("p1", "who", Persons((BO,))).give("p1", "many", Number(2)).give("p1", "beside", Nothing())
    course.answer("p1", "detail:kind", "yes").give("p1", "invitees", Picked("everyone"))
    assert [step.text for step in story_for(course.passages(), ANA) if step.kind == "did"] == [
        "You began it.",
        "You answered <question> with words of your own.",
        "You answered <question> with a date.",
        "You answered <question> with 1 person.",
        "You answered <question> with 2.",
        "You answered <question> with “none”.",
        "You answered <question> with “Yes”.",
        "You answered <question> with everyone.",
    ]


def test_what_did_not_count_says_why_and_what_it_takes() -> None:
    go = MoveDef(OnCommand("go", ("host",)), "on", when=AS_MANY)
    course = begun(inviting(go))
    course.command("p1", "go").command("p2", "go").leave("p2").leave("p2")
    (refused,) = [step.text for step in story_for(course.passages(), ANA) if step.kind == "refused"]
    assert refused == (
        "You wrote *go*; it did not count, because there was no way on from there."
        " It needs this: at least as many as “enough” said “Yes” (0 of 3)."
    )
    assert "You wrote *go*; it did not count, because it was not for you to write." in heard(course, BO)
    assert "You left." in heard(course, BO)


def test_what_began_by_itself_or_after_another_one_says_so() -> None:
    definition = workflow(StateDef("open", moves=(MoveDef(OnCommand("stop", ("host",)), "over"),)))
    for event, said in (
        (Started(ANA, unbidden=True), "It began by itself, with you."),
        (Started(ANA, parent=InstanceId("i0")), "It followed from another one, with you."),
    ):
        course = Noted(definition)
        course.happen(event)
        assert heard(course, ANA)[0] == said


def test_a_question_is_known_by_what_was_put_and_one_that_was_never_put_has_no_words() -> None:
    course = begun(inviting())
    course.answer("p2", "invited", "yes").answer("p1", "invited", "yes")
    *_, asked, did = story_for(course.passages(), BO)
    assert did.about is not None
    assert did.about == asked.message
    (refused,) = [step for step in story_for(course.passages(), ANA) if step.kind == "refused"]
    assert refused.about is None
    assert refused.text == (
        "You answered a question with “Yes”; it did not count, because it was not put to you."
    )


def test_a_question_in_the_room_is_known_by_what_was_said_there() -> None:
    asked = AskDef("invited", Room(), choices=YES, seen_by=("circle",))
    course = begun(inviting(ask=asked))
    course.answer("p2", "invited", "yes")
    did = next(step for step in story_for(course.passages(), BO) if step.kind == "did")
    assert did.text == "You answered <question> with “Yes”."
    assert did.about is not None
    assert did.about.lines[0].key == "invited.say"


def test_a_question_to_the_host_and_where_help_is_are_told() -> None:
    ask = question("invited", "guests", seen_by=("host",), question_to="host")
    definition = inviting(ask=ask)
    helped = replace(definition.states["over"], help_to=(Part("guests"),))
    definition = replace(definition, states={**definition.states, "over": helped})
    course = begun(definition)
    course.write("p2", "invited").write("p1", "question:invited:p2:1").command("p1", "stop")
    assert "You answered <question> with words of your own." in heard(course, BO)
    assert "You answered a question with words of your own." in heard(course, ANA)
    assert "You were shown where help is." in heard(course, BO)


def test_unsigned_answers_tell_whoever_reads_them_nothing_of_what_they_lack() -> None:
    people = tuple(Ref(f"p{n}") for n in range(2, 12))
    ask = AskDef("invited", Part("guests"), words=True, seen_by=("host",), unsigned=5)
    course = Noted(inviting(MoveDef(IN_A_WEEK, "on", when=THREE), ask=ask))
    course.begin(guests=Persons(people), enough=Number(3))
    course.write("p2", "invited").answer("p2", f"{FEWER}invited:p2", "drop").ring("at:00")
    assert any(
        each.startswith("You answered what shall happen if too few write") for each in heard(course, BO)
    )
    assert "After a week" not in " ".join(heard(course, ANA))


def test_what_the_room_is_asked_is_counted_before_everybody() -> None:
    ask = AskDef("invited", Room(), choices=YES, seen_by=("circle",))
    course = goes_on(THREE, ask=ask)
    course.answer("p2", "invited", "yes").ring("at:00")
    assert "Said in the circle's room:" in heard(course, BO)
    assert (
        heard(course, BO)[-1] == "After a week it would have gone on if at least three said “Yes” (1 of 3)."
    )
