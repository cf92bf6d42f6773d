"""A tool does what its person could, and nothing by which they would seem to have spoken."""

from msgspec.structs import replace

from engine.core.decide_desk import decide_desk
from engine.core.desk import Begin, Command, Desk, DeskDecision, DeskFacts, Errand, Pass, Power, Prompt
from engine.core.desk_errand import NOTHING
from engine.core.event import Commanded
from engine.core.message import Message, Phrase
from engine.core.values import CircleId, InstanceId, PersonId, Ref, RowId, TextId

NOW_MS = 1_800_266_400_000
CIRCLE, WALK = CircleId("c1"), InstanceId("i1")
ANA = Desk(
    PersonId("ana"),
    consent="yes",
    greeted=True,
    powers={WALK: Power(("happened", "cancel"), Phrase("called"))},
    silent_letters=3,
    unanswered=2,
    prompts=(
        Prompt(RowId("r1"), InstanceId("i2"), "why", 1, (), "words", True, NOW_MS * 2, NOW_MS * 2, Message()),
    ),
)
FACTS = DeskFacts(
    NOW_MS,
    NOW_MS,
    circles=(CIRCLE,),
    begins={"walk": "walk", "mend": "trust_repair"},
    uses={CIRCLE: ("walk", "trust_repair")},
    begins_in={CIRCLE: "walk"},
    discreet=frozenset({"trust_repair"}),
    fresh_instance=InstanceId("i9"),
)


def run(
    word: str, *, desk: Desk = ANA, instance: InstanceId | None = None, words: bool = False
) -> DeskDecision:
    command = Command(word, rest=TextId("t1") if words else None)
    return decide_desk(desk, Errand(command, instance), FACTS)


def test_a_word_of_an_instance_is_passed_on() -> None:
    assert Pass(WALK, Commanded("happened", Ref("ana"))) in run("happened", instance=WALK).effects


def test_a_word_that_begins_something_begins_it_with_its_words() -> None:
    (begun,) = [effect for effect in run("walk", words=True).effects if isinstance(effect, Begin)]
    assert (begun.workflow, begun.circle, begun.words) == ("walk", CIRCLE, TextId("t1"))


def test_whatever_else_a_word_may_mean_is_not_for_tools() -> None:
    met = replace(ANA, consent="unknown")
    for refused in (
        run("fly", instance=WALK),
        run("happened", instance=InstanceId("i7")),
        run("happened", words=True),
        run("mend"),
        run("forget me"),
        run("stop"),
    ):
        assert (refused.ignored, refused.effects, refused.desk) == (NOTHING, (), ANA)
    assert run("walk", desk=met).ignored == "has not met the bot yet"


def test_it_answers_nothing_and_is_no_sign_of_life() -> None:
    for decision in (run("happened", instance=WALK, words=True), run("walk", words=True)):
        assert decision.desk.prompts == ANA.prompts
        assert (decision.desk.silent_letters, decision.desk.unanswered) == (3, 2)
