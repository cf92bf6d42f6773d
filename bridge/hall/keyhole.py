"""What a delivery says of keys: whose identity changed or is accepted, and what can be read only now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bridge.matrix.client import MatrixClient
from bridge.matrix.inbound import UnreadDraft, hashed_session
from bridge.matrix.sync import Delivery, RoomEvent
from engine.core.desk import DeskEvent, Estranged, Readable, Recognized, Unreadable
from engine.core.values import Ms, PersonId
from engine.runtime.ports import ToDesk


class Acquaintances(Protocol):
    """Knows who stands behind a Matrix id."""

    async def learn(self, user_id: str) -> PersonId: ...


async def news_of_keys(
    delivery: Delivery, client: MatrixClient, people: Acquaintances, now_ms: Ms
) -> list[ToDesk]:
    """What is to come to people's desks before anything they said in this delivery does."""
    return [
        ToDesk(id=named, occurred_ms=now_ms, person=await people.learn(user_id), event=event)
        for named, user_id, event in _found(delivery, client)
    ]


def _found(delivery: Delivery, client: MatrixClient) -> Iterator[tuple[str, str, DeskEvent]]:
    """The id of each piece of news, whose desk it is for, and the event."""
    own, mark_of = client.session.user_id, client.cipher.trust.mark_of
    for user_id in delivery.identities_changed:
        if user_id != own:
            mark = mark_of(user_id)
            yield f"estranged:{mark}", user_id, Estranged(mark)
    for user_id in delivery.identities_accepted:
        if user_id != own:
            yield f"recognized:{mark_of(user_id)}", user_id, Recognized()
    direct, said = client.direct.known(), set[str]()
    for event in delivery.events:
        if not isinstance(event, RoomEvent) or event.source != "late" or not event.session_id:
            continue
        session = hashed_session(event.room_id, event.session_id)
        if direct.get(event.room_id) == event.sender and session not in said:
            said.add(session)
            yield f"readable:{session}:{event.event_id}", event.sender, Readable(session)


def unread(draft: UnreadDraft, person: PersonId, occurred_ms: Ms) -> ToDesk:
    """Something they wrote that cannot be read: news once per session, however much of it comes."""
    event = Unreadable(draft.session, draft.cause)
    return ToDesk(id=f"unread:{draft.session}", occurred_ms=occurred_ms, person=person, event=event)
