"""The hazards of a Matrix bot, the guard that stands before each, and the claim that fails where the guard is gone.

Most of them were met with matrix-nio 0.26 as it comes: one malformed message ends its sync, a failed key share logs
it out, a gap is never filled. `test_guards.py` takes each guard away in a process of its own and sees to it that the
test named here fails there: a claim that held without its guard would be no claim. `HEARTH_WITHOUT_GUARD=<name>` does
the same by hand.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, NamedTuple

import msgspec
import pytest

from tests.conftest import WITHOUT_GUARD

MATRIX = "tests/bridge/matrix"
FAULTS = "tests/faults"


class Guard(NamedTuple):
    """What would happen, how the guard before it is taken away, and the test that notices."""

    hazard: str
    take_away: Callable[[pytest.MonkeyPatch], None]
    test: str


def take_away_one(environ: Mapping[str, str] = os.environ) -> None:
    """Take away the guard that the environment names, for the whole of this process."""
    name = environ.get(WITHOUT_GUARD)
    if name is not None:
        GUARDS[name].take_away(pytest.MonkeyPatch())


# ── taking away ──────────────────────────────────────────────────────────────────────────────────────────────────


def _instead(target: str, value: Any) -> Callable[[pytest.MonkeyPatch], None]:
    """Put something else in the guard's place."""
    return lambda patch: patch.setattr(target, value)


def _lets_every_message_through(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bridge.matrix.checked.MALFORMED", ())
    patch.setattr("bridge.matrix.machine.MALFORMED", ())


def _takes_every_device(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix import checked

    def taken(user_id: str, device_id: str, payload: dict[str, Any]) -> Any:
        keys = payload.get("keys", {})
        return checked.CheckedDevice(
            device_id, keys.get(f"ed25519:{device_id}"), keys.get(f"curve25519:{device_id}"), payload
        )

    patch.setattr(checked, "_checked_device", taken)


def _polls_only_the_timeline(patch: pytest.MonkeyPatch) -> None:
    async def no_gaps(self: Any, answer: Any) -> dict[str, Any]:
        return {}

    patch.setattr("bridge.matrix.sync.Sync._fill_gaps", no_gaps)


def _skips_the_state_block(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix.sync import Sync

    whole = Sync._read_room

    def without(self: Sync, room_id: str, data: Any, gap: Any, **known: Any) -> Any:
        return whole(self, room_id, {**data, "state": {"events": []}}, gap, **known)

    patch.setattr(Sync, "_read_room", without)


def _keeps_the_cursor_before_the_handler(patch: pytest.MonkeyPatch) -> None:
    """As nio does: the token is stored first, and what was decided with it later, if at all."""
    from bridge.matrix.sync import Sync

    whole = Sync._take_in

    def hasty(self: Sync, answer: Any, gaps: Any) -> Any:
        delivery, batch = whole(self, answer, gaps)
        self._ledger._keeper.rows.update({(row.kind, row.key): row.value for row in batch.rows})  # type: ignore[attr-defined]
        return delivery, batch

    patch.setattr(Sync, "_take_in", hasty)


def _commits_nothing_before_it_sends(patch: pytest.MonkeyPatch) -> None:
    async def later(self: Any) -> None:
        pass

    patch.setattr("bridge.matrix.keep.Ledger.commit", later)


def _takes_no_used_up_keys_for_news(patch: pytest.MonkeyPatch) -> None:
    """As nio does: a count of 0 is no count, and there is no fallback key."""
    from bridge.matrix.keys import KeyExchange

    whole = KeyExchange._generate

    def careless(self: KeyExchange, account: Any) -> None:
        if not (self._counts or {}).get("signed_curve25519"):
            self._counts = None
        self._unused_fallback = None
        whole(self, account)

    patch.setattr(KeyExchange, "_generate", careless)


def _sends_though_no_key_went_out(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix.http import MatrixError
    from bridge.matrix.keys import KeyExchange

    whole = KeyExchange.send_to_devices

    async def careless(self: KeyExchange, event_type: str, messages: Any) -> None:
        with contextlib.suppress(MatrixError):
            await whole(self, event_type, messages)

    patch.setattr(KeyExchange, "send_to_devices", careless)


def _cuts_sends_short(patch: pytest.MonkeyPatch) -> None:
    """As nio does: a send that is cancelled does not give back what it holds."""

    class Sticky(asyncio.Lock):
        async def __aexit__(self, kind: object, error: object, trace: object) -> None:
            if kind is not asyncio.CancelledError:
                self.release()

    async def bare(self: Any, steps: Any) -> Any:
        return await steps

    patch.setattr("bridge.matrix.outbound.asyncio.Lock", Sticky)
    patch.setattr("bridge.matrix.outbound.Sender._uninterrupted", bare)


def _takes_a_lost_token_for_trouble(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix import http

    whole = http._answer

    def mistaken(where: str, *more: Any) -> Any:
        try:
            return whole(where, *more)
        except http.TokenLost:
            raise http.ServerTrouble(where) from None

    patch.setattr(http, "_answer", mistaken)


def _reads_no_header(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix import http

    whole = http._retry_after_ms
    patch.setattr(http, "_retry_after_ms", lambda headers, body: whole({}, body))


def _never_tries_again(patch: pytest.MonkeyPatch) -> None:
    async def once(self: Any, call: Any) -> Any:
        return await call()

    patch.setattr("bridge.matrix.http.Patience.__call__", once)


def _needs_the_deprecated_fields(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix.cipher import Cipher, Undecryptable

    whole = Cipher.open_event

    def strict(self: Cipher, room_id: str, event: Any) -> Any:
        if "sender_key" not in event["content"]:
            return Undecryptable("", "malformed")
        return whole(self, room_id, event)

    patch.setattr(Cipher, "open_event", strict)


def _gives_keys_to_every_device(patch: pytest.MonkeyPatch) -> None:
    def everybody(self: Any, user_id: str) -> list[Any]:
        return [
            device
            for device in self._machine.device_store.active_user_devices(user_id)
            if device.id != self._machine.device_id
        ]

    patch.setattr("bridge.matrix.trust.Trust.readers", everybody)


def _believes_every_identity(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix.trust import IdentityState, Trust

    patch.setattr(Trust, "state", lambda self, user_id: IdentityState.KNOWN)


def _takes_an_edit_for_a_message(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix import inbound

    whole = inbound._spoken

    def plainly(event: Any, *more: Any, **named: Any) -> Any:
        content = {name: value for name, value in event.content.items() if name != "m.relates_to"}
        return whole(msgspec.structs.replace(event, content=content), *more, **named)

    patch.setattr(inbound, "_spoken", plainly)


def _listens_to_itself(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix import inbound

    patch.setattr(
        inbound, "_own", lambda event, occurred_ms: inbound._spoken(event, _nobody(), None, occurred_ms)
    )


def _nobody() -> Any:
    from bridge.matrix.inbound import Knowledge

    return Knowledge(user_id="@nobody:x", names=(), direct={}, circles={})


def _keeps_no_outbound_session(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bridge.matrix.megolm.RoomSessions._note", lambda self, room_id: None)


def _turns_no_key(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("bridge.matrix.megolm.RoomSession.must_turn", lambda self, rotation, now_ms, readers: False)


def _knows_only_listed_power(patch: pytest.MonkeyPatch) -> None:
    def listed(self: Any, user_id: str) -> int:
        powers = self.powers
        return 0 if powers is None else powers.users.get(user_id, powers.users_default)

    patch.setattr("bridge.matrix.room.Room.power", listed)


def _sends_under_a_new_id_each_time(patch: pytest.MonkeyPatch) -> None:
    from bridge.matrix.http import Homeserver

    whole, numbers = Homeserver.request, count()

    async def anew(self: Homeserver, method: str, path: str, **options: Any) -> Any:
        return await whole(self, method, f"{path}-{next(numbers)}" if "/send/" in path else path, **options)

    patch.setattr(Homeserver, "request", anew)


def _writes_only_where_it_has_synced(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Any, room_id: str) -> None:
        return None

    patch.setattr("bridge.matrix.rooms.Rooms.fetch", nothing)
    patch.setattr("bridge.matrix.direct.GLANCE_SECONDS", 0.0)


def _locks_with_a_constant(patch: pytest.MonkeyPatch) -> None:
    """As nio does unless told otherwise."""
    from bridge.matrix.crypto_store import RowStore

    whole = RowStore.__init__

    def constant(
        self: RowStore, user: str, device: str, rows: Any, ledger: Any, secret: bytes, clock: Any
    ) -> None:
        whole(self, user, device, rows, ledger, b"DEFAULT_KEY".ljust(32, b"\0"), clock)

    patch.setattr(RowStore, "__init__", constant)


# ── the list ─────────────────────────────────────────────────────────────────────────────────────────────────────

GUARDS: dict[str, Guard] = {
    "to-device": Guard(
        "a stranger ends the sync with one malformed to-device message, and with a stored cursor for good",
        _lets_every_message_through,
        f"{MATRIX}/test_hazards.py::test_a_strangers_malformed_messages_to_our_device_disturb_nobody",
    ),
    "key answers": Guard(
        "one person's malformed key in an answer ends the sync or leaves everybody without keys",
        _takes_every_device,
        f"{MATRIX}/test_hazards.py::test_a_malformed_key_answer_leaves_the_others_reachable",
    ),
    "one-time keys": Guard(
        "a stranger claims all one-time keys, and nobody new can reach the bot any more",
        _takes_no_used_up_keys_for_news,
        f"{FAULTS}/test_keys.py::test_the_bot_offers_keys_again_when_it_hears_that_none_is_left",
    ),
    "key share": Guard(
        "a key could not be handed on, and the message goes out to nobody who can read it",
        _sends_though_no_key_went_out,
        f"{FAULTS}/test_keys.py::test_a_key_that_could_not_be_passed_on_holds_the_message_back_until_it_can_be_read",
    ),
    "cancelled send": Guard(
        "a send cancelled while keys are under way is cut short between two steps that belong together",
        _cuts_sends_short,
        f"{MATRIX}/test_hazards.py::test_a_send_cancelled_in_the_middle_does_not_block_the_next",
    ),
    "hot loop": Guard(
        "thousands of requests a second while the homeserver is in trouble",
        _instead("bridge.matrix.http.Patience.wait_seconds", lambda self, attempt, error=None: 0.0),
        f"{MATRIX}/test_sync.py::test_a_failing_homeserver_is_asked_less_than_once_a_second",
    ),
    "lost token": Guard(
        "a dead token is taken for trouble, and the bot is silent for ever",
        _takes_a_lost_token_for_trouble,
        f"{MATRIX}/test_http.py::test_every_answer_becomes_the_error_that_says_what_to_do",
    ),
    "cursor": Guard(
        "the cursor is stored before what came with it is decided: a crash in between loses it",
        _keeps_the_cursor_before_the_handler,
        f"{MATRIX}/test_sync.py::test_a_bug_in_the_handler_ends_the_run_and_the_same_answer_is_asked_for_again",
    ),
    "ratchet": Guard(
        "a ratchet is used before it is stored: after a kill the same key seals twice, or a message cannot be read",
        _commits_nothing_before_it_sends,
        f"{MATRIX}/test_hazards.py::test_what_has_left_was_stored_before_so_that_no_key_seals_twice",
    ),
    "pickle key": Guard(
        "the keys of the device are locked with a constant that everybody knows",
        _locks_with_a_constant,
        f"{MATRIX}/test_hazards.py::test_the_rows_of_the_device_open_with_our_own_secret_only",
    ),
    "unsigned devices": Guard(
        "room keys go to a device that its owner has not signed",
        _gives_keys_to_every_device,
        f"{MATRIX}/test_trust.py::test_whoever_signs_reads_on_signed_devices_only",
    ),
    "changed identity": Guard(
        "somebody else's identity takes a person's place, and private words go to it",
        _believes_every_identity,
        f"{MATRIX}/test_hazards.py::test_a_changed_identity_pauses_private_messages_until_acknowledged",
    ),
    "429": Guard(
        "the wait that a homeserver names in its header is not kept",
        _reads_no_header,
        f"{MATRIX}/test_http.py::test_a_rate_limit_names_its_wait_wherever_the_server_wrote_it",
    ),
    "5xx": Guard(
        "an answer of 5xx is taken for the last word",
        _never_tries_again,
        f"{MATRIX}/test_http.py::test_a_call_is_repeated_while_the_server_fails_with_growing_waits_of_a_second_or_more",
    ),
    "deprecated fields": Guard(
        "a message that does not name its sender's key, as is usual today, is not read",
        _needs_the_deprecated_fields,
        f"{FAULTS}/test_keys.py::test_a_message_that_names_neither_key_nor_device_of_its_sender_is_read",
    ),
    "edits": Guard(
        "an edit is heard as a new message that begins with an asterisk",
        _takes_an_edit_for_a_message,
        f"{MATRIX}/test_inbound.py::test_an_edit_carries_the_new_words_and_what_they_replace",
    ),
    "own messages": Guard(
        "the bot hears its own words and answers them",
        _listens_to_itself,
        f"{MATRIX}/test_inbound.py::test_our_own_message_proves_that_it_arrived",
    ),
    "gaps": Guard(
        "what the homeserver left out of a long answer is never heard",
        _polls_only_the_timeline,
        f"{MATRIX}/test_sync.py::test_a_gap_is_filled_from_the_cursor_on_and_a_bottomless_one_is_given_up_visibly",
    ),
    "state block": Guard(
        "who came or left while the homeserver left something out is not noticed",
        _skips_the_state_block,
        f"{MATRIX}/test_sync.py::test_who_left_in_a_gap_is_heard_from_the_state_beside_it",
    ),
    "rooms left": Guard(
        "a room the bot was put out of is still written to",
        _instead("bridge.matrix.rooms.Rooms.drop", lambda self, room_id: None),
        f"{MATRIX}/test_rooms.py::test_a_room_left_or_kicked_from_is_dropped",
    ),
    "fresh rooms": Guard(
        "a 1:1 room that no sync has shown yet cannot be written to",
        _writes_only_where_it_has_synced,
        f"{MATRIX}/test_rooms.py::test_a_direct_room_is_made_once_encrypted_and_reused",
    ),
    "outbound sessions": Guard(
        "every start makes a new key for every room and everybody in it",
        _keeps_no_outbound_session,
        f"{MATRIX}/test_encryption.py::test_after_a_restart_both_ways_go_on_with_the_committed_rows",
    ),
    "rotation": Guard(
        "a room's key never turns, whatever the room says and whoever has left it",
        _turns_no_key,
        f"{MATRIX}/test_trust.py::test_a_rooms_key_turns_by_count_by_age_and_when_a_holder_may_no_longer_read",
    ),
    "creators": Guard(
        "whoever made a room of version 12 seems to have no power in it",
        _knows_only_listed_power,
        f"{MATRIX}/test_room.py::test_creators_of_version_12_have_all_power_without_being_listed",
    ),
    "transaction ids": Guard(
        "a message that arrived although the answer failed is sent once more",
        _sends_under_a_new_id_each_time,
        f"{FAULTS}/test_trouble.py::test_a_message_that_arrived_although_it_failed_is_not_sent_again",
    ),
}
