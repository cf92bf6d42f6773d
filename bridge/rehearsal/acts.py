"""Acts: what people do in a rehearsal and how time passes, as values; and playing one of them on a stage."""

from __future__ import annotations

import msgspec

from bridge.reading.choices import Offered, chosen
from bridge.reading.moments import Moments
from bridge.reading.plainly import same_emoji
from bridge.rehearsal.stage import Stage
from bridge.wording.vocabulary import Vocabulary
from engine.core.definition import MomentExpr
from engine.core.moments import resolve
from engine.core.parcel import Target
from engine.core.turn import DETAIL, QUESTION
from engine.core.values import DAY_MS, Moment, Ms
from engine.testing import Brought

A_QUESTION = "question"
"""How an act names a guest's question that was carried to somebody."""
MOST_SKIPPED = 500
"""Moments one skip may pass without anything to be seen."""
LONGEST_SKIP_MS = 800 * DAY_MS


class Say(msgspec.Struct, frozen=True, tag="say"):
    """Somebody writes: to the bot, or in the circle's room. ``to``: the ask that they answer by a reply.

    Words that are an emoji on offer are a tap on it, as are words in the room that name what is on offer there; where
    there is a poll, they are a vote in it.
    """

    who: str
    words: str
    room: bool = False
    to: str | None = None


class TakeBack(msgspec.Struct, frozen=True, tag="take_back"):
    """Somebody removes the last thing they wrote or tapped."""

    who: str


class Leave(msgspec.Struct, frozen=True, tag="leave"):
    """Somebody leaves the circle's room."""

    who: str


class Come(msgspec.Struct, frozen=True, tag="come"):
    """Somebody comes into the circle's room: again, or for the first time."""

    who: str


class Pass(msgspec.Struct, frozen=True, tag="pass"):
    """Time passes."""

    by_ms: Ms


class PassTo(msgspec.Struct, frozen=True, tag="pass_to"):
    """Time passes until a moment of the workflow that was begun last, and what is due then has happened."""

    moment: MomentExpr
    written: str


class PassToDay(msgspec.Struct, frozen=True, tag="pass_to_day"):
    """Time passes until a day and time in people's words."""

    written: str


class PassOn(msgspec.Struct, frozen=True, tag="pass_on"):
    """Time passes to the next moment at which there is something to see."""


Act = Say | TakeBack | Leave | Come | Pass | PassTo | PassToDay | PassOn


class Hitch(msgspec.Struct, frozen=True):
    """Why an act could not be played, and what helps: in a file, or (``now``) at the prompt."""

    found: str
    helps: str = ""
    now: str = ""

    def __str__(self) -> str:
        return "; ".join(filter(None, (self.found, self.helps)))

    @property
    def at_the_prompt(self) -> str:
        """The same, for whoever sits at the prompt."""
        return "; ".join(filter(None, (self.found, self.now or self.helps)))


async def perform(stage: Stage, act: Act) -> Hitch | None:
    """Play one act; a hitch if it could not be played, and then nothing has happened."""
    match act:
        case Pass():
            return await _pass(stage, act.by_ms)
        case PassTo():
            return await _pass_to(stage, act)
        case PassToDay():
            return await _pass_to_day(stage, act)
        case PassOn():
            return await _pass_on(stage)
        case Come():
            await stage.come_into_the_room(act.who)
            return None
        case Say() | TakeBack() | Leave():
            if act.who not in stage.cast.persons:
                here = ", ".join(stage.cast.persons)
                return Hitch(f"nobody here is called {act.who}", f"here are {here}")
    match act:
        case Say():
            return await _say(stage, act)
        case TakeBack():
            event = stage.last_event_of(act.who)
            if event is None:
                return Hitch(f"{act.who} has done nothing that could be taken back")
            await stage.remove(act.who, event)
        case Leave():
            await stage.leave(act.who)
    return None


# ── words and taps ───────────────────────────────────────────────────────────


async def _say(stage: Stage, act: Say) -> Hitch | None:
    if act.to is not None:
        asked = _asked(stage, act)
        if asked is None:
            return Hitch(
                f"{act.who} has not been asked `{act.to}`", "look at what lies before them, or leave `to` out"
            )
        await stage.say(act.who, act.words, room=act.room, reply_to=asked.event)
        return None
    tapped = _tapped(stage, act)
    if tapped is not None:
        brought, choice, emoji = tapped
        if brought.parcel.polls is not None:
            await stage.vote(act.who, [choice], brought.event, room=act.room)
        else:
            await stage.tap_event(act.who, emoji, brought.event, room=act.room)
    else:
        await stage.say(act.who, act.words, room=act.room)
    return None


def _asked(stage: Stage, act: Say) -> Brought | None:
    """The latest message by which somebody was asked this."""
    for brought in reversed(stage.seen(act.who, room=act.room)):
        target = brought.parcel.target
        if target is not None and brought.parcel.edits is None and _is_called(target, act.to or ""):
            return brought
    return None


def _is_called(target: Target, name: str) -> bool:
    if name == A_QUESTION and target.ask.startswith(QUESTION):
        return True
    return target.ask.removeprefix(DETAIL) == name


def _tapped(stage: Stage, act: Say) -> tuple[Brought, str, str] | None:
    """The message, and the choice and its emoji, that these words are a tap on, if they are one."""
    for brought in reversed(stage.seen(act.who, room=act.room)):
        target = brought.parcel.target
        if target is None or brought.parcel.edits is not None:
            continue
        for offered, emoji in target.choices:
            if same_emoji(act.words, emoji):
                return brought, offered, emoji
        if not act.room:
            continue
        choice = chosen(act.words, _offered(stage, target), Vocabulary.load().said)
        for offered, emoji in target.choices:
            if offered == choice:
                return brought, offered, emoji
    return None


def _offered(stage: Stage, target: Target) -> list[Offered]:
    definition = stage.definition_of(target.instance) if target.instance is not None else None
    texts = definition.texts if definition is not None else {}
    return [Offered(id, emoji, texts.get(f"{target.ask}.{id}", "")) for id, emoji in target.choices]


# ── time ─────────────────────────────────────────────────────────────────────


async def _pass(stage: Stage, by_ms: Ms) -> Hitch | None:
    if by_ms > LONGEST_SKIP_MS:
        return Hitch("that is too long to skip", f"at most {LONGEST_SKIP_MS // DAY_MS} days at once")
    await stage.pass_time(by_ms)
    return None


async def _pass_to(stage: Stage, act: PassTo) -> Hitch | None:
    begun = stage.snapshots()
    if not begun:
        return Hitch("nothing has been begun yet, so it has no moments", "begin it first")
    snapshot = begun[-1]
    opened = [ask.opened_ms for ask in snapshot.asks.values()]
    at_ms = resolve(
        act.moment,
        snapshot.details,
        entered_ms=snapshot.entered_ms,
        opened_ms=max(opened, default=snapshot.entered_ms),
    )
    if at_ms is None and day_meant(act.written, stage.now_ms) is not None:
        return await _pass_to_day(stage, PassToDay(act.written))
    if at_ms is None:
        known = [name for name, value in snapshot.details.items() if isinstance(value, Moment)]
        return Hitch(
            f"`{act.moment.base}` is not known yet",
            f"known moments: {', '.join((*known, 'entering', 'opening'))}",
        )
    if at_ms < stage.now_ms:
        return _passed(act.written)
    return await _pass(stage, at_ms - stage.now_ms)


async def _pass_to_day(stage: Stage, act: PassToDay) -> Hitch | None:
    at_ms = day_meant(act.written, stage.now_ms)
    if at_ms is None:
        return Hitch(
            f"`{act.written}` is no moment that I know",
            "for example `3 days`, `to reply_by`, `to 1 day before starts`, `to Friday 19:00`",
        )
    if at_ms < stage.now_ms:
        return _passed(act.written)
    return await _pass(stage, at_ms - stage.now_ms)


def _passed(written: str) -> Hitch:
    return Hitch(
        f"`{written}` has passed already",
        "time only goes on; put this line further up",
        now="time only goes on; `back` undoes",
    )


def day_meant(written: str, now_ms: Ms) -> Ms | None:
    """The moment that somebody means by a day and a time in their words; None if it is none."""
    vocabulary = Vocabulary.load()
    return Moments(vocabulary.language, vocabulary.moments).read(written, now_ms, "UTC")


async def _pass_on(stage: Stage) -> Hitch | None:
    before = stage.picture()
    for _ in range(MOST_SKIPPED):
        next_ms = await stage.next_moment_ms()
        if next_ms is None or next_ms - stage.now_ms > LONGEST_SKIP_MS:
            return Hitch(
                "nothing more will happen by itself",
                "leave this line out, or let somebody write before it",
                now="somebody may write, or begin something new",
            )
        await stage.pass_time(max(0, next_ms - stage.now_ms))
        if stage.picture() != before:
            return None
    return Hitch("for a long time there is nothing to see", "skip a length of time, such as `skip 100 days`")
