"""What a person says: which question a message, a tap, an edit or a removal belongs to, and what it answers."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from engine.core.definition import NO, Kind
from engine.core.desk import (
    Command,
    Heard,
    Pass,
    Prompt,
    Reading,
    Reworded,
    Source,
    Store,
    TakenBack,
    Tapped,
    Ticked,
    Which,
)
from engine.core.desk_commands import OWN_WORDS, obey, put_off
from engine.core.desk_hide import note_said
from engine.core.desk_own import ASKED_FOR, answer_own
from engine.core.desk_practice import LEAVE_OFF, TRY
from engine.core.desk_private import OPEN, is_alone, is_alone_with, note_alone
from engine.core.desk_reading import IT_IS_ME
from engine.core.desk_rights import PLAIN_NO
from engine.core.desk_table import (
    CALL,
    HELLO,
    MOST_SOURCES,
    PERSON,
    TEXT_HELD_MS,
    Table,
    options_of,
    plain_emoji,
    plain_yes,
)
from engine.core.desk_which import ask_which, handed_over, let_go_of, taken_up
from engine.core.event import Answered, TookBack
from engine.core.message import Count, Message, Names
from engine.core.parcel import Target
from engine.core.turn import DETAIL
from engine.core.values import AnyValue, Moment, Ms, Nothing, Number, Persons, Picked, Ref, TextId

AT_EVERY_FOOT = ("later", "stop", "person", "not from")
"""Words that mean themselves even where a question offers a choice of that name."""

OF_PEOPLE: tuple[Kind, ...] = ("person", "people")
"""Questions that are answered by naming somebody."""

NEEDED: dict[Kind, str] = {
    "moment": "need_moment",
    "number": "need_number",
    "people": "need_people",
    "person": "need_person",
    "choice": "need_choice",
    "workflow": "need_choice",
    "words": "need_words",
}


# ── messages ─────────────────────────────────────────────────────────────────


def hear(table: Table, event: Heard) -> None:
    """Decide a message."""
    reading = event.reading
    chosen = taken_up(table, event)
    if chosen is not None:
        _take_chosen(table, event, *chosen)
        return
    if event.circle is not None and not event.addressed and not _means_the_bot(event):
        table.ignore("not said to the bot")
        return
    command = reading.command
    if not reading.too_long and command is not None and _is_command(table, event, command):
        obey(table, event, command)
        return
    if event.circle is not None and _may_be_private(table, event):
        table.go_private(event.event_id, event.circle)
    if reading.too_long:
        table.reach("text_bytes")
        table.say("too_long")
        return
    _take_answer(table, event)


def _take_chosen(table: Table, event: Heard, which: Which, place: int) -> None:
    """The person says by a number which question their last message was for."""
    prompt, source = table.by_row(which.rows[place]), which.sources[place]
    if prompt is None or prompt.closes_ms <= table.facts.occurred_ms:
        table.say("closed")
    elif which.later:
        put_off(table, prompt)
    elif source is None:
        _ask_back(table, prompt, event.reading)
    else:
        source = handed_over(table, event, prompt, source)
        for event_id in (source.event_id, event.event_id):
            note_said(table, prompt, event_id)
        if prompt.instance is not None:
            note_alone(table, prompt, event)
        _count(table, prompt, source)


def _may_be_private(table: Table, event: Heard) -> bool:
    """Whether what somebody says may be meant for a private question, even if it is not clear for which."""
    if event.target is not None:
        prompt = table.by_row(event.target.row)
        own = event.target.instance is None and not event.target.shared
        return own if prompt is None else prompt.message.sensitive
    lying = table.open_prompts()
    fitting = [p for p in lying if _fits(p, event)]
    before = [
        p
        for p in table.desk.prompts
        if (p.sources and p.row in event.reading.picks) or _takes_others(table, p, event)
    ]
    more = [p for p in table.desk.prompts if _takes_more(table, p) or _takes_questions(table, p)]
    return any(p.message.sensitive for p in fitting or lying or before or more)


def _means_the_bot(event: Heard) -> bool:
    """Whether a reply in a shared room is for the bot: an answer or one of its words, not talk about the question."""
    if event.target is None:
        return False
    command = event.reading.command
    return event.target.row in event.reading.picks or (command is not None and command.word in OWN_WORDS)


def _is_command(table: Table, event: Heard, command: Command) -> bool:
    """A command wins unless the words more likely answer a question that lies open."""
    if event.addressed:
        return True
    if command.word == IT_IS_ME and not table.desk.identity:
        return False  # nobody has asked who they are: it is what people say of many things
    waiting = table.open_prompts()
    if event.target is not None:
        answered = event.target.row in event.reading.picks
    else:
        answered = any(p.row in event.reading.picks for p in waiting)
    if command.word in OWN_WORDS:
        # The bot's own words are never somebody's answer, least of all "not from …": what was meant for it alone
        # would reach others as words, while an answer that was taken for a command can be given again. Only as a
        # reply is "try pulse" said to whoever asks what one might try.
        if event.target is not None and _is_everyday_talk(command):
            return False
        knocked = command.word == OPEN and any(p.knock is not None for p in table.waiting())
        return command.word in AT_EVERY_FOOT or knocked or not answered
    if event.target is not None and not answered and _is_offered_by(table, event.target, command):
        return True
    if event.target is not None or answered:
        return False
    if command.close_to is not None:
        return not waiting
    return _is_bare(command) or not any(p.words for p in waiting)


def _is_offered_by(table: Table, target: Target, command: Command) -> bool:
    """Whether a reply is no more than a word that the matter it replies to goes by, such as *enough*."""
    power = table.desk.powers.get(target.instance) if target.instance is not None else None
    return power is not None and command.word in power.words and _is_bare(command)


def _is_bare(command: Command) -> bool:
    return not command.people and not command.everyone and command.rest is None


def _is_everyday_talk(command: Command) -> bool:
    """Whether people say the same to each other: "try pulse", "in German", "the letter on Friday"."""
    if command.word in (TRY, LEAVE_OFF):
        return command.workflow is not None
    set_to = (command.language, command.weekday, command.zone, command.hours)
    return any(value is not None for value in set_to)


def _take_answer(table: Table, event: Heard) -> None:
    prompt = _meant(table, event)
    if prompt is None:
        return
    source = _source(prompt, event.reading, event.event_id, event.text, table.facts.occurred_ms)
    if source is None:
        _ask_back(table, prompt, event.reading)
        return
    if source.text is not None and source.choice is None and _may_go_astray(table, prompt, event):
        _say_which(table, event, list(table.open_prompts()) or [prompt])
        return
    _store_words(table, prompt, source)
    if event.circle is None:
        note_said(table, prompt, event.event_id)
    if prompt.instance is not None:
        note_alone(table, prompt, event)
    _count(table, prompt, source)


def _may_go_astray(table: Table, prompt: Prompt, event: Heard) -> bool:
    """Whether words may be the rest of something private, said just before, while others read what they would answer:
    then the person says which question they mean, by a reply.
    """
    loosely = event.target is None and event.circle is None
    alone = table.desk.alone
    elsewhere = alone is not None and alone.instance != prompt.instance
    return loosely and elsewhere and is_alone(table) and not prompt.message.sensitive


def _ask_back(table: Table, prompt: Prompt, reading: Reading) -> None:
    """Say what would answer a question; of a list of people, also who has been found."""
    if prompt.expects == "people" and reading.found:
        table.say("need_people.rest", who=Names(reading.found))
    else:
        table.say(_needed(prompt, reading))


def _needed(prompt: Prompt, reading: Reading) -> str:
    """What would answer a question; *everyone* does only where it is asked whom something is for."""
    if reading.declines and prompt.expects == "words":
        return "need_more_than_no"
    if prompt.expects in ("person", "people") and not prompt.ask.startswith(DETAIL):
        return "need_names"
    return NEEDED[prompt.expects]


def _store_words(table: Table, prompt: Prompt, source: Source) -> None:
    if source.text is not None:
        table.emit(Store(source.text, prompt.instance, table.facts.now_ms + TEXT_HELD_MS))


def _meant(table: Table, event: Heard) -> Prompt | None:
    """The question a message answers; says so kindly and gives None if there is none."""
    if event.target is not None:
        return _targeted(table, event.target)
    waiting = table.open_prompts()
    fitting = [p for p in waiting if _fits(p, event)]
    # The bot's own question (may I write?) never stands in the way of another.
    others = [p for p in fitting if p.ask != HELLO or p.instance is not None]
    if others:
        return _just_shown(table, event, others) or _the_one(table, event, others)
    asked = [p for p in waiting if p.instance is not None]
    if asked:
        return _the_one(table, event, asked)
    if event.reading.thanks and not waiting:
        table.ignore("a thanks, which is for the bot")
        return None
    answered = [p for p in table.desk.prompts if p.row in event.reading.picks and p.sources]
    changing = [p for p in answered if p.instance is not None and not p.shared]
    changing += [p for p in table.desk.prompts if p not in changing and _takes_others(table, p, event)]
    if changing:
        return _the_one(table, event, changing)
    if fitting:
        return fitting[-1]
    # Whoever has chosen may still add some words, or have a question, as their prompt says.
    worded = [p for p in table.desk.prompts if _takes_more(table, p)] if not event.reading.blank else []
    talking = [p for p in table.desk.prompts if _takes_questions(table, p)]
    if worded:
        return max((*talking, *worded), key=_answered_ms)
    if talking:
        return _the_one(table, event, talking)
    if waiting:
        return waiting[-1]
    table.say("knock" if table.waiting() else "nothing_open")
    return None


def _takes_questions(table: Table, prompt: Prompt) -> bool:
    now_ms, delivered = table.facts.occurred_ms, table.facts.delivered
    return prompt.question_to and prompt.row in delivered and prompt.changeable_ms > now_ms


def _takes_others(table: Table, prompt: Prompt, event: Heard) -> bool:
    """Whether somebody names other people than those they have named here, and that can still be changed."""
    if not prompt.sources or prompt.shared or prompt.instance is None or prompt.expects not in OF_PEOPLE:
        return False
    lies_there = prompt.row in table.facts.delivered and table.facts.occurred_ms < prompt.changeable_ms
    return lies_there and _value(prompt, event.reading) is not None


def _takes_more(table: Table, prompt: Prompt) -> bool:
    """Whether words may be added to what somebody chose: none stand there yet, and it can still change. A no is
    whole without them.
    """
    if not prompt.sources or not _takes_both(prompt) or prompt.row not in table.facts.delivered:
        return False
    said = _standing(prompt)
    chosen_alone = said.text is None and said.choice not in (None, NO)
    return chosen_alone and table.facts.occurred_ms < prompt.changeable_ms


def _answered_ms(prompt: Prompt) -> Ms:
    return prompt.sources[-1].at_ms if prompt.sources else 0


def _fits(prompt: Prompt, event: Heard) -> bool:
    return _source(prompt, event.reading, "", event.text, 0) is not None


def _the_one(table: Table, event: Heard, prompts: list[Prompt]) -> Prompt | None:
    """The only one, or what they asked for themselves if that came last; otherwise the person says which."""
    newest = prompts[-1]
    if len(prompts) == 1 or (newest.instance is None and newest.ask in ASKED_FOR):
        return newest
    _say_which(table, event, prompts)
    return None


def _say_which(table: Table, event: Heard, prompts: list[Prompt]) -> None:
    said = (event.reading, event.event_id, event.text, table.facts.occurred_ms)
    ask_which(table, event, prompts, [_source(prompt, *said) for prompt in prompts])


def _just_shown(table: Table, event: Heard, fitting: list[Prompt]) -> Prompt | None:
    """The private question that somebody is alone with, if what they say is no more than a choice or a value for it."""
    if event.circle is not None:
        return None
    shown = [
        prompt
        for prompt in fitting
        if prompt.message.sensitive
        and prompt.instance is not None
        and is_alone_with(table, prompt.instance)
        and _is_no_words(_source(prompt, event.reading, "", event.text, 0))
    ]
    return shown[0] if len(shown) == 1 else None


def _is_no_words(source: Source | None) -> bool:
    return source is not None and source.text is None


def _targeted(table: Table, target: Target) -> Prompt | None:
    """The question that a message or tap is aimed at; an open ask in the room is made a question of this desk."""
    prompt = table.by_row(target.row)
    if prompt is not None:
        return prompt
    if target.instance is None and target.ask.startswith(CALL):
        # Who has called twice is written to once: an answer to the older message is one to the newer.
        newer = table.by_ask(None, target.ask, target.round)
        if newer is not None:
            return newer
    # Whom to tell can be answered at any time, again as well.
    if not target.shared and (target.instance is not None or target.ask != PERSON):
        table.say("closed")
        return None
    return Prompt(
        row=target.row,
        instance=target.instance,
        ask=target.ask,
        round=target.round,
        choices=target.choices,
        expects="choice",
        words=False,
        closes_ms=0,
        changeable_ms=0,
        message=Message(options=options_of(target), sensitive=target.instance is None),
        shared=target.shared,
    )


def _source(prompt: Prompt, reading: Reading, event_id: str, text: TextId, at_ms: Ms) -> Source | None:
    """What a message says to a question; None if it does not answer it."""
    blank = Source(event_id, at_ms)
    choice = reading.picks.get(prompt.row)
    if choice is not None:
        with_words = prompt.row in reading.worded and _takes_both(prompt) and choice != NO
        return replace(blank, choice=choice, text=text if with_words else None)
    if reading.declines and prompt.instance is None and prompt.ask in PLAIN_NO:
        return replace(blank, choice=PLAIN_NO[prompt.ask])
    if (reading.empty or reading.declines) and prompt.optional:
        return replace(blank, value=Nothing())
    if reading.declines and prompt.ask.startswith(DETAIL):
        return None  # whoever is asked what it is about rather has none of it, than that it is called "no"
    if (prompt.words or prompt.expects == "words") and not reading.blank:
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
        case "choice" | "words" | "workflow":
            return None
        case _:
            assert_never(prompt.expects)


def _count(table: Table, prompt: Prompt, source: Source) -> None:
    """Take a source as the newest answer to a question."""
    if prompt.instance is None:
        answer_own(table, prompt, source)
        return
    if table.by_row(prompt.row) is None and table.is_full():
        table.reach("questions_per_person")
        table.say("limit.not_taken", n=Count(table.facts.limits.questions_per_person))
        return
    kept = tuple(s for s in prompt.sources if s.event_id != source.event_id)
    answered = replace(prompt, sources=(*kept, source)[-MOST_SOURCES:])
    table.keep(answered)
    table.hush(prompt)
    table.emit(Pass(prompt.instance, _answered(table, answered)))


def _answered(table: Table, prompt: Prompt) -> Answered:
    said = _standing(prompt)
    return Answered(prompt.ask, prompt.round, Ref(table.desk.person), said.choice, said.text, said.value)


def _standing(prompt: Prompt) -> Source:
    """What somebody says by all they have said: the newest, or, where words may stand beside a choice, the newest
    of each. A no stands alone: what came before it is not said any more.
    """
    newest = prompt.sources[-1]
    if not _takes_both(prompt) or newest.choice == NO:
        return newest
    choice, text = newest.choice, newest.text
    for source in reversed(prompt.sources):
        if source.choice == NO:
            break
        choice, text = choice or source.choice, text or source.text
    return replace(newest, choice=choice, text=text)


def _takes_both(prompt: Prompt) -> bool:
    return prompt.words and prompt.expects == "choice" and not prompt.question_to


# ── taps, edits, removals ────────────────────────────────────────────────────


def tap(table: Table, event: Tapped) -> None:
    """Decide a reaction."""
    if event.target is None:
        table.ignore("a reaction on something that asks nothing")
        return
    emoji = plain_emoji(event.emoji)
    choice = next((c for c, e in event.target.choices if e and plain_emoji(e) == emoji), None)
    lying = table.by_row(event.target.row)
    private = lying is not None and lying.message.sensitive
    if choice is None and not private:
        choice = event.choice
    if choice is None and not event.target.shared and not private:
        # In a shared room a thumb may only mean that somebody likes it.
        choice = plain_yes(event.emoji, event.target.choices)
    if choice is None:
        if lying is not None and lying.message.sensitive:
            table.say("open.no_reactions")
            return
        table.ignore("a reaction that was not on offer")
        return
    prompt = _targeted(table, event.target)
    if prompt is not None:
        note_said(table, prompt, event.event_id)
        _count(table, prompt, Source(event.event_id, table.facts.occurred_ms, choice=choice))


def tick(table: Table, event: Ticked) -> None:
    """Decide a vote. Of several the newest counts, by the homeserver's clock (MSC3381); none, or one that was never
    on offer, takes the vote back.
    """
    target = event.target
    if target is None:
        table.ignore("a vote in something that is no poll of the bot's")
        return
    offered = [choice for choice, _ in target.choices]
    if not event.answers or any(answer not in offered for answer in event.answers):
        _unvote(table, target)
        return
    prompt = _targeted(table, target)
    if prompt is None:
        return
    source = Source(event.event_id, table.facts.occurred_ms, choice=event.answers[0], vote=True)
    note_said(table, prompt, event.event_id)
    note_alone(table, prompt, event)
    newer = [n for n, s in enumerate(prompt.sources) if s.vote and s.at_ms > source.at_ms]
    if source.at_ms < prompt.unvoted_ms:
        table.ignore("an older vote than the one that was taken back")
    elif newer:
        # It is kept: should the newer one be removed, this one counts.
        before, after = prompt.sources[: newer[0]], prompt.sources[newer[0] :]
        table.keep(replace(prompt, sources=(*before, source, *after)[-MOST_SOURCES:]))
    else:
        _count(table, prompt, source)


def _unvote(table: Table, target: Target) -> None:
    """Take back all that this person has voted so far; what they wrote or tapped besides counts as before."""
    found = table.by_row(target.row)
    if found is None:
        table.ignore("no vote to take back")
        return
    at_ms = table.facts.occurred_ms
    sources = tuple(s for s in found.sources if not s.vote or s.at_ms > at_ms)
    _keep_only(table, replace(found, unvoted_ms=max(found.unvoted_ms, at_ms)), sources)


def reword(table: Table, event: Reworded) -> None:
    """Decide an edit of an answer."""
    found = _with_source(table, event.event_id)
    if found is None or found.instance is None:
        table.ignore("an edit of something that was no answer")
        return
    if event.reading.too_long:
        table.reach("text_bytes")
        table.say("too_long")
        return
    source = _source(found, event.reading, event.event_id, event.text, table.facts.occurred_ms)
    if source is None or _is_order(event.reading, found):
        _ask_back(table, found, event.reading)
        return
    _store_words(table, found, source)
    note_said(table, found, event.edit)
    sources = tuple(source if s.event_id == event.event_id else s for s in found.sources)
    changed = replace(found, sources=sources)
    table.keep(changed)
    if sources[-1] is source or _answered(table, changed) != _answered(table, found):
        table.emit(Pass(found.instance, _answered(table, changed)))


def _is_order(reading: Reading, prompt: Prompt) -> bool:
    """Whether an answer was edited into one of the bot's own words, which is never passed on as what somebody says."""
    command = reading.command
    if command is None or command.word not in OWN_WORDS:
        return False
    return command.word in AT_EVERY_FOOT or prompt.row not in reading.picks


def take_back(table: Table, event: TakenBack) -> None:
    """Decide a removal: the answer before it counts again, or none."""
    let_go_of(table, event.event_id)
    found = _with_source(table, event.event_id)
    if found is None or found.instance is None:
        table.ignore("a removal of something that was no answer")
        return
    _keep_only(table, found, tuple(s for s in found.sources if s.event_id != event.event_id))


def _keep_only(table: Table, prompt: Prompt, sources: tuple[Source, ...]) -> None:
    """Of all that answered a question, let only these stand; the instance hears what counts now, if anything does."""
    changed = replace(prompt, sources=sources)
    table.keep(changed)
    if sources == prompt.sources or prompt.instance is None:
        return
    table.await_answer(changed)
    if not sources:
        table.emit(Pass(prompt.instance, TookBack(prompt.ask, prompt.round, Ref(table.desk.person))))
    elif prompt.sources[-1] is not sources[-1] or _answered(table, changed) != _answered(table, prompt):
        table.emit(Pass(prompt.instance, _answered(table, changed)))


def _with_source(table: Table, event_id: str) -> Prompt | None:
    for prompt in table.desk.prompts:
        if any(s.event_id == event_id for s in prompt.sources):
            return prompt
    return None
