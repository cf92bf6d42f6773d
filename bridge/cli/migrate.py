"""`hearth migrate-instances`: moves what is under way to another version, after showing what that means."""

import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from bridge.cli.check import line_of
from bridge.cli.database import InOrder, Outdated, Unusable, look_at, shown
from bridge.cli.enrol import opened_store
from bridge.cli.planning import mark_of
from bridge.cli.speech import Halt, Status, say, warn
from bridge.settings import Settings, nearest
from bridge.telling.outside import Public, seen_from_outside
from engine.core.definition import Definition
from engine.core.event import Migrated
from engine.core.instance import Snapshot
from engine.core.migrate import Obstacle, obstacles
from engine.loading.catalogue import marked
from engine.loading.folder import source_of
from engine.loading.load import examine_file
from engine.runtime.batch import LINK
from engine.runtime.ports import Cellar, Changes, ToInstance

AT_ONCE = 64
"""Instances asked for in one transaction."""
LEAST_COUNTED = 3
"""Fewer than so many, of which only those in them know where they stand, are said as "a few" (right 12)."""
ANYWHERE = "*"
"""Stands for states in which so few stand that saying which ones would tell on them."""
SHORT = 12
"""Digits of a version that are shown, and that are enough to name it."""

IN_THE_WAY = {
    "no_such_state": "the new version has no state `{}`",
    "final_state": "`{}` is an end; move to a state that goes on",
    "ask_gone": "`{}` lies open, and the new version does not ask it; leave it in the file",
    "answer_gone": "`{}` has lost an answer that was given, or is on offer; leave it in the file",
    "ask_changed": "`{}` is asked in another way (where, in which form, hidden until when, unsigned or not)",
    "seen_by_more": "the answers to `{}` would be seen by more people than those who answered were told",
    "kept_longer": "the words of `{}` would be kept longer than was said",
    "detail_gone": "the detail `{}` is being asked for, and the new version does not know it",
    "detail_changed": "the detail `{}` is of another kind, or no longer offers what was chosen",
    "detail_missing": "the detail `{}` is missing, and in this state nobody would be asked for it any more",
    "shown_to_more": "`<{}>` would be shown to people to whom no sentence showed it before",
    "listed": "the circle would see that it exists, and did not before",
    "handed_over": "`{}` would be handed to another workflow, and was not before",
}


class Row(msgspec.Struct, frozen=True):
    """What happens to everything that stands in one state."""

    state: str
    to: str | None
    """None: nobody has said where to."""
    count: str
    in_the_way: tuple[str, ...] = ()


class Report(msgspec.Struct, frozen=True):
    """What would happen, or was asked for."""

    workflow: str
    version: str
    earlier_versions: tuple[str, ...]
    rows: tuple[Row, ...]
    applied: bool = False

    @property
    def is_possible(self) -> bool:
        return all(row.to is not None and not row.in_the_way for row in self.rows)


class _Running(msgspec.Struct, frozen=True):
    """One instance on another version, and what stands in its way."""

    snapshot: Snapshot
    definition: Definition
    to: str | None
    in_the_way: tuple[Obstacle, ...]

    @property
    def is_public(self) -> bool:
        """Whether its circle sees that it is in this very state (docs/decisions/0017)."""
        seen = seen_from_outside(self.definition, self.snapshot)
        return isinstance(seen, Public) and len(seen.states) == 1


async def migrate_instances(
    settings: Settings,
    file: Path,
    mapped: Sequence[str],
    since: str,
    output: str,
    *,
    apply: bool,
) -> Status:
    """Print counts per state; with ``apply`` and nothing in the way, ask the house to move them."""
    target = marked(_target(file), mark_of(settings, file.parent))
    ways = _ways(mapped, target)
    refuse_unless_in_order(settings)
    database = settings.database
    async with opened_store(database.place, database.keys, settings.secrets.master_key) as store:
        running = [each async for each in _running(store, target, since, ways)]
        _refuse_unknown_states(ways, running, target)
        report = _report(target, running)
        if apply and report.is_possible and running:
            await store.put_definition(target, source_of(file))
            await _ask_for(store, target, running)
            report = msgspec.structs.replace(report, applied=True)
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        _print(report, file, target, asked=apply)
    return Status.OK if report.is_possible else Status.PROBLEMS


# ── what is asked for ────────────────────────────────────────────────────────


def _target(file: Path) -> Definition:
    examined = examine_file(file)
    if examined.definition is None:
        for problem in examined.problems:
            warn(line_of(problem))
        raise Halt(f"{file} cannot be used as it is.", "Mend it first; `hearth check` shows the same list.")
    return examined.definition


def _ways(mapped: Iterable[str], target: Definition) -> dict[str, str]:
    ways: dict[str, str] = {}
    going_on = [state.name for state in target.states.values() if not state.final]
    for pair in mapped:
        old, separator, new = (piece.strip() for piece in pair.partition("="))
        if not (separator and old and new):
            raise Halt(f"--map {pair} is not clear.", "Write --map OLD_STATE=NEW_STATE.", Status.USAGE)
        if new not in target.states:
            close = nearest(new, going_on)
            helps = f"Did you mean {close}?" if close else f"There are {', '.join(going_on)}."
            raise Halt(f"The new version has no state {new}.", helps, Status.USAGE)
        if target.states[new].final:
            helps = f"Choose a state that goes on: {', '.join(going_on)}."
            raise Halt(f"{new} is an end, and nothing is ended by moving it.", helps, Status.USAGE)
        if ways.setdefault(old, new) != new:
            raise Halt(f"--map names two states for {old}.", "Name one.", Status.USAGE)
    return ways


def _refuse_unknown_states(ways: Mapping[str, str], running: Iterable[_Running], target: Definition) -> None:
    known = {*target.states, *(state for each in running for state in each.definition.states)}
    for old in ways:
        if old not in known:
            close = nearest(old, sorted(known))
            raise Halt(
                f"No version of {target.name} that is running has a state {old}.",
                f"Did you mean {close}?" if close else "",
                Status.USAGE,
            )


def refuse_unless_in_order(settings: Settings) -> None:
    """Halt if the database of these settings is not there, not sound, or of another version."""
    database = settings.database
    match look_at(database.place, database.keys):
        case Unusable(found, helps):
            raise Halt(f"{found}.", f"{helps[:1].upper()}{helps[1:]}.")
        case Outdated():
            raise Halt(
                f"{shown(database.place)} is of an earlier version of Hearth.",
                "Start this version once, then try again.",
            )
        case InOrder():
            pass


# ── what there is ────────────────────────────────────────────────────────────


async def _running(
    store: Cellar, target: Definition, since: str, ways: Mapping[str, str]
) -> AsyncIterator[_Running]:
    """Everything under way on another version of this workflow (or on the one named by ``since``)."""
    known: dict[str, Definition | None] = {}
    for circle in await store.circles():
        for snapshot in await store.open_instances(circle):
            digest = snapshot.definition
            if digest == target.digest or not digest.startswith(since):
                continue
            if digest not in known:
                known[digest] = await store.definition(digest)
            definition = known[digest]
            if definition is None or definition.name != target.name:
                continue
            to = ways.get(snapshot.state) or _same(snapshot.state, target)
            found = obstacles(definition, target, snapshot, to) if to is not None else ()
            yield _Running(snapshot, definition, to, found)


def _same(state: str, target: Definition) -> str | None:
    held = target.states.get(state)
    return state if held is not None and not held.final else None


def _report(target: Definition, running: Sequence[_Running]) -> Report:
    rows: list[Row] = []
    untold: list[_Running] = []
    for state in dict.fromkeys(each.snapshot.state for each in running):
        here = [each for each in running if each.snapshot.state == state]
        found = dict.fromkeys(o for each in here for o in each.in_the_way)
        hidden = [each for each in here if not each.is_public]
        if len(hidden) < LEAST_COUNTED and here[0].to == state and not found:
            # Nothing has to be decided about them, so where they stand need not be said.
            untold += hidden
            here = [each for each in here if each.is_public]
        if here:
            said = tuple(IN_THE_WAY[o.code].format(o.what) for o in found)
            rows.append(Row(state, here[0].to, count_of(here), said))
    if untold:
        rows.append(Row(ANYWHERE, ANYWHERE, count_of(untold)))
    versions = dict.fromkeys(each.definition.digest[:SHORT] for each in running)
    return Report(target.name, target.digest[:SHORT], tuple(versions), tuple(rows))


def count_of(running: Sequence[_Running]) -> str:
    """How many, without telling of one or two that only those in them know of."""
    public = sum(each.is_public for each in running)
    private = len(running) - public
    if not 0 < private < LEAST_COUNTED:
        return str(len(running))
    return f"{public} and a few more" if public else "a few"


# ── what is done ─────────────────────────────────────────────────────────────


async def _ask_for(store: Cellar, target: Definition, running: Sequence[_Running]) -> None:
    """Lay one event for each in the inbox. The house decides them like all others, and looks once more then."""
    now_ms = time.time_ns() // 1_000_000
    events = [
        ToInstance(
            id=f"migrate:{target.digest[:SHORT]}:{each.snapshot.id}:{each.snapshot.version}{LINK}0",
            occurred_ms=now_ms,
            instance=each.snapshot.id,
            event=Migrated(target.digest, each.to or each.snapshot.state),
        )
        for each in running
    ]
    for start in range(0, len(events), AT_ONCE):
        await store.commit(Changes(inbox=list(events[start : start + AT_ONCE])))


def _print(report: Report, file: Path, target: Definition, *, asked: bool) -> None:
    if not report.rows:
        say(f"Nothing runs on another version of {report.workflow} than the one in {file}.")
        return
    versions = ", ".join(report.earlier_versions)
    say(f"{target.title} ({report.workflow}), from {versions} to {report.version}, the version in {file}:")
    going_on = ", ".join(state.name for state in target.states.values() if not state.final)
    for row in report.rows:
        if row.state == ANYWHERE:
            say(f"  {row.count} elsewhere → each to the state of the same name")
            continue
        way = row.to or f"needs --map {row.state}=… ({going_on})"
        say(f"  {row.count} in {row.state} → {way}")
        for found in row.in_the_way:
            say(f"      in the way: {found}")
    if not report.is_possible:
        say("Nothing has been changed: either all of them are moved, or none.")
    elif report.applied:
        say("Asked for. A running Hearth moves them within a minute or so, otherwise the next start does.")
        say("The same command without --apply shows what has not been moved yet.")
    elif not asked:
        say("Nothing has been changed. The same command with --apply moves them.")
