"""A homeserver in this process that can be told to misbehave: as much of the client-server API as bots and people need.

Where nothing is scripted it does what `test_homeserver_contract.py` claims of it and of the real Synapse. It keeps no
secrets and checks no signatures. It lasts as long as its context.
"""

import asyncio
import itertools
import json
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from aiohttp import web

from tests.fakes.backups import BackupApi
from tests.fakes.memory import SERVER_NAME, Device, Json, Memory
from tests.fakes.script import Asked, Behaviour, Refuse, Scripted, answer, read_body, refusal
from tests.world.synapse import Account

CLIENT = "/_matrix/client"
LONGEST_POLL_SECONDS = 30.0
LONGEST_TYPING_MS = 120_000
DEFAULT_LIMIT = 10
KEPT_REQUESTS = 100_000
OPEN = ("/versions", "/v3/login")
"""What may be asked without a token."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class FakeHomeserver:
    """Serves on 127.0.0.1 while its context lasts; `World(…, synapse=…)` and a real `Hearth` run on it.

    `fails` scripts it; `asked` is every request so far, `busy` a number that grows with everything that happens.
    """

    limits: Literal["off"] = "off"

    def __init__(self, folder: Path, now_ms: Callable[[], int] | None = None) -> None:
        """`folder` is where `World` puts the stores of its people; `now_ms` stamps events and requests."""
        self.folder = folder
        self.url = ""
        self.memory = Memory(now_ms or (lambda: 0))
        self.busy = 0
        self._scripted: list[Scripted] = []
        self._numbers = itertools.count(1)
        self._polls: list[asyncio.Future[None]] = []
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = web.Application(middlewares=[self._stand_between], client_max_size=1 << 26)
        app.add_routes(self._routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._runner is not None
        self._scripted.clear()
        await self._runner.cleanup()

    # ── what World asks of a homeserver ──────────────────────────────────────

    def next_number(self) -> int:
        """A number not given before, to keep the names of several worlds apart."""
        return next(self._numbers)

    async def register(self, name: str, *, display_name: str | None = None, admin: bool = False) -> Account:
        """Register an account with a random password and a first device."""
        user = self.memory.add_user(name, secrets.token_urlsafe(9), display_name or name.capitalize())
        device = self.memory.add_device(user)
        return Account(self.url, user.user_id, user.password, device.token, device.device_id)

    # ── scripting ────────────────────────────────────────────────────────────

    def fails(
        self, behaviour: Behaviour, *, at: str = "", method: str = "", by: str = "", times: int | None = None
    ) -> Scripted:
        """From now on requests that fit (path contains `at`, this method, this user) meet this behaviour.

        It ends after `times` requests, with `stop`, or with its context; of several the newest that fits counts.
        """
        scripted = Scripted(behaviour, self._forget, at, method, by, times)
        self._scripted.append(scripted)
        return scripted

    def _forget(self, scripted: Scripted) -> None:
        self._scripted = [each for each in self._scripted if each is not scripted]

    def forgive(self) -> None:
        """Nothing is scripted any more."""
        self._scripted.clear()

    @property
    def asked(self) -> list[Asked]:
        """Every request so far, oldest first."""
        return self.memory.asked

    def asked_by(self, user_id: str, at: str = "", *, since_ms: int = 0) -> list[Asked]:
        """This user's requests to paths that contain `at`."""
        return [a for a in self.asked if a.user_id == user_id and at in a.path and a.at_ms >= since_ms]

    @web.middleware
    async def _stand_between(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        path = request.path.removeprefix(CLIENT)
        device = self.memory.device_of(_token(request))
        user_id = device.user_id if device else ""
        self.busy += 1
        if len(self.asked) >= KEPT_REQUESTS:
            raise RuntimeError(f"more than {KEPT_REQUESTS} requests: somebody is hammering")
        place = len(self.asked)
        self.asked.append(Asked(request.method, path, user_id, self.memory.now_ms(), status=0))

        async def honest() -> web.StreamResponse:
            given: web.StreamResponse
            try:
                if device is None and path not in OPEN:
                    raise Refuse(401, "M_UNKNOWN_TOKEN", soft_logout=False)
                given = await handler(request)
            except Refuse as no:
                given = refusal(no.status, no.errcode, no.error, **no.more)
            except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as unknown:
                given = refusal(unknown.status, "M_UNRECOGNIZED", "Unrecognized request")
            self.tell_news()
            return given

        try:
            scripted = self._scripted_for(request.method, path, user_id)
            given = await (scripted.behaviour(request, honest) if scripted else honest())
            self.asked[place] = replace(self.asked[place], status=given.status)
            return given
        finally:
            self.busy += 1

    def _scripted_for(self, method: str, path: str, user_id: str) -> Scripted | None:
        for scripted in reversed(self._scripted):
            if scripted.fits(method, path, user_id):
                scripted.meet()
                return scripted
        return None

    def tell_news(self) -> None:
        """Answer the polls for which there is something new; tests that change `memory` by hand call it after."""
        waiting, self._polls = self._polls, []
        for poll in waiting:
            if not poll.done():
                poll.set_result(None)

    # ── the API ──────────────────────────────────────────────────────────────

    def _routes(self) -> list[web.RouteDef]:
        v3 = f"{CLIENT}/v3"
        room = f"{v3}/rooms/{{room}}"

        route = web.route
        return [
            route("GET", f"{CLIENT}/versions", self._versions),
            route("*", f"{v3}/login", self._log_in),
            route("POST", f"{v3}/logout", self._log_out),
            route("GET", f"{v3}/account/whoami", self._whoami),
            route("GET", f"{v3}/sync", self._sync),
            route("POST", f"{v3}/keys/upload", self._upload_keys),
            route("POST", f"{v3}/keys/query", self._query_keys),
            route("POST", f"{v3}/keys/claim", self._claim_keys),
            route("POST", f"{v3}/keys/device_signing/upload", self._upload_identity),
            route("POST", f"{v3}/keys/signatures/upload", self._upload_signatures),
            route("PUT", f"{v3}/sendToDevice/{{type}}/{{txn}}", self._send_to_device),
            route("POST", "/_matrix/media/v3/upload", self._upload),
            route("GET", f"{CLIENT}/v1/media/download/{SERVER_NAME}/{{name}}", self._download),
            route("POST", f"{v3}/createRoom", self._create_room),
            route("POST", f"{v3}/join/{{room}}", self._join),
            route("POST", f"{room}/join", self._join),
            route("POST", f"{room}/leave", self._leave),
            route("POST", f"{room}/forget", self._forget_room),
            route("POST", f"{room}/invite", self._invite),
            route("POST", f"{room}/{{act:kick|ban}}", self._expel),
            route("PUT", f"{room}/send/{{type}}/{{txn}}", self._send),
            route("PUT", f"{room}/redact/{{event}}/{{txn}}", self._redact),
            route("GET", f"{room}/state", self._state),
            route("GET", f"{room}/state/{{type}}/{{key:.*}}", self._state_event),
            route("PUT", f"{room}/state/{{type}}/{{key:.*}}", self._set_state),
            route("GET", f"{room}/messages", self._messages),
            route("GET", f"{room}/event/{{event}}", self._event),
            route("GET", f"{room}/joined_members", self._joined_members),
            route("GET", f"{CLIENT}/v1/rooms/{{room}}/relations/{{event}}/{{rel}}/{{type}}", self._relations),
            route("POST", f"{room}/receipt/{{kind}}/{{event}}", self._read),
            route("PUT", f"{room}/typing/{{user}}", self._type),
            route("GET", f"{v3}/joined_rooms", self._joined_rooms),
            route("GET", f"{v3}/directory/room/{{alias}}", self._alias),
            route("DELETE", f"{v3}/directory/room/{{alias}}", self._unname),
            route("GET", f"{v3}/user/{{user}}/account_data/{{type}}", self._account_data),
            route("PUT", f"{v3}/user/{{user}}/account_data/{{type}}", self._set_account_data),
            *BackupApi(lambda asked: self.memory.users[self._device(asked).user_id].backups).routes(v3),
        ]

    def _device(self, request: web.Request) -> Device:
        device = self.memory.device_of(_token(request))
        if device is None:
            raise Refuse(401, "M_UNKNOWN_TOKEN", soft_logout=False)
        return device

    async def _versions(self, request: web.Request) -> web.Response:
        return answer(200, {"versions": ["v1.11", "v1.12"]})

    async def _log_in(self, request: web.Request) -> web.Response:
        if request.method == "GET":
            return answer(200, {"flows": [{"type": "m.login.password"}]})
        body = await read_body(request)
        name = str(body.get("identifier", {}).get("user", ""))
        user_id = name if name.startswith("@") else f"@{name}:{SERVER_NAME}"
        user = self.memory.users.get(user_id)
        if user is None or body.get("password") != user.password:
            raise Refuse(403, "M_FORBIDDEN", "Invalid username or password")
        device = self.memory.add_device(user, body.get("device_id"))
        return answer(200, {"user_id": user_id, "device_id": device.device_id, "access_token": device.token})

    async def _log_out(self, request: web.Request) -> web.Response:
        self.memory.remove_device(self._device(request))
        return answer(200, {})

    async def _whoami(self, request: web.Request) -> web.Response:
        device = self._device(request)
        return answer(200, {"user_id": device.user_id, "device_id": device.device_id, "is_guest": False})

    async def _sync(self, request: web.Request) -> web.Response:
        device, query = self._device(request), request.query
        wanted: Json = json.loads(query.get("filter", "{}"))
        limit = wanted.get("room", {}).get("timeline", {}).get("limit", DEFAULT_LIMIT)
        give_up = asyncio.get_running_loop().time() + min(
            LONGEST_POLL_SECONDS, int(query.get("timeout", "0")) / 1000
        )
        while True:
            found, news = self.memory.sync(device, query.get("since"), limit)
            left_seconds = give_up - asyncio.get_running_loop().time()
            if news or left_seconds <= 0:
                return answer(200, found)
            poll: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._polls.append(poll)
            await asyncio.wait([poll], timeout=left_seconds)

    async def _upload_keys(self, request: web.Request) -> web.Response:
        return answer(200, self.memory.upload_keys(self._device(request), await read_body(request)))

    async def _query_keys(self, request: web.Request) -> web.Response:
        return answer(200, self.memory.query_keys(self._device(request).user_id, await read_body(request)))

    async def _claim_keys(self, request: web.Request) -> web.Response:
        return answer(200, self.memory.claim_keys(await read_body(request)))

    async def _upload_identity(self, request: web.Request) -> web.Response:
        body, user = await read_body(request), self.memory.users[self._device(request).user_id]
        if user.cross_signing.get("master") not in (None, body.get("master_key")):
            auth = body.get("auth", {})
            if auth.get("type") != "m.login.password" or auth.get("password") != user.password:
                flows = [{"stages": ["m.login.password"]}]
                return answer(401, {"session": secrets.token_hex(8), "flows": flows, "params": {}})
        self.memory.upload_identity(user.user_id, body)
        return answer(200, {})

    async def _upload_signatures(self, request: web.Request) -> web.Response:
        return answer(200, self.memory.upload_signatures(await read_body(request)))

    async def _send_to_device(self, request: web.Request) -> web.Response:
        messages = (await read_body(request)).get("messages", {})
        self.memory.send_to_device(self._device(request).user_id, request.match_info["type"], messages)
        return answer(200, {})

    # ── rooms ────────────────────────────────────────────────────────────────

    async def _create_room(self, request: web.Request) -> web.Response:
        room = self.memory.create_room(self._device(request).user_id, await read_body(request))
        return answer(200, {"room_id": room.room_id})

    async def _join(self, request: web.Request) -> web.Response:
        self.memory.join(request.match_info["room"], self._device(request).user_id)
        return answer(200, {"room_id": request.match_info["room"]})

    async def _leave(self, request: web.Request) -> web.Response:
        self.memory.leave(request.match_info["room"], self._device(request).user_id)
        return answer(200, {})

    async def _invite(self, request: web.Request) -> web.Response:
        invited = str((await read_body(request)).get("user_id"))
        self.memory.invite(request.match_info["room"], self._device(request).user_id, invited)
        return answer(200, {})

    async def _expel(self, request: web.Request) -> web.Response:
        membership = "ban" if request.match_info["act"] == "ban" else "leave"
        who = str((await read_body(request)).get("user_id"))
        self.memory.expel(request.match_info["room"], self._device(request).user_id, who, membership)
        return answer(200, {})

    async def _send(self, request: web.Request) -> web.Response:
        named, body = request.match_info, await read_body(request)
        event_id = self.memory.send(self._device(request), named["room"], named["type"], named["txn"], body)
        return answer(200, {"event_id": event_id})

    async def _redact(self, request: web.Request) -> web.Response:
        named, body = request.match_info, await read_body(request)
        event_id = self.memory.redact(
            self._device(request), named["room"], named["event"], named["txn"], body
        )
        return answer(200, {"event_id": event_id})

    async def _state(self, request: web.Request) -> web.Response:
        room = self.memory.joined(request.match_info["room"], self._device(request).user_id)
        return answer(200, list(room.state().values()))

    async def _state_event(self, request: web.Request) -> web.Response:
        named = request.match_info
        room = self.memory.joined(named["room"], self._device(request).user_id)
        event = room.state().get((named["type"], named["key"]))
        if event is None:
            raise Refuse(404, "M_NOT_FOUND", "no such state")
        return answer(200, event["content"])

    async def _set_state(self, request: web.Request) -> web.Response:
        named, body, user_id = request.match_info, await read_body(request), self._device(request).user_id
        event_id = self.memory.set_state(user_id, named["room"], named["type"], named["key"], body)
        return answer(200, {"event_id": event_id})

    async def _messages(self, request: web.Request) -> web.Response:
        query = request.query
        room = self.memory.joined(request.match_info["room"], self._device(request).user_id)
        start = self.memory.read_token(query["from"])[0] if "from" in query else self.memory.now
        stop = self.memory.read_token(query["to"])[0] if "to" in query else 0
        behind = [(at, event) for at, event in reversed(room.events) if stop < at <= start]
        page = behind[: int(query.get("limit", "10"))]
        found: Json = {"chunk": [event for _, event in page], "start": f"s{start}_0", "state": []}
        if len(page) < len(behind):
            found["end"] = f"s{page[-1][0] - 1}_0"
        return answer(200, found)

    async def _event(self, request: web.Request) -> web.Response:
        room = self.memory.joined(request.match_info["room"], self._device(request).user_id)
        return answer(200, room.find(request.match_info["event"]))

    async def _joined_members(self, request: web.Request) -> web.Response:
        room = self.memory.joined(request.match_info["room"], self._device(request).user_id)
        people = {u: {"display_name": self.memory.users[u].display_name} for u in room.people("join")}
        return answer(200, {"joined": people})

    async def _relations(self, request: web.Request) -> web.Response:
        named = request.match_info
        room = self.memory.joined(named["room"], self._device(request).user_id)
        chunk = [
            event
            for _, event in reversed(room.events)
            if event["type"] == named["type"]
            and event["content"].get("m.relates_to", {}).get("event_id") == named["event"]
            and event["content"]["m.relates_to"].get("rel_type") == named["rel"]
        ]
        return answer(200, {"chunk": chunk})

    async def _joined_rooms(self, request: web.Request) -> web.Response:
        user_id, rooms = self._device(request).user_id, self.memory.rooms
        joined = [room_id for room_id, room in rooms.items() if room.membership(user_id) == "join"]
        return answer(200, {"joined_rooms": joined})

    async def _alias(self, request: web.Request) -> web.Response:
        room_id = self.memory.aliases.get(request.match_info["alias"])
        if room_id is None:
            raise Refuse(404, "M_NOT_FOUND", "no such alias")
        return answer(200, {"room_id": room_id, "servers": [SERVER_NAME]})

    async def _unname(self, request: web.Request) -> web.Response:
        self._device(request)
        if self.memory.aliases.pop(request.match_info["alias"], None) is None:
            raise Refuse(404, "M_NOT_FOUND", "no such alias")
        return answer(200, {})

    async def _forget_room(self, request: web.Request) -> web.Response:
        self.memory.forget(request.match_info["room"], self._device(request).user_id)
        return answer(200, {})

    async def _read(self, request: web.Request) -> web.Response:
        named = request.match_info
        self.memory.read(named["room"], self._device(request).user_id, named["kind"], named["event"])
        return answer(200, {})

    async def _type(self, request: web.Request) -> web.Response:
        named, body, sender = request.match_info, await read_body(request), self._device(request).user_id
        timeout_ms = min(int(body.get("timeout", 30_000)), LONGEST_TYPING_MS)
        until_ms = self.memory.now_ms() + timeout_ms if body.get("typing") else None
        self.memory.type(named["room"], sender, named["user"], until_ms)
        return answer(200, {})

    # ── media ────────────────────────────────────────────────────────────────

    async def _upload(self, request: web.Request) -> web.Response:
        self._device(request)
        name = secrets.token_hex(12)
        self.memory.media[name] = await request.read()
        return answer(200, {"content_uri": f"mxc://{SERVER_NAME}/{name}"})

    async def _download(self, request: web.Request) -> web.Response:
        self._device(request)
        held = self.memory.media.get(request.match_info["name"])
        if held is None:
            raise Refuse(404, "M_NOT_FOUND", "no such file")
        return web.Response(body=held, content_type="application/octet-stream")

    # ── account data ─────────────────────────────────────────────────────────

    def _own_data(self, request: web.Request) -> dict[str, tuple[int, Json]]:
        if request.match_info["user"] != self._device(request).user_id:
            raise Refuse(403, "M_FORBIDDEN", "somebody else's")
        return self.memory.users[request.match_info["user"]].account_data

    async def _account_data(self, request: web.Request) -> web.Response:
        held = self._own_data(request).get(request.match_info["type"])
        if held is None:
            raise Refuse(404, "M_NOT_FOUND", "no such account data")
        return answer(200, held[1])

    async def _set_account_data(self, request: web.Request) -> web.Response:
        held, body = self._own_data(request), await read_body(request)
        held[request.match_info["type"]] = (self.memory.tick(), body)
        return answer(200, {})


def _token(request: web.Request) -> str:
    return request.headers.get("Authorization", "").removeprefix("Bearer ")
