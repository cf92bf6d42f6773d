"""What state events say about a room."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.matrix.room import Room
from bridge.matrix.rooms import Allowed

BOT, ANA, BRUNO = "@bot:x", "@ana:x", "@bruno:y"


def state(kind: str, content: dict[str, Any], key: str = "", sender: str = BOT) -> dict[str, Any]:
    return {"type": kind, "state_key": key, "sender": sender, "content": content}


def member(user_id: str, membership: str, name: str | None = None) -> dict[str, Any]:
    return state("m.room.member", {"membership": membership, "displayname": name}, user_id)


def room(*events: dict[str, Any]) -> Room:
    return Room("!r").with_state(events)


def test_creators_of_version_12_have_all_power_without_being_listed() -> None:
    made = room(
        state("m.room.create", {"room_version": "12", "additional_creators": [ANA, 5]}),
        state("m.room.power_levels", {"users": {BRUNO: 100}, "state_default": 100}),
        member(BOT, "join"),
    )
    assert made.creators == (BOT, ANA)
    assert made.power(BOT) == made.power(ANA) > made.power(BRUNO) == 100
    assert made.may_invite(BOT)
    assert not made.may_invite(ANA)


def test_before_version_12_the_power_levels_decide_and_without_them_the_creator_has_100() -> None:
    create = state("m.room.create", {"room_version": "10"})
    assert room(create).power(BOT) == 100
    assert room(create, state("m.room.power_levels", {})).power(BOT) == 0
    assert room(create, state("m.room.power_levels", {"users": {BOT: "50"}})).power(BOT) == 50


def test_an_encrypted_room_never_becomes_unencrypted() -> None:
    on = state(
        "m.room.encryption",
        {"algorithm": "m.megolm.v1.aes-sha2", "rotation_period_msgs": 7, "rotation_period_ms": "7200000"},
    )
    made = room(on, state("m.room.encryption", {}), state("m.room.encryption", {"algorithm": None}))
    assert made.encryption is not None
    assert (made.encryption.rotation.period_messages, made.encryption.rotation.period_ms) == (7, 7_200_000)
    hostile = room(
        state("m.room.encryption", {"algorithm": "x", "rotation_period_ms": 0, "rotation_period_msgs": -1})
    )
    assert hostile.encryption is not None
    assert hostile.encryption.rotation.period_messages == 1
    assert hostile.encryption.rotation.period_ms == 3_600_000


def test_members_come_and_go_and_the_invited_may_read_unless_the_room_hides_it() -> None:
    made = room(member(BOT, "join"), member(ANA, "join", "Ana"), member(BRUNO, "invite"))
    assert made.joined() == {BOT, ANA}
    assert made.readers() == {BOT, ANA, BRUNO}
    assert made.display_name(ANA) == "Ana"
    hidden = made.with_state([state("m.room.history_visibility", {"history_visibility": "joined"})])
    assert hidden.readers() == {BOT, ANA}
    assert made.with_state([member(ANA, "ban"), member(BRUNO, "leave")]).present() == {BOT}


def test_a_tombstone_names_the_room_that_follows_and_who_said_so() -> None:
    made = room(state("m.room.tombstone", {"replacement_room": "!next"}))
    assert made.replaced_by == "!next"
    assert made.replaced_by_sender == state("m.room.tombstone", {})["sender"]
    undone = made.with_state([state("m.room.tombstone", {})])
    assert (undone.replaced_by, undone.replaced_by_sender) == (None, None)


def test_invitations_are_closed_by_default_and_open_by_user_server_or_shared_room() -> None:
    home = room(member(ANA, "join"), member(BRUNO, "invite"))

    def people_of(room_id: str) -> frozenset[str]:
        return home.joined() if room_id == "!home" else frozenset()

    assert not Allowed().allows(ANA, people_of)
    assert Allowed(users=frozenset({ANA})).allows(ANA, people_of)
    assert Allowed(servers=frozenset({"y"})).allows(BRUNO, people_of)
    assert not Allowed(servers=frozenset({"y"})).allows("@eve:y.evil", people_of)
    assert Allowed(rooms=frozenset({"!home"})).allows(ANA, people_of)
    assert not Allowed(rooms=frozenset({"!home", "!unknown"})).allows(BRUNO, people_of)


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.just("join"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["membership", "users", "events", "algorithm", "room_version", "invite", "alias"]
            ),
            inner,
        )
    ),
    max_leaves=6,
)
kinds = st.sampled_from(
    [
        "m.room.member",
        "m.room.create",
        "m.room.power_levels",
        "m.room.encryption",
        "m.room.name",
        "m.room.tombstone",
    ]
)
events = st.lists(
    st.fixed_dictionaries(
        {}, optional={"type": kinds | junk, "state_key": junk | st.just(""), "content": junk}
    )
)


@given(events)
def test_no_state_event_can_break_a_room(events: list[dict[str, Any]]) -> None:
    made = room(*events)
    assert isinstance(made.power(ANA), int)
    assert isinstance(made.may_send(ANA, "m.room.message"), bool)
