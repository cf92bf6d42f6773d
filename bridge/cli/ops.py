"""`hearth ops`: what needs a human being, on the machine itself, also while Hearth is stopped."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import msgspec

from bridge.cli.enrol import opened_store
from bridge.cli.lock import is_at_work
from bridge.cli.migrate import refuse_unless_in_order
from bridge.cli.speech import Halt, Status, say
from bridge.operations.report import nameless
from bridge.settings import Settings
from engine.core.values import SECOND_MS, Ms
from engine.runtime.ports import Cellar, Counts, Held, Trouble, Unavailable
from engine.store import TortoiseStore

MOST_SHOWN = 200


class Standing(msgspec.Struct, frozen=True):
    """What ``--format json`` prints of ``status``."""

    counts: Counts
    troubles: tuple[Trouble, ...]
    speaker: Held | None = None
    """Which of several processes speaks for the bot, or did last; None over a file, where there is one at most."""


async def ops(settings: Settings, order: str, trouble: str | None, output: str, *, sure: bool) -> Status:
    """Do one order on the database of these settings, whether a Hearth runs on it or not."""
    refuse_unless_in_order(settings)
    database = settings.database
    async with opened_store(database.place, database.keys, settings.secrets.master_key) as store:
        try:
            if order == "status":
                return await _status(store, output, await _speaker(store, settings))
            if order == "retry":
                return await _retry(store, trouble, at_work=await _is_at_work(store, settings))
            return await _drop(store, trouble, sure=sure)
        except Unavailable as error:
            raise Halt(f"{error}.", "Is the disk full or failing?") from error


async def _speaker(store: TortoiseStore, settings: Settings) -> Held | None:
    return await store.lease_of(settings.homeserver.user_id) if settings.database.url else None


async def _is_at_work(store: TortoiseStore, settings: Settings) -> bool:
    held = await _speaker(store, settings)
    return is_at_work(settings.database.path) if held is None else held.left_ms > 0


async def _status(store: Cellar, output: str, speaker: Held | None) -> Status:
    now_ms = time.time_ns() // 1_000_000
    found = [
        msgspec.structs.replace(trouble, why=nameless(trouble.why))
        for trouble in await store.troubles(MOST_SHOWN)
    ]
    standing = Standing(await store.counts(now_ms), tuple(found), speaker)
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode(standing)).decode())
        return Status.OK
    if standing.speaker is not None:
        say(who_speaks(standing.speaker))
    for kind, pile in standing.counts.outbox.items():
        since = (
            f", the first since {_moment(pile.since_ms)}" if pile.since_ms is not None and pile.due else ""
        )
        say(f"outbox {kind}: {pile.due} due{since}, {pile.failing} tried in vain so far")
    counts = standing.counts
    say(f"moments: {counts.timers} waited for, {counts.timers_due} of them due")
    say(f"set aside: {counts.set_aside}, given up: {counts.given_up}")
    for trouble in standing.troubles:
        what = f"{trouble.what} message" if trouble.id.startswith("m") else trouble.what or "unreadable event"
        say(f"  {trouble.id:<6} {_moment(trouble.at_ms)}  {what}: {trouble.why}")
    if standing.troubles:
        say("`hearth ops retry ID` tries one again, without ID all; `hearth ops drop ID` lets go of one.")
    return Status.OK


def who_speaks(held: Held) -> str:
    """Which of several processes has the leave to speak for the bot, in a line."""
    if held.left_ms <= 0:
        return f"speaks: nobody at present; last it was {held.holder} (epoch {held.epoch})"
    catches_up = "" if held.heard else ", and has not caught up yet"
    return f"speaks: {held.holder}, for {held.held_ms // SECOND_MS} s (epoch {held.epoch}){catches_up}"


async def _retry(store: Cellar, trouble: str | None, *, at_work: bool) -> Status:
    wanted = [trouble] if trouble else [each.id for each in await store.troubles(MOST_SHOWN)]
    ends = {each: await store.retry(each) for each in wanted}
    for each, end in ends.items():
        if end == "unknown":
            say(f"{each}: there is nothing by this number")
        elif end == "lost":
            say(
                f"{each}: cannot be tried again, what it belongs to is gone; `hearth ops drop {each}` lets go of it"
            )
        else:
            say(f"{each}: tried again {'within a minute' if at_work else 'when Hearth is started'}")
    if not ends:
        say("Nothing waits for you.")
    return Status.OK if all(end == "again" for end in ends.values()) else Status.PROBLEMS


async def _drop(store: Cellar, trouble: str | None, *, sure: bool) -> Status:
    if trouble is None:
        raise Halt("Which one?", "Write its number behind it; `hearth ops status` shows them.", Status.USAGE)
    if not any(each.id == trouble for each in await store.troubles(MOST_SHOWN)):
        raise Halt(f"There is no {trouble}.", "`hearth ops status` shows what there is.")
    if not sure:
        raise Halt(
            f"If {trouble} is let go of, it is as if it had never happened, and nobody is told.",
            f"`hearth ops drop {trouble} --sure` does it.",
        )
    await store.drop(trouble)
    say(f"{trouble}: let go of")
    return Status.OK


def _moment(at_ms: Ms) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
