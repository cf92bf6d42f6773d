"""The key backups of accounts, as a homeserver keeps them: it cannot look into them, and only counts.

Matrix specification, "Server-side key backups".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.script import Refuse, answer, read_body

Json = dict[str, Any]


@dataclass
class Backup:
    """One version: what it was made with, and per room and session what was put in."""

    version: str
    algorithm: str
    auth_data: Json
    rooms: dict[str, dict[str, Json]] = field(default_factory=dict)
    changes: int = 0

    @property
    def state(self) -> Json:
        """What every change is answered with."""
        return {"etag": str(self.changes), "count": sum(len(sessions) for sessions in self.rooms.values())}

    def shown(self) -> Json:
        return {
            "version": self.version,
            "algorithm": self.algorithm,
            "auth_data": self.auth_data,
            **self.state,
        }


class Backups:
    """All versions of an account that have not been deleted; the newest is the present one."""

    def __init__(self) -> None:
        self.versions: dict[str, Backup] = {}
        self._made = 0

    def make(self, body: Json) -> Json:
        self._made += 1
        version = str(self._made)
        self.versions[version] = Backup(version, str(body["algorithm"]), dict(body["auth_data"]))
        return {"version": version}

    def present(self) -> Backup:
        if not self.versions:
            raise Refuse(404, "M_NOT_FOUND", "Current backup version not found")
        return next(reversed(self.versions.values()))

    def named(self, version: str) -> Backup:
        if version not in self.versions:
            raise Refuse(404, "M_NOT_FOUND", "Unknown backup version")
        return self.versions[version]

    def change(self, version: str, body: Json) -> None:
        backup = self.named(version)
        if body.get("algorithm") != backup.algorithm:
            raise Refuse(400, "M_INVALID_PARAM", "Algorithm does not match")
        backup.auth_data = dict(body["auth_data"])

    def delete(self, version: str) -> None:
        self.named(version)
        del self.versions[version]

    def put_in(self, version: str, rooms: Json) -> Json:
        """Take these keys, each unless there is a better one; only the present version is written to."""
        present = self.present()
        if version != present.version:
            self.named(version)
            raise Refuse(403, "M_WRONG_ROOM_KEYS_VERSION", current_version=present.version)
        changed = False
        for room_id, room in rooms.items():
            for session_id, entry in room["sessions"].items():
                held = present.rooms.setdefault(room_id, {})
                if session_id not in held or _is_better(entry, held[session_id]):
                    held[session_id] = entry
                    changed = True
        present.changes += changed
        return present.state

    def found(self, version: str, room_id: str | None, session_id: str | None) -> Json:
        """All keys, those of a room, or one."""
        rooms = self.named(version).rooms
        if room_id is None:
            return {"rooms": {name: {"sessions": sessions} for name, sessions in rooms.items()}}
        if session_id is None:
            return {"sessions": rooms.get(room_id, {})}
        if session_id not in rooms.get(room_id, {}):
            raise Refuse(404, "M_NOT_FOUND", "No room_keys found")
        return rooms[room_id][session_id]

    def take_out(self, version: str, room_id: str | None, session_id: str | None) -> Json:
        """Delete all keys, those of a room, or one; what is not there is no error."""
        backup = self.named(version)
        for name in [room_id] if room_id else list(backup.rooms):
            sessions = backup.rooms.get(name, {})
            for each in [session_id] if session_id else list(sessions):
                sessions.pop(each, None)
            if not sessions:
                backup.rooms.pop(name, None)
        backup.changes += 1
        return backup.state


def _is_better(new: Json, old: Json) -> bool:
    """The rule of the specification: verified first, then the earlier index, then fewer hands."""
    if new["is_verified"] != old["is_verified"]:
        return bool(new["is_verified"])
    if new["first_message_index"] != old["first_message_index"]:
        return bool(new["first_message_index"] < old["first_message_index"])
    return bool(new["forwarded_count"] < old["forwarded_count"])


class BackupApi:
    """The requests under `/room_keys`; `backups_of` finds the account that asks."""

    def __init__(self, backups_of: Callable[[web.Request], Backups]) -> None:
        self._backups_of = backups_of

    def routes(self, v3: str) -> list[web.RouteDef]:
        """All of them, each key with its room and session or without."""
        versions, route = f"{v3}/room_keys/version", web.route
        found = [
            route("POST", versions, self._make),
            route("GET", versions, self._present),
            route("GET", f"{versions}/{{version}}", self._named),
            route("PUT", f"{versions}/{{version}}", self._change),
            route("DELETE", f"{versions}/{{version}}", self._delete),
        ]
        for where in ("", "/{room}", "/{room}/{session}"):
            keys = f"{v3}/room_keys/keys{where}"
            found += [
                route("PUT", keys, self._put_in),
                route("GET", keys, self._found),
                route("DELETE", keys, self._take_out),
            ]
        return found

    async def _make(self, request: web.Request) -> web.Response:
        return answer(200, self._backups_of(request).make(await read_body(request)))

    async def _present(self, request: web.Request) -> web.Response:
        return answer(200, self._backups_of(request).present().shown())

    async def _named(self, request: web.Request) -> web.Response:
        return answer(200, self._backups_of(request).named(request.match_info["version"]).shown())

    async def _change(self, request: web.Request) -> web.Response:
        self._backups_of(request).change(request.match_info["version"], await read_body(request))
        return answer(200, {})

    async def _delete(self, request: web.Request) -> web.Response:
        self._backups_of(request).delete(request.match_info["version"])
        return answer(200, {})

    async def _put_in(self, request: web.Request) -> web.Response:
        rooms = await read_body(request)
        version, room_id, session_id = _where(request)
        if session_id is not None:
            rooms = {"sessions": {session_id: rooms}}
        if room_id is not None:
            rooms = {"rooms": {room_id: rooms}}
        return answer(200, self._backups_of(request).put_in(version, rooms["rooms"]))

    async def _found(self, request: web.Request) -> web.Response:
        return answer(200, self._backups_of(request).found(*_where(request)))

    async def _take_out(self, request: web.Request) -> web.Response:
        return answer(200, self._backups_of(request).take_out(*_where(request)))


def _where(request: web.Request) -> tuple[str, str | None, str | None]:
    """Version, room and session that a request names."""
    version = request.query.get("version")
    if version is None:
        raise Refuse(400, "M_MISSING_PARAM", "Missing required query parameter version")
    return version, request.match_info.get("room"), request.match_info.get("session")
