"""Whatever lies on a desk and whatever comes to it: deciding gives an answer, never an error."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.core.decide_desk import decide_desk
from engine.core.desk import (
    Alarm,
    Arrived,
    Asked,
    Begin,
    Boarded,
    Command,
    Confirmed,
    Desk,
    DeskEvent,
    DeskFacts,
    Empowered,
    Heard,
    Helped,
    Letter,
    Pass,
    Power,
    Prompt,
    Put,
    Rang,
    Reading,
    Refused,
    Release,
    Reopened,
    Reworded,
    Rhythm,
    Settled,
    Source,
    Store,
    TakenBack,
    Tapped,
    Told,
    Withdraw,
)
from engine.core.desk_commands import OWN_WORDS
from engine.core.message import Message, Names, Option, Phrase
from engine.core.parcel import Direct, Shared, Target
from engine.core.schedule import Standing, schedule
from engine.core.values import (
    AnyValue,
    CircleId,
    InstanceId,
    Moment,
    Nothing,
    Number,
    PersonId,
    Persons,
    Picked,
    Ref,
    RowId,
    TextId,
)
from tests.engine.core.test_schedule import ZONES

ME = PersonId("me")
people = st.sampled_from([ME, PersonId("ana"), PersonId("ben")])
instances = st.sampled_from([InstanceId("1" * 32), InstanceId("2" * 32)])
rows = st.sampled_from([RowId(f"me:1:{n}") for n in range(6)])
asks = st.sampled_from(["hello", "person", "rsvp", "detail:when", "question:rsvp:p2:1"])
choices = st.sampled_from(
    ["yes", "no", "when_invited", "outside", "contact:ana", "contact:", "contact:9", "x"]
)
emojis = st.sampled_from(["✅", "👋", "", "\ufe0f", "✖️", "🎉"])
events = st.sampled_from(["$a", "$b", "$c", "$d"])
moments = st.integers(-(2**60), 2**60) | st.integers(1_800_000_000_000, 1_801_000_000_000)
nows = st.integers(1_800_000_000_000, 1_801_000_000_000)
texts = st.sampled_from([TextId("t1"), TextId("t2")])
words = st.sampled_from([*OWN_WORDS, "unknown", "invite", "cancel", "renew", ""])
offers = st.lists(st.tuples(choices, emojis), max_size=4).map(tuple)
phrases = st.builds(Phrase, st.sampled_from(["hello", "a.say"]), st.none() | st.just("digest"))
messages = st.builds(
    Message,
    lines=st.lists(phrases, max_size=2).map(tuple),
    options=st.lists(st.builds(Option, choices, emojis, phrases), max_size=4).map(tuple),
)
kinds = st.sampled_from(["words", "moment", "person", "people", "number", "choice"])
urgencies = st.sampled_from(["reply", "timely", "change", "quiet", "safety"])
values: st.SearchStrategy[AnyValue] = st.one_of(
    st.builds(Moment, moments),
    st.builds(Number, st.integers()),
    st.builds(Persons, st.lists(people).map(tuple)),
    st.builds(Picked, choices),
    st.just(Nothing()),
)
sources = st.builds(Source, events, moments, st.none() | choices, st.none() | texts, st.none() | values)
prompts = st.builds(
    Prompt,
    row=rows,
    instance=st.none() | instances,
    ask=asks,
    round=st.integers(1, 2),
    choices=offers,
    expects=kinds,
    words=st.booleans(),
    closes_ms=moments,
    changeable_ms=moments,
    message=messages,
    optional=st.booleans(),
    shared=st.booleans(),
    sources=st.lists(sources, max_size=3).map(tuple),
    put_off=st.booleans(),
    starter=people,
    reminder=st.none() | rows,
)
desks = st.builds(
    Desk,
    person=st.just(ME),
    version=st.integers(0, 5),
    consent=st.sampled_from(["unknown", "yes", "when_invited", "stopped"]),
    greeted=st.booleans(),
    rhythm=st.builds(
        Rhythm,
        time_zone=st.sampled_from([*ZONES, "Mars/Olympus", "Europe", ""]),
        quiet_from_hour=st.integers(0, 23),
        quiet_to_hour=st.integers(0, 23),
        paused_until_ms=moments,
    ),
    muted=st.lists(st.just("invitation"), max_size=1).map(tuple),
    not_from=st.lists(people, max_size=2).map(tuple),
    prompts=st.lists(prompts, max_size=5, unique_by=lambda p: p.row).map(tuple),
    powers=st.dictionaries(
        instances, st.builds(Power, st.lists(words, max_size=2).map(tuple), phrases), max_size=2
    ),
    boards=st.dictionaries(st.sampled_from(["1/a", "2/b"]), rows, max_size=2),
    letters=st.lists(st.builds(Letter, rows, people, moments), max_size=3).map(tuple),
    listed=st.dictionaries(words, st.lists(instances, max_size=3).map(tuple), max_size=2),
)
targets = st.builds(Target, rows, st.none() | instances, asks, st.integers(1, 2), offers, st.booleans())
commands = st.builds(
    Command,
    words,
    st.lists(people, max_size=2).map(tuple),
    st.booleans(),
    st.none() | texts,
    st.none() | moments,
    st.none() | st.integers(-3, 5),
    st.none() | words,
)
readings = st.builds(
    Reading,
    command=st.none() | commands,
    picks=st.dictionaries(rows, choices, max_size=4),
    moment_ms=st.none() | moments,
    people=st.lists(people, max_size=2).map(tuple),
    everyone=st.booleans(),
    number=st.none() | st.integers(),
    empty=st.booleans(),
    too_long=st.booleans(),
)
circles = st.sampled_from([CircleId("c1"), CircleId("c2")])
rounds = st.integers(1, 2)
anything: st.SearchStrategy[DeskEvent] = st.one_of(
    st.builds(Heard, events, readings, texts, st.none() | circles, st.none() | targets, st.booleans()),
    st.builds(Tapped, events, emojis, st.none() | targets, st.none() | circles),
    st.builds(Reworded, events, readings, texts),
    st.builds(TakenBack, events),
    st.just(Arrived()),
    st.just(Refused()),
    st.builds(
        Asked,
        instance=instances,
        workflow=st.sampled_from(["invitation", "role"]),
        starter=people,
        ask=asks,
        round=rounds,
        message=messages,
        expects=kinds,
        words=st.booleans(),
        closes_ms=moments,
        changeable_ms=moments,
        urgency=urgencies,
        personal=st.booleans(),
        optional=st.booleans(),
        reminds=st.booleans(),
        sensitive=st.booleans(),
    ),
    st.builds(Helped, instances, people),
    st.builds(Settled, instances, asks, rounds),
    st.builds(Reopened, instances, asks, rounds),
    st.builds(Confirmed, instances, asks, rounds, phrases),
    st.builds(Told, instances, people, messages, urgencies, st.none() | moments),
    st.builds(Boarded, instances, st.sampled_from(["a", "b"]), messages, people),
    st.builds(Empowered, instances, st.lists(words, max_size=2).map(tuple), phrases),
    st.builds(
        Rang, st.builds(lambda kind, row: f"{kind}:{row}", st.sampled_from(["remind", "later", ""]), rows)
    ),
)
facts = st.builds(
    DeskFacts,
    now_ms=nows,
    occurred_ms=moments,
    circles=st.lists(circles, max_size=2, unique=True).map(tuple),
    begins=st.just({"invite": "invitation"}),
    fresh_instance=st.just(InstanceId("f" * 32)),
    contacts=st.lists(people, max_size=3, unique=True).map(tuple),
    delivered=st.frozensets(rows),
)
LOTS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@LOTS
@given(desks, anything, facts)
def test_every_event_at_every_desk_is_decided(desk: Desk, event: DeskEvent, known: DeskFacts) -> None:
    decision = decide_desk(desk, event, known)
    assert decision == decide_desk(desk, event, known)
    if decision.desk is desk:
        assert decision.effects == ()
        assert decision.ignored
    else:
        assert decision.desk.version == desk.version + 1
    assert decision.desk.person == desk.person
    assert len({p.row for p in decision.desk.prompts}) == len(decision.desk.prompts)


@LOTS
@given(desks, st.lists(st.tuples(anything, facts), max_size=8))
def test_a_desk_stays_sound_however_long_it_is_used(
    desk: Desk, course: list[tuple[DeskEvent, DeskFacts]]
) -> None:
    laid: set[str] = set()
    for event, known in course:
        decision = decide_desk(desk, event, known)
        fresh = [e.parcel.row for e in decision.effects if isinstance(e, Put)]
        assert len(set(fresh)) == len(fresh)
        assert not laid & set(fresh)
        laid |= set(fresh)
        desk = decision.desk


@LOTS
@given(desks, anything, facts)
def test_effects_concern_this_person_alone(desk: Desk, event: DeskEvent, known: DeskFacts) -> None:
    for effect in decide_desk(desk, event, known).effects:
        match effect:
            case Put(parcel=parcel):
                to_contact = parcel.message.lines[:1] == (
                    Phrase("person.message_to_contact", slots={"who": Names((ME,))}),
                )
                in_room = isinstance(parcel.to, Shared) and parcel.message.view is not None
                assert parcel.to == Direct(ME) or to_contact or in_room
            case Pass(event=carried):
                assert Ref(ME) in (getattr(carried, "by", None), getattr(carried, "who", None))
            case Begin() | Withdraw() | Release() | Alarm() | Store():
                pass


@LOTS
@given(desks, anything, facts)
def test_what_a_muted_persons_desk_lays_out_does_not_leave_unless_they_just_spoke(
    desk: Desk, event: DeskEvent, known: DeskFacts
) -> None:
    decision = decide_desk(desk, event, known)
    mine = Standing(decision.desk.consent, decision.desk.rhythm, present=True)
    for effect in decision.effects:
        if not isinstance(effect, Put) or effect.parcel.to != Direct(ME):
            continue
        if mine.consent == "stopped" and effect.parcel.urgency not in ("hello", "reply", "safety"):
            assert type(schedule(effect.parcel, mine, known.now_ms)).__name__ == "Drop"
        if effect.parcel.urgency == "safety":
            assert isinstance(event, Heard | Asked | Told | Helped)


@LOTS
@given(desks, anything, facts)
def test_whoever_is_not_wanted_reaches_nobody(desk: Desk, event: DeskEvent, known: DeskFacts) -> None:
    if isinstance(event, Asked | Told) and event.starter in desk.not_from and event.urgency != "reply":
        assert decide_desk(desk, event, known).effects == ()
    if isinstance(event, Boarded | Helped) and event.starter in desk.not_from:
        assert decide_desk(desk, event, known).effects == ()
