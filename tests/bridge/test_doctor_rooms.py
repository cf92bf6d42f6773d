"""What `hearth doctor` says of spaces, of rooms that were replaced, and of terms that end."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import quote

import pytest

from bridge.circles.roles import CONTACT, STEWARD
from bridge.cli import doctor
from bridge.cli.terms import Term
from engine.core.values import DAY_MS
from tests.bridge.houses import lay_ground, set_up
from tests.bridge.test_doctor import findings
from tests.world import Synapse


async def test_a_space_is_said_with_the_room_that_is_written_in_or_that_there_is_none(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    made = {"creation_content": {"type": "m.space"}, "name": "Village", "invite": [ground.bot.user_id]}
    space = ground.call("POST", "/createRoom", made)["room_id"]
    settings = house.folder / "hearth.toml"
    settings.write_text(settings.read_text("utf-8").replace(ground.room, space), "utf-8")
    ground.call("POST", f"/rooms/{quote(space)}/join", {}, of=ground.bot)
    (found,) = (await findings(house))["rooms"]
    assert found.rank == "fail"
    assert "none of its rooms" in found.found
    where = f"/rooms/{quote(space)}/state/m.space.child/{quote(ground.room)}"
    ground.call("PUT", where, {"via": ["hearth.test"]})
    (found,) = (await findings(house))["rooms"]
    assert found.rank == "ok"
    assert ground.room in found.found


async def test_a_room_that_was_replaced_and_not_followed_is_a_failure_with_the_way_out(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    upgraded = ground.call("POST", f"/rooms/{quote(ground.room)}/upgrade", {"new_version": "12"})
    (found,) = (await findings(house))["rooms"]
    assert found.rank == "fail"
    assert upgraded["replacement_room"] in found.found
    assert ground.bot.user_id in found.helps


async def test_terms_are_named_from_fourteen_days_before_their_end(
    synapse: Synapse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    now_ms = int(time.time() * 1000)
    days = {"@over:x": -1, "@soon:x": 13, "@later:x": 15}
    terms = [
        Term(STEWARD if user_id == "@soon:x" else CONTACT, user_id, now_ms + left * DAY_MS)
        for user_id, left in days.items()
    ]

    async def held(_: object) -> list[Term]:
        return terms

    monkeypatch.setattr(doctor, "terms_of", held)
    said = {
        user_id: next(finding for finding in (await findings(house))["people"] if user_id in finding.found)
        for user_id in days
    }
    assert {user_id: finding.rank for user_id, finding in said.items()} == {
        "@over:x": "warn",
        "@soon:x": "warn",
        "@later:x": "ok",
    }
    assert "was over" in said["@over:x"].found
    assert said["@soon:x"].found.startswith("steward")
