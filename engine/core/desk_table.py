"""The table at which one decision about a desk is worked out: a working copy, and what is to follow from it."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from engine.core.definition import NO
from engine.core.desk import (
    Alarm,
    Consent,
    Desk,
    DeskDecision,
    DeskEffect,
    DeskFacts,
    Letter,
    Prompt,
    Put,
    Rhythm,
    Withdraw,
)
from engine.core.desk_usual import rhythm_of, sorted_out
from engine.core.limits import LimitName, Reached
from engine.core.message import AnySlot, Message, Option, Phrase
from engine.core.parcel import Direct, Parcel, Shared, Target, Urgency
from engine.core.schedule import end_of_quiet
from engine.core.values import DAY_MS, CircleId, InstanceId, Ms, PersonId, RowId

HELLO = "hello"
PERSON = "person"
EXPORT = "export"
FORGET = "forget me"
CIRCLE = "circle"
"""The bot's own questions: may it write, whom may it tell, what goes into the file, is all to be forgotten, and in
which circle is something to begin.
"""
CALL = "call:"
"""With a person's id behind it: what a safety contact is asked when that person would like to talk."""
FOREVER_MS = 36500 * DAY_MS
TEXT_HELD_MS = 7 * DAY_MS
"""How long words wait for their instance to take them up; it then sets their end date."""
SET_ANEW = "set anew since"
"""Why an alarm comes to nothing: the moment that rang is not, or not any more, the one it was set to."""
MOST_SOURCES = 20
"""Messages and taps remembered per question; taking back further than that leaves the oldest of them."""
MOST_LETTERS = 100
"""Rows that ``not from`` can still hold back."""

HELLO_CHOICES: tuple[tuple[str, str, Consent], ...] = (
    ("yes", "👋", "yes"),
    ("when_invited", "✉️", "when_invited"),
    ("no", "✖️", "stopped"),
)


class Table:
    """The working copy of a desk during one decision."""

    def __init__(self, desk: Desk, facts: DeskFacts, *, spoken: bool = False) -> None:
        """``spoken``: the person is being answered, so that this may be said at any hour."""
        self._spoken = spoken
        self._given = desk
        self._before = self.desk = sorted_out(desk, facts.usual)
        self.facts = facts
        self._effects: list[DeskEffect] = []
        self._rows = 0
        self._ignored: str | None = None
        self._lead: Phrase | None = None

    @property
    def is_ignored(self) -> bool:
        """Whether what came was nothing to this desk."""
        return self._ignored is not None

    @property
    def is_touched(self) -> bool:
        """Whether anything has come of the event so far."""
        return self.desk != self._before or bool(self._effects)

    @property
    def rhythm(self) -> Rhythm:
        """When this person may be written to."""
        return rhythm_of(self.desk, self.facts.usual)

    def emit(self, effect: DeskEffect) -> None:
        self._effects.append(effect)

    def messages_to_person(self) -> list[Parcel]:
        """What was laid out for the person's own room so far, and says something."""
        me = Direct(self.desk.person)
        parcels = [effect.parcel for effect in self._effects if isinstance(effect, Put)]
        return [p for p in parcels if p.to == me and not (p.reacts or p.redacts or p.redacts_event)]

    def change(self, parcel: Parcel) -> None:
        """Put a parcel in the place of the one of the same row."""
        self._effects = [
            Put(parcel) if isinstance(effect, Put) and effect.parcel.row == parcel.row else effect
            for effect in self._effects
        ]

    def ignore(self, why: str) -> None:
        """Note why nothing was done."""
        self._ignored = why

    def reach(self, limit: LimitName) -> None:
        """Note that a limit kept something from being done."""
        self.emit(Reached(limit))
        self.ignore(limit)

    def close(self) -> DeskDecision:
        """The decision; the very same desk if nothing came of it."""
        if self.desk == self._before and not self._effects:
            return DeskDecision(self._given, (), self._ignored or "nothing to do")
        return DeskDecision(
            replace(self.desk, version=self._before.version + 1), tuple(self._effects), self._ignored
        )

    # ── what is laid in the outbox ───────────────────────────────────────────

    def new_row(self) -> RowId:
        self._rows += 1
        return RowId(f"{self.desk.person}:{self._before.version + 1}:{self._rows}")

    def put(
        self,
        message: Message,
        urgency: Urgency,
        *,
        target: Target | None = None,
        row: RowId | None = None,
        edits: RowId | None = None,
        replies: RowId | None = None,
        useful_until_ms: Ms | None = None,
        about: InstanceId | None = None,
        personal: bool = True,
        to: Direct | Shared | None = None,
        document: str | None = None,
    ) -> RowId:
        """Lay a message in the outbox, by default for this person's own room."""
        row = row or self.new_row()
        if self._lead is not None and to is None and edits is None:
            message = replace(message, lines=(self._lead, *message.lines))
            self._lead = None
        self.emit(
            Put(
                Parcel(
                    row=row,
                    to=to or Direct(self.desk.person),
                    urgency=urgency,
                    message=message,
                    useful_until_ms=useful_until_ms,
                    edits=edits,
                    replies=replies,
                    target=target,
                    about=about,
                    personal=personal,
                    document=document,
                )
            )
        )
        return row

    def go_private(self, event_id: str, circle: CircleId) -> None:
        """Take what was written out of a shared room; what is said to it begins with where it goes on."""
        here = Shared(circle)
        self.emit(Put(Parcel(self.new_row(), here, "post", Message(), redacts_event=event_id)))
        self._lead = Phrase("continue_here")

    def say_where_it_goes_on(self) -> None:
        """For what is no answer of the desk's own: say at least that it goes on here."""
        if self._lead is not None:
            self.greet()
            lead, self._lead = self._lead, None
            self.put(Message(lines=(lead,)), "reply")

    def take_from_room(self, rows: Iterable[RowId], events: Iterable[str]) -> None:
        """Take back from the person's own room what was written there, by the bot and by them."""
        me = Direct(self.desk.person)
        for row in rows:
            self.emit(Withdraw(row))  # it may not have left yet
            self.emit(Put(Parcel(self.new_row(), me, "reply", Message(), redacts=row)))
        for event_id in events:
            self.emit(Put(Parcel(self.new_row(), me, "reply", Message(), redacts_event=event_id)))

    def say(self, key: str, **slots: AnySlot) -> RowId:
        """Answer with one of the bot's own sentences, at once, in the person's own room."""
        self.greet()
        return self.put(Message(lines=(Phrase(key, slots=slots),)), "reply")

    def react(self, parcel_row: RowId, prompt: Prompt, urgency: Urgency, *, personal: bool) -> None:
        """Place the choices under a prompt, so that one tap answers."""
        for _, emoji in prompt.choices:
            self.emit(
                Put(
                    Parcel(
                        row=self.new_row(),
                        to=Direct(self.desk.person),
                        urgency=urgency,
                        message=Message(),
                        reacts=parcel_row,
                        emoji=emoji,
                        useful_until_ms=prompt.closes_ms,
                        about=prompt.instance,
                        personal=personal,
                    )
                )
            )

    def greet(self) -> None:
        """Before anything else is written to a person: who this is, and whether it may write.

        A hello that waits for the morning does not wait for someone who speaks to the bot at night.
        """
        hello = self.by_ask(None, HELLO, 1)
        waits = (
            hello is not None
            and hello in self._before.prompts
            and hello.row not in self.facts.delivered
            and end_of_quiet(self.rhythm, self.facts.now_ms) is not None
        )
        if self.desk.greeted and not (self._spoken and waits):
            return
        if hello is not None:
            self.emit(Withdraw(hello.row))
            self.remove(hello)
        urgency: Urgency = "reply" if self._spoken else "hello"
        self.desk = replace(self.desk, greeted=True)
        choices = tuple((choice, emoji) for choice, emoji, _ in HELLO_CHOICES)
        options = tuple(Option(c, e, Phrase(f"hello.{c}")) for c, e in choices)
        message = Message(lines=(Phrase("hello"),), options=options, mention=True)
        prompt = self.own_prompt(HELLO, choices, message, self.facts.now_ms + FOREVER_MS)
        lead, self._lead = self._lead, None  # it belongs above the answer
        self.put(message, urgency, target=target_of(prompt), row=prompt.row)
        self._lead = lead
        self.react(prompt.row, prompt, urgency, personal=True)
        self.keep(prompt)

    def own_prompt(
        self, ask: str, choices: tuple[tuple[str, str], ...], message: Message, closes_ms: Ms
    ) -> Prompt:
        """A question of the bot's own."""
        return Prompt(
            row=self.new_row(),
            instance=None,
            ask=ask,
            round=1,
            choices=choices,
            expects="choice",
            words=False,
            closes_ms=closes_ms,
            changeable_ms=closes_ms,
            message=message,
        )

    def hush(self, prompt: Prompt) -> None:
        """Neither the reminder nor ``later`` of this question is to come any more."""
        for kind in ("remind", "later"):
            self.emit(Alarm(f"{kind}:{prompt.row}", None))
        if prompt.reminder is not None:
            self.emit(Withdraw(prompt.reminder))

    def await_answer(self, prompt: Prompt) -> None:
        """A question that lies open again is brought up once more when it would have been."""
        moment_ms = prompt.rings_ms
        if prompt.sources or prompt.reminder is not None or prompt.hidden or prompt.set_aside:
            return
        if prompt.starter in self.desk.not_from or prompt.workflow in self.desk.muted:
            return
        if moment_ms is not None and moment_ms > self.facts.now_ms:
            self.emit(Alarm(f"{'later' if prompt.put_off else 'remind'}:{prompt.row}", moment_ms))

    # ── what lies on the desk ────────────────────────────────────────────────

    def keep(self, prompt: Prompt) -> None:
        """Lay a question on the desk, or put it in the place of what it was before."""
        if self.by_row(prompt.row) is None:
            prompts = (*self.desk.prompts, prompt)
        else:
            prompts = tuple(prompt if p.row == prompt.row else p for p in self.desk.prompts)
        self.desk = replace(self.desk, prompts=prompts)

    def remove(self, prompt: Prompt) -> None:
        self.desk = replace(self.desk, prompts=tuple(p for p in self.desk.prompts if p.row != prompt.row))

    def is_full(self) -> bool:
        """Whether more questions of others lie here than one person could ever look at."""
        most = self.facts.limits.questions_per_person
        return sum(1 for p in self.desk.prompts if p.instance is not None) >= most

    def by_row(self, row: RowId) -> Prompt | None:
        return next((p for p in self.desk.prompts if p.row == row), None)

    def by_ask(self, instance: InstanceId | None, ask: str, round_: int) -> Prompt | None:
        for p in self.desk.prompts:
            if (p.instance, p.ask, p.round) == (instance, ask, round_):
                return p
        return None

    def open_prompts(self) -> tuple[Prompt, ...]:
        """Questions that lie before the person and are not answered yet, the oldest first."""
        return tuple(
            p
            for p in self.desk.prompts
            if not p.shared
            and not p.sources
            and not p.set_aside
            and p.row in self.facts.delivered
            and p.closes_ms > self.facts.occurred_ms
        )

    def waiting(self) -> tuple[Prompt, ...]:
        """Questions that wait for an answer, the oldest first: also those that have only knocked so far."""
        return tuple(
            p
            for p in self.desk.prompts
            if not p.shared
            and not p.sources
            and not p.set_aside
            and (p.row in self.facts.delivered or p.knock in self.facts.delivered)
            and p.closes_ms > self.facts.occurred_ms
        )

    def withdraw(self, prompt: Prompt) -> None:
        """Take a question, or its knock, out of the outbox if it has not left yet."""
        for row in (prompt.row, prompt.knock):
            if row is not None:
                self.emit(Withdraw(row))

    def note_letter(self, row: RowId, starter: PersonId, until_ms: Ms) -> None:
        """Remember what was told, for as long as it may still lie in the outbox."""
        held = (letter for letter in self.desk.letters if letter.until_ms > self.facts.now_ms)
        letters = (*held, Letter(row, starter, until_ms))[-MOST_LETTERS:]
        self.desk = replace(self.desk, letters=letters)

    def fall_silent(self) -> None:
        """The person is not to be written to any more, until they say otherwise.

        What is kept up to date for them is begun afresh then: it may never have left.
        """
        self.desk = replace(self.desk, consent="stopped", boards={}, alone=None)

    def leave_alone(self) -> None:
        """The person turns to something else: what is private knocks again before it is shown."""
        self.desk = replace(self.desk, alone=None)


def target_of(prompt: Prompt) -> Target:
    """What to remember with a sent prompt, so that a tap on it can be read."""
    return Target(prompt.row, prompt.instance, prompt.ask, prompt.round, prompt.choices, prompt.shared)


def options_of(target: Target) -> tuple[Option, ...]:
    """The choices that a message in a shared room offered, as far as they are known."""
    labelled = zip(target.choices, target.labels, strict=False)
    return tuple(Option(choice, emoji, label) for (choice, emoji), label in labelled)


PLAIN_YES = ("👍", "✅", "✔", "☑")


def plain_yes(emoji: str, choices: tuple[tuple[str, str], ...]) -> str | None:
    """The choice that a bare sign of agreement means: the only one there is besides a no."""
    open_ones = [choice for choice, _ in choices if choice != NO]
    agrees = plain_emoji(emoji.strip()) in PLAIN_YES
    return open_ones[0] if agrees and len(open_ones) == 1 else None


OF_A_WOMAN_OR_A_MAN = ("\u200d\u2640", "\u200d\u2642")


def plain_emoji(emoji: str) -> str:
    """An emoji without its variants: no skin tone, no text or picture selector, neither a woman's nor a man's."""
    plain = "".join(c for c in emoji if c not in "\ufe0e\ufe0f" and not "\U0001f3fb" <= c <= "\U0001f3ff")
    for sign in OF_A_WOMAN_OR_A_MAN:
        plain = plain.replace(sign, "")
    return plain
