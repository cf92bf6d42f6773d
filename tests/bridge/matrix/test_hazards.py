"""What strangers, a broken homeserver and bad moments can do, on a real Synapse."""

import asyncio
from typing import Any

import pytest
import vodozemac

from bridge.matrix.http import Homeserver, ServerTrouble
from bridge.matrix.keep import MemoryKeeper
from bridge.matrix.keys import ForeignDevice
from bridge.matrix.outbound import IdentityChanged, NobodyCanRead
from bridge.matrix.sync import RoomEvent, UndecryptableEvent
from bridge.matrix.trust import IdentityState
from tests.bridge.matrix.conftest import WAIT_SECONDS

BOGUS = "A" * 43


def note(text: str) -> dict[str, str]:
    return {"msgtype": "m.notice", "body": text}


class Tampering(Homeserver):
    """The real homeserver with a hand in between: `before` may raise, `after` may change the answer."""

    before: Any = None
    after: Any = None

    async def request(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        if self.before is not None:
            await self.before(method, path, options)
        answer = await super().request(method, path, **options)
        if self.after is not None:
            answer = self.after(method, path, answer)
        return answer


async def settle(here, bot) -> None:
    """Both sides know that the bot is in the room."""
    await bot.until(lambda: here.room in bot.client.rooms)
    for member in here.members.values():
        await member.wait_for(lambda member=member: here.bot.user_id in member.people(here.room))


async def tampered(here, listen) -> Any:
    homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)
    bot = await listen(here.bot, homeserver=homeserver)
    await settle(here, bot)
    return bot, homeserver


async def test_a_strangers_malformed_messages_to_our_device_disturb_nobody(world, listen) -> None:
    here = await world("ana", "mallory", invite_bot=True)
    bot = await listen(here.bot)
    await settle(here, bot)
    curve = bot.client.cipher.machine.curve_key
    pre_key = "AwogbmV2ZXJhb25ldGltZWtleWhlcmVhbmR0aGVyZWFuZA"

    def olm(body: Any, kind: Any = 0, sender_key: Any = BOGUS) -> dict[str, Any]:
        return {
            "algorithm": "m.olm.v1.curve25519-aes-sha2",
            "sender_key": sender_key,
            "ciphertext": {curve: {"type": kind, "body": body}},
        }

    poison: list[Any] = [
        {},
        olm("not base64 !"),
        olm(pre_key),
        olm("AA", 1),
        olm(pre_key, 7),
        olm(None),
        olm(pre_key, 0, "short"),
        olm(pre_key, 0, 5),
        {"algorithm": "m.olm.v1.curve25519-aes-sha2", "sender_key": BOGUS, "ciphertext": []},
        {"algorithm": 5, "ciphertext": {curve: 5}},
        {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "session_id": "y"},
        {"deep": [[[[]]]] * 50},
    ]
    for number, content in enumerate(poison):
        for kind in ("m.room.encrypted", "m.room_key", "m.room_key.withheld", "m.room_key_request"):
            await here["mallory"].call(
                "PUT",
                f"/sendToDevice/{kind}/p{number}",
                {"messages": {here.bot.user_id: {here.bot.device_id: content}}},
            )
    await here["ana"].say(here.room, "still there?")
    await bot.hears(here.room, "still there?")
    assert bot.client.cipher.dropped >= len(poison) * 3
    event_id = await bot.client.sender.deliver(here.room, "m.room.message", note("yes"), "t")
    assert (await here["ana"].sees(here.room, event_id)).body == "yes"


async def test_a_malformed_key_answer_leaves_the_others_reachable(world, listen) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)
    bruno = here["bruno"].user_id

    def spoil(method: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/keys/query") and bruno in answer.get("device_keys", {}):
            answer["device_keys"][bruno] = {"X": {"keys": {"ed25519:X": "é", "curve25519:X": 5}}, "Y": 3}
            answer["master_keys"] = {bruno: {"keys": "none"}, "@x": 4}
        return answer

    homeserver.after = spoil
    bot = await listen(here.bot, homeserver=homeserver)
    await settle(here, bot)
    event_id = await bot.client.sender.deliver(here.room, "m.room.message", note("hello"), "t")
    assert (await here["ana"].sees(here.room, event_id)).body == "hello"


async def test_a_failed_key_share_sends_nothing_and_the_next_try_is_read(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, homeserver = await tampered(here, listen)

    async def fail(method: str, path: str, options: dict[str, Any]) -> None:
        if "/sendToDevice/" in path:
            raise ServerTrouble("sendToDevice: 500")

    homeserver.before = fail
    with pytest.raises(ServerTrouble):
        await bot.client.sender.deliver(here.room, "m.room.message", note("later"), "t1")
    homeserver.before = None
    event_id = await bot.client.sender.deliver(here.room, "m.room.message", note("later"), "t1")
    assert (await here["ana"].sees(here.room, event_id)).body == "later"
    assert [message.body for message in here["ana"].read(here.room) if message.body == "later"] == ["later"]


@pytest.mark.parametrize("where", ["/keys/query", "/keys/claim", "/sendToDevice/"])
async def test_a_send_cancelled_in_the_middle_does_not_block_the_next(world, listen, where) -> None:
    here = await world("ana", invite_bot=True)
    bot, homeserver = await tampered(here, listen)
    bot.client.cipher.trust.mark_outdated([here["ana"].user_id])
    reached, go_on = asyncio.Event(), asyncio.Event()

    async def hold(method: str, path: str, options: dict[str, Any]) -> None:
        if where in path:
            reached.set()
            await go_on.wait()

    homeserver.before = hold
    sending = asyncio.create_task(
        bot.client.sender.deliver(here.room, "m.room.message", note("cancelled"), "t1")
    )
    await asyncio.wait_for(reached.wait(), 20)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    homeserver.before = None
    go_on.set()
    event_id = await asyncio.wait_for(
        bot.client.sender.deliver(here.room, "m.room.message", note("not cancelled"), "t2"), WAIT_SECONDS
    )
    assert (await here["ana"].sees(here.room, event_id)).body == "not cancelled"


async def test_a_gap_longer_than_one_answer_is_filled_in_order(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    await settle(here, bot)
    await here["ana"].say(here.room, "n0")
    await bot.hears(here.room, "n0")
    await bot.stop()
    for number in range(1, 121):
        await here["ana"].say(here.room, f"n{number}")
    await bot.start()
    await bot.hears(here.room, "n120")
    assert bot.texts(here.room) == [f"n{number}" for number in range(121)]
    gaps = [gap for delivery in bot.deliveries for gap in delivery.gaps]
    assert [gap.complete for gap in gaps] == [True]


async def test_a_reaction_already_there_counts_as_sent(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    await settle(here, bot)
    event_id = await here["ana"].say(here.room, "shall we?")
    await bot.hears(here.room, "shall we?")
    tap = {"m.relates_to": {"rel_type": "m.annotation", "event_id": event_id, "key": "👍"}}
    first = await bot.client.sender.deliver(here.room, "m.reaction", tap, "r1")
    assert await bot.client.sender.deliver(here.room, "m.reaction", tap, "r2") == first
    await here["ana"].wait_for(lambda: here["ana"].message(here.room, event_id).reactions)
    assert await bot.client.sender.find_sent(here.room, "r1") == first
    redaction = await bot.client.sender.redact(here.room, first, "x1")
    assert redaction == await bot.client.sender.redact(here.room, first, "x1")


async def test_the_key_turns_when_somebody_leaves_and_reaches_whoever_comes(world, listen) -> None:
    here = await world("ana", "bruno", invite_bot=True)
    bot = await listen(here.bot)
    await settle(here, bot)
    sessions = bot.client.cipher.rooms
    await bot.client.sender.deliver(here.room, "m.room.message", note("all"), "t1")
    first = sessions.current(here.room).session_id
    other = await here.add("ana2", new_device_of="ana")
    await bot.until(lambda: here["ana"].user_id in bot.client.cipher.trust._people)
    await here["ana"].say(here.room, "I have a new phone")
    await bot.hears(here.room, "new phone")
    event_id = await bot.client.sender.deliver(here.room, "m.room.message", note("both phones"), "t2")
    assert (await other.sees(here.room, event_id)).body == "both phones"
    assert sessions.current(here.room).session_id == first
    await here["bruno"].leave(here.room)
    await bot.until(lambda: here["bruno"].user_id not in bot.client.rooms.get(here.room).members)
    event_id = await bot.client.sender.deliver(here.room, "m.room.message", note("without bruno"), "t3")
    assert sessions.current(here.room).session_id != first
    assert (await here["ana"].sees(here.room, event_id)).body == "without bruno"


async def test_a_room_nobody_else_could_read_gets_no_message(world, listen, synapse) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    deaf = await synapse.register(f"deaf-{synapse.next_number()}")
    room_id = await bot.client.ensure_direct(deaf.user_id)
    with pytest.raises(NobodyCanRead):
        await bot.client.sender.deliver(room_id, "m.room.message", note("hello?"), "t")


async def test_a_message_is_read_late_when_its_key_arrives(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    homeserver = await Tampering.connect(here.homeserver, access_token=here.bot.access_token)
    held: list[dict[str, Any]] = []

    def withhold(method: str, path: str, answer: dict[str, Any]) -> dict[str, Any]:
        if path.endswith("/sync"):
            events = answer.get("to_device", {}).get("events", [])
            if release.is_set():
                answer["to_device"] = {"events": held + events}
                held.clear()
            else:
                held.extend(events)
                answer["to_device"] = {"events": []}
        return answer

    release = asyncio.Event()
    homeserver.after = withhold
    bot = await listen(here.bot, homeserver=homeserver)
    await settle(here, bot)
    await here["ana"].say(here.room, "one")
    await here["ana"].say(here.room, "two")
    await bot.until(lambda: len([e for e in bot.events if isinstance(e, UndecryptableEvent)]) == 2)
    marks = [event for event in bot.events if isinstance(event, UndecryptableEvent)]
    assert [mark.first_of_session for mark in marks] == [True, False]
    assert marks[0].cause.reason == "no_key"
    release.set()
    await here["ana"].say(here.room, "three")
    await bot.hears(here.room, "three")
    readable = [e for e in bot.events if isinstance(e, RoomEvent) and e.type == "m.room.message"]
    assert [(e.content["body"], e.source) for e in readable] == [
        ("one", "late"),
        ("two", "late"),
        ("three", "timeline"),
    ]
    assert not [kind for kind, _ in bot.keeper.rows if kind in {"waiting", "wanted_key"}]


async def test_one_time_keys_are_refilled_and_a_fallback_key_answers_meanwhile(world, listen) -> None:
    here = await world("ana", "mallory", invite_bot=True)
    bot = await listen(here.bot)
    await settle(here, bot)
    claim = {"one_time_keys": {here.bot.user_id: {here.bot.device_id: "signed_curve25519"}}}
    await bot.stop()
    claimed = []
    for _ in range(52):
        answer = await here["mallory"].call("POST", "/keys/claim", claim)
        claimed += answer["one_time_keys"][here.bot.user_id][here.bot.device_id].values()
    assert [key.get("fallback", False) for key in claimed[-2:]] == [True, True]
    await here["ana"].say(here.room, "with the fallback key")
    await bot.start()
    await bot.hears(here.room, "with the fallback key")
    await here["ana"].say(here.room, "another round")
    await bot.hears(here.room, "another round")
    answer = await here["mallory"].call("POST", "/keys/claim", claim)
    (key,) = answer["one_time_keys"][here.bot.user_id][here.bot.device_id].values()
    assert not key.get("fallback", False)


async def test_a_changed_identity_pauses_private_messages_until_acknowledged(world, listen) -> None:
    from bridge.matrix.cross_signing import Bootstrapped

    here = await world("ana")
    bot = await listen(here.bot)
    person = await listen(await here.synapse.register(f"vera-{here.synapse.next_number()}"))
    done = await person.client.cross_signing.bootstrap()
    assert isinstance(done, Bootstrapped)
    vera = person.session.user_id
    room_id = await bot.client.ensure_direct(vera)
    # Her side is a client of ours too, and reads nothing that was said before it joined.
    await person.until(lambda: room_id in person.client.rooms)
    await bot.client.sender.deliver(room_id, "m.room.message", note("hi"), "t1")
    await person.hears(room_id, "hi")
    assert bot.client.identity_state(vera) is IdentityState.KNOWN

    trust = bot.client.cipher.trust
    before = trust.person(vera)
    trust._set(vera, type(before)(before.master, "another" + before.master[7:], before.signed, True))
    with pytest.raises(IdentityChanged) as paused:
        await bot.client.sender.deliver(room_id, "m.room.message", note("psst"), "t2")
    assert paused.value.user_ids == (vera,)
    assert bot.client.identity_state(vera) is IdentityState.CHANGED
    await bot.client.acknowledge_identity(vera)
    await bot.client.sender.deliver(room_id, "m.room.message", note("psst"), "t2")
    await person.hears(room_id, "psst")


async def test_rows_of_another_device_under_our_name_are_noticed_before_anything_is_uploaded(
    world, listen
) -> None:
    here = await world("ana")
    bot = await listen(here.bot)
    await bot.stop()
    kept, bot.keeper.rows = bot.keeper.rows, {}
    with pytest.raises(ForeignDevice, match="recovery key"):
        await bot.open()
    bot.keeper.rows = kept
    await bot.start()


async def test_a_broken_way_between_two_devices_is_mended_and_the_missed_key_asked_for(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, homeserver = await tampered(here, listen)
    asked: list[str] = []

    async def note_request(method: str, path: str, options: dict[str, Any]) -> None:
        asked.append(path)

    homeserver.before = note_request
    await here["ana"].say(here.room, "one")
    await bot.hears(here.room, "one")
    machine, store = bot.client.cipher.machine, bot.client.cipher.store
    olm = here["ana"].client.olm
    late = len(lost(bot))  # on a slow machine the key of "one" may come after it …
    for attempt in range(5):  # … and then a first mending is under way, which we have to outlive
        async with bot.client._ledger.turn:
            for curve_key in list(machine.session_store._entries):
                store.drop_sessions_with(curve_key, machine.session_store)
            await bot.client._ledger.commit()
        sessions = len(olm.session_store[machine.curve_key])
        olm.outbound_group_sessions.pop(here.room, None)
        await here["ana"].say(here.room, f"two, {attempt}")
        await bot.until(lambda said=f"two, {attempt}": len(lost(bot)) > late or said in bot.texts(here.room))
        if len(lost(bot)) > late:
            break
    assert len(lost(bot)) == late + 1
    await here["ana"].wait_for(lambda: len(olm.session_store[machine.curve_key]) > sessions)
    assert [method for method in asked if "/sendToDevice/m.room_key_request/" in method]
    olm.outbound_group_sessions.pop(here.room, None)
    await here["ana"].say(here.room, "three")
    await bot.hears(here.room, "three")


def lost(bot) -> list[UndecryptableEvent]:
    return [event for event in bot.events if isinstance(event, UndecryptableEvent)]


async def test_a_device_that_lost_our_key_gets_it_again_with_the_next_message(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    await settle(here, bot)
    await bot.client.sender.deliver(here.room, "m.room.message", note("one"), "t1")
    ana, session = here["ana"], bot.client.cipher.rooms.current(here.room)
    share = session.shares[ana.user_id, ana.device_id]
    assert share.index == 0
    request = {
        "action": "request",
        "request_id": "r1",
        "requesting_device_id": ana.device_id,
        "body": {
            "algorithm": "m.megolm.v1.aes-sha2",
            "room_id": here.room,
            "session_id": session.session_id,
        },
    }
    messages = {"messages": {here.bot.user_id: {here.bot.device_id: request}}}
    await ana.call("PUT", "/sendToDevice/m.room_key_request/x1", messages)
    await ana.say(here.room, "did you hear me?")
    await bot.hears(here.room, "did you hear me?")
    assert not session.shares
    event_id = await bot.client.sender.deliver(here.room, "m.room.message", note("two"), "t2")
    assert session.shares[ana.user_id, ana.device_id].index == 1
    assert (await ana.sees(here.room, event_id)).body == "two"


async def test_the_rows_of_the_device_open_with_our_own_secret_only(world, listen) -> None:
    here = await world("ana")
    bot = await listen(here.bot)
    await bot.stop()
    bot.options["pickle_secret"] = b"DEFAULT_KEY".ljust(32, b"\0")
    with pytest.raises(vodozemac.LibolmPickleException):
        await bot.open()
    del bot.options["pickle_secret"]
    await bot.start()


async def test_what_has_left_was_stored_before_so_that_no_key_seals_twice(world, listen) -> None:
    here = await world("ana", invite_bot=True)
    bot, homeserver = await tampered(here, listen)
    left: list[tuple[dict[tuple[str, str], bytes], dict[str, Any]]] = []

    async def note_rows(method: str, path: str, options: dict[str, Any]) -> None:
        if "/send/" in path:
            left.append((dict(bot.keeper.rows), options["body"]))

    homeserver.before = note_rows
    await bot.client.sender.deliver(here.room, "m.room.message", note("one"), "t1")
    await bot.client.sender.deliver(here.room, "m.room.message", note("two"), "t2")
    await bot.stop()
    rows, sealed = left[-1]
    # As after a kill in the moment in which the second message left.
    again = await listen(here.bot, MemoryKeeper(rows))
    after = await again.client.sender.seal(here.room, "m.room.message", note("three"), "t3")
    assert after.content["session_id"] == sealed["session_id"]
    index = [
        vodozemac.MegolmMessage.from_base64(c["ciphertext"]).message_index() for c in (sealed, after.content)
    ]
    assert index == [1, 2]
