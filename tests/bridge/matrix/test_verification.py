"""Comparing keys without a homeserver: the arithmetic, who is answered, how long it may take, and what never works."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import vodozemac

from bridge.matrix.cipher import ToDevice
from bridge.matrix.clock import SystemClock
from bridge.matrix.http import ServerTrouble
from bridge.matrix.outbound import SealedMessage
from bridge.matrix.sas import EMOJI, Broken, Exchange, Party, Say, Shown, Vouched, commitment
from bridge.matrix.sync import RoomEvent
from bridge.matrix.verification import (
    MOST_AT_ONCE,
    MOST_PER_HOUR,
    MOST_WAITING,
    MOST_WAITING_EACH,
    OLDEST_MS,
    START_AFTER_MS,
    Compared,
    Comparing,
    Verification,
)

BOT = Party("@hearth:hearth.test", "BOTDEVICE")
VERA = Party("@vera:hearth.test", "VERASPHONE")
ROOM = "!one-to-one:hearth.test"
NOW_MS = 1_800_000_000_000
WAIT_SECONDS = 5


def new_key() -> str:
    return str(vodozemac.Account().ed25519_key.to_base64())


KEYS = {
    BOT: {f"ed25519:{BOT.device_id}": new_key(), "ed25519:botmaster": new_key()},
    VERA: {f"ed25519:{VERA.device_id}": new_key(), "ed25519:verasmaster": new_key()},
}


def two_sides() -> tuple[Exchange, Exchange]:
    named = {"transaction_id": "t1"}
    return Exchange(BOT, VERA, "t1", named), Exchange(VERA, BOT, "t1", named)


def meet(first: Exchange, second: Exchange) -> tuple[Shown, Shown]:
    """Both sides up to the point where a person looks; `first` begins."""
    accept = second.take_start(first.start().content)
    assert isinstance(accept, Say)
    key = first.take_accept(accept.content)
    assert isinstance(key, Say)
    answered = second.take_key(key.content)
    assert not isinstance(answered, Broken)
    (back,), seen_by_second = answered
    done = first.take_key(back.content)
    assert not isinstance(done, Broken)
    assert done[0] == []
    return done[1], seen_by_second


# ── the arithmetic ───────────────────────────────────────────────────────────


@pytest.mark.parametrize("bot_begins", [True, False])
def test_both_sides_see_the_same_and_vouch_for_their_keys(bot_begins: bool) -> None:
    bot, vera = two_sides()
    first, second = (bot, vera) if bot_begins else (vera, bot)
    shown, other = meet(first, second)
    assert shown == other
    assert len(shown.emoji) == 7
    assert all(0 <= each < len(EMOJI) for each in shown.emoji)
    assert all(1000 <= each <= 9191 for each in shown.decimals)
    assert bot.take_mac(vera.mac(KEYS[VERA]).content, KEYS[VERA]) == Vouched(frozenset(KEYS[VERA]))
    assert vera.take_mac(bot.mac(KEYS[BOT]).content, KEYS[BOT]) == Vouched(frozenset(KEYS[BOT]))


def test_the_commitment_is_that_of_other_implementations() -> None:
    start = {
        "from_device": "XOWLHHFSWM",
        "transaction_id": "bYxBsirjUJO9osar6ST4i2M2NjrYLA7l",
        "method": "m.sas.v1",
        "key_agreement_protocols": ["curve25519-hkdf-sha256", "curve25519"],
        "hashes": ["sha256"],
        "message_authentication_codes": ["hkdf-hmac-sha256", "hmac-sha256"],
        "short_authentication_string": ["decimal", "emoji"],
    }
    public = "Q/NmNFEUS1fS+YeEmiZkjjblKTitrKOAk7cPEumcMlg"
    assert commitment(public, start) == "CCQmB4JCdB0FW21FdAnHj/Hu8+W9+Nb0vgwPEnZZQ4g"


def test_somebody_in_between_makes_the_two_sides_see_something_else() -> None:
    bot, to_bot = two_sides()
    to_vera, vera = two_sides()
    seen_by_bot, _ = meet(to_bot, bot)
    seen_by_vera, _ = meet(vera, to_vera)
    assert seen_by_bot != seen_by_vera


def test_a_key_that_was_swapped_after_it_was_bound_is_noticed() -> None:
    bot, vera = two_sides()
    accept = vera.take_start(bot.start().content)
    assert isinstance(accept, Say)
    bot.take_accept(accept.content)
    swapped = bot.take_key({"key": str(vodozemac.Sas().public_key.to_base64())})
    assert isinstance(swapped, Broken)
    assert swapped.code == "m.mismatched_commitment"


def replaced(content: dict[str, Any], name: str, value: str) -> dict[str, Any]:
    return {**content, "mac": {**content["mac"], name: value}}


@pytest.mark.parametrize("what", ["another key", "a list", "another device", "a code", "nothing", "too much"])
def test_a_wrong_code_is_never_taken(what: str) -> None:
    bot, vera = two_sides()
    meet(vera, bot)
    content, known = vera.mac(KEYS[VERA]).content, dict(KEYS[VERA])
    name = f"ed25519:{VERA.device_id}"
    match what:
        case "another key":
            known["ed25519:verasmaster"] = new_key()
        case "a list":
            content = {**content, "keys": content["mac"][name]}
        case "another device":
            content = vera.mac({"ed25519:verasmaster": KEYS[VERA]["ed25519:verasmaster"]}).content
        case "a code":
            content = replaced(content, name, "not base64 at all")
        case "nothing":
            content = {}
        case "too much":
            content = {**content, "mac": {f"ed25519:{n}": "" for n in range(1000)}}
    assert isinstance(bot.take_mac(content, known), Broken)
    assert isinstance(bot.take_mac(vera.mac(KEYS[VERA]).content, KEYS[VERA]), Broken), "it is over"


def test_where_both_begin_that_of_the_smaller_name_counts() -> None:
    bot, vera = two_sides()
    bots, veras = bot.start(), vera.start()
    assert bot.take_start(veras.content) is None
    accept = vera.take_start(bots.content)
    assert isinstance(accept, Say)
    assert isinstance(bot.take_accept(accept.content), Say)


def test_without_emoji_on_the_other_side_there_are_numbers() -> None:
    bot, vera = two_sides()
    start = {**vera.start().content, "short_authentication_string": ["decimal"]}
    accept = bot.take_start(start)
    assert isinstance(accept, Say)
    assert accept.content["short_authentication_string"] == ["decimal"]
    shown = bot.take_key({"key": str(vodozemac.Sas().public_key.to_base64())})
    assert not isinstance(shown, Broken)
    assert shown[1].emoji == ()


@pytest.mark.parametrize(
    "changed",
    [
        {"method": "m.reciprocate.v1"},
        {"key_agreement_protocols": ["curve25519"]},
        {"hashes": []},
        {"message_authentication_codes": ["hmac-sha256"]},
        {"short_authentication_string": []},
        {"from_device": "ANOTHER"},
        {"hashes": {"sha256": 1}},
    ],
)
def test_a_beginning_that_cannot_be_gone_along_with_is_broken_off(changed: dict[str, Any]) -> None:
    bot, vera = two_sides()
    assert isinstance(bot.take_start({**vera.start().content, **changed}), Broken)


def test_nothing_a_stranger_can_write_raises() -> None:
    chance = random.Random(20260)

    def junk(depth: int = 0) -> Any:
        scraps = [None, True, -1, 2**70, 1.5, "", "x", "é" * 40, "A" * 43, [], {}, "m.sas.v1"]
        if depth < 2 and chance.random() < 0.4:
            return {str(junk(3)): junk(depth + 1) for _ in range(3)}
        return [junk(depth + 1) for _ in range(2)] if chance.random() < 0.2 else chance.choice(scraps)

    names = [
        "key", "mac", "keys", "commitment", "hash", "hashes", "from_device", "method",
        "short_authentication_string", "key_agreement_protocols",
    ]  # fmt: skip
    for _ in range(2000):
        bot, vera = two_sides()
        if chance.random() < 0.5:
            meet(vera, bot)
        elif chance.random() < 0.5:
            bot.start()
        content = {chance.choice(names): junk() for _ in range(4)}
        answer = chance.choice(
            [bot.take_start, bot.take_accept, bot.take_key, lambda given, bot=bot: bot.take_mac(given, {})]
        )(content)
        assert answer is None or isinstance(answer, Broken | Say), "nobody is ever taken for compared by it"


# ── who is answered ──────────────────────────────────────────────────────────


class StillClock(SystemClock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at_ms = NOW_MS
        self._moved = asyncio.Event()

    def now_ms(self) -> int:
        return self.at_ms

    async def pause(self, seconds: float) -> None:
        until_ms = self.at_ms + int(seconds * 1000)
        while self.at_ms < until_ms:
            await self._moved.wait()

    def move(self, ms: int) -> None:
        self.at_ms += ms
        self._moved.set()
        self._moved = asyncio.Event()


class Homeserver:
    """Stands for everything the bot sends through and looks up in; may fail."""

    def __init__(self) -> None:
        self.sent: asyncio.Queue[tuple[str, str | None, dict[str, Any]]] = asyncio.Queue()
        self.fails = False
        self.recognized: list[tuple[str, str]] = []
        self.strangers: set[str] = set()
        self.members = {BOT.user_id, VERA.user_id}

    async def send_to_devices(self, event_type: str, messages: dict[str, dict[str, Any]]) -> None:
        self._check()
        for devices in messages.values():
            for content in devices.values():
                await self.sent.put((event_type.removeprefix("m.key.verification."), None, content))

    async def seal(
        self, room_id: str, event_type: str, content: dict[str, Any], transaction_id: str, **_options: bool
    ) -> SealedMessage:
        return SealedMessage(room_id, event_type, content, transaction_id)

    async def put(self, sealed: SealedMessage) -> str:
        self._check()
        kind = sealed.event_type.removeprefix("m.key.verification.")
        await self.sent.put((kind, sealed.room_id, sealed.content))
        return "$sent"

    def _check(self) -> None:
        if self.fails:
            raise ServerTrouble("PUT: 502")

    async def recognize(self, user_id: str, mark: str) -> bool:
        self.recognized.append((user_id, mark))
        return True

    async def refresh(self, user_ids: list[str]) -> None:
        self._check()

    # rooms

    def shared_with(self, user_id: str) -> list[str]:
        return [] if user_id in self.strangers else [ROOM]

    def get(self, room_id: str) -> Any:
        return SimpleNamespace(present=lambda: self.members) if room_id == ROOM else None


class Devices(dict[str, dict[str, Any]]):
    """Everybody has the one device we know of."""

    def __missing__(self, user_id: str) -> dict[str, Any]:
        key = KEYS[VERA][f"ed25519:{VERA.device_id}"]
        return {VERA.device_id: SimpleNamespace(ed25519=key, deleted=False)}


class Play:
    """A bot, and Vera's app, which the test plays."""

    def __init__(self) -> None:
        self.server, self.clock = Homeserver(), StillClock()
        masters = {BOT.user_id: new_key(), VERA.user_id: new_key()}
        self.masters = masters
        trust = SimpleNamespace(
            person=lambda user_id: SimpleNamespace(master=masters.get(user_id, "")),
            mark_of=lambda user_id: f"mark of {user_id}",
            is_signed=lambda _user, _device: True,
            mark_outdated=lambda _users: None,
        )
        machine = SimpleNamespace(
            user_id=BOT.user_id,
            device_id=BOT.device_id,
            signing_key=KEYS[BOT][f"ed25519:{BOT.device_id}"],
            device_store=Devices(),
        )
        cipher = SimpleNamespace(machine=machine, trust=trust)
        server: Any = self.server

        async def at_once(call: Any) -> Any:
            return await call()

        patience: Any = at_once
        whole: Any = cipher
        self.bot = Verification(whole, server, server, server, patience, self.clock)
        self.news: asyncio.Queue[Comparing | Compared] = asyncio.Queue()
        self.bot.listener = self.news.put

    # what comes

    def writes(
        self, kind: str, content: dict[str, Any], *, user_id: str = VERA.user_id, named: str = "t1"
    ) -> None:
        """Device to device."""
        whole = {"transaction_id": named, **content}
        self.bot.note((), [ToDevice(user_id, f"m.key.verification.{kind}", whole)])

    def asks(self, *, user_id: str = VERA.user_id, named: str = "t1", **changed: Any) -> None:
        request = {"from_device": VERA.device_id, "methods": ["m.sas.v1"], "timestamp": self.clock.at_ms}
        self.writes("request", {**request, **changed}, user_id=user_id, named=named)

    def asks_in_room(self, event_id: str = "$asked", room_id: str = ROOM, **changed: Any) -> None:
        content = {
            "msgtype": "m.key.verification.request",
            "body": "…",
            "to": BOT.user_id,
            "from_device": VERA.device_id,
            "methods": ["m.sas.v1"],
            **changed,
        }
        event = RoomEvent(room_id, event_id, VERA.user_id, "m.room.message", None, content, self.clock.at_ms)
        self.bot.note([event], ())

    # what follows

    async def sent(self, kind: str) -> dict[str, Any]:
        found, _, content = await asyncio.wait_for(self.server.sent.get(), WAIT_SECONDS)
        assert found == kind, content
        return content

    async def told(self) -> Comparing | Compared:
        return await asyncio.wait_for(self.news.get(), WAIT_SECONDS)

    async def ended(self) -> str:
        news = await self.told()
        assert isinstance(news, Compared)
        return news.outcome

    async def is_silent(self) -> None:
        """Nothing more is sent or told of what came so far: what comes after it is answered first."""
        self.asks(user_id="@witness:hearth.test", named="witness")
        content = await self.sent("ready")
        assert content["transaction_id"] == "witness"
        assert self.news.empty()

    def app(self, named: str = "t1") -> Exchange:
        return Exchange(VERA, BOT, named, {"transaction_id": named})


@pytest.fixture
async def play() -> AsyncIterator[Play]:
    here, stop = Play(), asyncio.Event()
    running = asyncio.create_task(here.bot.run(stop))
    try:
        yield here
    finally:
        stop.set()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def up_to_the_emoji(play: Play) -> Exchange:
    app = play.app()
    play.asks()
    await play.sent("ready")
    play.writes("start", app.start().content)
    key = app.take_accept(await play.sent("accept"))
    assert isinstance(key, Say)
    play.writes("key", key.content)
    seen = app.take_key(await play.sent("key"))
    assert not isinstance(seen, Broken)
    shown = await play.told()
    assert isinstance(shown, Comparing)
    assert (shown.emoji, shown.decimals) == (seen[1].emoji, seen[1].decimals)
    return app


async def test_a_whole_comparison_vouches_for_device_and_identity(play: Play) -> None:
    app = await up_to_the_emoji(play)
    assert play.server.sent.empty(), "the bot vouches for nothing before the other side has"
    master = play.masters[VERA.user_id]
    play.writes("mac", app.mac({**KEYS[VERA], f"ed25519:{master}": master}).content)
    own = play.masters[BOT.user_id]
    device = f"ed25519:{BOT.device_id}"
    vouched = app.take_mac(await play.sent("mac"), {device: KEYS[BOT][device], f"ed25519:{own}": own})
    assert vouched == Vouched(frozenset((device, f"ed25519:{own}")))
    await play.sent("done")
    play.writes("done", {})
    assert await play.ended() == "same"
    assert play.server.recognized == [(VERA.user_id, f"mark of {VERA.user_id}")]


async def test_an_identity_that_was_not_compared_is_not_accepted(play: Play) -> None:
    app = await up_to_the_emoji(play)
    device = f"ed25519:{VERA.device_id}"
    play.writes("mac", app.mac({device: KEYS[VERA][device]}).content)
    await play.sent("mac")
    await play.sent("done")
    play.writes("done", {})
    assert await play.ended() == "same"
    assert play.server.recognized == []


async def test_codes_for_other_keys_end_it_and_nothing_is_vouched_for(play: Play) -> None:
    app = await up_to_the_emoji(play)
    play.writes("mac", app.mac({f"ed25519:{VERA.device_id}": new_key()}).content)
    assert (await play.sent("cancel"))["code"] == "m.key_mismatch"
    assert await play.ended() == "failed"
    await play.is_silent()


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("m.mismatched_sas", "different"),
        ("m.user", "stopped"),
        ("m.timeout", "too_late"),
        ("org.example.whatever", "failed"),
    ],
)
async def test_the_other_side_ends_it_and_the_person_hears_what_that_means(
    play: Play, code: str, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    await up_to_the_emoji(play)
    play.writes("cancel", {"code": code, "reason": "words of a person"})
    assert await play.ended() == outcome
    assert "words of a person" not in caplog.text
    await play.is_silent()


async def test_the_bot_begins_after_a_while_if_nobody_else_does(play: Play) -> None:
    play.asks_in_room()
    ready = await play.sent("ready")
    assert ready["m.relates_to"] == {"rel_type": "m.reference", "event_id": "$asked"}
    play.clock.move(START_AFTER_MS)
    start = await play.sent("start")
    assert set(start) == {
        "from_device", "method", "key_agreement_protocols", "hashes", "message_authentication_codes",
        "short_authentication_string", "m.relates_to",
    }  # fmt: skip
    play.clock.move(OLDEST_MS)
    assert (await play.sent("cancel"))["code"] == "m.timeout"
    assert await play.ended() == "too_late"


async def test_after_ten_minutes_it_is_over(play: Play) -> None:
    await up_to_the_emoji(play)
    play.clock.move(OLDEST_MS)
    assert (await play.sent("cancel"))["code"] == "m.timeout"
    assert await play.ended() == "too_late"


async def test_whoever_shares_no_room_with_the_bot_gets_no_answer(play: Play) -> None:
    play.server.strangers.add(VERA.user_id)
    play.asks()
    play.writes("key", {"key": "x"}, named="t2")
    await play.is_silent()


@pytest.mark.parametrize(
    "changed",
    [{"timestamp": NOW_MS - OLDEST_MS}, {"timestamp": NOW_MS + OLDEST_MS}, {"from_device": 7}],
)
async def test_a_request_of_another_day_or_without_a_device_gets_no_answer(
    play: Play, changed: dict[str, Any]
) -> None:
    play.asks(**changed)
    await play.is_silent()


async def test_a_request_to_somebody_else_or_in_a_room_of_many_gets_no_answer(play: Play) -> None:
    play.asks_in_room(to="@other:hearth.test")
    play.asks_in_room(room_id="!elsewhere:hearth.test")
    play.server.members = {BOT.user_id, VERA.user_id, "@third:hearth.test"}
    play.asks_in_room()
    await play.is_silent()


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"methods": ["m.reciprocate.v1"]}, "m.unknown_method"),
        ({"from_device": "NOSUCH"}, "m.invalid_message"),
    ],
)
async def test_a_request_that_cannot_be_gone_along_with_is_ended_kindly(
    play: Play, changed: dict[str, Any], code: str
) -> None:
    play.asks(**changed)
    assert (await play.sent("cancel"))["code"] == code
    assert await play.ended() == "failed"


async def test_a_new_request_takes_the_place_of_the_one_before(play: Play) -> None:
    play.asks()
    await play.sent("ready")
    play.asks(named="t2")
    cancelled = await play.sent("cancel")
    assert (cancelled["transaction_id"], cancelled["code"]) == ("t1", "m.user")
    assert (await play.sent("ready"))["transaction_id"] == "t2"
    play.writes("start", play.app().start().content)
    await play.is_silent()


async def test_the_same_request_twice_is_one(play: Play) -> None:
    play.asks()
    play.asks()
    await play.sent("ready")
    await play.is_silent()


async def test_one_person_can_ask_only_so_often_an_hour(play: Play) -> None:
    for n in range(MOST_PER_HOUR + 3):
        play.asks(named=f"t{n}")
    for _ in range(MOST_PER_HOUR - 1):
        await play.sent("ready")
        await play.sent("cancel")
    await play.sent("ready")
    await play.is_silent()


async def test_only_so_many_compare_at_once_and_only_so_much_waits(play: Play) -> None:
    for n in range(MOST_AT_ONCE + 5):
        play.asks(user_id=f"@p{n}:hearth.test", named=f"t{n}")
    for _ in range(MOST_AT_ONCE):
        await play.sent("ready")
    assert play.server.sent.empty()
    chatter = [
        ToDevice(f"@p{n}:hearth.test", "m.key.verification.key", {"transaction_id": "x"})
        for n in range(MOST_WAITING + 7)
    ]
    play.bot.note((), chatter)
    assert play.bot.dropped == 7


async def test_one_person_cannot_crowd_out_the_others(play: Play) -> None:
    for _ in range(MOST_WAITING_EACH + 7):
        play.writes("done", {})
    assert play.bot.dropped == 7
    await play.is_silent()


async def test_after_a_restart_the_other_side_hears_once_that_it_is_lost(play: Play) -> None:
    app = play.app()
    for _ in range(2):
        play.writes("start", app.start().content)
        app = play.app()
    cancelled = await play.sent("cancel")
    assert cancelled["code"] == "m.unknown_transaction"
    assert await play.ended() == "lost"
    play.writes("done", {}, named="t7")
    play.writes("cancel", {"code": "m.user"}, named="t8")
    await play.is_silent()


async def test_a_homeserver_in_trouble_ends_one_comparison_and_nothing_else(play: Play) -> None:
    app = await up_to_the_emoji(play)
    play.server.fails = True
    play.writes("mac", app.mac(KEYS[VERA]).content)
    assert await play.ended() == "failed"
    play.server.fails = False
    await play.is_silent()


async def test_messages_out_of_order_end_it(play: Play) -> None:
    play.asks()
    await play.sent("ready")
    play.writes("mac", {"mac": {}, "keys": ""})
    assert (await play.sent("cancel"))["code"] == "m.unexpected_message"
    assert await play.ended() == "failed"


async def test_without_a_last_word_it_counts_as_compared_all_the_same(play: Play) -> None:
    app = await up_to_the_emoji(play)
    play.writes("mac", app.mac(KEYS[VERA]).content)
    await play.sent("mac")
    await play.sent("done")
    play.clock.move(OLDEST_MS)
    assert await play.ended() == "same"
    await play.is_silent()


async def test_what_another_device_of_the_bots_took_up_is_let_go_of_in_silence(play: Play) -> None:
    play.asks()
    await play.sent("ready")
    play.writes("cancel", {"code": "m.accepted"})
    play.clock.move(OLDEST_MS)
    await play.is_silent()


async def test_where_both_begin_at_once_it_goes_on_with_the_bots_beginning(play: Play) -> None:
    app = play.app()
    play.asks()
    await play.sent("ready")
    play.clock.move(START_AFTER_MS)
    start = await play.sent("start")
    play.writes("start", app.start().content)
    accept = app.take_start(start)
    assert isinstance(accept, Say)
    play.writes("accept", accept.content)
    key = await play.sent("key")
    assert not isinstance(app.take_key(key), Broken)


async def test_a_swapped_key_ends_it_before_anything_is_shown(play: Play) -> None:
    app = play.app()
    play.asks()
    await play.sent("ready")
    play.clock.move(START_AFTER_MS)
    accept = app.take_start(await play.sent("start"))
    assert isinstance(accept, Say)
    play.writes("accept", accept.content)
    await play.sent("key")
    play.writes("key", {"key": str(vodozemac.Sas().public_key.to_base64())})
    assert (await play.sent("cancel"))["code"] == "m.mismatched_commitment"
    assert await play.ended() == "failed"
