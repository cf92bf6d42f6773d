"""`hearth store copy`: moves a community into another database, SQLite or PostgreSQL, either way."""

from __future__ import annotations

from pathlib import Path

from bridge.cli.enrol import OF_A_DEVICE
from bridge.cli.lodgings import ProgressLine, held, lodging_named, require_there, spoken_plainly
from bridge.cli.speech import Halt, Status, say
from bridge.settings import Settings
from engine.store.copying import copy, end_leases


async def copy_store(
    settings: Settings, source: str, target: str, source_keys: Path | None, target_keys: Path | None
) -> Status:
    """Copy everything, compare it, and say what comes next; what belongs to the bot's device stays behind."""
    from_ = lodging_named(settings, source, source_keys)
    to = lodging_named(settings, target, target_keys)
    require_there(from_)
    if from_ == to:
        raise Halt(
            "These two are the same.",
            "Name the database to copy from, then the one to copy to.",
            Status.USAGE,
        )
    line = ProgressLine()
    with spoken_plainly(), held(settings, from_, to):
        if to.keys is not None:
            to.keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            tallies = await copy(
                from_, to, settings.secrets.master_key, without=OF_A_DEVICE, mend=end_leases, report=line
            )
        finally:
            line.end()
    rows = sum(each.rows for each in tallies)
    say(f"Copied and compared: {rows} rows in {len(tallies)} tables, each the same in both.")
    say(
        "What belongs to the bot's device stayed behind: in the new place it gets another one. What is left to do:"
    )
    say("  1. Put the new place into hearth.toml, under [database].")
    say("  2. `hearth init --log-in-again`, with the account's password and the recovery key.")
    say("  3. `hearth doctor`, then `hearth run`. Never start Hearth on the old place again.")
    return Status.OK
