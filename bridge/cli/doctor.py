"""`hearth doctor`: looks at everything a running Hearth stands on, changes nothing, and says what to do."""

import contextlib
import stat
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Literal

import msgspec

from bridge.circles.roles import CONTACT
from bridge.cli.check import is_fit, line_of, problems_in, workflow_files
from bridge.cli.database import InOrder, Outdated, Unusable, look_at, shown
from bridge.cli.device import standing_of
from bridge.cli.enrol import opened_store, resolve
from bridge.cli.lock import is_at_work
from bridge.cli.ops import who_speaks
from bridge.cli.planning import rooms_named, stewards_named
from bridge.cli.reach import Unreachable, reach
from bridge.cli.speech import Halt, Status, say
from bridge.cli.terms import terms_of
from bridge.matrix.backup import BackupState
from bridge.matrix.cross_signing import DeviceState
from bridge.matrix.http import Homeserver, MatrixError, RateLimited, Refused, TokenLost, path
from bridge.matrix.room import Powers, Room
from bridge.matrix.session import whoami
from bridge.matrix.spaces import children_in_order
from bridge.matrix.text import as_dict, as_list, as_text
from bridge.matrix.upgrades import latest, successions_in
from bridge.settings import FILE_NAME, Contact, Problems, Settings, load_settings, served_by
from bridge.views.trust import in_groups
from engine.runtime.ports import Held

MOST_SKEW_SECONDS = 30.0
TRUST_REPAIR_CONTACTS = 2
TERM_WARNING_DAYS = 14
DAY_SECONDS = 86_400
MOST_CHILDREN_LOOKED_AT = 20

BACKED_UP = {
    BackupState.KEPT: "its room keys are backed up",
    BackupState.NONE: "its room keys are not backed up yet, which `hearth init` can do",
    BackupState.GONE: "its room keys are not backed up any more, because somebody deleted the backup on the "
    "homeserver; `hearth init` makes a new one",
    BackupState.FOREIGN: "its room keys are not backed up, because the account has a backup that another app made; "
    "`hearth init` says what can be done",
}
"""What is said of the backup of the bot's own room keys."""

Rank = Literal["ok", "warn", "fail"]


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's: what was looked at, how it is, and what helps where something does."""

    check: str
    rank: Rank
    found: str
    helps: str = ""

    def __str__(self) -> str:
        text = f"{self.found}; {self.helps}" if self.helps else self.found
        return f"{self.rank:<5} {self.check:<14} {text}"


class Report(msgspec.Struct, frozen=True):
    """Everything found; `healthy` unless something failed."""

    healthy: bool
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class House:
    """What is looked at."""

    settings: Settings
    now: Callable[[], float]


async def doctor(folder: Path, environ: Mapping[str, str], output: str) -> Status:
    """Print the findings; PROBLEMS if one of them is a failure."""
    findings: list[Finding] = []
    async for finding in examine(folder, environ):
        findings.append(finding)
        if output == "text":
            say(str(finding))
    healthy = all(finding.rank != "fail" for finding in findings)
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode(Report(healthy, tuple(findings)))).decode())
    else:
        say(_last_line(findings))
    return Status.OK if healthy else Status.PROBLEMS


def _last_line(findings: Iterable[Finding]) -> str:
    ranks = [finding.rank for finding in findings]
    if "fail" in ranks:
        return f"\n{ranks.count('fail')} to mend before Hearth can do its work."
    if "warn" in ranks:
        return f"\nHearth can run; {ranks.count('warn')} to look at."
    return "\nAll is well."


async def examine(
    folder: Path, environ: Mapping[str, str], now: Callable[[], float] = time.time
) -> AsyncIterator[Finding]:
    """Every finding, as it is found."""
    settings = load_settings(folder, environ)
    if isinstance(settings, Problems):
        for problem in settings:
            yield Finding("settings", "fail", f"{problem.where} {problem.found}", problem.helps)
        return
    house = House(settings, now)
    yield Finding("settings", "ok", f"{folder / FILE_NAME} can be used")
    for finding in _languages(settings):
        yield finding
    for finding in _permissions(settings):
        yield finding
    for finding in _workflows(settings):
        yield finding
    async for finding in _homeserver(house):
        yield finding
    for finding in _safety(settings):
        yield finding


# ── on this machine ──────────────────────────────────────────────────────────


def _languages(settings: Settings) -> Iterator[Finding]:
    for language in dict.fromkeys((settings.circle.language, *(c.language for c in served_by(settings)))):
        yield _language(language)


def _language(language: str) -> Finding:
    known = sorted(
        text.name.removesuffix(".toml") for text in files("bridge.wording").joinpath("texts").iterdir()
    )
    if language in known:
        return Finding("language", "ok", f"the bot's own sentences are there in {language}")
    helps = f"there are {', '.join(known)}; others are said in English"
    return Finding("language", "warn", f"the bot has no sentences of its own in {language}", helps)


def _permissions(settings: Settings) -> Iterator[Finding]:
    database = settings.database.path
    if settings.database.url:
        yield Finding("permissions", "ok", "the files of secrets are their owner's alone")
        return
    for file in (database, database.with_name(database.name + "-wal"), settings.database.keys):
        if file.exists() and (mode := stat.S_IMODE(file.stat().st_mode)) & 0o077:
            yield Finding(
                "permissions", "warn", f"others can open {file} (mode {mode:04o})", f"run: chmod 600 {file}"
            )
    for name, file in (
        ("the master key", settings.files.master_key),
        ("the file of keys", settings.database.keys),
    ):
        if file.parent == database.parent:
            yield Finding(
                "permissions",
                "warn",
                f"{name} lies beside the database in {database.parent}",
                "keep it in another folder, so that a backup of one does not open the other",
            )
    yield Finding("permissions", "ok", "the files of secrets are their owner's alone")


def _workflows(settings: Settings) -> Iterator[Finding]:
    for folder in dict.fromkeys(circle.workflow_folder for circle in served_by(settings)):
        problems = problems_in(folder)
        for problem in problems:
            yield Finding("workflows", "fail" if problem.severity == "error" else "warn", line_of(problem))
        if is_fit(problems):
            named = workflow_files(folder)
            yield Finding("workflows", "ok", f"{', '.join(file.stem for file in named)} in {folder}")


def _safety(settings: Settings) -> Iterator[Finding]:
    common = settings.safety.contacts
    own = {each.name: each.contacts for each in served_by(settings) if each.name and each.contacts != common}
    if settings.circle.rooms or len(own) < len(settings.circles):
        yield from _contacts(common, "[safety] contacts")
    for name, contacts in own.items():
        yield from _contacts(contacts, f"[circles.{name}] contacts")


def _contacts(named: Sequence[Contact], setting: str) -> Iterator[Finding]:
    reachable = [contact for contact in named if contact.user_id]
    nameless = len(named) - len(reachable)
    if nameless:
        yield Finding(
            "safety",
            "warn",
            f"{nameless} of the safety contacts {'has' if nameless == 1 else 'have'} no Matrix id",
            f"add it in {setting}, or the bot cannot tell them that someone would like to talk",
        )
    if len(reachable) < TRUST_REPAIR_CONTACTS:
        yield Finding(
            "safety",
            "warn",
            f"{len(reachable)} safety contact{'' if len(reachable) == 1 else 's'} the bot can write to",
            f"ask two people or more and name them in {setting}; trust repair stays off until then",
        )
    else:
        yield Finding("safety", "ok", f"{len(reachable)} safety contacts, and outside help is named")


# ── the database ─────────────────────────────────────────────────────────────


def _database(settings: Settings) -> Finding:
    database = shown(settings.database.place)
    match look_at(settings.database.place, settings.database.keys):
        case Unusable(found, helps):
            return Finding("database", "fail", found, helps)
        case Outdated(names):
            helps = "it is brought up to date at the next start; make a backup before"
            return Finding("database", "warn", f"{database} lacks {', '.join(names)}", helps)
        case InOrder(size):
            at_work = ", in use by a running Hearth" if is_at_work(settings.database.path) else ""
            return Finding(
                "database", "ok", f"{database} is sound and can be written ({size // 1024} kB{at_work})"
            )


async def _kept(settings: Settings) -> tuple[dict[tuple[str, str], bytes], Held | None]:
    """The bridge's rows, and who speaks, where there may be several."""
    database = settings.database
    async with opened_store(database.place, database.keys, settings.secrets.master_key) as store:
        speaker = await store.lease_of(settings.homeserver.user_id) if database.url else None
        return dict(await store.kept()), speaker


# ── the homeserver ───────────────────────────────────────────────────────────


async def _homeserver(house: House) -> AsyncIterator[Finding]:
    settings = house.settings
    database = _database(settings)
    yield database
    rows = None
    if database.rank == "ok":
        try:
            rows, speaker = await _kept(settings)
            if speaker is not None:
                yield Finding("processes", "ok", who_speaks(speaker))
            async for finding in _terms(house):
                yield finding
        except Halt as halt:
            yield Finding("database", "fail", halt.found, halt.helps)
    try:
        reached = await reach(settings.homeserver.url, house.now)
    except Unreachable as unreachable:
        yield Finding("homeserver", "fail", unreachable.found, unreachable.helps)
        yield Finding("homeserver", "warn", "token, device, clock, rooms and people were not looked at", "")
        return
    yield Finding("homeserver", "ok", f"{reached.url} answers and speaks {reached.speaks}")
    yield _clock(reached.ahead_seconds)
    async with _authorised(settings) as homeserver:
        token = await _token(homeserver, settings)
        yield token
        if token.rank == "fail":
            yield Finding("token", "warn", "device, rooms and people were not looked at", "")
            return
        if rows is not None:
            yield await _safely("device", _device(homeserver, settings, rows))
        for room in rooms_named(settings):
            yield await _safely("rooms", _room(homeserver, settings, room, rows or {}))
        people = dict.fromkeys((*stewards_named(settings), *settings.joining.invited_by_users))
        named = (contact.user_id for circle in served_by(settings) for contact in circle.contacts)
        contacts = list(dict.fromkeys(user_id for user_id in named if user_id))
        for part, user_ids in (("steward", people), ("safety contact", contacts)):
            for user_id in user_ids:
                yield await _safely("people", _person(homeserver, part, user_id))


@contextlib.asynccontextmanager
async def _authorised(settings: Settings) -> AsyncIterator[Homeserver]:
    homeserver = await Homeserver.connect(settings.homeserver.url, access_token=settings.secrets.access_token)
    try:
        yield homeserver
    finally:
        await homeserver.close()


def _clock(ahead_seconds: float | None) -> Finding:
    if ahead_seconds is None:
        return Finding("clock", "warn", "the homeserver does not say what time it has")
    if abs(ahead_seconds) < MOST_SKEW_SECONDS:
        return Finding("clock", "ok", "this machine and the homeserver agree on the time")
    way = "ahead of" if ahead_seconds > 0 else "behind"
    return Finding(
        "clock",
        "warn",
        f"the homeserver's clock is {abs(ahead_seconds):.0f} seconds {way} this machine's",
        "turn on time synchronisation (NTP) on both, or answers may count as too late",
    )


async def _token(homeserver: Homeserver, settings: Settings) -> Finding:
    expected = settings.homeserver.user_id, settings.secrets.device_id
    try:
        answer = await whoami(homeserver)
    except TokenLost:
        return Finding(
            "token", "fail", "the access token is not valid (any more)", "run `hearth init --log-in-again`"
        )
    except MatrixError as error:
        return Finding(
            "token", "fail", f"the homeserver did not say whose token this is ({error})", "try again later"
        )
    user_id, device_id = as_text(answer.get("user_id")), as_text(answer.get("device_id"))
    if (user_id, device_id) != expected:
        return Finding(
            "token",
            "fail",
            f"the token belongs to {user_id}, device {device_id}, and not to {expected[0]}, device {expected[1]}",
            "put token and device back as they were, or run `hearth init --log-in-again`",
        )
    return Finding("token", "ok", f"logged in as {user_id}, device {device_id}")


async def _device(
    homeserver: Homeserver, settings: Settings, rows: Mapping[tuple[str, str], bytes]
) -> Finding:
    standing = await standing_of(homeserver, settings, rows)
    match standing.state:
        case DeviceState.SIGNED:
            found = "signed by its owner: no red shield, and readable for everyone"
            fingerprint = in_groups(standing.fingerprint)
            return Finding(
                "device", "ok", f"{found}; its fingerprint is {fingerprint}; {BACKED_UP[standing.backup]}"
            )
        case DeviceState.UNSIGNED:
            found = (
                "the bot's device is not signed by its owner: apps warn of it, and some keep messages from it"
            )
            return Finding("device", "fail", found, "run `hearth init` and give the account's recovery key")
        case DeviceState.NO_IDENTITY:
            found = "the account has no identity that could sign the bot's device"
            return Finding(
                "device", "fail", found, "run `hearth init`; it makes one and shows its recovery key"
            )
        case DeviceState.IDENTITY_CHANGED:
            found = "the account's identity was replaced since the last time"
            return Finding(
                "device",
                "fail",
                found,
                "if that was you, run `hearth init` and say so; if not, change the password",
            )
        case DeviceState.NOT_UPLOADED:
            found = "the homeserver does not show the keys of the bot's device, or shows other ones"
            return Finding(
                "device", "fail", found, "run `hearth init`; if it cannot help, `hearth init --log-in-again`"
            )


async def _terms(house: House) -> AsyncIterator[Finding]:
    """The roles by which people look after a circle, or are its safety contacts; they end (docs/decisions/0034)."""
    for term in await terms_of(house.settings):
        part = "safety contact" if term.kind == CONTACT else "steward"
        day = f"{datetime.fromtimestamp(term.ends_ms / 1000, UTC):%d %B %Y}"
        left_days = (term.ends_ms / 1000 - house.now()) / DAY_SECONDS
        if left_days < 0:
            found = f"{part} {term.user_id}: the term of their role was over on {day}"
            helps = "ask them to renew it or hand it over in the circle; they count until then"
            yield Finding("people", "warn", found, helps)
        elif left_days <= TERM_WARNING_DAYS:
            found = f"{part} {term.user_id}: the term of their role ends on {day}"
            yield Finding("people", "warn", found, "see that the circle knows who carries it on")
        else:
            yield Finding("people", "ok", f"{part} {term.user_id}, by a role until {day}")


async def _room(
    homeserver: Homeserver, settings: Settings, named: str, rows: Mapping[tuple[str, str], bytes]
) -> Finding:
    room_id = await resolve(homeserver, named)
    if room_id is None:
        where = rooms_named(settings).get(named, "[circle] rooms")
        return Finding("rooms", "fail", f"no room is called {named}", f"check {where}")
    room_id = latest(room_id, successions_in(rows))
    try:
        answer = await homeserver.request("GET", path("rooms", room_id, "state"))
    except Refused:
        return Finding(
            "rooms",
            "fail",
            f"not in {named}",
            f"invite {settings.homeserver.user_id} there, then run `hearth init` again",
        )
    room = Room(room_id).with_state(as_dict(event) for event in as_list(answer.get("items")))
    user_id, circles = settings.homeserver.user_id, {circle.room for circle in served_by(settings)}
    title = f"{named} ({room.name})" if room.name else named
    if room.replaced_by:
        return Finding(
            "rooms",
            "fail",
            f"{title} was replaced by {room.replaced_by}, where the bot is not yet",
            f"invite {user_id} there; if it is the right room and the bot does not follow, name it in the settings",
        )
    if user_id not in room.joined():
        return Finding(
            "rooms", "fail", f"not in {title}", f"invite {user_id} there, then run `hearth init` again"
        )
    if room.room_type == "m.space":
        return await _space(homeserver, room, title, user_id)
    kinds = ["m.room.message", "m.reaction"] + (["m.room.encrypted"] if room.encryption else [])
    refused = [kind for kind in kinds if not room.may_send(user_id, kind)]
    if refused:
        return Finding(
            "rooms",
            "fail",
            f"may not send {', '.join(refused)} in {title}",
            "give the bot the power level for it",
        )
    return _what_stays(room, title, user_id, is_circle=named in circles)


async def _space(homeserver: Homeserver, space: Room, title: str, user_id: str) -> Finding:
    """Whether the space has a room that the bot can write in."""
    for child in children_in_order(space)[:MOST_CHILDREN_LOOKED_AT]:
        try:
            answer = await homeserver.request("GET", path("rooms", child, "state"))
        except Refused:
            continue  # not in it
        room = Room(child).with_state(as_dict(event) for event in as_list(answer.get("items")))
        kind = "m.room.encrypted" if room.encryption else "m.room.message"
        if user_id in room.joined() and not room.is_space and room.may_send(user_id, kind):
            main = f"{child} ({room.name})" if room.name else child
            return Finding("rooms", "ok", f"in the space {title}, and writes for all in {main}")
    return Finding(
        "rooms",
        "fail",
        f"in the space {title}, and in none of its rooms that it may write in",
        f"invite {user_id} into one of them; the first in order becomes the one it writes in",
    )


def _what_stays(room: Room, title: str, user_id: str, *, is_circle: bool) -> Finding:
    """Whether what is written in a room stays among its people, and what is private can be taken back there."""
    found, helps = [], []
    if room.encryption is None:
        found.append("which is not encrypted")
        helps.append("whoever runs the servers can read along there")
    if is_circle and not room.may_redact_others(user_id):
        powers = room.powers or Powers()
        found.append("where it may not take back a private word that somebody writes there by mistake")
        helps.append(f"give the bot power level {powers.redact} there, if the circle agrees")
    if found:
        return Finding("rooms", "warn", f"in {title}, {' and '.join(found)}", ", and ".join(helps))
    return Finding("rooms", "ok", f"in {title}, encrypted, and may send there")


async def _person(homeserver: Homeserver, part: str, user_id: str) -> Finding:
    try:
        await homeserver.request("GET", path("profile", user_id))
    except Refused as refused:
        if refused.status == 404:
            return Finding("people", "fail", f"{part} {user_id}: no such account", "check the spelling")
        return Finding("people", "warn", f"{part} {user_id}: the homeserver will not say whether they exist")
    return Finding("people", "ok", f"{part} {user_id} exists")


async def _safely(check: str, finding: Awaitable[Finding]) -> Finding:
    """The finding, or that the homeserver did not let us find out."""
    try:
        return await finding
    except RateLimited:
        return Finding(
            check, "warn", "not looked at: the homeserver asks us to wait", "try again in some minutes"
        )
    except MatrixError as error:
        return Finding(
            check, "fail", f"the homeserver did not answer as it should ({error})", "look at its log"
        )
