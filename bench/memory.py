"""How much memory a thousand rooms of fifty members take, beside bare nio that holds the same rooms.

Each client is a process of its own and takes the rooms in one sync answer at a time, made by hand: what counts is what
stays resident afterwards, not what a first sync of all of them costs. No homeserver is asked.
"""

# ruff: noqa: PLC0415 - each process loads no more than the client it measures

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOMS = 1_000
MEMBERS = 50
PEOPLE = 5_000
"""Different people in all of the rooms together."""
SERVER = "hearth.test"
BOT = f"@hearth:{SERVER}"
SECONDS = 300.0
MEGABYTE = 1_000_000


def _event(kind: str, content: dict[str, Any], n: int, sender: str, state_key: str = "") -> dict[str, Any]:
    return {
        "type": kind,
        "state_key": state_key,
        "sender": sender,
        "content": content,
        "event_id": f"${kind}-{n}-{state_key}",
        "origin_server_ts": 1_700_000_000_000 + n,
    }


def answers() -> Iterator[dict[str, Any]]:
    """A sync answer for each room: encrypted, named, all members joined, each with a name."""
    for n in range(ROOMS):
        people = [BOT] + [f"@person{(n * 37 + k) % PEOPLE}:{SERVER}" for k in range(MEMBERS - 1)]
        state = [
            _event("m.room.create", {"room_version": "10"}, n, people[1]),
            _event("m.room.power_levels", {"users": {people[1]: 100}}, n, people[1]),
            _event("m.room.join_rules", {"join_rule": "invite"}, n, people[1]),
            _event("m.room.name", {"name": f"Room {n}"}, n, people[1]),
            _event("m.room.encryption", {"algorithm": "m.megolm.v1.aes-sha2"}, n, people[1]),
            *(
                _event("m.room.member", {"membership": "join", "displayname": who[1:20]}, n, who, who)
                for who in people
            ),
        ]
        room = {
            "state": {"events": state},
            "timeline": {"events": [], "limited": False, "prev_batch": f"t{n}"},
            "ephemeral": {"events": []},
            "account_data": {"events": []},
            "summary": {"m.joined_member_count": MEMBERS, "m.invited_member_count": 0},
            "unread_notifications": {"highlight_count": 0, "notification_count": 0},
        }
        # As it comes from the wire: nothing is shared between two answers.
        yield json.loads(
            json.dumps(
                {
                    "next_batch": f"s{n}",
                    "rooms": {"join": {f"!room{n}:{SERVER}": room}, "invite": {}, "leave": {}},
                    "to_device": {"events": []},
                    "device_lists": {"changed": [], "left": []},
                    "device_one_time_keys_count": {"signed_curve25519": 50},
                    "presence": {"events": []},
                }
            )
        )


def resident_mb() -> float:
    """What this process holds in memory now."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


async def ours() -> tuple[float, float]:
    """Resident megabytes before and after the rooms, in a client of ours."""
    from bridge.matrix.client import MatrixClient
    from bridge.matrix.clock import SystemClock
    from bridge.matrix.http import Homeserver
    from bridge.matrix.keep import Row
    from bridge.matrix.rooms import NOBODY
    from bridge.matrix.session import Session

    class Nowhere:
        """Rows lie on the disk of a real one."""

        async def load(self) -> dict[tuple[str, str], bytes]:
            return {}

        async def commit(self, rows: Sequence[Row]) -> None:
            pass

    session = Session("http://127.0.0.1:1", BOT, "BENCH", "none")
    client = MatrixClient(
        session,
        await Homeserver.connect(session.homeserver),
        Nowhere(),
        {},
        pickle_secret=bytes(32),
        alias_salt=bytes(32),
        allowed=NOBODY,
        clock=SystemClock(),
        chance=random.Random(1),
    )
    before = resident_mb()
    for answer in answers():
        async with client._ledger.turn:
            client.rooms.take_in(answer)
            client.direct.take_in(answer)
            client.cipher.take_in(answer)
            await client._ledger.commit()
    after = resident_mb()
    assert len(client.rooms.all()) == ROOMS
    assert all(len(room.members) == MEMBERS for room in client.rooms.all().values())
    await client.close()
    return before, after


async def theirs() -> tuple[float, float]:
    """The same in bare nio, encrypted, its store as it makes it."""
    import nio

    with tempfile.TemporaryDirectory(prefix="hearth-bench-") as folder:
        client = nio.AsyncClient("http://127.0.0.1:1", BOT, store_path=folder)
        client.restore_login(BOT, "BENCH", "none")
        before = resident_mb()
        for answer in answers():
            response = nio.SyncResponse.from_dict(answer)
            assert isinstance(response, nio.SyncResponse), response
            await client.receive_response(response)
        after = resident_mb()
        assert len(client.rooms) == ROOMS
        assert all(len(room.users) == MEMBERS for room in client.rooms.values())
        await client.close()
    return before, after


async def _held(which: str) -> tuple[float, float]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.memory", which, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == 0, f"the {which} client failed"
    before, after = json.loads(said)
    return before, after


async def memory(note: Callable[[str], None]) -> dict[str, Any]:
    """Resident megabytes of both clients with the same rooms, one after the other."""
    note(f"memory: {ROOMS} rooms of {MEMBERS} members")
    (our_before, our_after), (their_before, their_after) = await _held("ours"), await _held("nio")
    return {
        "what": f"resident megabytes with {ROOMS} encrypted rooms of {MEMBERS} members, {PEOPLE} people in all",
        "ours_mb": round(our_after, 1),
        "ours_rooms_mb": round(our_after - our_before, 1),
        "peer": "a client of bare nio",
        "peer_mb": round(their_after, 1),
        "peer_rooms_mb": round(their_after - their_before, 1),
        "ratio": round(our_after / their_after, 2),
        "rooms_ratio": round((our_after - our_before) / (their_after - their_before), 2),
    }


if __name__ == "__main__":
    print(json.dumps(asyncio.run(ours() if sys.argv[1] == "ours" else theirs())), flush=True)
