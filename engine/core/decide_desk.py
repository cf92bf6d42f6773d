"""Deciding at a desk: what a person's message answers, what is put to them, and what is kept from them.

Pure and synchronous, like ``decide``. An instance never learns that something was kept from a
person: to it, that is silence.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from engine.core.desk import (
    Alarm,
    Arrived,
    Asked,
    Begin,
    Boarded,
    Command,
    Confirmed,
    Consent,
    Desk,
    DeskDecision,
    DeskEffect,
    DeskEvent,
    DeskFacts,
    Empowered,
    Heard,
    Pass,
    Power,
    Prompt,
    Put,
    Rang,
    Reading,
    Refused,
    Release,
    Reworded,
    Settled,
    Source,
    Store,
    TakenBack,
    Tapped,
    Told,
    Withdraw,
)
from engine.core.event import Answered, Commanded, TookBack
from engine.core.message import AnySlot, Count, Message, Names, Option, Phrase, Plain, Said, When
from engine.core.parcel import Direct, Parcel, Shared, Target, Urgency
from engine.core.schedule import LEAST_LEFT_MS, next_suitable_day, reminder_moment
from engine.core.values import (
    DAY_MS,
    AnyValue,
    CircleId,
    InstanceId,
    Moment,
    Ms,
    Nothing,
    Number,
    PersonId,
    Persons,
    Picked,
    Ref,
    RowId,
    TextId,
)

HELLO = "hello"
PERSON = "person"
UNKNOWN = "unknown"
"""The word of a command that was clearly meant as one, and that nobody knows."""
FOREVER_MS = 36500 * DAY_MS
TEXT_HELD_MS = 800 * DAY_MS
"""A text's end date until its instance sets a nearer one."""
VIEWS = ("my", "who holds what", "what's on", "help")
PUBLIC_VIEWS = ("who holds what", "what's on")
MOST_PROMPTS = 200
"""Questions one desk holds; the oldest beyond that are let go."""

HELLO_CHOICES: tuple[tuple[str, str, Consent], ...] = (
    ("yes", "👋", "yes"),
    ("when_invited", "✉️", "when_invited"),
    ("no", "✖️", "stopped"),
)


def decide_desk(desk: Desk, event: DeskEvent, facts: DeskFacts) -> DeskDecision:
    """Decide one event at one desk: a new desk, and what follows from it."""
    table = _Table(desk, facts)
    match event:
        case Heard():
            _hear(table, event)
        case Tapped():
            _tap(table, event)
        case Reworded():
            _reword(table, event)
        case TakenBack():
            _take_back(table, event)
        case Arrived():
            table.emit(Release())
        case Refused():
            table.desk = replace(table.desk, consent="stopped")
        case Asked():
            _ask(table, event)
        case Settled():
            _settle(table, event)
        case Confirmed():
            _confirm(table, event)
        case Told():
            _tell(table, event)
        case Boarded():
            _board(table, event)
        case Empowered():
            _empower(table, event)
        case Rang():
            _ring(table, event)
        case _:
            assert_never(event)
    return table.close()


class _Table:
    """The working copy of a desk during one decision."""

    def __init__(self, desk: Desk, facts: DeskFacts) -> None:
        self.desk = desk
        self.facts = facts
        self._before = desk
        self._effects: list[DeskEffect] = []
        self._rows = 0
        self._ignored: str | None = None

    def emit(self, effect: DeskEffect) -> None:
        self._effects.append(effect)

    def ignore(self, why: str) -> None:
        self._ignored = why

    def close(self) -> DeskDecision:
        if self.desk == self._before and not self._effects:
            return DeskDecision(self._before, (), self._ignored or "nothing to do")
        return DeskDecision(
            replace(self.desk, version=self._before.version + 1), tuple(self._effects), self._ignored
        )

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
    ) -> RowId:
        """Lay a message in the outbox, by default for this person's own room."""
        row = row or self.new_row()
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
                )
            )
        )
        return row

    def say(self, key: str, **slots: AnySlot) -> None:
        """Answer with one of the bot's own sentences, at once, in the person's own room."""
        self.greet()
        self.put(Message(lines=(Phrase(key, slots=slots),)), "reply")

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
        """Before anything else is written to a person: who this is, and whether it may write."""
        if self.desk.greeted:
            return
        self.desk = replace(self.desk, greeted=True)
        choices = tuple((choice, emoji) for choice, emoji, _ in HELLO_CHOICES)
        options = tuple(Option(c, e, Phrase(f"hello.{c}")) for c, e in choices)
        message = Message(lines=(Phrase("hello"),), options=options, mention=True)
        row = self.new_row()
        prompt = Prompt(
            row=row,
            instance=None,
            ask=HELLO,
            round=1,
            choices=choices,
            expects="choice",
            words=False,
            closes_ms=self.facts.now_ms + FOREVER_MS,
            changeable_ms=self.facts.now_ms + FOREVER_MS,
            message=message,
        )
        self.put(message, "hello", target=target_of(prompt), row=row)
        self.react(row, prompt, "hello", personal=True)
        self.add(prompt)

    def add(self, prompt: Prompt) -> None:
        self.desk = replace(self.desk, prompts=(*self.desk.prompts, prompt)[-MOST_PROMPTS:])

    def change(self, prompt: Prompt) -> None:
        prompts = tuple(prompt if p.row == prompt.row else p for p in self.desk.prompts)
        self.desk = replace(self.desk, prompts=prompts)

    def remove(self, prompt: Prompt) -> None:
        self.desk = replace(self.desk, prompts=tuple(p for p in self.desk.prompts if p.row != prompt.row))

    def by_row(self, row: RowId) -> Prompt | None:
        return next((p for p in self.desk.prompts if p.row == row), None)

    def by_ask(self, instance: InstanceId, ask: str, round_: int) -> Prompt | None:
        for p in self.desk.prompts:
            if (p.instance, p.ask, p.round) == (instance, ask, round_):
                return p
        return None

    def open_prompts(self) -> tuple[Prompt, ...]:
        """Questions that lie before the person and are not answered yet."""
        return tuple(
            p
            for p in self.desk.prompts
            if not p.shared
            and not p.sources
            and p.row in self.facts.delivered
            and p.closes_ms > self.facts.occurred_ms
        )


def target_of(prompt: Prompt) -> Target:
    """What to remember with a sent prompt, so that a tap on it can be read."""
    return Target(prompt.row, prompt.instance, prompt.ask, prompt.round, prompt.choices, prompt.shared)


def plain_emoji(emoji: str) -> str:
    """An emoji without its variants: no skin tone, no text or picture selector."""
    return "".join(c for c in emoji if c not in "\ufe0e\ufe0f" and not "\U0001f3fb" <= c <= "\U0001f3ff")


# ── what the person says ─────────────────────────────────────────────────────


def _hear(table: _Table, event: Heard) -> None:
    reading = event.reading
    to_the_bot = event.circle is None or event.addressed or event.target is not None
    if not to_the_bot:
        table.ignore("not said to the bot")
        return
    if reading.too_long:
        table.say("too_long")
        return
    command = reading.command
    if command is not None and _is_command(table, event, command):
        _obey(table, event, command)
        return
    _take_answer(table, event)


def _is_command(table: _Table, event: Heard, command: Command) -> bool:
    """A command wins unless the words more likely answer a question that lies open."""
    if event.addressed:
        return True
    if event.target is not None:
        return False
    waiting = table.open_prompts()
    if command.close_to is not None:
        return not waiting
    if command.word in (*VIEWS, PERSON, *_OWN):
        return True  # the bot's own words are never somebody's answer, least of all "not from …"
    bare = not command.people and not command.everyone and command.rest is None
    return bare or not any(p.words for p in waiting)


def _take_answer(table: _Table, event: Heard) -> None:
    prompt = _meant(table, event)
    if prompt is None:
        return
    source = _source(prompt, event.reading, event.event_id, event.text, table.facts.occurred_ms)
    if source is None:
        table.say(_what_is_needed(prompt))
        return
    if source.text is not None:
        table.emit(Store(source.text, prompt.instance, table.facts.now_ms + TEXT_HELD_MS))
    _count(table, prompt, source)


def _meant(table: _Table, event: Heard) -> Prompt | None:
    """The question a message answers; says so kindly and gives None if there is none."""
    if event.target is not None:
        return _targeted(table, event.target)
    waiting = table.open_prompts()
    asked = [p for p in waiting if p.instance is not None]
    own = [p for p in waiting if p.instance is None]
    # The bot's own question (may I write?) never stands in the way of somebody else's.
    for group in (asked, own):
        fitting = [p for p in group if _source(p, event.reading, "", event.text, 0) is not None]
        if len(fitting) == 1:
            return fitting[0]
        if fitting:
            table.say("which_one", n=Count(len(fitting)))
            return None
    if len(asked) == 1:
        return asked[0]
    changing = [p for p in table.desk.prompts if p.row in event.reading.picks and not p.shared]
    if not waiting and len(changing) == 1:
        return changing[0]
    if asked:
        table.say("which_one", n=Count(len(asked)))
    elif own:
        return own[0]
    else:
        table.say("nothing_open")
    return None


def _targeted(table: _Table, target: Target) -> Prompt | None:
    prompt = table.by_row(target.row)
    if prompt is not None:
        return prompt
    if not target.shared:
        table.say("closed")
        return None
    prompt = Prompt(
        row=target.row,
        instance=target.instance,
        ask=target.ask,
        round=target.round,
        choices=target.choices,
        expects="choice",
        words=False,
        closes_ms=0,
        changeable_ms=0,
        message=Message(),
        shared=True,
    )
    table.add(prompt)
    return prompt


def _source(prompt: Prompt, reading: Reading, event_id: str, text: TextId, at_ms: Ms) -> Source | None:
    """What a message says to a question; None if it does not answer it."""
    blank = Source(event_id, at_ms)
    choice = reading.picks.get(prompt.row)
    if choice is not None:
        return replace(blank, choice=choice)
    if reading.empty and prompt.optional:
        return replace(blank, value=Nothing())
    if prompt.words:
        return replace(blank, text=text)
    value = _value(prompt, reading)
    return replace(blank, value=value) if value is not None else None


def _value(prompt: Prompt, reading: Reading) -> AnyValue | None:
    match prompt.expects:
        case "moment":
            return Moment(reading.moment_ms) if reading.moment_ms is not None else None
        case "number":
            return Number(reading.number) if reading.number is not None else None
        case "people":
            if reading.people:
                return Persons(reading.people)
            return Picked("everyone") if reading.everyone else None
        case "person":
            return Persons(reading.people) if len(reading.people) == 1 else None
        case "choice" | "words":
            return None
        case _:
            assert_never(prompt.expects)


def _what_is_needed(prompt: Prompt) -> str:
    match prompt.expects:
        case "moment":
            return "need_moment"
        case "number":
            return "need_number"
        case "people":
            return "need_people"
        case "person":
            return "need_person"
        case "choice" | "words":
            return "need_choice"
        case _:
            assert_never(prompt.expects)


def _count(table: _Table, prompt: Prompt, source: Source) -> None:
    """Take a source as the newest answer to a question."""
    if prompt.instance is None:
        _answer_own(table, prompt, source)
        return
    kept = tuple(s for s in prompt.sources if s.event_id != source.event_id)
    changed = replace(prompt, sources=(*kept, source))
    table.change(changed)
    _quiet_alarms(table, prompt)
    table.emit(Pass(prompt.instance, _answered(table, prompt, source)))


def _answered(table: _Table, prompt: Prompt, source: Source) -> Answered:
    me = Ref(table.desk.person)
    return Answered(prompt.ask, prompt.round, me, source.choice, source.text, source.value)


def _quiet_alarms(table: _Table, prompt: Prompt) -> None:
    for kind in ("remind", "later"):
        table.emit(Alarm(f"{kind}:{prompt.row}", None))


def _tap(table: _Table, event: Tapped) -> None:
    if event.target is None:
        table.ignore("a reaction on something that asks nothing")
        return
    emoji = plain_emoji(event.emoji)
    choice = next((c for c, e in event.target.choices if plain_emoji(e) == emoji), None)
    if choice is None:
        table.ignore("a reaction that was not on offer")
        return
    prompt = _targeted(table, event.target)
    if prompt is not None:
        _count(table, prompt, Source(event.event_id, table.facts.occurred_ms, choice=choice))


def _reword(table: _Table, event: Reworded) -> None:
    found = _with_source(table, event.event_id)
    if found is None or found.instance is None:
        table.ignore("an edit of something that was no answer")
        return
    source = _source(found, event.reading, event.event_id, event.text, table.facts.occurred_ms)
    if source is None:
        table.say(_what_is_needed(found))
        return
    if source.text is not None:
        table.emit(Store(source.text, found.instance, table.facts.now_ms + TEXT_HELD_MS))
    sources = tuple(source if s.event_id == event.event_id else s for s in found.sources)
    table.change(replace(found, sources=sources))
    table.emit(Pass(found.instance, _answered(table, found, sources[-1])))


def _take_back(table: _Table, event: TakenBack) -> None:
    found = _with_source(table, event.event_id)
    if found is None or found.instance is None:
        table.ignore("a removal of something that was no answer")
        return
    sources = tuple(s for s in found.sources if s.event_id != event.event_id)
    newest_went = found.sources[-1].event_id == event.event_id
    table.change(replace(found, sources=sources))
    if sources and newest_went:
        table.emit(Pass(found.instance, _answered(table, found, sources[-1])))
    elif not sources:
        me = Ref(table.desk.person)
        table.emit(Pass(found.instance, TookBack(found.ask, found.round, me)))


def _with_source(table: _Table, event_id: str) -> Prompt | None:
    for prompt in table.desk.prompts:
        if any(s.event_id == event_id for s in prompt.sources):
            return prompt
    return None


# ── the bot's own questions ──────────────────────────────────────────────────


def _answer_own(table: _Table, prompt: Prompt, source: Source) -> None:
    if prompt.ask == HELLO:
        _answer_hello(table, prompt, source)
    else:
        _answer_person(table, prompt, source)


def _answer_hello(table: _Table, prompt: Prompt, source: Source) -> None:
    for choice, _, consent in HELLO_CHOICES:
        if choice == source.choice:
            table.desk = replace(table.desk, consent=consent)
            table.change(replace(prompt, sources=(source,)))
            line = Phrase(f"hello.thanks_{choice}")
            _edit(table, prompt, line)
            table.emit(Release())
            return
    table.say("need_choice")


def _answer_person(table: _Table, prompt: Prompt, source: Source) -> None:
    """Nothing is sent to anyone without this tap (right 14)."""
    table.remove(prompt)
    choice = source.choice or ""
    if choice == "outside":
        table.say("person.outside")
    elif choice.startswith("contact:"):
        contact = table.facts.contacts[int(choice.removeprefix("contact:"))]
        me = Names((table.desk.person,))
        message = Message(lines=(Phrase("person.message_to_contact", slots={"who": me}),), mention=True)
        table.put(message, "safety", to=Direct(contact))
        table.say("person.told", who=Names((contact,)))
    else:
        table.say("person.nobody")


def _offer_person(table: _Table) -> None:
    contacts = tuple(c for c in table.facts.contacts if c != table.desk.person)
    ids = [f"contact:{table.facts.contacts.index(c)}" for c in contacts]
    labels = [Phrase("person.contact", slots={"who": Names((c,))}) for c in contacts]
    ids += ["outside", "nobody"]
    labels += [Phrase("person.choose_outside"), Phrase("person.choose_nobody")]
    options = tuple(Option(i, "", label) for i, label in zip(ids, labels, strict=True))
    key = "person.answer" if contacts else "person.answer_alone"
    message = Message(lines=(Phrase(key),), options=options)
    row = table.new_row()
    prompt = Prompt(
        row=row,
        instance=None,
        ask=PERSON,
        round=1,
        choices=tuple((i, "") for i in ids),
        expects="choice",
        words=False,
        closes_ms=table.facts.now_ms + DAY_MS,
        changeable_ms=table.facts.now_ms + DAY_MS,
        message=message,
    )
    table.put(message, "safety", target=target_of(prompt), row=row)
    table.add(prompt)


# ── commands ─────────────────────────────────────────────────────────────────


def _obey(table: _Table, event: Heard, command: Command) -> None:
    word = command.word
    if command.close_to is not None:
        table.say("unknown_command", close_to=Plain(command.close_to))
    elif word == UNKNOWN:
        table.say("unknown_command_plain")
    elif word in VIEWS:
        _show(table, event, word)
    elif word == PERSON:
        table.greet()
        _offer_person(table)
    elif word in _OWN:
        _OWN[word](table, event, command)
    elif word in table.facts.begins:
        _begin(table, event, command)
    elif any(word in power.words for power in table.desk.powers.values()):
        _use_power(table, command)
    else:
        table.say("not_now")


def _show(table: _Table, event: Heard, word: str) -> None:
    message = Message(view=word)
    if event.circle is not None and word in PUBLIC_VIEWS:
        table.put(message, "post", to=Shared(event.circle))
        return
    table.greet()
    table.put(message, "reply")


def _later(table: _Table, event: Heard, command: Command) -> None:
    waiting = [p for p in table.open_prompts() if p.instance is not None]
    if event.target is not None:
        waiting = [p for p in waiting if p.row == event.target.row]
    if len(waiting) != 1:
        key = "which_one" if waiting else "nothing_open"
        table.say(key, **({"n": Count(len(waiting))} if waiting else {}))
        return
    prompt = waiting[0]
    if prompt.put_off:
        table.say("later.again")
        return
    back_ms = next_suitable_day(table.desk.rhythm, table.facts.now_ms, prompt.closes_ms)
    if back_ms is None:
        table.say("later.too_late", until=When(prompt.closes_ms))
        return
    _quiet_alarms(table, prompt)
    table.change(replace(prompt, put_off=True))
    table.emit(Alarm(f"later:{prompt.row}", back_ms))
    table.say("later.ok", until=When(back_ms))


def _stop(table: _Table, event: Heard, command: Command) -> None:
    already = table.desk.consent == "stopped"
    table.desk = replace(table.desk, consent="stopped", greeted=True)
    table.say("stop.already" if already else "stop.ok")


def _start(table: _Table, event: Heard, command: Command) -> None:
    rhythm = replace(table.desk.rhythm, paused_until_ms=0)
    table.desk = replace(table.desk, consent="yes", greeted=True, rhythm=rhythm)
    table.emit(Release())
    table.say("start.ok")


def _pause(table: _Table, event: Heard, command: Command) -> None:
    until_ms = command.until_ms
    if until_ms is None or until_ms <= table.facts.now_ms:
        table.say("pause.when")
        return
    table.desk = replace(table.desk, rhythm=replace(table.desk.rhythm, paused_until_ms=until_ms))
    table.say("pause.ok", until=When(until_ms))


def _not_from(table: _Table, event: Heard, command: Command) -> None:
    people = tuple(p for p in command.people if p != table.desk.person)
    if not people:
        table.say("not_from.whom")
        return
    table.desk = replace(table.desk, not_from=tuple(dict.fromkeys((*table.desk.not_from, *people))))
    table.say("not_from.ok", who=Names(people))


_OWN = {"later": _later, "stop": _stop, "start": _start, "pause": _pause, "not from": _not_from}


def _begin(table: _Table, event: Heard, command: Command) -> None:
    circle = _circle_for(table, event)
    if circle is None:
        return
    if table.desk.consent == "unknown":
        # Whoever begins something wishes to hear about it; anything more is theirs to say.
        table.desk = replace(table.desk, consent="when_invited")
    table.greet()
    if command.rest is not None:
        table.emit(Store(command.rest, table.facts.fresh_instance, table.facts.now_ms + TEXT_HELD_MS))
    table.emit(
        Begin(
            instance=table.facts.fresh_instance,
            workflow=table.facts.begins[command.word],
            circle=circle,
            people=tuple(p for p in command.people if p != table.desk.person),
            everyone=command.everyone,
            words=command.rest,
        )
    )


def _circle_for(table: _Table, event: Heard) -> CircleId | None:
    if event.circle is not None:
        return event.circle
    if len(table.facts.circles) == 1:
        return table.facts.circles[0]
    table.say("which_circle" if table.facts.circles else "begin.no_circle")
    return None


def _use_power(table: _Table, command: Command) -> None:
    holding = [i for i, power in table.desk.powers.items() if command.word in power.words]
    if command.nth is not None and 1 <= command.nth <= len(holding):
        holding = [holding[command.nth - 1]]
    if len(holding) > 1:
        lines = [Phrase("which_instance", slots={"word": Plain(command.word)})]
        for n, instance in enumerate(holding, 1):
            about = table.desk.powers[instance].about
            said = Said(about.key, about.digest, about.slots)
            lines.append(Phrase("which_instance.line", slots={"n": Count(n), "about": said}))
        table.greet()
        table.put(Message(lines=tuple(lines)), "reply")
        return
    table.emit(Pass(holding[0], Commanded(command.word, Ref(table.desk.person))))


# ── what instances want of the person ────────────────────────────────────────


def _kept_away(table: _Table, starter: PersonId, urgency: Urgency) -> str | None:
    """Why something that an instance sends is not put to this person; to the instance it is silence."""
    if urgency == "reply":
        return None
    if starter in table.desk.not_from:
        return "not from this person"
    return "asked not to be written to" if table.desk.consent == "stopped" else None


def _ask(table: _Table, event: Asked) -> None:
    why = _kept_away(table, event.starter, event.urgency)
    if why is None and event.workflow in table.desk.muted:
        why = "not from this workflow"
    if why is None and not event.personal and table.desk.consent == "when_invited":
        why = "only when someone invites them"
    if why is not None:
        table.ignore(why)
        return
    table.greet()
    row = table.new_row()
    prompt = Prompt(
        row=row,
        instance=event.instance,
        ask=event.ask,
        round=event.round,
        choices=tuple((o.id, o.emoji) for o in event.message.options),
        expects=event.expects,
        words=event.words,
        closes_ms=event.closes_ms,
        changeable_ms=event.changeable_ms,
        message=event.message,
        optional=event.optional,
        question_to=event.question_to,
    )
    table.put(
        event.message,
        event.urgency,
        target=target_of(prompt),
        row=row,
        useful_until_ms=event.closes_ms,
        about=event.instance,
        personal=event.personal,
    )
    table.react(row, prompt, event.urgency, personal=event.personal)
    table.add(prompt)
    remind_ms = reminder_moment(table.desk.rhythm, table.facts.now_ms, event.closes_ms)
    if event.reminds and remind_ms is not None:
        table.emit(Alarm(f"remind:{row}", remind_ms))


def _settle(table: _Table, event: Settled) -> None:
    prompt = table.by_ask(event.instance, event.ask, event.round)
    if prompt is None:
        table.ignore("nothing lay here of that")
        return
    table.remove(prompt)
    _quiet_alarms(table, prompt)
    if not prompt.shared:
        table.emit(Withdraw(prompt.row))


def _confirm(table: _Table, event: Confirmed) -> None:
    prompt = table.by_ask(event.instance, event.ask, event.round)
    if prompt is None or prompt.shared:
        table.ignore("seen in the room itself" if prompt else "nothing lay here of that")
        return
    _edit(table, prompt, event.line)


def _edit(table: _Table, prompt: Prompt, line: Phrase) -> None:
    """Show, once per answer, what was understood: by an edit, which makes no sound."""
    message = replace(prompt.message, footer=(line,), mention=False)
    table.put(message, "reply", edits=prompt.row, about=prompt.instance)


def _tell(table: _Table, event: Told) -> None:
    why = _kept_away(table, event.starter, event.urgency)
    if why is not None:
        table.ignore(why)
        return
    table.greet()
    table.put(event.message, event.urgency, useful_until_ms=event.useful_until_ms, about=event.instance)


def _board(table: _Table, event: Boarded) -> None:
    key = f"{event.instance}/{event.board}"
    row = table.desk.boards.get(key)
    if row is not None:
        table.put(event.message, "quiet", edits=row, about=event.instance)
        return
    table.greet()
    row = table.put(event.message, "quiet", about=event.instance)
    table.desk = replace(table.desk, boards={**table.desk.boards, key: row})


def _empower(table: _Table, event: Empowered) -> None:
    powers = {i: p for i, p in table.desk.powers.items() if i != event.instance}
    boards = table.desk.boards
    if event.words:
        powers[event.instance] = Power(event.words, event.about)
    else:
        boards = {k: row for k, row in boards.items() if not k.startswith(f"{event.instance}/")}
    table.desk = replace(table.desk, powers=powers, boards=boards)


def _ring(table: _Table, event: Rang) -> None:
    _, _, row = event.alarm.partition(":")
    prompt = table.by_row(RowId(row))
    if prompt is None or prompt.sources:
        table.ignore("answered or over")
        return
    if prompt.closes_ms - table.facts.now_ms < LEAST_LEFT_MS:
        table.ignore("too late for a reminder")
        return
    message = Message(lines=(Phrase("reminder", slots={"until": When(prompt.closes_ms)}),), mention=True)
    table.put(
        message,
        "timely",
        replies=prompt.row,
        useful_until_ms=prompt.closes_ms - LEAST_LEFT_MS,
        about=prompt.instance,
    )
