"""Brings parcels into Matrix rooms: words found, encrypted, sent once."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Collection, Mapping
from typing import Any, Protocol, TypeVar

import msgspec
from nio.crypto import encrypt_attachment

from bridge.matrix.clock import Clock
from bridge.matrix.direct import DirectRooms, NoDirectRoom
from bridge.matrix.http import MatrixError, Patience, RateLimited, Refused, ServerTrouble, TokenLost
from bridge.matrix.outbound import REDACTION, IdentityChanged, SealedMessage, Sender, SendError
from bridge.matrix.polls import END, START, Ballot, end_of, start_of
from bridge.matrix.rooms import Rooms
from engine.core.parcel import CALENDAR, Direct, Parcel
from engine.core.values import HOUR_MS, MINUTE_MS, CircleId, Ms, PersonId, RowId, TextId
from engine.runtime.ports import (
    KeptBack,
    NothingToSay,
    Paced,
    Sealed,
    SealedElsewhere,
    Sent,
    TryLater,
    Undeliverable,
)

T = TypeVar("T")

log = logging.getLogger(__name__)

SERVER_REMEMBERS_MS = 20 * HOUR_MS
"""How long a homeserver surely knows a transaction id (Synapse keeps it 24 hours, per device)."""
ENCRYPTED = "m.room.encrypted"
NOTICES = ("reply", "post")
NO_TEXTS: frozenset[TextId] = frozenset()
MOST_FILE_BYTES = 8 * 1024 * 1024


class Written(msgspec.Struct, frozen=True):
    """A message in words: plain, HTML, and whom it may notify."""

    body: str
    formatted_body: str
    mentions: tuple[str, ...] = ()
    texts: frozenset[TextId] = frozenset()
    """The texts of people that stand written out in it."""

    def __repr__(self) -> str:
        return f"Written({len(self.body)} characters)"


class Enclosure(msgspec.Struct, frozen=True):
    """A text that travels as a file: its name, as people will see it, and what stands in it."""

    name: str
    text: str
    kind: str = "text/plain"
    """Its media type."""
    texts: frozenset[TextId] = frozenset()
    """The texts of people that stand in it, where it goes with them; a reader's own copy stays."""

    def __repr__(self) -> str:
        return f"Enclosure({len(self.text)} characters)"


class Writer(Protocol):
    """Finds the words for a parcel."""

    async def write(self, parcel: Parcel) -> Written: ...
    async def enclose(self, parcel: Parcel) -> Enclosure:
        """The file that a parcel with a ``document`` carries."""

    async def ballot(self, parcel: Parcel) -> Ballot:
        """The poll that a parcel with ``polls`` starts."""


class Registry(Protocol):
    """Knows which Matrix ids and events stand behind ours."""

    async def matrix_id(self, person: PersonId) -> str | None: ...
    async def room_of(self, circle: CircleId) -> str: ...
    async def rooms_of(self, circle: CircleId) -> Collection[str]:
        """Every room in which what is for this circle may be read."""

    async def sent_event(self, row: RowId) -> tuple[str, str] | None: ...


class Files(Protocol):
    """Where files are laid, encrypted already."""

    async def upload(self, content: bytes) -> str: ...


class _Envelope(msgspec.Struct, frozen=True):
    """What the outbox keeps of a sealed parcel: enough to send the very same again."""

    event_type: str
    content: dict[str, Any]
    sealed_real_ms: Ms
    device: str


class MatrixPostman:
    """Implements ``engine.runtime.ports.Postman``."""

    def __init__(
        self,
        sender: Sender,
        rooms: Rooms,
        direct: DirectRooms,
        registry: Registry,
        writer: Writer,
        files: Files,
        clock: Clock,
        patience: Patience,
        device_id: str,
    ) -> None:
        """``clock`` is real time: it measures what the homeserver remembers.

        ``patience`` is everybody's: however many letters wait, in trouble the homeserver is asked for one at a time.
        """
        self._sender = sender
        self._rooms = rooms
        self._direct = direct
        self._registry = registry
        self._writer = writer
        self._files = files
        self._clock = clock
        self._patience = patience
        self._device_id = device_id

    async def room_for(self, parcel: Parcel) -> str:
        if parcel.redacts is not None:
            return (await self._sent(parcel.redacts))[0]  # where it stands, whichever room is used now
        below = parcel.edits or parcel.reacts or parcel.polls or parcel.ends
        stands = (await self._sent(below))[0] if below is not None else None
        if stands is not None and await self._takes(stands, parcel):
            return stands
        if isinstance(parcel.to, Direct):
            return await self._direct_room(parcel.to.person)
        said = parcel.to.room
        if said in self._rooms and (parcel.redacts_event is not None or await self._takes(said, parcel)):
            return said
        return await self._registry.room_of(parcel.to.circle)

    async def _takes(self, room_id: str, parcel: Parcel) -> bool:
        """Whether more can be written in the room in which something stands.

        It may have been left or replaced; somebody else may have come into a 1:1 room; it may be no circle's any more.
        """
        room = self._rooms.get(room_id)
        if room is None:
            return False
        kind = "m.room.message" if room.encryption is None else "m.room.encrypted"
        if not room.may_send(self._rooms.user_id, "m.reaction" if parcel.reacts else kind):
            return False
        if isinstance(parcel.to, Direct):
            only_they = {self._rooms.user_id, await self._user_id(parcel.to.person)}
            return room.encryption is not None and room.present() == only_they
        return room.replaced_by is None and room_id in await self._registry.rooms_of(parcel.to.circle)

    async def is_present(self, person: PersonId) -> bool:
        room_id = await self._direct_room(person)
        room = self._rooms.get(room_id)
        user_id = await self._user_id(person)
        return room is not None and user_id in room.joined()

    async def _direct_room(self, person: PersonId) -> str:
        user_id = await self._user_id(person)
        try:
            return await _patiently(self._patience.once(lambda: self._direct.ensure(user_id)))
        except NoDirectRoom as error:
            raise TryLater(str(error), after_ms=HOUR_MS) from error

    async def _user_id(self, person: PersonId) -> str:
        user_id = await self._registry.matrix_id(person)
        if user_id is None:
            raise Undeliverable("the person is not known here any more")
        return user_id

    async def seal(self, parcel: Parcel, room: str, transaction: str) -> Sealed:
        event_type, content, texts = await self._content(parcel, room)
        if parcel.recognizes is not None and isinstance(parcel.to, Direct):
            await _patiently(self._sender.recognize(await self._user_id(parcel.to.person), parcel.recognizes))
        sealing = self._patience.once(
            lambda: self._sender.seal(room, event_type, content, transaction, for_anyone=parcel.for_anyone)
        )
        sealed = await _patiently(sealing)
        envelope = _Envelope(sealed.event_type, sealed.content, self._clock.now_ms(), self._device_id)
        return Sealed(msgspec.json.encode(envelope), texts)

    async def put(self, room: str, sealed: bytes, transaction: str) -> Sent:
        envelope = msgspec.json.decode(sealed, type=_Envelope)
        old = self._clock.now_ms() - envelope.sealed_real_ms > SERVER_REMEMBERS_MS
        if old or envelope.device != self._device_id:
            found = await _patiently(self._sender.find_sent(room, transaction))
            if found is not None:
                return Sent(found)
        if envelope.device != self._device_id and envelope.event_type == ENCRYPTED:
            raise SealedElsewhere
        message = SealedMessage(room, envelope.event_type, envelope.content, transaction)
        putting = self._sender.put(message, waits_for_limits=False)
        if envelope.event_type == REDACTION:
            return Sent(await _patiently(_unless_refused(putting, transaction)))
        return Sent(await _patiently(putting))

    async def find(self, room: str, transaction: str) -> Sent | None:
        try:
            found = await _patiently(self._sender.find_sent(room, transaction))
        except Undeliverable:
            return None  # a room that we may not look into is none that it could be followed up in
        return None if found is None else Sent(found)

    # ── contents ─────────────────────────────────────────────────────────────

    async def let_go(self, person: PersonId) -> None:
        user_id = await self._registry.matrix_id(person)
        if user_id is not None:
            await _patiently(self._patience.once(lambda: self._direct.let_go(user_id)))

    async def _content(self, parcel: Parcel, room: str) -> tuple[str, dict[str, Any], frozenset[TextId]]:
        """The event's type and content, and the texts of people that stand in it.

        What would change, or add to, something in another room is written anew here, or not at all.
        """
        taken_back = parcel.redacts_event
        if parcel.redacts is not None:
            taken_back = await self._event_of(parcel.redacts)
        if taken_back is not None:
            return REDACTION, {"redacts": taken_back}, NO_TEXTS
        adds = parcel.reacts or parcel.ends
        if adds is not None and (await self._sent(adds))[0] != room:
            raise NothingToSay
        if parcel.reacts is not None:
            relation = {
                "rel_type": "m.annotation",
                "event_id": await self._event_of(parcel.reacts),
                "key": parcel.emoji,
            }
            return "m.reaction", {"m.relates_to": relation}, NO_TEXTS
        if parcel.polls is not None:
            ballot = await self._writer.ballot(parcel)
            return START, start_of(ballot) | _place(parcel.thread), ballot.texts
        written = await self._writer.write(parcel)
        if parcel.ends is not None:
            return END, end_of(await self._event_of(parcel.ends), written.body), written.texts
        if parcel.document is not None:
            enclosure = await self._writer.enclose(parcel)
            file = await self._file(enclosure, written)
            # An export is the reader's own copy: it stays until they take it back.
            texts = enclosure.texts | written.texts if parcel.document == CALENDAR else NO_TEXTS
            return "m.room.message", file | _place(parcel.thread), texts
        content = _text(parcel, written)
        below = parcel.edits or parcel.replies
        stands, event = await self._sent(below) if below is not None else (room, None)
        if parcel.edits is not None and event is not None and stands == room:
            return "m.room.message", _edit(content, event), written.texts
        replied = event if stands == room else None
        return "m.room.message", content | _place(parcel.thread, replied), written.texts

    async def _file(self, enclosure: Enclosure, caption: Written) -> dict[str, Any]:
        """A file, encrypted for whoever can read the message (client-server specification, 11.13.1.6)."""
        plain = enclosure.text.encode()
        if len(plain) > MOST_FILE_BYTES:
            raise Undeliverable(f"a file of {len(plain)} bytes is larger than {MOST_FILE_BYTES}")
        sealed, keys = encrypt_attachment(plain)
        address = await _patiently(self._files.upload(sealed))
        return {
            "msgtype": "m.file",
            "filename": enclosure.name,
            "body": caption.body,
            "format": "org.matrix.custom.html",
            "formatted_body": caption.formatted_body,
            "info": {"mimetype": enclosure.kind, "size": len(plain)},
            "file": {**keys, "url": address},
            "m.mentions": {},
        }

    async def _event_of(self, row: RowId) -> str:
        return (await self._sent(row))[1]

    async def _sent(self, row: RowId) -> tuple[str, str]:
        """The room and the event of a message that was sent before."""
        found = await self._registry.sent_event(row)
        if found is None:
            raise Undeliverable(f"what it refers to ({row}) was never sent")
        return found


def _text(parcel: Parcel, written: Written) -> dict[str, Any]:
    # A question or anything meant to be noticed is text, its edits too; what only answers or informs is a notice.
    asks = bool(written.mentions) or parcel.target is not None or parcel.edits is not None
    notice = parcel.urgency == "quiet" or (parcel.urgency in NOTICES and not asks)
    mentions = {"user_ids": list(written.mentions)} if written.mentions else {}
    return {
        "msgtype": "m.notice" if notice else "m.text",
        "body": written.body,
        "format": "org.matrix.custom.html",
        "formatted_body": written.formatted_body,
        "m.mentions": mentions,
    }


def _place(thread: str | None, replied: str | None = None) -> dict[str, Any]:
    """Where a message belongs: into a thread, below the message it answers, or simply at the end of the room."""
    if thread is None:
        return {} if replied is None else {"m.relates_to": {"m.in_reply_to": {"event_id": replied}}}
    relation = {
        "rel_type": "m.thread",
        "event_id": thread,
        # Without a reply of its own, one to the thread's beginning shows clients without threads where it belongs.
        "is_falling_back": replied is None,
        "m.in_reply_to": {"event_id": replied or thread},
    }
    return {"m.relates_to": relation}


def _edit(content: Mapping[str, Any], event: str) -> dict[str, Any]:
    return {
        **content,
        "body": f"* {content['body']}",
        "formatted_body": f"* {content['formatted_body']}",
        "m.mentions": {},
        "m.new_content": dict(content),
        "m.relates_to": {"rel_type": "m.replace", "event_id": event},
    }


async def _unless_refused(redacting: Awaitable[T], transaction: str) -> T:
    """What the homeserver does not let us take back stays: nobody can help that, and trying again is no use."""
    try:
        return await redacting
    except Refused as error:
        log.info("what %s would take back stays: %s %s", transaction, error.status, error.errcode)
        raise NothingToSay from error


async def _patiently(work: Awaitable[T]) -> T:
    """Await it; what may pass becomes ``TryLater``, what never will becomes ``Undeliverable``."""
    try:
        return await work
    except TokenLost as error:
        # The sync meets it as well, and ends the house; until then nothing is lost.
        raise TryLater("the access token is no longer valid", MINUTE_MS) from error
    except RateLimited as error:
        raise Paced("rate limited", error.retry_after_ms) from error
    except IdentityChanged as error:
        raise KeptBack("a changed identity is not accepted yet") from error
    except (ServerTrouble, SendError) as error:
        raise TryLater(str(error)) from error
    except Refused as error:
        raise Undeliverable(str(error)) from error
    except MatrixError as error:
        raise TryLater(str(error)) from error
