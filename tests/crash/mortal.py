"""Every port of the house, wrapped so that a scythe hears of each boundary. Production code knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from bridge.matrix.crypto_store import RowStore
from bridge.matrix.http import Homeserver
from bridge.matrix.keep import Keeper, Row
from engine.core.values import CircleId, Ms, PersonId, RowId, TextId
from engine.runtime.ports import Changes, Journey, Retried
from engine.store import TortoiseStore
from tests.crash.scythe import Scythe

API = "/_matrix/client/v3/"
MEGOLM = "m.room.encrypted"


class MortalStore(TortoiseStore):
    """A store that may die around each of its transactions; `moved` is called after each that was not the last."""

    scythe: Scythe
    moved: Callable[[], None]

    async def _around(self, operation: str, work: Any) -> Any:
        answer = await self.scythe.around(f"store.{operation}", work)
        self.moved()
        return answer

    async def commit(self, changes: Changes) -> None:
        await self._around(f"commit {_what_is_kept(changes)}", super().commit(changes))

    async def claim(
        self, now_ms: Ms, lease_ms: Ms, limit: int, unasked: int | None = None
    ) -> Sequence[Journey]:
        claiming = super().claim(now_ms, lease_ms, limit, unasked)
        claimed: Sequence[Journey] = await self._around("claim", claiming)
        return claimed

    async def seal(self, row: RowId, room: str, sealed: bytes, texts: Collection[TextId] = ()) -> None:
        await self._around("seal", super().seal(row, room, sealed, texts))

    async def mark_sent(self, row: RowId, event: str, at_ms: Ms) -> None:
        await self._around("mark_sent", super().mark_sent(row, event, at_ms))

    async def postpone(self, row: RowId, due_ms: Ms | None, why: str, *, failed: bool) -> None:
        await self._around("postpone", super().postpone(row, due_ms, why, failed=failed))

    async def bury(self, row: RowId, why: str, at_ms: Ms, *, dead: bool) -> None:
        await self._around("bury", super().bury(row, why, at_ms, dead=dead))

    async def move_circle(self, circle: CircleId, room: str) -> bool:
        moved: bool = await self._around("move_circle", super().move_circle(circle, room))
        return moved

    async def retry(self, trouble: str) -> Retried:
        ended: Retried = await self._around("retry", super().retry(trouble))
        return ended

    async def drop(self, trouble: str) -> bool:
        dropped: bool = await self._around("drop", super().drop(trouble))
        return dropped

    async def person(self, matrix_id: str) -> PersonId:
        person: PersonId = await self._around("person", super().person(matrix_id))
        return person


def _what_is_kept(changes: Changes) -> str:
    """What a transaction is about: what people did, what was shown to be sent, moments that came, or rows alone."""
    if any(arrival.startswith("$") for arrival in changes.seen):
        return "deeds"
    if changes.echoes:
        return "echoes"
    return "moments" if changes.seen else "rows"


class MortalKeeper:
    """A keeper that may die around each commit of the bridge's own rows."""

    def __init__(self, keeper: Keeper, scythe: Scythe) -> None:
        self._keeper = keeper
        self._scythe = scythe

    async def load(self) -> dict[tuple[str, str], bytes]:
        return await self._keeper.load()

    async def commit(self, rows: Sequence[Row]) -> None:
        await self._scythe.around("keeper.commit", self._keeper.commit(rows))


class MortalHomeserver(Homeserver):
    """A homeserver that we may die around each request to; made by `connect`, then given its scythe."""

    scythe: Scythe

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        timeout_seconds: float = 30.0,
    ) -> dict[str, Any]:
        asked = super().request(method, path, query=query, body=body, timeout_seconds=timeout_seconds)
        return await self.scythe.around(f"http.{_operation(method, path, body or {})}", asked)


def _operation(method: str, path: str, body: Mapping[str, Any]) -> str:
    """What a request is about, in a word or two, without ids."""
    match path.removeprefix(API).split("/"):
        case ["sync"]:
            return "sync"
        case ["rooms", _, "send", _, _]:
            return f"send {_what_is_sent(body)}"
        case ["user", _, "account_data", kind] if method == "PUT":
            return "put m.direct" if kind == "m.direct" else "put secrets"
        case _ if method == "GET":
            return "read"
        case ["rooms", _, action, *_]:
            return action
        case ["sendToDevice", *_]:
            return "sendToDevice"
        case ["room_keys", "keys", *_]:
            return "put room keys" if method == "PUT" else "drop room keys"
        case parts:
            return "/".join(parts)


def _what_is_sent(body: Mapping[str, Any]) -> str:
    relation = body.get("m.relates_to", {})
    match relation.get("rel_type"):
        case "m.annotation":
            return "reaction"
        case "m.replace":
            return "edit"
        case _:
            return "reply" if "m.in_reply_to" in relation else "message"


CRYPTO_CALLS = {
    "load_account": "load",
    "load_sessions": "load",
    "load_inbound_group_sessions": "load",
    "load_device_keys": "load",
    "load_outgoing_key_requests": "load",
    "save_account": "save_account",
    "save_session": "save_session",
    "save_inbound_group_session": "save_room_key",
    "save_device_keys": "save_devices",
    "note_devices": "save_devices",
    "add_outgoing_key_request": "key_request",
    "remove_outgoing_key_request": "key_request",
    "drop_spare_sessions": "drop_sessions",
    "drop_sessions_with": "drop_sessions",
}
"""The methods nio (and our own machine) call on its store, and the operation each counts as."""


def mortal_row_store(scythe: Scythe) -> type[RowStore]:
    """A crypto store that may die before and after each call."""

    def mortal(name: str, operation: str) -> Callable[..., Any]:
        original = getattr(RowStore, name)

        def call(self: RowStore, *arguments: Any) -> Any:
            scythe.cross(f"crypto.{operation}:before")
            answer = original(self, *arguments)
            scythe.cross(f"crypto.{operation}:after")
            return answer

        return call

    return type("MortalRowStore", (RowStore,), {n: mortal(n, op) for n, op in CRYPTO_CALLS.items()})
