"""What explains a question stands above it, also where the question is a reply to what somebody has just said."""

from engine.core.decide_desk import decide_desk
from engine.core.definition import AtMoment, BoardDef, DetailDef, MomentExpr, MoveDef, OnCommand, StateDef
from engine.core.desk import Boarded, Desk, DeskFacts, Put
from engine.core.effect import Ask, Effect, Show
from engine.core.message import Message, Phrase
from engine.core.values import DAY_MS, InstanceId, PersonId
from tests.engine.core.one_instance import NOON_MS, Course, question, workflow

WHAT = DetailDef("what", "words")
A_DAY_LATER = AtMoment(MomentExpr("entering", DAY_MS))
OVER = MoveDef(A_DAY_LATER, "over")


def asked_and_shown(effects: tuple[Effect, ...], who: str) -> list[tuple[str, str]]:
    """What somebody is asked and shown, in its order, each with its urgency."""
    mine = (effect for effect in effects if isinstance(effect, Ask | Show) and effect.who == who)
    return [(type(effect).__name__, effect.urgency) for effect in mine]


def two_questions() -> Course:
    """The host reads a list that explains the question for a detail; ``next`` does the same with an ask."""
    definition = workflow(
        StateDef(
            "first",
            gather=("what",),
            board=(BoardDef("host", "list"),),
            moves=(
                MoveDef(OnCommand("next", ("host",)), "second"),
                MoveDef(A_DAY_LATER, "third"),
            ),
        ),
        StateDef("second", asks=("a",), board=(BoardDef("host", "other"),), moves=(OVER,)),
        StateDef("third", asks=("a",), board=(BoardDef("host", "other"),), moves=(OVER,)),
        details=(WHAT,),
        asks=(question("a", "host"),),
        texts={"list": "Who has been heard.", "other": "How it stands.", "called": "it"},
    )
    return Course(definition).begin()


def test_what_is_shown_stands_above_what_is_asked_and_a_reply_does_not_overtake_it() -> None:
    course = two_questions()
    assert asked_and_shown(course.effects, "p1") == [("Show", "reply"), ("Ask", "reply")]
    assert asked_and_shown(course.command("p1", "next").effects, "p1") == [
        ("Show", "reply"),
        ("Ask", "reply"),
    ]
    later = two_questions()
    assert asked_and_shown(later.ring("at:01").effects, "p1") == [("Show", "quiet"), ("Ask", "timely")]


def test_a_desk_shows_what_explains_a_reply_as_a_reply_and_edits_it_quietly() -> None:
    desk, facts = Desk(PersonId("bruno"), consent="yes", greeted=True), DeskFacts(NOON_MS, NOON_MS)
    shown = Boarded(InstanceId("i"), "list", Message(lines=(Phrase("list"),)), PersonId("ana"), "reply")
    first = decide_desk(desk, shown, facts)
    again = decide_desk(first.desk, shown, facts)
    urgencies = [e.parcel.urgency for made in (first, again) for e in made.effects if isinstance(e, Put)]
    assert urgencies == ["reply", "quiet"]
