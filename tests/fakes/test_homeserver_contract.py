"""Claims that the fake homeserver and the real Synapse both hold."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bridge.matrix.cross_signing import KINDS, SigningKey
from bridge.matrix.http import Homeserver, MatrixError, Refused, TokenLost, path
from bridge.matrix.session import LoginRefused, login
from tests.fakes import FakeHomeserver
from tests.world import Account, Synapse, World

Json = dict[str, Any]
AnyHomeserver = FakeHomeserver | Synapse

CURVE = "signed_curve25519"


class Person:
    """Somebody who speaks with the homeserver in plain HTTP."""

    def __init__(self, account: Account, homeserver: Homeserver) -> None:
        self.account = account
        self.user_id = account.user_id
        self.device_id = account.device_id
        self.request = homeserver.request
        self.lay_down = homeserver.upload

    async def sync(self, since: str | None = None, *, wait_seconds: float = 0, limit: int = 50) -> Json:
        query = {
            "timeout": str(int(wait_seconds * 1000)),
            "filter": f'{{"room":{{"timeline":{{"limit":{limit}}}}}}}',
        }
        return await self.request("GET", path("sync"), query=query | ({"since": since} if since else {}))

    async def create_room(self, **body: Any) -> str:
        return str((await self.request("POST", path("createRoom"), body=body))["room_id"])

    async def act(self, room_id: str, action: str, **body: Any) -> None:
        await self.request("POST", path("rooms", room_id, action), body=body)

    async def read(self, room_id: str, event_id: str, kind: str) -> None:
        await self.request("POST", path("rooms", room_id, "receipt", kind, event_id), body={})

    async def say(
        self, room_id: str, text: str, transaction: str = "", kind: str = "m.room.message", **content: Any
    ) -> str:
        where = path("rooms", room_id, "send", kind, transaction or f"t-{text}")
        body = content or {"msgtype": "m.text", "body": text}
        return str((await self.request("PUT", where, body=body))["event_id"])

    async def upload(self, **keys: Any) -> Json:
        return await self.request("POST", path("keys", "upload"), body=keys)

    async def query(self, user_id: str) -> Json:
        return await self.request("POST", path("keys", "query"), body={"device_keys": {user_id: []}})

    async def claim(self, other: "Person") -> Json:
        body = {"one_time_keys": {other.user_id: {other.device_id: CURVE}}}
        answer = await self.request("POST", path("keys", "claim"), body=body)
        return dict(answer["one_time_keys"].get(other.user_id, {}).get(other.device_id, {}))

    def device_keys(self) -> Json:
        return {
            "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
            "user_id": self.user_id,
            "device_id": self.device_id,
            "keys": {f"ed25519:{self.device_id}": "A" * 43, f"curve25519:{self.device_id}": "B" * 43},
            "signatures": {self.user_id: {f"ed25519:{self.device_id}": "C" * 86}},
        }


People = tuple[Person, Person]


def one_time_key(letter: str) -> Json:
    return {"key": letter * 43, "signatures": {}}


def a_backup(letter: str = "a") -> Json:
    return {
        "algorithm": "m.megolm_backup.v1.curve25519-aes-sha2",
        "auth_data": {"public_key": letter * 43, "signatures": {}},
    }


def a_room_key(*, index: int = 0, verified: bool = False) -> Json:
    return {
        "first_message_index": index,
        "forwarded_count": 0,
        "is_verified": verified,
        "session_data": {"ciphertext": f"{index} {verified}", "ephemeral": "e", "mac": "m"},
    }


def bodies(answer: Json, room_id: str) -> list[str]:
    events = answer["rooms"]["join"][room_id]["timeline"]["events"]
    return [event["content"]["body"] for event in events if event["type"] == "m.room.message"]


def membership(user_id: str, event: Json) -> str | None:
    mine = event["type"] == "m.room.member" and event.get("state_key") == user_id
    return str(event["content"]["membership"]) if mine else None


@pytest.fixture(params=["fake", "synapse"])
async def homeserver(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AnyHomeserver]:
    if request.param == "synapse":
        yield request.getfixturevalue("synapse")
        return
    async with FakeHomeserver(tmp_path) as fake:
        yield fake


@pytest.fixture
async def people(homeserver: AnyHomeserver) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        found = []
        for name in ("ana", "bruno"):
            account = await homeserver.register(f"{name}{homeserver.next_number()}")
            web = await Homeserver.connect(homeserver.url, access_token=account.access_token)
            stack.push_async_callback(web.close)
            found.append(Person(account, web))
        yield found[0], found[1]


async def refused(awaitable: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as no:
        await awaitable
    return no.value.status, no.value.errcode


async def test_a_password_opens_a_device_and_logging_out_ends_its_token(homeserver: AnyHomeserver) -> None:
    account = await homeserver.register(f"ana{homeserver.next_number()}")
    web = await Homeserver.connect(homeserver.url)
    try:
        with pytest.raises(LoginRefused):
            await login(web, account.user_id, "not her password")
        session = await login(web, account.localpart, account.password, device_id="PHONE")
        assert (session.user_id, session.device_id) == (account.user_id, "PHONE")
        phone = web.authorised(session.access_token)
        who = await phone.request("GET", path("account", "whoami"))
        assert (who["user_id"], who["device_id"]) == (account.user_id, "PHONE")
        await phone.request("POST", path("logout"))
        with pytest.raises(TokenLost) as lost:
            await phone.request("GET", path("sync"))
        assert not lost.value.soft_logout
        with pytest.raises(TokenLost):
            await web.authorised("nonsense").request("GET", path("account", "whoami"))
    finally:
        await web.close()


async def test_logging_in_again_as_the_same_device_keeps_its_keys(
    homeserver: AnyHomeserver, people: People
) -> None:
    ana, bruno = people
    await ana.upload(device_keys=ana.device_keys(), one_time_keys={f"{CURVE}:1": one_time_key("a")})
    web = await Homeserver.connect(homeserver.url)
    try:
        session = await login(web, ana.user_id, ana.account.password, device_id=ana.device_id)
        assert session.access_token != ana.account.access_token
    finally:
        await web.close()
    assert ana.device_id in (await bruno.query(ana.user_id))["device_keys"][ana.user_id]


async def test_the_same_transaction_sends_once_and_its_id_is_told_to_the_sender_only(people: People) -> None:
    ana, bruno = people
    room = await ana.create_room(invite=[bruno.user_id])
    await bruno.act(room, "join")
    first = await ana.say(room, "hello", "t1")
    assert await ana.say(room, "hello again", "t1") == first
    assert await ana.say(room, "another", "t2") != first
    for person, told in ((ana, "t1"), (bruno, None)):
        answer = await person.sync()
        assert bodies(answer, room) == ["hello", "another"]
        events = answer["rooms"]["join"][room]["timeline"]["events"]
        (mine,) = [event for event in events if event["event_id"] == first]
        assert mine.get("unsigned", {}).get("transaction_id") == told


async def test_a_sync_brings_what_is_new_and_a_poll_ends_as_soon_as_there_is_something(
    people: People,
) -> None:
    ana, bruno = people
    room = await ana.create_room(name="The commons", invite=[bruno.user_id])
    await bruno.act(room, "join")
    first = await bruno.sync(limit=1)
    assert {event["type"] for event in first["rooms"]["join"][room]["state"]["events"]} >= {
        "m.room.create",
        "m.room.name",
        "m.room.power_levels",
    }
    nothing = await bruno.sync(first["next_batch"])
    assert not nothing.get("rooms", {}).get("join")
    await ana.say(room, "news")
    news = await bruno.sync(nothing["next_batch"], wait_seconds=20)
    assert bodies(news, room) == ["news"]
    again = await bruno.sync(nothing["next_batch"])
    assert bodies(again, room) == ["news"]


async def test_what_a_limited_timeline_leaves_out_can_be_paged_back_to_the_cursor(people: People) -> None:
    ana, _ = people
    room = await ana.create_room()
    since = (await ana.sync())["next_batch"]
    for number in range(7):
        await ana.say(room, f"n{number}")
    answer = await ana.sync(since, limit=2)
    timeline = answer["rooms"]["join"][room]["timeline"]
    assert timeline["limited"] is True
    assert bodies(answer, room) == ["n5", "n6"]
    found: list[str] = []
    token: str | None = timeline["prev_batch"]
    while token is not None:
        query = {"dir": "b", "limit": "2", "from": token, "to": since}
        page = await ana.request("GET", path("rooms", room, "messages"), query=query)
        found += [event["content"]["body"] for event in page["chunk"] if event["type"] == "m.room.message"]
        token = page.get("end") if page["chunk"] else None
    assert found == ["n4", "n3", "n2", "n1", "n0"]


async def test_state_changed_in_a_gap_comes_in_the_state_block(people: People) -> None:
    ana, _ = people
    room = await ana.create_room(name="Before")
    since = (await ana.sync())["next_batch"]
    await ana.request("PUT", path("rooms", room, "state", "m.room.name", ""), body={"name": "After"})
    for number in range(3):
        await ana.say(room, f"n{number}")
    joined = (await ana.sync(since, limit=1))["rooms"]["join"][room]
    assert [event["content"] for event in joined["state"]["events"]] == [{"name": "After"}]


async def test_an_alias_leads_to_one_room_and_is_taken_only_once(
    people: People, homeserver: AnyHomeserver
) -> None:
    ana, bruno = people
    name = f"hearth-{homeserver.next_number()}"
    room = await ana.create_room(room_alias_name=name)
    assert (await refused(ana.create_room(room_alias_name=name))) == (400, "M_ROOM_IN_USE")
    assert (await refused(bruno.create_room(room_alias_name=name)))[1] == "M_ROOM_IN_USE"
    server = ana.user_id.partition(":")[2]
    found = await bruno.request("GET", path("directory", "room", f"#{name}:{server}"))
    assert found["room_id"] == room
    nobody = bruno.request("GET", path("directory", "room", f"#{name}-not:{server}"))
    assert await refused(nobody) == (404, "M_NOT_FOUND")


async def test_an_invitation_shows_who_it_is_from_and_opens_the_room(people: People) -> None:
    ana, bruno = people
    since = (await bruno.sync())["next_batch"]
    room = await ana.create_room(invite=[bruno.user_id], is_direct=True)
    answer = await bruno.sync(since)
    events = answer["rooms"]["invite"][room]["invite_state"]["events"]
    (mine,) = [event for event in events if membership(bruno.user_id, event)]
    assert (mine["sender"], mine["content"]["membership"], mine["content"]["is_direct"]) == (
        ana.user_id,
        "invite",
        True,
    )
    assert (await refused(bruno.say(room, "too early")))[0] == 403
    await bruno.act(room, "join")
    await bruno.act(room, "join")
    await bruno.say(room, "here")
    assert bodies(await bruno.sync(answer["next_batch"]), room) == ["here"]


async def test_a_room_left_or_taken_away_shows_once_as_left(people: People) -> None:
    ana, bruno = people
    since = (await bruno.sync())["next_batch"]
    for by_himself in (True, False):
        room = await ana.create_room(invite=[bruno.user_id])
        await bruno.act(room, "join")
        since = (await bruno.sync(since))["next_batch"]
        if by_himself:
            await bruno.act(room, "leave")
        else:
            await ana.act(room, "kick", user_id=bruno.user_id)
        answer = await bruno.sync(since)
        events = answer["rooms"]["leave"][room]["timeline"]["events"]
        assert [m for event in events if (m := membership(bruno.user_id, event))] == ["leave"]
        since = answer["next_batch"]
        assert not (await bruno.sync(since)).get("rooms", {}).get("leave")
        assert (await refused(bruno.say(room, "still here?")))[0] == 403


async def test_nobody_joins_uninvited_or_acts_in_a_room_without_the_power(people: People) -> None:
    ana, bruno = people
    room = await ana.create_room(power_level_content_override={"invite": 100, "state_default": 100})
    assert await refused(bruno.act(room, "join")) == (403, "M_FORBIDDEN")
    await ana.act(room, "invite", user_id=bruno.user_id)
    await bruno.act(room, "join")
    for refusal in (
        bruno.act(room, "kick", user_id=ana.user_id),
        bruno.act(room, "invite", user_id=ana.user_id),
        ana.act(room, "invite", user_id=bruno.user_id),
        bruno.request("PUT", path("rooms", room, "state", "m.room.name", ""), body={"name": "Mine"}),
    ):
        assert await refused(refusal) == (403, "M_FORBIDDEN")


async def test_device_keys_are_shown_and_each_one_time_key_is_given_once(people: People) -> None:
    ana, bruno = people
    keys = {f"{CURVE}:{n}": one_time_key(n) for n in "ab"}
    counts = await ana.upload(
        device_keys=ana.device_keys(),
        one_time_keys=keys,
        fallback_keys={f"{CURVE}:f": {**one_time_key("f"), "fallback": True}},
    )
    assert counts["one_time_key_counts"][CURVE] == 2
    shown = (await bruno.query(ana.user_id))["device_keys"][ana.user_id][ana.device_id]
    assert shown["keys"] == ana.device_keys()["keys"]
    before = await ana.sync()
    assert before["device_unused_fallback_key_types"] == [CURVE]
    assert before["device_one_time_keys_count"][CURVE] == 2
    claimed = [await bruno.claim(ana) for _ in range(4)]
    assert {key_id for each in claimed[:2] for key_id in each} == keys.keys()
    assert [list(each) for each in claimed[2:]] == [[f"{CURVE}:f"], [f"{CURVE}:f"]]
    after = await ana.sync(before["next_batch"])
    assert after["device_unused_fallback_key_types"] == []
    assert after["device_one_time_keys_count"].get(CURVE, 0) == 0


async def test_a_one_time_key_may_be_offered_twice_but_not_changed(people: People) -> None:
    ana, _ = people
    await ana.upload(device_keys=ana.device_keys(), one_time_keys={f"{CURVE}:1": one_time_key("a")})
    await ana.upload(one_time_keys={f"{CURVE}:1": one_time_key("a")})
    changed = ana.upload(one_time_keys={f"{CURVE}:1": one_time_key("b")})
    assert (await refused(changed))[0] == 400


async def test_a_message_to_a_device_comes_until_it_is_acknowledged(people: People) -> None:
    ana, bruno = people
    await bruno.upload(device_keys=bruno.device_keys())
    since = (await bruno.sync())["next_batch"]
    where = path("sendToDevice", "m.custom", "t1")
    for to in (bruno.device_id, "*"):
        body = {"messages": {bruno.user_id: {to: {"for": to}}}}
        await ana.request("PUT", where.replace("t1", f"t{to}"), body=body)
    answers = [await bruno.sync(since) for _ in range(2)]
    for answer in answers:
        events = answer["to_device"]["events"]
        assert [(event["sender"], event["content"]["for"]) for event in events] == [
            (ana.user_id, bruno.device_id),
            (ana.user_id, "*"),
        ]
    later = await bruno.sync(answers[-1]["next_batch"])
    assert not later.get("to_device", {}).get("events")


async def test_an_identity_is_shown_and_replacing_it_asks_for_the_password(people: People) -> None:
    ana, bruno = people

    def identity(number: int) -> Json:
        keys = {kind: SigningKey(bytes([number, n] * 16)) for n, kind in enumerate(KINDS)}
        shown = {kind: key.described(ana.user_id, kind) for kind, key in keys.items()}
        master = keys["master"]
        for kind in KINDS[1:]:
            signature = {f"ed25519:{master.public}": master.sign(shown[kind])}
            shown[kind]["signatures"] = {ana.user_id: signature}
        return {f"{kind}_key": key for kind, key in shown.items()}

    where = path("keys", "device_signing", "upload")
    await ana.request("POST", where, body=identity(1))
    shown = await bruno.query(ana.user_id)
    assert shown["master_keys"][ana.user_id]["usage"] == ["master"]
    assert shown["self_signing_keys"][ana.user_id]["usage"] == ["self_signing"]
    assert not shown.get("user_signing_keys", {}).get(ana.user_id)
    with pytest.raises(Refused) as asked:
        await ana.request("POST", where, body=identity(2))
    assert asked.value.status == 401
    assert "flows" in asked.value.answer
    assert "session" in asked.value.answer


async def test_new_device_keys_are_told_to_those_in_a_common_room_only(
    homeserver: AnyHomeserver, people: People
) -> None:
    ana, bruno = people
    room = await ana.create_room(
        invite=[bruno.user_id],
        initial_state=[
            {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}
        ],
    )
    stranger = await homeserver.register(f"mallory{homeserver.next_number()}")
    web = await Homeserver.connect(homeserver.url, access_token=stranger.access_token)
    try:
        mallory = Person(stranger, web)
        await bruno.act(room, "join")
        since = {person: (await person.sync())["next_batch"] for person in (bruno, mallory)}
        await ana.upload(device_keys=ana.device_keys())
        told = await bruno.sync(since[bruno], wait_seconds=20)
        assert told["device_lists"]["changed"] == [ana.user_id]
        assert not (await mallory.sync(since[mallory])).get("device_lists", {}).get("changed")
    finally:
        await web.close()


async def test_the_same_reaction_twice_is_refused_and_a_removed_event_is_empty(people: People) -> None:
    ana, _ = people
    room = await ana.create_room()
    message = await ana.say(room, "shall we?")
    tap = {"m.relates_to": {"rel_type": "m.annotation", "event_id": message, "key": "👍"}}
    first = await ana.say(room, "", "r1", "m.reaction", **tap)
    with pytest.raises(Refused) as twice:
        await ana.say(room, "", "r2", "m.reaction", **tap)
    assert twice.value.errcode == "M_DUPLICATE_ANNOTATION"
    related = path("rooms", room, "relations", message, "m.annotation", "m.reaction").replace("/v3/", "/v1/")
    assert [e["event_id"] for e in (await ana.request("GET", related))["chunk"]] == [first]
    await ana.request("PUT", path("rooms", room, "redact", first, "x1"), body={})
    gone = await ana.request("GET", path("rooms", room, "event", first))
    assert gone["content"] == {}
    await ana.say(room, "", "r3", "m.reaction", **tap)


async def test_account_data_is_kept_and_comes_with_the_sync(people: People) -> None:
    ana, bruno = people
    where = path("user", ana.user_id, "account_data", "m.direct")
    since = (await ana.sync())["next_batch"]
    assert (await refused(ana.request("GET", where)))[0] == 404
    await ana.request("PUT", where, body={bruno.user_id: ["!x:y"]})
    assert await ana.request("GET", where) == {bruno.user_id: ["!x:y"]}
    events = (await ana.sync(since))["account_data"]["events"]
    assert [(event["type"], event["content"]) for event in events] == [
        ("m.direct", {bruno.user_id: ["!x:y"]})
    ]
    assert (await refused(bruno.request("GET", where)))[0] == 403


async def test_what_is_taken_back_can_carry_a_mark_and_doing_it_again_gives_the_same(people: People) -> None:
    ana, _ = people
    room = await ana.create_room()
    message = await ana.say(room, "not for long")
    where = path("rooms", room, "redact", message, "x1")
    first = await ana.request("PUT", where, body={"app.hearth.tx": "x1"})
    assert await ana.request("PUT", where, body={"app.hearth.tx": "x1"}) == first
    event = await ana.request("GET", path("rooms", room, "event", str(first["event_id"])))
    assert event["content"]["app.hearth.tx"] == "x1"


async def test_a_file_lies_under_an_address_of_its_own(people: People) -> None:
    ana, _ = people
    first, second = [await ana.lay_down(b"sealed") for _ in range(2)]
    assert first.startswith("mxc://")
    assert first != second


async def test_a_room_can_be_forgotten_once_it_is_left_and_its_alias_removed(people: People) -> None:
    ana, _ = people
    room = await ana.create_room(room_alias_name="ours")
    alias = f"#ours:{ana.user_id.partition(':')[2]}"
    assert (await refused(ana.act(room, "forget")))[0] == 400
    await ana.request("DELETE", path("directory", "room", alias))
    assert (await refused(ana.request("GET", path("directory", "room", alias))))[0] == 404
    assert (await refused(ana.request("DELETE", path("directory", "room", alias))))[0] == 404
    await ana.act(room, "leave")
    await ana.act(room, "forget")


async def test_who_has_read_is_shown_to_all_or_to_their_own_devices_only(people: People) -> None:
    ana, bruno = people
    room = await ana.create_room(invite=[bruno.user_id])
    await bruno.act(room, "join")
    message = await ana.say(room, "hello")
    since = {person: (await person.sync())["next_batch"] for person in people}

    async def receipts(person: Person) -> set[tuple[str, str, str]]:
        answer = await person.sync(since[person], wait_seconds=20)
        since[person] = answer["next_batch"]
        (event,) = answer["rooms"]["join"][room]["ephemeral"]["events"]
        assert event["type"] == "m.receipt"
        return {
            (event_id, kind, who)
            for event_id, by_kind in event["content"].items()
            for kind, by_person in by_kind.items()
            for who in by_person
        }

    await bruno.read(room, message, "m.read.private")
    assert await receipts(bruno) == {(message, "m.read.private", bruno.user_id)}
    assert not (await ana.sync(since[ana])).get("rooms", {}).get("join")
    await bruno.read(room, message, "m.read")
    for person in people:
        assert await receipts(person) == {(message, "m.read", bruno.user_id)}
    assert (await refused(bruno.read(room, message, "m.seen")))[0] == 400
    elsewhere = await ana.create_room()
    secret = await ana.say(elsewhere, "not for Bruno")
    assert (await refused(bruno.read(elsewhere, secret, "m.read")))[0] == 403
    await bruno.act(room, "leave")
    await bruno.read(room, message, "m.read")


async def test_who_is_typing_is_shown_until_they_end(people: People) -> None:
    ana, bruno = people
    room = await ana.create_room(invite=[bruno.user_id])
    await bruno.act(room, "join")
    since = (await ana.sync())["next_batch"]
    where = path("rooms", room, "typing", bruno.user_id)
    for content, typing in (
        ({"typing": True, "timeout": 20_000}, [bruno.user_id]),
        ({"typing": False}, []),
    ):
        await bruno.request("PUT", where, body=content)
        answer = await ana.sync(since, wait_seconds=20)
        since = answer["next_batch"]
        (event,) = answer["rooms"]["join"][room]["ephemeral"]["events"]
        assert (event["type"], event["content"]["user_ids"]) == ("m.typing", typing)
    await bruno.request("PUT", where, body={"typing": False})
    assert not (await ana.sync(since)).get("rooms", {}).get("join")
    assert (await refused(ana.request("PUT", where, body={"typing": True})))[0] == 400
    await bruno.act(room, "leave")
    assert (await refused(bruno.request("PUT", where, body={"typing": True})))[0] == 403


async def test_a_key_backup_has_versions_and_only_the_newest_is_written_to(people: People) -> None:
    ana, bruno = people
    versions = path("room_keys", "version")
    assert await refused(ana.request("GET", versions)) == (404, "M_NOT_FOUND")
    first, second = [
        str((await ana.request("POST", versions, body=a_backup(letter)))["version"]) for letter in "ab"
    ]
    assert first != second
    shown = await ana.request("GET", versions)
    assert {name: shown[name] for name in ("version", "count", *a_backup("b"))} == {
        "version": second,
        "count": 0,
        **a_backup("b"),
    }
    assert (await ana.request("GET", f"{versions}/{first}"))["auth_data"] == a_backup("a")["auth_data"]
    assert await refused(bruno.request("GET", versions)) == (404, "M_NOT_FOUND")

    keys, body = path("room_keys", "keys"), {"rooms": {"!r:x": {"sessions": {"s": a_room_key()}}}}
    old = ana.request("PUT", keys, query={"version": first}, body=body)
    assert await refused(old) == (403, "M_WRONG_ROOM_KEYS_VERSION")
    unknown = ana.request("PUT", keys, query={"version": "99"}, body=body)
    assert await refused(unknown) == (404, "M_NOT_FOUND")

    await ana.request("PUT", f"{versions}/{second}", body=a_backup("c"))
    assert (await ana.request("GET", versions))["auth_data"] == a_backup("c")["auth_data"]
    await ana.request("DELETE", f"{versions}/{second}")
    assert (await ana.request("GET", versions))["version"] == first
    assert (await ana.request("PUT", keys, query={"version": first}, body=body))["count"] == 1
    gone = ana.request("GET", keys, query={"version": second})
    assert await refused(gone) == (404, "M_NOT_FOUND")


async def test_room_keys_are_put_in_read_back_and_taken_out_by_room_and_session(people: People) -> None:
    ana, bruno = people
    version = str((await ana.request("POST", path("room_keys", "version"), body=a_backup()))["version"])
    named = {"version": version}
    rooms = {f"!{r}:x": {"sessions": {f"{r}{n}": a_room_key() for n in range(2)}} for r in "abc"}

    async def ask(method: str, *where: str, body: Json | None = None) -> Json:
        return await ana.request(method, path("room_keys", "keys", *where), query=named, body=body)

    before = await ask("PUT", body={"rooms": {"!a:x": rooms["!a:x"], "!b:x": rooms["!b:x"]}})
    after = await ask("PUT", "!c:x", body=rooms["!c:x"])
    assert (before["count"], after["count"]) == (4, 6)
    assert before["etag"] != after["etag"]
    assert await ask("GET") == {"rooms": rooms}
    assert await ask("GET", "!b:x") == rooms["!b:x"]
    assert await ask("GET", "!b:x", "b1") == a_room_key()
    assert await ask("GET", "!nowhere:x") == {"sessions": {}}
    assert await refused(ask("GET", "!b:x", "b7")) == (404, "M_NOT_FOUND")
    assert (await ask("DELETE", "!a:x"))["count"] == 4
    assert (await ask("DELETE", "!a:x"))["count"] == 4
    assert (await ask("DELETE", "!b:x", "b1"))["count"] == 3
    assert await ask("GET") == {"rooms": {"!b:x": {"sessions": {"b0": a_room_key()}}, "!c:x": rooms["!c:x"]}}
    assert (await ask("DELETE"))["count"] == 0
    assert await ask("GET") == {"rooms": {}}
    for method in ("GET", "DELETE"):
        others = bruno.request(method, path("room_keys", "keys"), query=named)
        assert await refused(others) == (404, "M_NOT_FOUND")


async def test_a_room_key_in_the_backup_gives_way_only_to_a_better_one(people: People) -> None:
    ana, _ = people
    version = str((await ana.request("POST", path("room_keys", "version"), body=a_backup()))["version"])
    where = path("room_keys", "keys", "!r:x", "s")
    steps = [
        (a_room_key(index=5), True),
        (a_room_key(index=9), False),
        (a_room_key(index=2), True),
        (a_room_key(index=2, verified=True), True),
        (a_room_key(index=2), False),
    ]
    etag, held = "", a_room_key()
    for entry, is_taken in steps:
        answer = await ana.request("PUT", where, query={"version": version}, body=entry)
        assert (answer["etag"] != etag) is is_taken
        etag, held = answer["etag"], entry if is_taken else held
        assert await ana.request("GET", where, query={"version": version}) == held


async def test_what_is_no_part_of_the_api_is_refused_in_its_form(people: People) -> None:
    ana, _ = people
    assert await refused(ana.request("GET", path("no_such_thing"))) == (404, "M_UNRECOGNIZED")
    assert await refused(ana.request("DELETE", path("joined_rooms"))) == (405, "M_UNRECOGNIZED")


async def test_an_unknown_room_or_a_bad_cursor_is_refused_not_forgotten(people: People) -> None:
    ana, _ = people
    assert (await refused(ana.say("!nowhere:hearth.test", "hello")))[0] in (403, 404)
    with pytest.raises(MatrixError):
        await ana.sync("nonsense")


async def test_people_with_encrypted_apps_understand_each_other(homeserver: AnyHomeserver) -> None:
    async with World(("ana", "bruno"), synapse=homeserver) as here:  # type: ignore[arg-type]
        await here["ana"].say(here.room, "in secret")
        heard = await here["bruno"].hears(here.room, "in secret")
        assert heard.decrypted
        assert here["bruno"].events(here.room)[-1].type == "m.room.message"
        tap = await here["bruno"].react(here.room, heard.event_id, "💚")
        await here["ana"].wait_for(lambda: here["ana"].reactions(here.room, heard.event_id))
        await here["bruno"].unreact(tap)
        await here["ana"].wait_for(lambda: not here["ana"].reactions(here.room, heard.event_id))
        await here["bruno"].leave(here.room)
        await here["ana"].wait_for(lambda: here["bruno"].user_id not in here["ana"].people(here.room))
