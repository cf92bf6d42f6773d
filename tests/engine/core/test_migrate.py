"""Moving an instance to another version of its workflow: what goes on, what is asked, what is refused."""

from __future__ import annotations

import msgspec
import pytest

from engine.core.audience import EXISTENCE, RoomIf, answer_readers, is_within, part_readers, readers, shown
from engine.core.decide import decide
from engine.core.definition import (
    NO,
    AnsweredBy,
    Circle,
    Definition,
    DetailIs,
    Everyone,
    Hidden,
    MomentExpr,
    MoveDef,
    NamedIn,
    NotThat,
    OnEnded,
    OneOf,
    Part,
    PartDef,
    Room,
    StartDef,
    Starter,
    Stewards,
    TellDef,
)
from engine.core.effect import (
    Ask,
    Decision,
    DropTimer,
    Effect,
    Empower,
    KeepText,
    Post,
    Refusal,
    SetTimer,
    Settle,
    Show,
    Tell,
)
from engine.core.event import Answered, Commanded, Due, Event, Facts, Migrated, Started
from engine.core.instance import Snapshot
from engine.core.migrate import obstacles
from engine.core.values import DAY_MS, HOUR_MS, Moment, Ms, Persons, Picked, Ref, TextId, Words
from engine.loading.load import load_definition

NOW = 1_800_273_600_000
HOST, BEN, CHEN = Ref("p1"), Ref("p2"), Ref("p3")

SUPPER = """\
name: supper
about: Eat together.
begins with: supper
listed in: what's on
people:
  host: starter
  guests: named in guests
  coming: those who answered coming to invited
details:
  guests:
    ask: Whom?
    type: people
  what:
    ask: What is there?
    type: words
    keep: 30 days
  starts:
    ask: When?
    type: date and time
  kind:
    ask: Which?
    choices:
      soup: 🍲 Soup
      bread: 🍞 Bread
asks:
  invited:
    to: guests
    say: <host> invites you to <what>.
    answers:
      coming: ✅ Coming
      maybe: 🤔 Maybe
    seen by: host
    until: 1 day before starts
    changeable until: starts
  help:
    to: coming
    say: Like to help?
    answers:
      gladly: 🤲 Gladly
    seen by: host
    until: starts
  after:
    to: guests
    say: How was it?
    answers: in words
    seen by: host
    until: 5 days after opening
    keep: 30 days
states:
  draft:
    gather: [guests, what, starts, kind]
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: off
  open:
    asks: invited
    board:
      to: host
      say: "Coming: <coming>"
    public:
      say: Supper with <host>
      if: kind is soup
    moves:
      - when: host writes cancel
        to: off
      - at: 1 day before starts
        to: eaten
  eaten:
    keeps: invited
    asks: after
    moves:
      - when: after closes
        to: done
      - at: 6 days after entering
        to: done
  done:
    ends with: It was good.
  off:
    ends with: Another time.
"""


def version(*changes: tuple[str, str], text: str = SUPPER) -> Definition:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    found = load_definition(text, "supper.yaml")
    assert isinstance(found, Definition), "\n".join(map(str, found))
    return found


V1 = version()


def facts(at_ms: Ms = NOW) -> Facts:
    return Facts(now_ms=at_ms, occurred_ms=at_ms, instance="i1", circle="c1")


def after(definition: Definition, *events: Event, until: str = "open") -> Snapshot:
    """An instance with two guests, after some events."""
    details = {
        "guests": Persons((BEN, CHEN)),
        "what": Words(TextId("soup")),
        "starts": Moment(NOW + 10 * DAY_MS),
        "kind": Picked("soup"),
    }
    decision = decide(definition, None, Started(HOST, details), facts())
    assert isinstance(decision, Decision)
    snapshot = decision.snapshot
    for n, event in enumerate(events):
        decided = decide(definition, snapshot, event, facts(NOW + n + 1))
        assert isinstance(decided, Decision), decided
        snapshot = decided.snapshot
    assert snapshot.state == until
    return snapshot


def eaten(definition: Definition = V1) -> Snapshot:
    """One that came to its second state."""
    snapshot = after(definition, said(BEN, "coming"))
    name, timer = next((n, t) for n, t in snapshot.timers.items() if n.startswith("at:"))
    decided = decide(definition, snapshot, Due(name, timer.entry), facts(timer.due_ms))
    assert isinstance(decided, Decision)
    assert decided.snapshot.state == "eaten"
    return decided.snapshot


def said(who: Ref, choice: str, ask: str = "invited") -> Answered:
    return Answered(ask, 1, who, choice)


def move(snapshot: Snapshot, new: Definition, state: str = "", old: Definition = V1) -> Decision:
    event = Migrated(new.digest, state or snapshot.state)
    decision = decide(old, snapshot, event, facts(NOW + HOUR_MS), new)
    assert isinstance(decision, Decision), (decision, obstacles(old, new, snapshot, state or snapshot.state))
    assert decision.snapshot.definition == new.digest
    assert decision.snapshot.version == snapshot.version + 1
    return decision


def only(decision: Decision, *kinds: type[Effect]) -> list[Effect]:
    return [effect for effect in decision.effects if isinstance(effect, kinds)]


SPEAKING = (Ask, Tell, Post, Show, Settle)


# ── what goes on ─────────────────────────────────────────────────────────────


def test_what_lies_open_goes_on_and_nobody_hears_anything() -> None:
    snapshot = after(V1, said(BEN, "coming"))
    new = version(("5 days after opening", "4 days after opening"))
    decision = move(snapshot, new)
    assert only(decision, *SPEAKING) == []
    assert decision.snapshot.asks == snapshot.asks
    assert decision.snapshot.state == "open"
    assert decision.snapshot.entered_ms == snapshot.entered_ms
    assert decision.snapshot.timers == snapshot.timers


def test_afterwards_it_is_decided_by_the_new_version() -> None:
    new = version(("      maybe: 🤔 Maybe", "      maybe: 🤔 Maybe\n      late: 🌙 Later on"))
    moved = move(after(V1), new).snapshot
    decided = decide(new, moved, said(CHEN, "late"), facts(NOW + 2 * HOUR_MS))
    assert isinstance(decided, Decision)


def test_moments_of_the_state_are_reckoned_anew_and_promises_to_people_stay() -> None:
    snapshot = after(V1)
    new = version(
        (
            "      - at: 1 day before starts\n        to: eaten",
            "      - at: 2 days before starts\n        to: eaten",
        ),
        ("    until: 1 day before starts", "    until: 2 days before starts"),
    )
    decision = move(snapshot, new)
    at = next(t for name, t in decision.snapshot.timers.items() if name.startswith("at:"))
    assert at.due_ms == NOW + 8 * DAY_MS
    assert decision.snapshot.asks["invited"].closes_ms == NOW + 9 * DAY_MS
    assert [effect.name for effect in only(decision, SetTimer) if isinstance(effect, SetTimer)]


def test_a_moment_that_is_no_more_is_not_waited_for() -> None:
    snapshot = eaten()
    state = V1.states["eaten"]
    only_answers = msgspec.structs.replace(state, moves=state.moves[:1])
    new = msgspec.structs.replace(V1, digest="unhurried", states={**V1.states, "eaten": only_answers})
    decision = move(snapshot, new)
    assert not any(name.startswith("at:") for name in decision.snapshot.timers)
    (dropped,) = only(decision, DropTimer)
    assert isinstance(dropped, DropTimer)
    assert dropped.name.startswith("at:")


def test_what_the_new_version_asks_besides_is_asked_and_nothing_else() -> None:
    new = version(("    asks: after\n", "    asks: [after, help]\n"))
    asked = [e for e in only(move(eaten(), new), Ask) if isinstance(e, Ask)]
    assert [(e.ask, e.who) for e in asked] == [("help", BEN)]


def test_what_the_state_no_longer_asks_is_settled_without_a_word() -> None:
    old = version(("    asks: after\n", "    asks: [after, help]\n"))
    decision = move(eaten(old), V1, old=old)
    assert decision.snapshot.asks["help"].settled
    assert only(decision, *SPEAKING) == only(decision, Settle)
    assert {e.ask for e in only(decision, Settle) if isinstance(e, Settle)} == {"help"}


def test_a_board_that_reads_otherwise_is_edited_and_one_that_does_not_is_left_alone() -> None:
    snapshot = after(V1, said(BEN, "coming"))
    new = version(('say: "Coming: <coming>"', 'say: "They come: <coming>"'), ("5 days after", "4 days after"))
    (shown_again,) = only(move(snapshot, new), Show)
    assert isinstance(shown_again, Show)
    assert f"{shown_again.board}/{HOST}" in snapshot.boards, "an edit of the message that is there"


def test_words_that_are_another_command_now_are_the_holders() -> None:
    new = version(("host writes cancel", "host writes enough"))
    (given,) = only(move(after(V1), new), Empower)
    assert isinstance(given, Empower)
    assert given.words == ("enough",)
    decided = decide(new, move(after(V1), new).snapshot, Commanded("enough", HOST), facts(NOW + 2 * HOUR_MS))
    assert isinstance(decided, Decision)
    assert decided.snapshot.state == "off"


def test_in_another_state_it_is_as_if_it_had_just_come_there_but_nothing_is_told() -> None:
    renamed = version(
        ("  eaten:\n    keeps", "  over:\n    tell:\n      to: guests\n      say: It is over.\n    keeps"),
        ("        to: eaten", "        to: over"),
    )
    snapshot = eaten()
    decision = move(snapshot, renamed, "over")
    assert only(decision, Tell) == []
    assert only(decision, Ask) == []
    assert decision.snapshot.entry == snapshot.entry + 1
    assert decision.snapshot.visits["over"] == 1
    assert decision.snapshot.entered_ms == NOW + HOUR_MS


def hidden_until_shown() -> Definition:
    """What guests write is hidden until a state shows it."""
    ask = msgspec.structs.replace(V1.asks["after"], hidden=Hidden())
    return msgspec.structs.replace(V1, digest="hidden", asks={**V1.asks, "after": ask})


def test_a_state_that_shows_hidden_answers_shows_them_when_it_is_moved_there() -> None:
    old = hidden_until_shown()
    decided = decide(
        old, eaten(old), Answered("after", 1, CHEN, text=TextId("lovely")), facts(NOW + 10 * DAY_MS)
    )
    assert isinstance(decided, Decision)
    shows = msgspec.structs.replace(old.states["eaten"], name="shown", asks=(), keeps=("after",))
    shows = msgspec.structs.replace(shows, shows=("after",))
    new = msgspec.structs.replace(old, digest="shows", states={**old.states, "shown": shows})
    assert only(move(decided.snapshot, new, old=old), Show) == []
    (shown_words,) = only(move(decided.snapshot, new, "shown", old=old), Show)
    assert isinstance(shown_words, Show)
    assert (shown_words.who, shown_words.message.lines[0].key) == (HOST, "words_from")


def test_an_end_that_came_before_the_new_version_waits_for_it_is_not_lost() -> None:
    snapshot = msgspec.structs.replace(after(V1), ended={"decision": "decided"})
    state = V1.states["open"]
    waits = msgspec.structs.replace(state, moves=(*state.moves, MoveDef(OnEnded("decision"), "eaten")))
    new = msgspec.structs.replace(V1, digest="waits", states={**V1.states, "open": waits})
    moved = move(snapshot, new).snapshot
    assert (moved.state, moved.ended) == ("eaten", {})


def test_a_state_left_behind_whose_question_is_over_asks_it_anew() -> None:
    snapshot = eaten()
    snapshot = msgspec.structs.replace(
        snapshot,
        asks={
            **snapshot.asks,
            "after": msgspec.structs.replace(snapshot.asks["after"], open=False, settled=True),
        },
    )
    renamed = version(("  eaten:\n", "  over:\n"), ("        to: eaten", "        to: over"))
    asked = [e for e in only(move(snapshot, renamed, "over"), Ask) if isinstance(e, Ask)]
    assert {e.ask for e in asked} == {"after"}


def test_a_detail_that_is_still_missing_is_asked_for() -> None:
    decision = decide(V1, None, Started(HOST, {"guests": Persons((BEN,))}), facts())
    assert isinstance(decision, Decision)
    draft = decision.snapshot
    assert "detail:what" in draft.asks
    seats = "  seats:\n    ask: How many?\n    type: number\nasks:\n"
    new = version(
        ("asks:\n  invited", seats + "  invited"),
        ("gather: [guests, what, ", "gather: [guests, seats, what, "),
        ("invites you to <what>.", "invites you to <what>, <seats> at the table."),
    )
    moved = move(draft, new)
    assert {e.ask for e in only(moved, Ask) if isinstance(e, Ask)} <= {"detail:seats"}


def test_a_draft_in_which_nothing_is_missing_any_more_goes_on() -> None:
    details = {"guests": Persons((BEN,)), "what": Words(TextId("soup")), "starts": Moment(NOW + 10 * DAY_MS)}
    decision = decide(V1, None, Started(HOST, dict(details)), facts())
    assert isinstance(decision, Decision)
    kind = "    choices:\n      soup: 🍲 Soup\n      bread: 🍞 Bread\n"
    new = version(
        (kind, kind + "    default: soup\n"),
        ("gather: [guests, what, starts, kind]", "gather: [guests, what, starts]"),
    )
    with_default = move(msgspec.structs.replace(decision.snapshot, asks={}), new)
    assert with_default.snapshot.state == "open"


def test_words_the_new_version_has_no_place_for_are_kept_as_long_as_was_said() -> None:
    old = version(
        (
            "asks:\n  invited",
            "  note:\n    ask: Anything else?\n    type: words\n    keep: 20 days\nasks:\n  invited",
        ),
        ("starts, kind]", "starts, kind, note]"),
    )
    snapshot = msgspec.structs.replace(after(V1), definition=old.digest)
    snapshot = msgspec.structs.replace(snapshot, details={**snapshot.details, "note": Words(TextId("note"))})
    decision = move(snapshot, V1, old=old)
    assert "note" not in decision.snapshot.details
    assert KeepText(TextId("note"), NOW + HOUR_MS + 20 * DAY_MS) in decision.effects


def test_answers_of_a_question_that_is_over_and_gone_are_kept_as_long_as_was_said() -> None:
    snapshot = eaten()
    answer = Answered("after", 1, BEN, text=TextId("lovely"))
    decided = decide(V1, snapshot, answer, facts(NOW + 9 * DAY_MS + HOUR_MS))
    assert isinstance(decided, Decision)
    held = msgspec.structs.replace(decided.snapshot.asks["after"], open=False, settled=True)
    snapshot = msgspec.structs.replace(decided.snapshot, asks={**decided.snapshot.asks, "after": held})
    start = SUPPER.index("  after:\n")
    new = version(
        (SUPPER[start : SUPPER.index("states:\n")], ""),
        ("    asks: after\n", ""),
        ("      - when: after closes\n        to: done\n", ""),
    )
    decision = move(snapshot, new)
    assert KeepText(TextId("lovely"), NOW + HOUR_MS + 30 * DAY_MS) in decision.effects


def test_what_is_asked_again_and_again_keeps_its_rhythm_or_gets_one() -> None:
    every = (
        "    seen by: host\n    until: starts",
        "    every: 2 weeks\n    seen by: host\n    until: 5 days after opening",
    )
    new = version(every, ("    asks: after\n", "    asks: [after, help]\n"))
    decision = move(eaten(), new)
    timer = decision.snapshot.timers["again:help:0"]
    assert timer.due_ms == NOW + HOUR_MS + 14 * DAY_MS
    assert SetTimer("again:help:0", timer.due_ms, timer.entry) in decision.effects
    assert only(decision, Ask) == []
    later = msgspec.structs.replace(new, digest="later")
    assert move(decision.snapshot, later, old=new).snapshot.timers["again:help:0"] == timer


def test_what_is_repeated_no_more_is_not_asked_again() -> None:
    every = (
        "    seen by: host\n    until: starts",
        "    every: 2 weeks\n    seen by: host\n    until: starts",
    )
    asks = ("    asks: after\n", "    asks: [after, help]\n")
    old, new = version(every, asks), version(asks)
    snapshot = eaten(old)
    timer = snapshot.timers["again:help:0"]
    decided = decide(old, snapshot, Due("again:help:0", timer.entry), facts(timer.due_ms))
    assert isinstance(decided, Decision)
    assert "help" in decided.snapshot.asks
    decision = move(decided.snapshot, new, old=old)
    assert "again:help:0" not in decision.snapshot.timers
    assert DropTimer("again:help:0") in decision.effects


def test_a_question_that_is_over_is_not_asked_a_second_time_where_it_stands() -> None:
    snapshot = eaten()
    over = msgspec.structs.replace(snapshot.asks["after"], open=False, settled=True)
    snapshot = msgspec.structs.replace(snapshot, asks={**snapshot.asks, "after": over})
    decision = move(snapshot, msgspec.structs.replace(V1, digest="asked once"))
    assert only(decision, Ask) == []
    assert decision.snapshot.asks["after"] == over


def test_the_moment_of_a_question_that_is_over_and_gone_is_not_waited_for() -> None:
    hidden = msgspec.structs.replace(V1.asks["after"], hidden=Hidden(MomentExpr("opening", 9 * DAY_MS)))
    old = msgspec.structs.replace(V1, digest="hidden", asks={**V1.asks, "after": hidden})
    snapshot = eaten(old)
    over = msgspec.structs.replace(snapshot.asks["after"], open=False, settled=True)
    snapshot = msgspec.structs.replace(snapshot, asks={**snapshot.asks, "after": over})
    state = msgspec.structs.replace(V1.states["eaten"], asks=(), moves=V1.states["eaten"].moves[1:])
    asks = {name: ask for name, ask in V1.asks.items() if name != "after"}
    new = msgspec.structs.replace(V1, digest="gone", asks=asks, states={**V1.states, "eaten": state})
    assert DropTimer("show:after:1") in move(snapshot, new, old=old).effects


def test_people_who_lie_outside_are_looked_up_if_the_new_version_is_the_first_to_need_them() -> None:
    new = with_parts(PartDef("keepers", (Stewards(),)))
    new = msgspec.structs.replace(new, digest="kept")
    snapshot = after(V1)
    snapshot = msgspec.structs.replace(snapshot, groups={"nobody": (CHEN,)})
    known = msgspec.structs.replace(facts(NOW + HOUR_MS), groups={"keepers": (CHEN,)})
    decision = decide(V1, snapshot, Migrated("kept", "open"), known, new)
    assert isinstance(decision, Decision)
    assert decision.snapshot.groups == {"keepers": (CHEN,)}
    again = msgspec.structs.replace(new, digest="again")
    moved = move(decision.snapshot, again, old=new)
    assert moved.snapshot.groups == {"keepers": (CHEN,)}


def test_what_two_people_talk_about_goes_on() -> None:
    snapshot = after(V1)
    talk = msgspec.structs.replace(snapshot.asks["invited"], asked=(HOST,))
    asks = {**snapshot.asks, "question:invited:p2:1": talk, "fewer:invited:p3": talk}
    decision = move(msgspec.structs.replace(snapshot, asks=asks), version(("5 days", "4 days")))
    assert only(decision, Settle) == []
    assert decision.snapshot.asks.keys() == asks.keys()


CARRIED = "carried:\n  by: guests\n  as: a commitment\n"


# ── what is refused ──────────────────────────────────────────────────────────


def codes(
    new: Definition, snapshot: Snapshot | None = None, state: str = "", old: Definition = V1
) -> set[str]:
    held = snapshot or after(old, said(BEN, "coming"))
    state = state or held.state
    found = {obstacle.code for obstacle in obstacles(old, new, held, state)}
    decided = decide(old, held, Migrated(new.digest, state), facts(NOW + HOUR_MS), new)
    assert (decided == Refusal("does_not_fit")) == bool(found)
    return found


def test_a_version_that_differs_in_nothing_that_matters_has_nothing_in_its_way() -> None:
    assert codes(version(("5 days after", "4 days after"))) == set()


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("answer_gone", ("      maybe: 🤔 Maybe\n", "")),
        (
            "seen_by_more",
            ("    seen by: host\n    until: 1 day", "    seen by: host, guests\n    until: 1 day"),
        ),
        ("kept_longer", ("    type: words\n    keep: 30 days", "    type: words\n    keep: 60 days")),
        ("detail_changed", ("      soup: 🍲 Soup\n", "      porridge: 🥣 Porridge\n")),
        ("listed", ("\n      if: kind is soup", "")),
        (
            "listed",
            ("    asks: after\n", "    asks: after\n    public: {say: Supper, listed in: what's on}\n"),
        ),
        ("shown_to_more", ("say: Supper with <host>", "say: Supper with <host>, <what>")),
        ("shown_to_more", ("say: How was it?", "say: How was it, the <kind>?")),
        ("shown_to_more", ("people:\n", f"{CARRIED}  while: open\n  say: To guests, <kind>\npeople:\n")),
        ("shown_to_more", ("people:\n", f"{CARRIED}  afterwards: A <kind>\n  after: done\npeople:\n")),
    ],
)
def test_audiences_never_widen_and_nothing_given_is_lost(code: str, change: tuple[str, str]) -> None:
    text = SUPPER.replace(*change)
    if code == "detail_changed":
        text = text.replace("kind is soup", "kind is bread")
    assert code in codes(version(text=text))


def test_whoever_knew_something_may_carry_it_and_a_workflow_that_was_agreed_on_stays_agreed_on() -> None:
    carried = CARRIED.replace("by: guests", "by: host") + "  while: open\n  say: A supper, <kind>\npeople:\n"
    assert codes(version(("people:\n", carried))) == set()
    which = ("details:\n", "details:\n  which: workflow\n")
    old = version(which)
    held = after(old)
    held = msgspec.structs.replace(held, details={**held.details, "which": Picked("a digest")})
    assert codes(version(which, ("5 days", "4 days")), held, old=old) == set()
    lost = version(("details:\n", "details:\n  which:\n    type: number\n    default: 2\n"))
    assert codes(lost, held, old=old) == {"detail_changed"}


def test_a_person_who_could_see_it_before_may_see_it_elsewhere() -> None:
    # Those who come were among those who were asked, and the question told them.
    assert codes(version(("say: Like to help?", "say: Like to help with <what>?"))) == set()


def test_answers_nobody_has_been_asked_for_yet_have_no_audience_that_could_widen() -> None:
    new = version(
        ("  coming: those who", "  helping: those who answered gladly to help\n  coming: those who"),
        (
            "    asks: after\n",
            '    asks: [help, after]\n    board:\n      to: host\n      say: "<helping> <help.gladly>"\n',
        ),
    )
    assert codes(new) == set()


@pytest.mark.parametrize("state", ["nowhere", "done"])
def test_it_is_moved_to_a_state_that_goes_on_or_not_at_all(state: str) -> None:
    assert codes(version(("5 days", "4 days")), state=state) in ({"no_such_state"}, {"final_state"})


def test_a_question_that_lies_open_is_not_taken_away() -> None:
    renamed = SUPPER.replace("invited", "bidden")
    assert "ask_gone" in codes(version(text=renamed))


def test_a_detail_that_is_being_asked_for_is_not_taken_away() -> None:
    decision = decide(V1, None, Started(HOST, {"guests": Persons((BEN,))}), facts())
    assert isinstance(decision, Decision)
    new = version(text=SUPPER.replace("what", "which").replace("which's", "what's"))
    assert "detail_gone" in codes(new, decision.snapshot)


def test_whoever_said_no_to_a_detail_is_not_asked_for_it_again() -> None:
    asked = ("    ask: What is there?\n", "    ask: What is there?\n    asked of: guests\n")
    old, new = (
        version(asked),
        version(asked, ("Eat together.", "Eat with one another."), ("5 days", "4 days")),
    )
    decision = decide(old, None, Started(HOST, {"guests": Persons((BEN,))}), facts())
    assert isinstance(decision, Decision)
    decision = decide(old, decision.snapshot, Answered("detail:what", 1, BEN, NO), facts())
    assert isinstance(decision, Decision)
    moved = decide(old, decision.snapshot, Migrated(new.digest, "draft"), facts(), new)
    assert isinstance(moved, Decision)
    assert not [e for e in moved.effects if isinstance(e, Ask | Settle)]


def test_a_detail_that_nobody_would_be_asked_for_any_more_is_missed() -> None:
    seats = "  seats:\n    ask: How many?\n    type: number\nasks:\n"
    new = version(
        ("asks:\n  invited", seats + "  invited"),
        ("gather: [guests, what, ", "gather: [guests, seats, what, "),
    )
    assert codes(new) == {"detail_missing"}


def test_a_question_that_promised_to_be_asked_otherwise_stays_as_it_is() -> None:
    careful = msgspec.structs.replace(V1.asks["after"], sensitive=True)
    new = msgspec.structs.replace(V1, digest="careful", asks={**V1.asks, "after": careful})
    # From plain to careful is no broken promise, the other way round it is.
    assert codes(new, eaten()) == set()
    assert "ask_changed" in codes(V1, eaten(new), old=new)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"hidden": Hidden(until_closed=True)}, {}),
        ({"hidden": Hidden()}, {"hidden": Hidden(until_closed=True)}),
        ({"unsigned": 5}, {}),
        ({"unsigned": 6}, {"unsigned": 5}),
    ],
)
def test_what_was_to_be_hidden_or_unsigned_stays_so(
    before: dict[str, object], after: dict[str, object]
) -> None:
    def asked(digest: str, changes: dict[str, object]) -> Definition:
        ask = msgspec.structs.replace(V1.asks["after"], **changes)
        return msgspec.structs.replace(V1, digest=digest, asks={**V1.asks, "after": ask})

    old, new = asked("before", before), asked("after", after)
    snapshot = eaten(old)
    held = msgspec.structs.replace(snapshot.asks["after"], shown=False, unsigned=before.get("unsigned", 0))
    snapshot = msgspec.structs.replace(snapshot, asks={**snapshot.asks, "after": held})
    assert "ask_changed" in codes(new, snapshot, old=old)
    over = msgspec.structs.replace(held, shown=True, unsigned=0)
    snapshot = msgspec.structs.replace(snapshot, asks={**snapshot.asks, "after": over})
    assert "ask_changed" not in codes(new, snapshot, old=old), "what has been shown is promised no longer"


def test_the_answers_of_those_who_wrote_are_kept_no_longer_than_was_said() -> None:
    new = version(
        (
            "    until: 5 days after opening\n    keep: 30 days",
            "    until: 5 days after opening\n    keep: 60 days",
        )
    )
    assert "kept_longer" in codes(new, eaten())


def test_nothing_is_handed_to_another_workflow_that_was_not_before() -> None:
    state = msgspec.structs.replace(
        V1.states["eaten"], starts=(StartDef("decision", hands=(("what", "what"),)),)
    )
    new = msgspec.structs.replace(V1, digest="hands", states={**V1.states, "eaten": state})
    assert codes(new) == {"handed_over"}


def test_the_version_it_runs_on_is_no_other_and_an_unknown_one_is_none() -> None:
    snapshot = after(V1)
    event = Migrated(V1.digest, "open")
    assert decide(V1, snapshot, event, facts(), V1) == Refusal("no_change")
    assert decide(V1, snapshot, event, facts()) == Refusal("does_not_fit")
    other = version(("5 days", "4 days"))
    assert decide(V1, snapshot, Migrated("elsewhere", "open"), facts(), other) == Refusal("does_not_fit")


# ── audiences ────────────────────────────────────────────────────────────────


def with_parts(*parts: PartDef) -> Definition:
    return msgspec.structs.replace(V1, parts=(*V1.parts, *parts))


def test_readers_are_where_people_come_from() -> None:
    definition = with_parts(PartDef("all", (Everyone(),)), PartDef("lot", (OneOf("guests"),)))
    assert part_readers(definition, "coming") == {AnsweredBy("invited", ("coming",))}
    assert part_readers(definition, "starter") == {Starter()}
    assert part_readers(definition, "nobody") == frozenset()
    assert readers(definition, Circle(("host",))) == {Everyone(("host",))}
    assert readers(definition, Room()) == {Room()}
    assert readers(definition, AnsweredBy("invited", ("coming", "maybe"))) == {
        AnsweredBy("invited", ("coming",)),
        AnsweredBy("invited", ("maybe",)),
    }


def test_who_is_within_an_audience_is_followed_to_where_they_were_asked() -> None:
    guests, coming = frozenset((NamedIn("guests"),)), AnsweredBy("invited", ("coming",))
    assert is_within(V1, coming, guests)
    assert not is_within(V1, NamedIn("guests"), frozenset((coming,)))
    assert is_within(V1, Starter(), frozenset((Room(),)))
    assert is_within(V1, OneOf("guests"), guests)
    assert is_within(V1, Everyone(("host",)), frozenset((Everyone(),)))
    assert not is_within(V1, Everyone(), guests)
    in_room = msgspec.structs.replace(
        V1, asks={**V1.asks, "invited": msgspec.structs.replace(V1.asks["invited"], to=Room())}
    )
    assert not is_within(in_room, coming, guests)
    round_and_round = msgspec.structs.replace(
        V1, asks={**V1.asks, "invited": msgspec.structs.replace(V1.asks["invited"], to=Part("coming"))}
    )
    assert not is_within(round_and_round, AnsweredBy("invited", ("maybe",)), frozenset())


def test_the_room_is_a_reader_of_what_is_said_there_as_long_as_its_condition_holds() -> None:
    asked = msgspec.structs.replace(V1.asks["invited"], to=Room(), seen_by=("me", "circle"))
    end = msgspec.structs.replace(V1.states["done"], tells=(TellDef(Room(), "states.done.ends with"),))
    public = msgspec.structs.replace(V1.states["open"], public_otherwise="invited.say")
    states = {**V1.states, "done": end, "open": public}
    definition = msgspec.structs.replace(V1, asks={**V1.asks, "invited": asked}, states=states)
    kind = DetailIs("kind", "soup")
    assert answer_readers(definition, "invited") == {Room()}
    assert shown(definition)["what"] >= {Room(), RoomIf(NotThat(kind))}
    assert shown(definition)[EXISTENCE] == {Room(), RoomIf(kind), RoomIf(NotThat(kind))}
    unlisted = msgspec.structs.replace(V1, shelf=None)
    assert EXISTENCE not in shown(unlisted)


def test_what_is_shown_is_told_by_what_it_means_not_by_what_it_is_called() -> None:
    renamed = version(("host", "cook"))
    assert shown(renamed).keys() == shown(V1).keys()
