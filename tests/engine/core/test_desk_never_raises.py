"""Whatever lies on a desk and whatever comes to it: deciding gives an answer, never an error."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.core.decide_desk import decide_desk
from engine.core.desk import (
    Alarm,
    Alone,
    Arrived,
    Asked,
    Begin,
    Boarded,
    Call,
    Called,
    CallTaken,
    Command,
    Compared,
    Comparing,
    Confirmed,
    Desk,
    DeskEvent,
    DeskFacts,
    Empowered,
    Estranged,
    Exchange,
    Forget,
    Heard,
    Helped,
    Inform,
    Letter,
    OwnRhythm,
    Pass,
    Power,
    Prompt,
    Put,
    Rang,
    Readable,
    Reading,
    Recognized,
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
    Ticked,
    Told,
    Unread,
    Unreadable,
    Withdraw,
)
from engine.core.desk_commands import OWN_WORDS, PRIVATE_WORDS
from engine.core.desk_private import ALONE_MS, KNOCK
from engine.core.desk_usual import rhythm_of
from engine.core.event import Answered, Commanded
from engine.core.message import Message, Option, Phrase
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
OWN_ASKS = ["hello", "person", "export", "forget me", "call:ana", "call:"]
asks = st.sampled_from([*OWN_ASKS, "rsvp", "detail:when", "question:rsvp:p2:1"])
choices = st.sampled_from(
    [
        *("yes", "no", "when_invited", "outside", "contact:ana", "contact:ben", "contact:", "contact:9", "x"),
        *("with", "without", "forget", "stay", "write"),
    ]
)
emojis = st.sampled_from(["✅", "👋", "", "\ufe0f", "✖️", "🎉"])
events = st.sampled_from(["$a", "$b", "$c", "$d"])
moments = st.integers(-(2**60), 2**60) | st.integers(1_800_000_000_000, 1_801_000_000_000)
nows = st.integers(1_800_000_000_000, 1_801_000_000_000)
texts = st.sampled_from([TextId("t1"), TextId("t2")])
words = st.sampled_from([*OWN_WORDS, "unknown", "invite", "mend", "pulse", "own", "cancel", "renew", ""])
workflows = st.sampled_from(["invitation", "trust_repair", "pulse", "practice", "letter", "", "nowhere"])
offers = st.lists(st.tuples(choices, emojis), max_size=4).map(tuple)
phrases = st.builds(Phrase, st.sampled_from(["hello", "a.say"]), st.none() | st.just("digest"))
messages = st.builds(
    Message,
    lines=st.lists(phrases, max_size=2).map(tuple),
    options=st.lists(st.builds(Option, choices, emojis, phrases), max_size=4).map(tuple),
    sensitive=st.booleans(),
    poll=st.booleans(),
)
kinds = st.sampled_from(["words", "moment", "person", "people", "number", "choice", "workflow"])
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
    knock=st.none() | rows,
    workflow=workflows,
    also=st.lists(rows, max_size=2).map(tuple),
    hidden=st.booleans(),
    set_aside=st.booleans(),
)
exchanges = st.builds(
    Exchange,
    st.lists(rows, max_size=3).map(tuple),
    st.lists(events, max_size=3).map(tuple),
    asks | rows | instances,
    st.none() | instances,
    st.booleans(),
)
desks = st.builds(
    Desk,
    person=st.just(ME),
    version=st.integers(0, 5),
    consent=st.sampled_from(["unknown", "yes", "when_invited", "stopped"]),
    greeted=st.booleans(),
    rhythm=st.none()
    | st.builds(
        Rhythm,
        time_zone=st.sampled_from([*ZONES, "Mars/Olympus", "Europe", ""]),
        quiet_from_hour=st.integers(0, 23),
        quiet_to_hour=st.integers(0, 23),
        paused_until_ms=moments,
    ),
    own_rhythm=st.builds(
        OwnRhythm,
        time_zone=st.none() | st.sampled_from([*ZONES, "Mars/Olympus", ""]),
        quiet_hours=st.none() | st.tuples(st.integers(0, 23), st.integers(0, 23)),
        paused_until_ms=moments,
    ),
    muted=st.lists(workflows, max_size=2, unique=True).map(tuple),
    not_from=st.lists(people, max_size=2).map(tuple),
    prompts=st.lists(prompts, max_size=5, unique_by=lambda p: p.row).map(tuple),
    powers=st.dictionaries(
        instances,
        st.builds(Power, st.lists(words, max_size=2).map(tuple), phrases, st.booleans(), st.booleans()),
        max_size=2,
    ),
    boards=st.dictionaries(st.sampled_from(["1/a", "2/b"]), rows, max_size=2),
    letters=st.lists(st.builds(Letter, rows, people, moments), max_size=3).map(tuple),
    listed=st.dictionaries(words, st.lists(instances, max_size=3).map(tuple), max_size=2),
    language=st.sampled_from(["", "de"]),
    shown=st.lists(instances, max_size=2, unique=True).map(tuple),
    calls=st.lists(st.builds(Call, people, moments, st.booleans()), max_size=3).map(tuple),
    called_by=st.lists(people, max_size=2, unique=True).map(tuple),
    private=st.lists(exchanges, max_size=3, unique_by=lambda e: e.about).map(tuple),
    letter_weekday=st.integers(0, 6),
    silent_letters=st.integers(0, 5),
    letter_ms=st.none() | moments,
    unanswered=st.integers(0, 4),
    leaving=st.sampled_from([False, False, False, True]),
    alone=st.none() | st.builds(Alone, instances, nows),
    unread=st.lists(st.builds(Unread, st.sampled_from("abc"), rows, moments), max_size=6).map(tuple),
    identity=st.sampled_from(["", "", "another"]),
    identity_told_ms=moments,
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
    st.none() | workflows,
    st.none() | st.sampled_from(["en", "de"]),
    st.none() | st.integers(-1, 8),
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
    declines=st.booleans(),
    too_long=st.booleans(),
    blank=st.booleans(),
    found=st.lists(people, max_size=2).map(tuple),
)
circles = st.sampled_from([CircleId("c1"), CircleId("c2")])
rounds = st.integers(1, 2)
heard = st.builds(
    Heard,
    events,
    readings,
    texts,
    st.none() | circles,
    st.none() | targets,
    st.booleans(),
    st.none() | events,
)
reworded = st.builds(Reworded, events, readings, texts, events | st.just(""))
asked = st.builds(
    Asked,
    instance=instances,
    workflow=workflows,
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
)
anything: st.SearchStrategy[DeskEvent] = st.one_of(
    heard,
    st.builds(Tapped, events, emojis, st.none() | targets, st.none() | circles),
    st.builds(
        Ticked,
        events,
        st.lists(st.sampled_from(["yes", "no", "tea"]), max_size=2).map(tuple),
        st.none() | targets,
        st.none() | circles,
    ),
    reworded,
    st.builds(TakenBack, events),
    st.just(Arrived()),
    st.just(Refused()),
    asked,
    st.builds(Helped, instances, people),
    st.builds(Settled, instances, asks, rounds),
    st.builds(Reopened, instances, asks, rounds),
    st.builds(Confirmed, instances, asks, rounds, phrases),
    st.builds(Told, instances, people, messages, urgencies, st.none() | moments),
    st.builds(Boarded, instances, st.sampled_from(["a", "b"]), messages, people),
    st.builds(
        Empowered, instances, st.lists(words, max_size=2).map(tuple), phrases, st.booleans(), st.booleans()
    ),
    st.builds(
        Rang, st.builds(lambda kind, row: f"{kind}:{row}", st.sampled_from(["remind", "later", ""]), rows)
    ),
    st.builds(Rang, st.sampled_from(["letter", "call:ana", "call:ben", "call:"])),
    st.builds(Called, people),
    st.builds(CallTaken, people),
    st.builds(
        Unreadable, st.sampled_from("ab"), st.sampled_from(["no_key", "unverified", "blocked", "damaged"])
    ),
    st.builds(Readable, st.sampled_from("ab")),
    st.builds(Estranged, st.just("another")),
    st.just(Recognized()),
    st.builds(
        Comparing,
        st.lists(st.integers(0, 63), max_size=7).map(tuple),
        st.tuples(st.integers(1000, 9191), st.integers(1000, 9191), st.integers(1000, 9191)),
    ),
    st.builds(Compared, st.sampled_from(["same", "different", "stopped", "too_late", "lost", "failed"])),
)
facts = st.builds(
    DeskFacts,
    now_ms=nows,
    occurred_ms=moments,
    circles=st.lists(circles, max_size=2, unique=True).map(tuple),
    begins=st.just({"invite": "invitation", "mend": "trust_repair"}),
    uses=st.dictionaries(circles, st.lists(workflows, max_size=4, unique=True).map(tuple), max_size=2),
    offers=st.dictionaries(workflows, st.just("digest"), max_size=2),
    discreet=st.just(frozenset(("trust_repair",))),
    carried=st.lists(instances, max_size=2, unique=True).map(tuple),
    titles=st.dictionaries(workflows, st.just("digest"), max_size=2),
    could_begin=st.just({"pulse": "pulse"}),
    resting=st.just({"own": "owning"}),
    news=st.booleans(),
    fresh_instance=st.just(InstanceId("f" * 32)),
    contacts=st.lists(people, max_size=3, unique=True).map(tuple),
    delivered=st.frozensets(rows),
)
SHARED_VIEWS = (
    "who holds what",
    "what's on",
    "try",
    "trust",
    "carried by:me",
    "carried by:ana",
    "carried by:ben",
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
                if isinstance(parcel.to, Shared):
                    assert isinstance(event, Heard)
                    assert parcel.to.circle == event.circle
                    assert parcel.redacts_event == event.event_id or parcel.message.view in SHARED_VIEWS
                    assert (parcel.message.lines, parcel.redacts, parcel.document) == ((), None, None)
                else:
                    assert parcel.to == Direct(ME)
            case Pass(event=carried):
                assert Ref(ME) in (getattr(carried, "by", None), getattr(carried, "who", None))
            case Inform(event=carried):
                assert carried.by == ME
                assert isinstance(event, Heard | Tapped | Ticked)
            case Forget():
                assert isinstance(event, Heard)
            case Begin() | Withdraw() | Release() | Alarm() | Store():
                pass


@LOTS
@given(desks, anything, facts)
def test_whoever_is_told_of_a_call_is_a_contact_now_and_was_named_by_the_members_own_choice(
    desk: Desk, event: DeskEvent, known: DeskFacts
) -> None:
    decision = decide_desk(desk, event, known)
    for effect in decision.effects:
        if isinstance(effect, Inform) and isinstance(effect.event, Called):
            assert isinstance(event, Heard)
            assert f"contact:{effect.person}" in event.reading.picks.values()
            assert effect.person in known.contacts
            assert effect.person not in (ME, *desk.not_from)
            assert any(c.contact == effect.person and not c.answered for c in decision.desk.calls)


@LOTS
@given(desks, st.lists(st.tuples(anything, facts), max_size=4))
def test_whoever_is_being_forgotten_is_not_written_to_or_read_any_more(
    desk: Desk, course: list[tuple[DeskEvent, DeskFacts]]
) -> None:
    desk = replace(desk, leaving=True)
    for event, known in course:
        decision = decide_desk(desk, event, known)
        assert (decision.desk, decision.effects) == (desk, ())


@LOTS
@given(desks, anything, facts)
def test_a_letter_is_on_its_way_for_whoever_is_to_get_one_and_for_nobody_else(
    desk: Desk, event: DeskEvent, known: DeskFacts
) -> None:
    after = decide_desk(desk, event, known).desk
    wanted = after.consent == "yes" and "letter" not in after.muted and not after.leaving
    assert wanted or after.letter_ms is None or after is desk
    assert not wanted or after.letter_ms is not None or after is desk


@LOTS
@given(desks, anything, facts)
def test_what_a_muted_persons_desk_lays_out_does_not_leave_unless_they_just_spoke(
    desk: Desk, event: DeskEvent, known: DeskFacts
) -> None:
    decision = decide_desk(desk, event, known)
    mine = Standing(decision.desk.consent, rhythm_of(decision.desk, known.usual), present=True)
    for effect in decision.effects:
        if not isinstance(effect, Put) or effect.parcel.to != Direct(ME):
            continue
        if mine.consent == "stopped" and effect.parcel.urgency not in ("hello", "reply", "safety"):
            assert type(schedule(effect.parcel, mine, known.now_ms)).__name__ == "Drop"
        if effect.parcel.urgency == "safety":
            assert isinstance(event, Heard | Asked | Told | Helped | CallTaken | Called | Rang)
            assert not isinstance(event, Called) or desk.consent != "stopped"
            assert not isinstance(event, Helped) or desk.consent != "stopped" or _alone(desk, event, known)


@LOTS
@given(desks, anything, facts)
def test_whoever_is_not_wanted_reaches_nobody(desk: Desk, event: DeskEvent, known: DeskFacts) -> None:
    if isinstance(event, Asked | Told) and event.starter in desk.not_from and event.urgency != "reply":
        assert decide_desk(desk, event, known).effects == ()
    if isinstance(event, Boarded) and event.starter in desk.not_from:
        assert decide_desk(desk, event, known).effects == ()
    if isinstance(event, Helped) and event.starter in desk.not_from and not _alone(desk, event, known):
        assert decide_desk(desk, event, known).effects == ()
    if isinstance(event, Called) and event.by in desk.not_from:
        assert decide_desk(desk, event, known).effects == ()
    if isinstance(event, CallTaken) and event.by in desk.not_from:
        assert not any(isinstance(e, Put) for e in decide_desk(desk, event, known).effects)


# ── private matters ──────────────────────────────────────────────────────────


@LOTS
@given(desks, asked, facts)
def test_something_private_is_shown_only_to_whoever_is_alone_with_it_and_never_to_be_tapped(
    desk: Desk, event: Asked, known: DeskFacts
) -> None:
    event = replace(event, sensitive=True)
    put = [e.parcel for e in decide_desk(desk, event, known).effects if isinstance(e, Put)]
    of_it = [parcel for parcel in put if parcel.about == event.instance]
    questions = [parcel for parcel in of_it if parcel.polls is None]
    assert len(questions) <= 1
    # A poll is encrypted; it comes with its question only, never with a knock.
    shown = [parcel.row for parcel in questions if parcel.message != KNOCK]
    assert [parcel.polls for parcel in of_it if parcel.polls is not None] == shown * event.message.poll
    for parcel in of_it:
        assert (parcel.emoji, parcel.message.sensitive) == (None, True)
        if parcel.message == KNOCK:
            assert parcel.target is None
            continue
        assert _alone(desk, event, known)
        assert (event.urgency, parcel.urgency, parcel.message.mention) == ("reply", "reply", False)
        assert all(option.emoji == "" for option in parcel.message.options)


@LOTS
@given(desks, heard, facts)
def test_what_somebody_writes_privately_in_a_shared_room_is_taken_back_there(
    desk: Desk, event: Heard, known: DeskFacts
) -> None:
    event = replace(event, circle=CircleId("c1"), addressed=True)
    decision = decide_desk(desk, event, known)
    back = [e for e in decision.effects if isinstance(e, Put) and e.parcel.redacts_event == event.event_id]
    in_the_room = [e for e in back if isinstance(e.parcel.to, Shared)]
    assert len(in_the_room) <= 1
    private = {(p.instance, p.ask, p.round) for p in desk.prompts if p.message.sensitive}
    private -= {(p.instance, p.ask, p.round) for p in desk.prompts if not p.message.sensitive}
    discreet = {i for i, power in desk.powers.items() if power.discreet}
    for effect in decision.effects:
        match effect:
            case Pass(instance=instance, event=Answered(ask=ask, round=round_)):
                assert in_the_room or (instance, ask, round_) not in private
            case Pass(instance=instance, event=Commanded()):
                assert in_the_room or instance not in discreet
            case Begin(workflow=workflow):
                assert in_the_room or workflow not in known.discreet
    command = event.reading.command
    if command is not None and command.word in PRIVATE_WORDS and not event.reading.too_long:
        assert in_the_room or desk.leaving
    assert decision.desk.alone is None or decision.ignored


@LOTS
@given(desks, heard, facts)
def test_nothing_written_in_ones_own_room_is_left_without_a_word_and_what_is_passed_on_is_kept(
    desk: Desk, event: Heard, known: DeskFacts
) -> None:
    decision = decide_desk(replace(desk, leaving=False), replace(event, circle=None), known)
    assert decision.effects
    kept = {e.text for e in decision.effects if isinstance(e, Store)}
    for effect in decision.effects:
        if isinstance(effect, Pass) and isinstance(effect.event, Answered) and effect.event.text is not None:
            before = {s.text for p in desk.prompts for s in p.sources}
            assert effect.event.text in kept | before
    alone = decision.desk.alone
    assert alone is None or alone in (desk.alone, replace(alone, until_ms=known.occurred_ms + ALONE_MS))


@LOTS
@given(desks, reworded, facts)
def test_nobody_is_made_to_say_one_of_the_bots_own_words_by_an_edit(
    desk: Desk, event: Reworded, known: DeskFacts
) -> None:
    for word in ("not from", "person", "stop", "forget me"):
        reading = replace(event.reading, command=Command(word), picks={})
        edit = replace(event, reading=reading)
        decision = decide_desk(desk, edit, known)
        assert not any(isinstance(e, Pass | Store) for e in decision.effects)
        assert decision.desk.alone == desk.alone


def _alone(desk: Desk, event: Asked | Helped, known: DeskFacts) -> bool:
    alone = desk.alone
    return alone is not None and alone.instance == event.instance and known.now_ms < alone.until_ms
