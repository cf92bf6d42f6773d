"""A date for somebody's calendar goes along with what they are told of it, and with nothing else."""

from msgspec.structs import replace

from engine.core.decide_desk import decide_desk
from engine.core.definition import (
    AnsweredBy,
    AtMoment,
    DetailDef,
    Everyone,
    MomentExpr,
    MoveDef,
    OnCommand,
    Part,
    StateDef,
    TellDef,
)
from engine.core.desk import Desk, DeskFacts, Put, Told
from engine.core.effect import Tell
from engine.core.message import Message, Occasion, Phrase, Said, Text
from engine.core.parcel import CALENDAR
from engine.core.values import AnyValue, InstanceId, Moment, Nothing, PersonId, TextId, Words
from engine.runtime.carrying import texts_in
from engine.runtime.localize import Cast, name_message
from tests.engine.core.one_instance import NOON_MS, Course, question, workflow

STARTS_MS = NOON_MS + 5 * 86_400_000
WHAT, STARTS = DetailDef("what", "words"), DetailDef("starts", "moment")
ON = TellDef(Part("host"), "on.tell", calendar="starts")
OFF = TellDef(Part("host"), "off.tell", calendar="starts", called_off=True)
OVER = MoveDef(AtMoment(MomentExpr("entering", 86_400_000)), "over")
CANCEL = MoveDef(OnCommand("cancel", ("host",)), "off")
GATHERING = workflow(
    StateDef("on", tells=(ON,), moves=(CANCEL, OVER)),
    StateDef("off", tells=(OFF,), moves=(OVER,)),
    details=(WHAT, STARTS),
    texts={"on.tell": "It's on.", "off.tell": "It's off.", "called": "<what>"},
    gaps={"called": ("what",)},
)

RSVP = question("rsvp", "guests", until=MomentExpr("starts", 0))
FESTIVE = workflow(
    StateDef("asking", asks=("rsvp",), moves=(MoveDef(OnCommand("go", ("host",)), "on"), OVER)),
    StateDef(
        "on",
        keeps=("rsvp",),
        tells=(TellDef(Part("coming"), "on.tell", calendar="starts"),),
        moves=(MoveDef(OnCommand("cancel", ("host",)), "off"), OVER),
    ),
    StateDef(
        "off",
        keeps=("rsvp",),
        tells=(TellDef(Part("coming"), "off.tell", calendar="starts", called_off=True),),
        moves=(OVER,),
    ),
    details=(WHAT, STARTS),
    asks=(RSVP,),
    parts={"guests": (Everyone(),), "coming": (AnsweredBy("rsvp", ("yes",)),)},
    texts={"on.tell": "It's on.", "off.tell": "It's off.", "called": "<what>"},
    gaps={"called": ("what",)},
)


def occasions(starts: AnyValue) -> list[Occasion | None]:
    course = Course(GATHERING)
    begun = course.begin(what=Words(TextId("t1")), starts=starts).effects
    effects = (*begun, *course.pass_days(0).command("p1", "cancel").effects)
    return [effect.message.occasion for effect in effects if isinstance(effect, Tell)]


def test_a_date_that_is_set_goes_along_and_one_that_is_called_off_is_the_same_one_later() -> None:
    on, off = occasions(Moment(STARTS_MS))
    assert on is not None
    assert off is not None
    assert (on.at_ms, on.called_off, off.called_off) == (STARTS_MS, False, True)
    assert on.about.slots == {"what": Text(TextId("t1"))}
    assert (off.instance, off.at_ms) == (on.instance, on.at_ms)
    assert (on.told_ms, off.told_ms) == (NOON_MS, NOON_MS)


def test_whoever_comes_to_it_later_is_told_the_date_as_those_before_and_nobody_twice() -> None:
    course = Course(FESTIVE, guests=("p2", "p3", "p4"))
    course.begin(starts=Moment(STARTS_MS), what=Words(TextId("t1"))).answer("p2", "rsvp", "yes")
    assert told_dates(course.command("p1", "go")) == ["p2"]
    assert told_dates(course.answer("p3", "rsvp", "maybe")) == []
    assert told_dates(course.answer("p3", "rsvp", "yes")) == ["p3"]
    (tell,) = [effect for effect in course.effects if isinstance(effect, Tell)]
    assert (tell.urgency, tell.message.lines) == ("reply", (Phrase("on.tell", course.definition.digest),))
    assert told_dates(course.answer("p2", "rsvp", "maybe")) == []
    assert told_dates(course.answer("p4", "rsvp", "yes")) == ["p4"]


def test_whoever_says_yes_to_what_is_being_called_off_is_told_no_date() -> None:
    course = Course(FESTIVE, guests=("p2", "p3", "p4"))
    course.begin(starts=Moment(STARTS_MS), what=Words(TextId("t1"))).command("p1", "go").command(
        "p1", "cancel"
    )
    assert told_dates(course.answer("p3", "rsvp", "yes")) == []


def told_dates(course: Course) -> list[str]:
    tells = (effect for effect in course.effects if isinstance(effect, Tell))
    return [str(tell.who) for tell in tells if tell.message.occasion is not None]


def test_without_a_date_there_is_no_file() -> None:
    assert occasions(Nothing()) == [None, None]


def test_its_words_count_among_those_that_the_message_carries_and_its_people_are_named_outside() -> None:
    about = Phrase("called", slots={"what": Text(TextId("t1")), "who": Said("x")})
    message = Message(occasion=Occasion(STARTS_MS, about, InstanceId("i"), 1))
    assert texts_in(message) == {TextId("t1")}
    assert name_message(message, Cast(())).occasion == message.occasion
    assert name_message(Message(), Cast(())).occasion is None


def test_a_desk_sends_it_as_a_file_and_anything_else_as_words() -> None:
    desk, facts = Desk(PersonId("bruno"), consent="yes", greeted=True), DeskFacts(NOON_MS, NOON_MS)
    message = Message(
        lines=(Phrase("on"),), occasion=Occasion(STARTS_MS, Phrase("called"), InstanceId("i"), 1)
    )
    told = Told(InstanceId("i"), PersonId("ana"), message, "quiet")
    for event, document in ((told, CALENDAR), (replace(told, message=Message()), None)):
        (put,) = [e for e in decide_desk(desk, event, facts).effects if isinstance(e, Put)]
        assert put.parcel.document == document
