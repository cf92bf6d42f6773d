"""One desk, played with: events go in, and what was laid out for the person can be looked at."""

from __future__ import annotations

from typing import Any

from engine.core.decide_desk import decide_desk
from engine.core.desk import (
    Alarm,
    Asked,
    Boarded,
    Called,
    CallTaken,
    Command,
    Desk,
    DeskDecision,
    DeskEffect,
    DeskEvent,
    DeskFacts,
    Heard,
    Inform,
    Pass,
    Prompt,
    Put,
    Reading,
    Reworded,
    Rhythm,
    Source,
    TakenBack,
    Tapped,
    Told,
    Withdraw,
)
from engine.core.desk_table import target_of
from engine.core.desk_usual import EVERYBODY, rhythm_of
from engine.core.event import Answered
from engine.core.message import Message, Option, Phrase
from engine.core.parcel import Parcel, Target
from engine.core.values import DAY_MS, HOUR_MS, CircleId, InstanceId, Ms, PersonId, RowId, TextId

NOON = 1_800_273_600_000
"""Monday 2027-01-18 12:00 UTC."""
LETTER_MS = NOON + 6 * DAY_MS + 21 * HOUR_MS
"""Monday after, 09:00 UTC."""
ME, ANA, BEN, CHEN = (PersonId(name) for name in ("me", "ana", "ben", "chen"))
CIRCLE, OTHER = CircleId("circle"), CircleId("other")
I1, I2, I3 = (InstanceId(n * 32) for n in "123")
YES_NO = (Option("yes", "✅", Phrase("rsvp.yes", "d")), Option("no", "✖️", Phrase("no.label")))


def asked(ask: str = "rsvp", instance: InstanceId = I1, **more: Any) -> Asked:
    """Somebody's question; a choice of yes and no unless ``expects`` says otherwise."""
    expects = more.pop("expects", "choice")
    options = YES_NO if expects == "choice" else ()
    fields: dict[str, Any] = {
        "workflow": "invitation",
        "starter": ANA,
        "round": 1,
        "message": Message(lines=(Phrase(f"{ask}.say", "d"),), options=options, mention=True),
        "words": expects == "words",
        "closes_ms": NOON + 7 * DAY_MS,
        "changeable_ms": NOON + 8 * DAY_MS,
        "urgency": "timely",
        "personal": True,
    }
    return Asked(instance=instance, ask=ask, expects=expects, **(fields | more))


def told(key: str = "gone", **more: Any) -> Told:
    fields: dict[str, Any] = {"instance": I1, "starter": ANA, "urgency": "timely"} | more
    return Told(message=Message(lines=(Phrase(key),)), **fields)


def board(key: str = "list", instance: InstanceId = I1, starter: PersonId = ANA) -> Boarded:
    return Boarded(instance, key, Message(lines=(Phrase(key),)), starter)


class OneDesk:
    """Plays events on one desk. ``greeted`` and with consent unless told otherwise."""

    def __init__(self, **desk: Any) -> None:
        letter_ms = LETTER_MS if desk.get("consent", "yes") == "yes" else None
        usual = {"consent": "yes", "greeted": True, "letter_ms": letter_ms}
        self.desk = Desk(ME, **(usual | desk))
        self.now_ms: Ms = NOON
        self.occurred_ms: Ms | None = None
        """When things happen, if that is not now."""
        self.delivered: set[RowId] = set()
        self.contacts: tuple[PersonId, ...] = (BEN,)
        self.circles: tuple[CircleId, ...] = (CIRCLE,)
        self.facts: dict[str, Any] = {
            "begins": {"invite": "invitation"},
            "uses": {CIRCLE: ("invitation", "practice"), OTHER: ("invitation", "practice")},
            "titles": {"invitation": "d-invitation", "practice": "d-practice"},
        }
        """What else is known: begins, uses, offers, titles and the like, by the names they have in `DeskFacts`."""
        self.effects: tuple[DeskEffect, ...] = ()
        self.last = DeskDecision(self.desk)
        self._events = 0

    @property
    def rhythm(self) -> Rhythm:
        """When they may be written to, with all that they have chosen."""
        return rhythm_of(self.desk, self.facts.get("usual", EVERYBODY))

    # ── acting ───────────────────────────────────────────────────────────────

    def do(self, event: DeskEvent, *, deliver: bool = True) -> DeskDecision:
        """Decide an event; what it lays out is in the room at once, unless told otherwise."""
        facts = DeskFacts(
            now_ms=self.now_ms,
            occurred_ms=self.now_ms if self.occurred_ms is None else self.occurred_ms,
            circles=self.circles,
            fresh_instance=InstanceId("f" * 32),
            contacts=self.contacts,
            delivered=frozenset(self.delivered),
            **self.facts,
        )
        self.last = decide_desk(self.desk, event, facts)
        self.desk, self.effects = self.last.desk, self.last.effects
        if deliver:
            self.delivered |= {p.row for p in self.parcels}
        return self.last

    def ask(
        self, ask: str = "rsvp", instance: InstanceId = I1, *, deliver: bool = True, **more: Any
    ) -> Prompt:
        """Put a question on the desk."""
        self.do(asked(ask, instance, **more), deliver=deliver)
        return self.prompt(ask, instance)

    def _event_id(self) -> str:
        self._events += 1
        return f"$e{self._events}"

    def write(
        self,
        picks: dict[RowId, str] | None = None,
        *,
        command: Command | None = None,
        to: Prompt | Target | None = None,
        room: bool = False,
        addressed: bool = False,
        event: str | None = None,
        reply_to: str | None = None,
        **reading: Any,
    ) -> str:
        """A message; the event's id, under which its text is known too."""
        event = event or self._event_id()
        target = target_of(to) if isinstance(to, Prompt) else to
        said = Reading(command=command, picks=picks or {}, **reading)
        circle = CIRCLE if room else None
        self.do(Heard(event, said, TextId(f"text{event}"), circle, target, addressed, reply_to))
        return event

    def order(self, word: str, **more: Any) -> None:
        """A command, in one's own room unless ``room`` says otherwise."""
        kept = {key: more.pop(key) for key in ("to", "room", "addressed", "reply_to") if key in more}
        self.write(command=Command(word, **more), **kept)

    def tap(self, emoji: str, on: Prompt | Target | None, event: str | None = None) -> str:
        event = event or self._event_id()
        self.do(Tapped(event, emoji, target_of(on) if isinstance(on, Prompt) else on))
        return event

    def remove(self, event: str) -> None:
        self.do(TakenBack(event))

    def edit(
        self, event: str, picks: dict[RowId, str] | None = None, *, edit: str = "", **reading: Any
    ) -> None:
        self.do(Reworded(event, Reading(picks=picks or {}, **reading), TextId(f"new{event}"), edit))

    # ── seeing ───────────────────────────────────────────────────────────────

    @property
    def parcels(self) -> list[Parcel]:
        """What the last event laid in the outbox to be read: no choices placed under prompts, nothing taken back."""
        return [
            p for p in self.all_parcels if p.reacts is None and p.redacts is None and p.redacts_event is None
        ]

    @property
    def all_parcels(self) -> list[Parcel]:
        return [effect.parcel for effect in self.effects if isinstance(effect, Put)]

    @property
    def said(self) -> list[str]:
        """The first line of each message the last event laid out; a view's name for a view."""
        return [p.message.lines[0].key if p.message.lines else p.message.view or "" for p in self.parcels]

    @property
    def passed(self) -> list[Any]:
        """The events the last event carried on to instances."""
        return [effect.event for effect in self.effects if isinstance(effect, Pass)]

    @property
    def answer(self) -> Answered:
        """The one answer the last event carried on."""
        (event,) = self.passed
        assert isinstance(event, Answered)
        return event

    @property
    def informed(self) -> list[tuple[PersonId, Called | CallTaken]]:
        """What the last event carried on to other people's desks."""
        return [(effect.person, effect.event) for effect in self.effects if isinstance(effect, Inform)]

    @property
    def taken_back(self) -> set[str]:
        """The rows and events the last event takes back from a room."""
        return {str(p.redacts or p.redacts_event) for p in self.all_parcels if p.redacts or p.redacts_event}

    @property
    def alarms(self) -> dict[str, Ms | None]:
        """The alarms the last event set or took off; of several words about one, the last counts."""
        return {effect.name: effect.due_ms for effect in self.effects if isinstance(effect, Alarm)}

    @property
    def withdrawn(self) -> set[RowId]:
        return {effect.row for effect in self.effects if isinstance(effect, Withdraw)}

    def prompt(self, ask: str, instance: InstanceId | None = I1) -> Prompt:
        """The newest question of that name on the desk."""
        return next(p for p in reversed(self.desk.prompts) if (p.ask, p.instance) == (ask, instance))

    def has(self, ask: str, instance: InstanceId | None = I1) -> bool:
        return any((p.ask, p.instance) == (ask, instance) for p in self.desk.prompts)


def choices_of(sources: tuple[Source, ...]) -> list[str | None]:
    return [source.choice for source in sources]
