"""Matrix events become what happened, or a reason; nothing a stranger writes makes the translation fail."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.matrix.cipher import Undecryptable
from bridge.matrix.inbound import (
    Ignored,
    Knowledge,
    MovedDraft,
    ReactedDraft,
    RemovedDraft,
    SpokenDraft,
    translate,
)
from bridge.matrix.sync import RoomEvent, UndecryptableEvent
from engine.core.values import CircleId
from engine.runtime.ports import Echo

BOT, ANA, BEN = "@hearth:example.org", "@ana:example.org", "@ben:example.org"
DM, ROOM = "!dm:example.org", "!room:example.org"
CIRCLE = CircleId("circle")
KNOWN = Knowledge(BOT, ("Hearth", "hearth"), {DM: ANA}, {ROOM: CIRCLE})
RECEIVED_MS = 1_000_000


def event(
    content: dict[str, Any],
    *,
    type: str = "m.room.message",
    room: str = DM,
    sender: str = ANA,
    state_key: str | None = None,
    at_ms: int = 999_000,
    redacts: str | None = None,
    transaction_id: str | None = None,
    was_joined: bool = False,
) -> RoomEvent:
    return RoomEvent(
        room,
        "$event",
        sender,
        type,
        state_key,
        content,
        at_ms,
        redacts=redacts,
        transaction_id=transaction_id,
        was_joined=was_joined,
    )


def text(body: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": body, **more}


def heard(found: RoomEvent) -> SpokenDraft:
    draft = translate(found, KNOWN, RECEIVED_MS)
    assert isinstance(draft, SpokenDraft), draft
    return draft


def why(found: RoomEvent) -> str:
    draft = translate(found, KNOWN, RECEIVED_MS)
    assert isinstance(draft, Ignored), draft
    return draft.reason


# ── messages ─────────────────────────────────────────────────────────────────


def test_a_message_in_the_1_1_room_is_heard_without_prefix() -> None:
    draft = heard(event(text("I'm coming")))
    assert draft == SpokenDraft(id="$event", occurred_ms=999_000, sender=ANA, body="I'm coming")


def test_what_is_written_in_the_clear_in_an_encrypted_room_is_known_for_that() -> None:
    def clear(found: RoomEvent, *, room_is_encrypted: bool) -> bool:
        draft = translate(found, KNOWN, RECEIVED_MS, room_is_encrypted=room_is_encrypted)
        assert isinstance(draft, SpokenDraft)
        return draft.in_clear

    said = event(text("it's me"))
    assert clear(said, room_is_encrypted=True)
    assert not clear(said, room_is_encrypted=False)
    assert not clear(msgspec.structs.replace(said, encrypted=True), room_is_encrypted=True)


def test_a_message_counts_by_the_homeservers_clock_but_never_later_than_it_came() -> None:
    assert heard(event(text("x"), at_ms=RECEIVED_MS + 5)).occurred_ms == RECEIVED_MS
    assert heard(event(text("x"), at_ms=-5)).occurred_ms == 0


def test_talk_in_the_room_that_is_not_for_the_bot_is_not_read() -> None:
    assert why(event(text("Hearth is nice"), room=ROOM)) == "not_addressed"


@pytest.mark.parametrize("body", ["!hearth my", "Hearth: my", "@hearth:example.org my"])
def test_the_bot_is_called_in_a_room_by_prefix_or_name(body: str) -> None:
    draft = heard(event(text(body), room=ROOM))
    assert (draft.body, draft.addressed, draft.circle) == ("my", True, CIRCLE)


def test_a_mention_of_the_bot_addresses_it_and_is_no_mention_of_a_person() -> None:
    content = text("Hearth invite everyone and Ana", **{"m.mentions": {"user_ids": [BOT, ANA, ANA]}})
    draft = heard(event(content, room=ROOM))
    assert (draft.body, draft.addressed, draft.mentions) == ("invite everyone and Ana", True, (ANA,))


def test_pills_count_as_mentions_where_the_client_lists_none() -> None:
    html = '<a href="https://matrix.to/#/@ben:example.org">Ben</a> and <a href="https://matrix.to/#/%40ana%3Aexample.org">A</a>'
    draft = heard(event(text("invite Ben and A", formatted_body=html)))
    assert draft.mentions == (BEN, ANA)


def test_whom_a_client_mentions_only_because_they_are_replied_to_is_not_named() -> None:
    content = text(
        "!hearth invite everyone",
        **{
            "m.mentions": {"user_ids": [BEN]},
            "m.relates_to": {"m.in_reply_to": {"event_id": "$theirs"}},
        },
    )
    assert heard(event(content, room=ROOM)).mentions == ()


def test_a_reply_names_what_it_answers_and_loses_its_old_quote() -> None:
    content = text(
        "> <@hearth:example.org> Are you coming?\n\nYes",
        **{"m.relates_to": {"m.in_reply_to": {"event_id": "$q"}}},
    )
    draft = heard(event(content, room=ROOM))
    assert (draft.body, draft.reply_to, draft.addressed) == ("Yes", "$q", False)


@pytest.mark.parametrize(
    ("relation", "reply_to"),
    [
        ({"rel_type": "m.thread", "event_id": "$root"}, "$root"),
        (
            {
                "rel_type": "m.thread",
                "event_id": "$root",
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": "$last"},
            },
            "$root",
        ),
        ({"rel_type": "m.thread", "event_id": "$root", "m.in_reply_to": {"event_id": "$meant"}}, "$meant"),
    ],
)
def test_in_a_thread_the_root_is_answered_unless_a_message_is_meant(
    relation: dict[str, Any], reply_to: str
) -> None:
    assert heard(event(text("yes", **{"m.relates_to": relation}))).reply_to == reply_to


def test_an_edit_carries_the_new_words_and_what_they_replace() -> None:
    content = text(
        "* 20:00",
        **{"m.new_content": text("20:00"), "m.relates_to": {"rel_type": "m.replace", "event_id": "$old"}},
    )
    draft = heard(event(content))
    assert (draft.body, draft.edits) == ("20:00", "$old")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"msgtype": "m.notice", "body": "I am a bot"}, "notice"),
        ({"msgtype": "m.image", "body": "cat.png"}, "not_text"),
        ({"msgtype": "m.text"}, "malformed"),
        ({"msgtype": "m.text", "body": ["x"]}, "malformed"),
        ({}, "not_text"),
        (text("* x", **{"m.relates_to": {"rel_type": "m.replace", "event_id": "$old"}}), "not_text"),
        (text("* x", **{"m.relates_to": {"rel_type": "m.replace"}, "m.new_content": text("x")}), "malformed"),
    ],
)
def test_what_is_no_text_of_a_person_is_left(content: dict[str, Any], reason: str) -> None:
    assert why(event(content)) == reason


def test_strangers_and_unknown_rooms_are_not_heard() -> None:
    assert why(event(text("hello"), sender=BEN)) == "stranger"
    assert why(event(text("hello"), room="!elsewhere:example.org")) == "unknown_room"


# ── our own ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("type", ["m.room.message", "m.reaction"])
def test_our_own_message_proves_that_it_arrived(type: str) -> None:
    own = event({"app.hearth.tx": "t1"}, type=type, sender=BOT)
    assert translate(own, KNOWN, RECEIVED_MS) == Echo(
        id="echo:$event", occurred_ms=999_000, transaction="t1", event="$event"
    )


def test_the_homeservers_own_note_of_the_transaction_is_enough() -> None:
    own = event({}, type="m.room.redaction", sender=BOT, transaction_id="t2")
    assert isinstance(translate(own, KNOWN, RECEIVED_MS), Echo)


def test_nobody_else_can_forge_that_proof_and_our_other_events_mean_nothing() -> None:
    assert isinstance(translate(event(text("x", **{"app.hearth.tx": "t"})), KNOWN, RECEIVED_MS), SpokenDraft)
    assert why(event(text("help"), sender=BOT)) == "own"
    assert why(event({"app.hearth.tx": 7}, sender=BOT)) == "own"
    joined = event({"membership": "join"}, type="m.room.member", sender=BOT, state_key=BOT)
    assert why(joined) == "own"


# ── taps, removals, moves ────────────────────────────────────────────────────


def test_a_tap_names_its_message_and_emoji() -> None:
    content = {"m.relates_to": {"rel_type": "m.annotation", "event_id": "$q", "key": "✅"}}
    draft = translate(event(content, type="m.reaction", room=ROOM), KNOWN, RECEIVED_MS)
    assert draft == ReactedDraft(
        id="$event", occurred_ms=999_000, sender=ANA, circle=CIRCLE, target="$q", emoji="✅"
    )


@pytest.mark.parametrize(
    "relation",
    [
        {},
        None,
        {"rel_type": "m.annotation", "event_id": "$q"},
        {"rel_type": "m.annotation", "event_id": "$q", "key": ""},
        {"rel_type": "m.annotation", "event_id": "$q", "key": "x" * 101},
        {"rel_type": "m.thread", "event_id": "$q", "key": "✅"},
    ],
)
def test_a_tap_that_names_nothing_is_malformed(relation: object) -> None:
    assert why(event({"m.relates_to": relation}, type="m.reaction")) == "malformed"


@pytest.mark.parametrize(("content", "redacts"), [({}, "$gone"), ({"redacts": "$gone"}, None)])
def test_a_removal_names_what_it_removes_in_old_and_new_rooms(
    content: dict[str, Any], redacts: str | None
) -> None:
    draft = translate(event(content, type="m.room.redaction", redacts=redacts), KNOWN, RECEIVED_MS)
    assert draft == RemovedDraft(id="$event", occurred_ms=999_000, sender=ANA, event="$gone")


@pytest.mark.parametrize(("membership", "joined"), [("join", True), ("leave", False), ("ban", False)])
@pytest.mark.parametrize("room", [DM, ROOM])
def test_coming_and_going_belongs_to_the_person_it_is_about(membership: str, joined: bool, room: str) -> None:
    moved = event({"membership": membership}, type="m.room.member", room=room, sender=BEN, state_key=ANA)
    draft = translate(moved, KNOWN, RECEIVED_MS)
    circle = CIRCLE if room == ROOM else None
    assert draft == MovedDraft(id="$event", occurred_ms=999_000, sender=ANA, circle=circle, joined=joined)


@pytest.mark.parametrize(
    ("membership", "who", "room", "reason"),
    [
        ("invite", ANA, DM, "not_a_move"),
        ("knock", ANA, ROOM, "not_a_move"),
        (None, ANA, ROOM, "not_a_move"),
        ("join", "ana", ROOM, "malformed"),
        ("join", None, ROOM, "malformed"),
        ("join", BEN, DM, "stranger"),
        ("join", ANA, "!elsewhere:example.org", "unknown_room"),
    ],
)
def test_other_changes_of_membership_move_nobody(
    membership: str | None, who: str | None, room: str, reason: str
) -> None:
    content = {"membership": membership}
    assert why(event(content, type="m.room.member", room=room, state_key=who)) == reason


def test_a_new_name_or_picture_is_no_arrival_in_a_circle() -> None:
    content = {"membership": "join", "displayname": "Anna"}
    renamed = event(content, type="m.room.member", room=ROOM, state_key=ANA, was_joined=True)
    assert why(renamed) == "not_a_move"


def test_what_cannot_be_decrypted_is_said_to_be_so() -> None:
    cause = Undecryptable("session", "replayed")
    locked = UndecryptableEvent(DM, "$event", ANA, 999_000, cause)
    assert translate(locked, KNOWN, RECEIVED_MS) == Ignored("undecryptable")
    assert why(event({}, type="m.room.encrypted")) == "undecryptable"


def test_types_we_do_not_know_are_left() -> None:
    assert why(event({}, type="m.sticker")) == "other_type"


# ── fuzz ─────────────────────────────────────────────────────────────────────

KEYS = st.sampled_from(
    ["msgtype", "body", "formatted_body", "m.relates_to", "m.new_content", "m.mentions", "user_ids", "rel_type",
     "event_id", "key", "m.in_reply_to", "is_falling_back", "membership", "redacts", "app.hearth.tx"]
)  # fmt: skip
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(
        [
            "m.text",
            "m.replace",
            "m.thread",
            "m.annotation",
            "join",
            ANA,
            BOT,
            "!hearth",
            "> a\n\nb",
            "$x",
            '<a href="https://matrix.to/#/%40%00:x">',
            "</mx-reply>",
        ]
    ),
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=6)),
    max_leaves=25,
)


@settings(max_examples=500, deadline=None)
@given(
    content=st.dictionaries(KEYS, ANY_JSON, max_size=8),
    kind=st.sampled_from(
        ["m.room.message", "m.reaction", "m.room.redaction", "m.room.member", "m.room.topic"]
    ),
    room=st.sampled_from([DM, ROOM, "!x"]),
    sender=st.sampled_from([ANA, BEN, BOT, "", "nobody"]),
    state_key=st.one_of(st.none(), st.text(max_size=5), st.just(ANA)),
    at_ms=st.integers(),
)
def test_no_shape_of_an_event_makes_the_translation_fail(
    content: dict[str, Any], kind: str, room: str, sender: str, state_key: str | None, at_ms: int
) -> None:
    found = event(content, type=kind, room=room, sender=sender, state_key=state_key, at_ms=at_ms)
    draft = translate(found, KNOWN, RECEIVED_MS)
    if not isinstance(draft, Ignored):
        assert 0 <= draft.occurred_ms <= RECEIVED_MS
    if isinstance(draft, SpokenDraft):
        assert draft.circle is None or draft.addressed or draft.reply_to or draft.edits
        assert BOT not in draft.mentions


def test_a_draft_does_not_show_words_in_a_log() -> None:
    assert "secret" not in repr(heard(event(text("secret"))))
