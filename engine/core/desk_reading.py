"""What a person wrote and the bot cannot read (yet), and whether it is still them who reads what it writes.

Both are about keys, of which a desk knows no more than a name: a session's, an identity's.
"""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Command, Estranged, Heard, Put, Readable, Release, Unread, Unreadable, Withdraw
from engine.core.desk_table import HELLO, Table
from engine.core.message import Message, Phrase, When
from engine.core.parcel import WHOEVER, Direct, Parcel, Urgency
from engine.core.values import DAY_MS, SECOND_MS

IT_IS_ME = "it's me"
KEY_COMES_LATE_MS = 20 * SECOND_MS
"""Keys and messages travel apart: one that is a little late is nothing to write home about."""
MOST_A_DAY = 5
"""Unreadable sessions that one person is told of within a day; of more they know by then."""
MOST_UNREAD = 20
"""Unreadable sessions remembered, so that it can be said when one has become readable."""
TOLD_AGAIN_MS = DAY_MS
"""How seldom it is said again that private things are kept back."""
LATE_NEWS_MS = 30 * DAY_MS


# ── messages that cannot be read ─────────────────────────────────────────────


def miss(table: Table, event: Unreadable) -> None:
    """Say once per session that something could not be read, why that is likely so, and what helps."""
    desk, now_ms = table.desk, table.facts.now_ms
    if any(each.session == event.session for each in desk.unread):
        table.ignore("told already")
        return
    if sum(1 for each in desk.unread if each.at_ms > now_ms - DAY_MS) >= MOST_A_DAY:
        table.ignore("told often enough today")
        return
    table.greet()
    row = table.new_row()
    line = Phrase(f"unread.{event.cause}", slots={"at": When(table.facts.occurred_ms)})
    table.emit(
        Put(
            Parcel(
                row=row,
                to=Direct(desk.person),
                urgency="reply",
                message=Message(lines=(line,)),
                not_before_ms=now_ms + KEY_COMES_LATE_MS,
            )
        )
    )
    unread = (*desk.unread, Unread(event.session, row, now_ms))[-MOST_UNREAD:]
    table.desk = replace(table.desk, unread=unread)


def find_readable(table: Table, event: Readable) -> None:
    """The key came: the person need not be told any more, or hears that it is read now."""
    held = next((each for each in table.desk.unread if each.session == event.session), None)
    if held is None:
        table.ignore("nobody was told")
        return
    table.desk = replace(
        table.desk, unread=tuple(each for each in table.desk.unread if each.session != event.session)
    )
    now_ms = table.facts.now_ms
    if now_ms < held.at_ms + KEY_COMES_LATE_MS:
        table.emit(Withdraw(held.row))
        return
    # Should it not have left yet, this goes in its place as soon as it has.
    message = Message(lines=(Phrase("unread.read"),))
    table.put(message, "reply", edits=held.row, useful_until_ms=now_ms + LATE_NEWS_MS)


# ── who reads ────────────────────────────────────────────────────────────────


def meet_stranger(table: Table, event: Estranged) -> None:
    """The person's identity is another one than before: private things wait until they say that it is them.

    Should it change again and again, that is said at most once a day: what was said holds for each of them.
    """
    desk = table.desk
    table.desk = replace(desk, identity=event.identity)
    due = table.facts.now_ms >= desk.identity_told_ms + TOLD_AGAIN_MS
    if due and desk.greeted and desk.consent != "stopped":
        _tell_of_identity(table, "reply")


def recognize(table: Table) -> None:
    """It is them: what was kept back leaves."""
    table.desk = replace(table.desk, identity="", identity_told_ms=0)
    table.emit(Release())


def say_it_is_them(table: Table, event: Heard, command: Command) -> None:
    """They say that it is them; the identity they have now counts from here on."""
    if not table.desk.identity:
        table.say("identity.known")
        return
    if command.in_clear:
        # Whoever runs the homeserver can write this without any key of theirs.
        table.emit(Put(_open(table, "identity.in_clear", "reply")))
        return
    table.emit(Put(_open(table, "identity.thanks", "reply", recognizes=table.desk.identity)))


def keep_nothing_secret_from_strangers(table: Table, *, spoken: bool) -> None:
    """Where something waits because of a changed identity, say so: at most once a day.

    Before the first word nothing private has been said to anybody: the hello is for the identity they have then.
    """
    desk = table.desk
    waiting = [parcel for parcel in table.messages_to_person() if not parcel.for_anyone]
    hellos = [parcel for parcel in waiting if _is_hello(parcel)]
    for hello in hellos:
        table.change(replace(hello, for_anyone=True, recognizes=WHOEVER))
    if not desk.identity:
        return
    listens = spoken or desk.consent != "stopped"
    due = table.facts.now_ms >= desk.identity_told_ms + TOLD_AGAIN_MS
    if waiting and due and listens and not hellos:
        _tell_of_identity(table, "reply" if spoken else "hello")


def _is_hello(parcel: Parcel) -> bool:
    target = parcel.target
    return target is not None and (target.instance, target.ask) == (None, HELLO)


def _tell_of_identity(table: Table, urgency: Urgency) -> None:
    table.emit(Put(_open(table, "identity.changed", urgency)))
    table.desk = replace(table.desk, identity_told_ms=table.facts.now_ms)


def _open(table: Table, key: str, urgency: Urgency, *, recognizes: str | None = None) -> Parcel:
    """A message that says nothing private and may therefore reach devices that nobody has vouched for."""
    return Parcel(
        row=table.new_row(),
        to=Direct(table.desk.person),
        urgency=urgency,
        message=Message(lines=(Phrase(key),), mention=True),
        for_anyone=True,
        recognizes=recognizes,
    )
