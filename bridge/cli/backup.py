"""`hearth backup` and `hearth restore`: everything into one file, also while Hearth runs, and back out of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bridge.cli.enrol import OF_A_DEVICE, opened_store
from bridge.cli.init import init
from bridge.cli.lodgings import ProgressLine, held, lodging_of, require_there, spoken_plainly
from bridge.cli.questions import Asker
from bridge.cli.speech import Halt, Status, say
from bridge.operations import caretaker
from bridge.settings import Settings
from engine.core.values import Ms
from engine.runtime.ports import Changes
from engine.store.backing_up import Restored, back_up, restore
from engine.store.copying import holds_keys
from engine.store.keyless import KeysMissing


async def back_up_house(settings: Settings, file: Path, keys: Path) -> Status:
    """Write a backup of the database of the settings."""
    ours = lodging_of(settings)
    require_there(ours)
    for folder in {file.parent, keys.parent}:
        if not folder.is_dir():
            raise Halt(f"The folder {folder} is not there.", "Make it, for its owner alone.")
    line = ProgressLine()
    with spoken_plainly():
        try:
            label = await back_up(
                ours,
                file,
                keys,
                settings.secrets.master_key,
                now_ms=time.time_ns() // 1_000_000,
                version=version("hearth"),
                without=OF_A_DEVICE,
                report=line,
            )
        finally:
            line.end()
    say(f"{file}: {sum(each.rows for each in label.tallies)} rows, as of {_moment(label.made_ms)}.")
    say(f"{keys}: the keys, in place of any older copy there.")
    say(
        "Keep the two apart, and of the keys only the newest: an older one would bring back what was erased since."
    )
    say(
        f"Neither can be read without the master key ({settings.files.master_key}), which is in neither of them."
    )
    return Status.OK


async def restore_house(
    settings: Settings,
    file: Path,
    keys: Path | None,
    asker: Asker | None,
    folder: Path,
    environ: Mapping[str, str],
    *,
    erase: int = 0,
) -> Status:
    """Put a backup into the empty database of the settings, then give the bot a new device, if anybody can be asked.

    ``erase``: so many people and workflows that were begun may be without a key.
    """
    _require_a_file(file)
    with spoken_plainly():
        _require_one_kind_of_keys(settings, keys)
    found = await _put_back(settings, file, keys, erase)
    say(
        f"Put back: {found.rows} rows, as of {_moment(found.made_ms)}. The stewards are told when Hearth runs."
    )
    if asker is None:
        say("What is left: `hearth init --log-in-again`, with the account's password and the recovery key.")
        return Status.OK
    say("Now the bot gets a new device. The one it had before must never be used again.")
    await init(asker, folder, environ, overwrite=False, log_in_again=True)
    return Status.OK


def _require_a_file(file: Path) -> None:
    if not file.is_file():
        raise Halt(f"{file} is not there.", "Check its path.")


def _require_one_kind_of_keys(settings: Settings, keys: Path | None) -> None:
    """Halt if there are no such keys, or if those that are here must not be replaced by them."""
    if keys is None:
        return
    if not keys.is_file():
        raise Halt(f"{keys} is not there.", "Name the newest copy of the keys.")
    ours = lodging_of(settings)
    if holds_keys(ours):
        raise Halt(
            f"There are keys at {ours.keys or 'the database'} already, and whoever was erased there must stay erased.",
            "Leave --keys out: they are used. Move them away only if you are sure that the others are newer.",
        )


async def _put_back(settings: Settings, file: Path, keys: Path | None, erase: int) -> Restored:
    ours, master_key = lodging_of(settings), settings.secrets.master_key
    line = ProgressLine()
    with held(settings, ours):
        if ours.keys is not None:
            ours.keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with spoken_plainly():
            try:
                found = await restore(
                    file, keys, ours, master_key, without=OF_A_DEVICE, erase=erase, report=line
                )
            except KeysMissing as error:
                raise Halt(
                    f"{error}. Nothing was written.",
                    "If these keys are older than the backup, put the newest ones in their place: whoever has none "
                    "would be erased. If they were erased since, or nobody has newer keys: "
                    f"`--erase {error.keyless.all}`.",
                ) from error
            finally:
                line.end()
        if found.keyless.all:
            say(
                f"There are no keys of {found.keyless}: what the backup has of them is not to be had any more."
            )
        # Opening it erases once more whoever has been forgotten since the backup.
        async with opened_store(settings.database.place, settings.database.keys, master_key) as store:
            place = (caretaker.KIND, caretaker.KEY)
            row = caretaker.restored((await store.kept()).get(place), found.made_ms)
            await store.commit(Changes(kept=[row]))
    return found


def _moment(at_ms: Ms) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
