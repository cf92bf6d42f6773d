"""`hearth graph`: a picture of a workflow, and of where a running instance stands as far as outsiders may see it."""

import asyncio
import time
from pathlib import Path

from bridge.cli.check import line_of
from bridge.cli.database import InOrder, Outdated, Unusable, look_at, shown
from bridge.cli.enrol import opened_store
from bridge.cli.one_file import examined_file, reason_of
from bridge.cli.speech import Halt, Status, say, warn
from bridge.settings import Settings
from bridge.telling.drawing import Here
from bridge.telling.mermaid import mermaid
from bridge.telling.outside import Private, Public, seen_from_outside
from bridge.telling.picture import picture
from bridge.telling.scene import scene_of
from bridge.wording.sentences import Sentences
from bridge.wording.when import write_moment
from engine.core.definition import Definition
from engine.core.instance import Snapshot
from engine.core.values import InstanceId, Ms
from engine.runtime.ports import Want
from engine.store.store import TortoiseStore

PRIVATE = (
    "This one is private, or there is none with this id. Only those who take part see where it stands;"
    " it needs a human to ask them."
)
ONE_OF_THESE = "It stands in one of the marked states; only those who take part see in which."
OTHER_VERSION = "It began with another version of this file and stays on it; that version is drawn here."


def definition_in(file: Path) -> Definition:
    """The definition in a workflow file; its problems are printed as `hearth check` prints them."""
    examined = examined_file(file)
    for problem in examined.problems:
        warn(line_of(problem))
    if examined.definition is None:
        raise Halt(f"{file} cannot be drawn yet.", "Mend the problems above; `hearth check` shows them too.")
    return examined.definition


def graph(
    file: Path, output_format: str, output: Path | None, *, instance: str | None, settings: Settings | None
) -> Status:
    """Write the picture; with ``settings``, marked where an instance of that house stands."""
    definition = definition_in(file)
    if instance is None or settings is None:
        text = drawn(definition, output_format)
    else:
        now_ms = int(time.time() * 1000)
        text = asyncio.run(drawn_with_instance(definition, instance, settings, now_ms, output_format))
    if output is None:
        say(text.removesuffix("\n"))
        return Status.OK
    try:
        output.write_text(text, encoding="utf-8")
    except IsADirectoryError as error:
        raise Halt(f"{output} is a folder.", "Name a file in it.", Status.USAGE) from error
    except (OSError, ValueError) as error:
        raise Halt(
            f"{output} cannot be written ({reason_of(error)}).", "Check the folder, and who owns it."
        ) from error
    return Status.OK


def drawn(definition: Definition, output_format: str, here: Here | None = None) -> str:
    """The picture, as text that ends with a line break."""
    scene = scene_of(definition)
    return mermaid(scene, here) if output_format == "mermaid" else picture(scene, here)


async def drawn_with_instance(
    definition: Definition, instance: str, settings: Settings, now_ms: Ms, output_format: str
) -> str:
    """The picture of what an instance runs on, marked where it stands. Nothing in the house changes.

    An instance that outsiders may not see and one that does not exist end alike: with the same words, the same
    status, and after the same look-ups.
    """
    database = settings.database
    match look_at(database.place, database.keys):
        case Unusable(found, helps):
            raise Halt(f"{found}.", f"{helps}.", Status.CONFIGURATION)
        case Outdated():
            raise Halt(
                f"{shown(database.place)} is of an earlier version.",
                "Start Hearth once; it brings it up to date.",
            )
        case InOrder():
            pass
    async with opened_store(database.place, database.keys, settings.secrets.master_key) as store:
        pinned, snapshot = await _look_up(store, InstanceId(instance), definition)
    match seen_from_outside(pinned, snapshot):
        case Public() as seen if pinned is not None:
            if pinned.name != definition.name:
                raise Halt(
                    f"This one runs on {pinned.name}, and not on this file.",
                    "Name the file of that workflow.",
                )
            same = pinned.digest == definition.digest
            here = _mark(seen, settings, now_ms, "" if same else OTHER_VERSION)
            return drawn(definition if same else pinned, output_format, here)
        case Private() | Public():
            raise Halt(PRIVATE)


async def _look_up(
    store: TortoiseStore, instance: InstanceId, otherwise: Definition
) -> tuple[Definition | None, Snapshot | None]:
    """The instance and the definition it is pinned to; both are looked for whether or not it is there."""
    loaded = await store.load(Want(instances=frozenset((instance,))))
    snapshot = loaded.snapshots.get(instance)
    pinned = await store.definition(snapshot.definition if snapshot is not None else otherwise.digest)
    return pinned, snapshot


def _mark(seen: Public, settings: Settings, now_ms: Ms, remark: str) -> Here:
    if seen.since_ms is None:
        return Here(seen.states, "Perhaps here", " ".join(filter(None, (ONE_OF_THESE, remark))))
    sentences = Sentences.load(settings.circle.language)
    since = write_moment(seen.since_ms, now_ms, settings.circle.time_zone, sentences, placed=True)
    return Here(seen.states, f"Here since {since}", remark)
