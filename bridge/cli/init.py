"""`hearth init`: asks what it must, logs in once, signs the device, joins the rooms and writes the settings.

Every step may be repeated. Killed or refused anywhere, a second `hearth init` goes on from what is there: keys and
login are kept in the files of secrets as soon as they exist, and what exists is never written over.
"""

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path

from bridge.cli import enrol
from bridge.cli.house import ROWS, House
from bridge.cli.lock import only_one
from bridge.cli.questions import Asker, ask_setting, ask_until
from bridge.cli.reach import Reached, Unreachable, find
from bridge.cli.speech import Halt, Status, say
from bridge.matrix.http import Homeserver
from bridge.matrix.secret_storage import RecoveryKey
from bridge.matrix.session import Session
from bridge.settings import (
    CIRCLES,
    FILE_NAME,
    SECRETS,
    TABLE,
    Problems,
    Wrong,
    circles_in,
    load_settings,
    load_values,
    own_rows,
    write_openly,
    write_settings,
)
from bridge.settings.kinds import NONE

TOKEN = ROWS[SECRETS, "access_token"]
ASKED = (
    (
        ("circle", "rooms"),
        "Which room or space does it serve? Alias (#circle:example.org) or id (!…), several with commas",
    ),
    (("circle", "stewards"), "Who looks after it? Matrix ids of one or more stewards, with commas"),
    (
        ("safety", "contacts"),
        "Whom may members turn to? Two or more safety contacts, with commas (Ana <@ana:example.org>); empty for later",
    ),
    (
        ("safety", "outside_help"),
        "Whom should someone call who is in danger? A number, or a line and its number",
    ),
    (("house", "operator"), "Who runs this bot, as people know you?"),
    (("circle", "time_zone"), "The circle's time zone"),
)
HELLO = """\
This sets Hearth up on your homeserver. You can stop at any time with Ctrl-C:
nothing is lost, and `hearth init` goes on where it was.
"""


async def init(
    asker: Asker, folder: Path, environ: Mapping[str, str], *, overwrite: bool, log_in_again: bool
) -> None:
    """Set a house up, or finish what an earlier call could not."""
    house = House(folder, environ)
    house.make_folder()
    before = load_values(house.settings_file)
    if isinstance(before, Problems):
        raise Halt(
            f"{house.settings_file} is there and cannot be used. Nothing was changed.\n{before}",
            "Mend it, or move it away to begin anew.",
            Status.CONFIGURATION,
        )
    house.values = dict(before)
    _take_circles(house)
    with only_one(house.path("database", "path")):
        if before and not overwrite:
            await _finish(asker, house, log_in_again=log_in_again)
        else:
            await _begin(asker, house, is_new=not before)


async def _begin(asker: Asker, house: House, *, is_new: bool) -> None:
    if asker.patient:
        say(HELLO)
    else:
        _require_answers(house)
    reached = await _ask_account(asker, house)
    user = str(house.values["homeserver", "user_id"])
    keys = house.keep_keys()
    session = await _session(asker, house, keys, reached.url, user, is_new=True)
    for key, question in _asked(house):
        _ask(asker, house, key, question)
    _take_environment(house)
    house.values["homeserver", "url"] = session.homeserver
    house.values["homeserver", "user_id"] = session.user_id
    remarks = await _resolve_rooms(asker, house, session)
    if not is_new:
        house.settings_file.replace(house.settings_file.with_name(FILE_NAME + ".before"))
        say(f"The settings as they were are in {FILE_NAME}.before.")
    write_openly(house.settings_file, write_settings(house.values, remarks))
    await _complete(asker, house, session, keys)


def _asked(house: House) -> tuple[tuple[tuple[str, str], str], ...]:
    """What is asked; a house whose circles all have sections of their own need not name rooms besides, nor stewards
    if each of these circles names its own.
    """
    own = _own_rooms(house)
    if not own or ("circle", "rooms") in house.values:
        return ASKED
    led = all((section, "stewards") in house.values for section, _ in own)
    needless = {("circle", "rooms"), *([("circle", "stewards")] if led else [])}
    return tuple(each for each in ASKED if each[0] not in needless)


def _own_rooms(house: House) -> list[tuple[str, str]]:
    """Which of the values are rooms of circles with settings of their own."""
    return [key for key in house.values if key[0].startswith(f"{CIRCLES}.") and key[1] == "room"]


def _take_circles(house: House) -> None:
    """Circles that the environment names, and that the file does not know."""
    known = {row.variable for row in TABLE}
    known |= {row.variable for section, _ in _own_rooms(house) for row in own_rows(section.partition(".")[2])}
    for name in circles_in(house.environ, known):
        for row in own_rows(name):
            if text := house.environ.get(row.variable, "").strip():
                house.values[row.section, row.name] = row.kind.from_text(text)


async def _finish(asker: Asker, house: House, *, log_in_again: bool) -> None:
    say(f"{house.settings_file} is there; nothing in it is changed (--overwrite asks everything anew).")
    keys = house.keep_keys()
    url, user = (house.needed("homeserver", name) for name in ("url", "user_id"))
    if log_in_again:
        session = await _log_in_again(asker, house, keys, url, user)
    else:
        session = await _session(asker, house, keys, url, user)
    settings = load_settings(house.folder, house.environ)
    if isinstance(settings, Problems):
        raise Halt(
            f"The settings cannot be used:\n{settings}",
            "Mend them and run `hearth init` again.",
            Status.CONFIGURATION,
        )
    house.values["circle", "rooms"] = list(settings.circle.rooms)
    house.values["house", "stewards_room"] = settings.house.stewards_room
    for name, own in settings.circles.items():
        said = {"room": own.room, "stewards_room": own.stewards_room}
        house.values |= {(f"{CIRCLES}.{name}", key): room for key, room in said.items() if room is not None}
    await _complete(asker, house, session, keys)


# ── answers ──────────────────────────────────────────────────────────────────


def _require_answers(house: House) -> None:
    """Say at once everything that the environment lacks or has wrong."""
    problems = []
    asked = [ROWS["homeserver", "user_id"], *(ROWS[key] for key, _ in _asked(house))]
    own = (row for section, _ in _own_rooms(house) for row in own_rows(section.partition(".")[2]))
    given_too = (row for row in (*TABLE, *own) if row.variable in house.environ)
    for row in dict.fromkeys([*asked, *given_too]):
        text = house.environ.get(row.variable, "").strip()
        if not text:
            if row.needed and (row.section, row.name) not in house.values:
                problems.append(f"{row.variable} is not set; {row.sentence}")
            continue
        try:
            row.kind.read(row.kind.from_text(text), house.folder)
        except Wrong as wrong:
            found = "this cannot be right" if row.secret else wrong.found
            problems.append(f"{row.variable}: {found}; {wrong.helps}")
    given = any(house.environ.get(name) for name in ("HEARTH_INIT_PASSWORD", TOKEN.variable))
    if not given and "access_token" not in house.stored():
        problems.append(
            f"Neither HEARTH_INIT_PASSWORD nor {TOKEN.variable} is set; one of them is needed to log in once"
        )
    if problems:
        raise Halt(
            "\n".join(problems), "Set these and run `hearth init --unattended` again.", Status.CONFIGURATION
        )


def _take_environment(house: House) -> None:
    """Without a person the environment is the answer to every setting it names."""
    for row in TABLE:
        text = house.environ.get(row.variable, "").strip()
        if text and not row.secret and (row.section, row.name) not in house.values:
            house.values[row.section, row.name] = row.kind.from_text(text)


async def _ask_account(asker: Asker, house: House) -> Reached:
    row = ROWS["homeserver", "user_id"]
    user = ask_setting(
        asker,
        "The bot's account (make one first), for example @hearth:example.org",
        row,
        house.values.get(("homeserver", "user_id")),
    )
    house.values["homeserver", "user_id"] = user
    url = ROWS["homeserver", "url"]
    known = house.environ.get(url.variable) or str(house.values.get(("homeserver", "url"), ""))
    default = known or user.partition(":")[2]
    for _ in range(enrol.MOST_TRIES):
        answer = ask_until(
            asker, "Its homeserver, by name or address", str, variable="HEARTH_INIT_SERVER", default=default
        )
        try:
            reached = await find(answer)
        except Unreachable as unreachable:
            if not asker.patient:
                raise Halt(f"{unreachable.found}.", f"{unreachable.helps}.") from unreachable
            say(f"   {unreachable.found}; {unreachable.helps}.")
            continue
        say(f"   {reached.url} answers and speaks {reached.speaks}.")
        if reached.url.startswith("http://"):
            say(
                "   It is not encrypted (http): all right within one machine or container network, and nowhere else."
            )
        return reached
    raise Halt("No homeserver was found.", "Run `hearth init` again when it answers.")


def _ask(asker: Asker, house: House, key: tuple[str, str], question: str) -> None:
    row = ROWS[key]
    default = house.values.get(key, None if row.needed else row.default)
    house.values[key] = ask_setting(asker, question, row, default)


async def _resolve_rooms(asker: Asker, house: House, session: Session) -> dict[str, str]:
    """Put ids in place of aliases, which may move; answers the remark that keeps the aliases readable."""
    homeserver = await Homeserver.connect(session.homeserver, access_token=session.access_token)
    found = ""
    try:
        async with enrol.spoken_plainly(session.homeserver):
            for _ in range(enrol.MOST_TRIES):
                rooms = _rooms(house)
                ids = {room: await enrol.resolve(homeserver, room) for room in rooms}
                unknown = [room for room, room_id in ids.items() if room_id is None]
                if not unknown:
                    remarks = _remarks(house, ids)
                    _put_ids(house, ids)
                    return remarks
                named = [f"{room}{_place_of(house, room)}" for room in unknown]
                found = f"No room is called {' or '.join(named)} here."
                if not asker.patient or not set(unknown) & set(
                    _listed(house.values.get(("circle", "rooms")))
                ):
                    break
                say(f"   {found}")
                house.values.pop(("circle", "rooms"))
                _ask(asker, house, *ASKED[0])
    finally:
        await homeserver.close()
    raise Halt(
        found,
        "Check the spelling, or give its id (!…), then run `hearth init` again; the login is kept.",
    )


def _rooms(house: House) -> list[str]:
    """Every room that is a circle's."""
    own = (str(house.values[key]) for key in _own_rooms(house))
    return [*(str(room) for room in _listed(house.values.get(("circle", "rooms")))), *own]


def _stewards_rooms(house: House) -> list[str]:
    """Every room that is its stewards'."""
    places = ("house", *(section for section, _ in _own_rooms(house)))
    said = [str(house.values.get((place, "stewards_room"), "")) for place in places]
    return [room for room in dict.fromkeys(said) if room not in ("", NONE)]


def _place_of(house: House, room: str) -> str:
    """Where a room was named, if not among those that were asked for."""
    own = next((section for section, name in _own_rooms(house) if house.values[section, name] == room), None)
    return f" ([{own}] room)" if own else ""


def _remarks(house: House, ids: Mapping[str, str | None]) -> dict[str, str]:
    """Which aliases the ids stand for, by the variable of the setting that has them."""
    listed = [str(room) for room in _listed(house.values.get(("circle", "rooms")))]
    common = "; ".join(f"{room} is {ids[room]}" for room in listed if room != ids[room])
    found = {ROWS["circle", "rooms"].variable: common} if common else {}
    for section, name in _own_rooms(house):
        room = str(house.values[section, name])
        row = next(row for row in own_rows(section.partition(".")[2]) if row.name == name)
        if room != ids[room]:
            found[row.variable] = f"{room} is {ids[room]}"
    return found


def _put_ids(house: House, ids: Mapping[str, str | None]) -> None:
    listed = [ids[str(room)] for room in _listed(house.values.get(("circle", "rooms")))]
    if listed:
        house.values["circle", "rooms"] = list(dict.fromkeys(listed))
    for key in _own_rooms(house):
        house.values[key] = ids[str(house.values[key])]


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


# ── the login ────────────────────────────────────────────────────────────────


async def _session(
    asker: Asker, house: House, keys: enrol.Keys, url: str, user: str, *, is_new: bool = False
) -> Session:
    """The login of an earlier try if it still holds, else (in a new house) another one, kept at once."""
    stored = house.stored()
    given, kept = house.environ.get(TOKEN.variable), str(stored.get("access_token", ""))
    try:
        session = await enrol.log_in(asker, url, user, given or kept)
    except enrol.TokenRefused:
        if given or not is_new:
            raise
        session = await enrol.log_in(asker, url, user, "")
    if kept == session.access_token and stored.get("device_id") == session.device_id:
        say("   The login of an earlier time is used.")
    else:
        house.keep_session(keys, session)
        say("   Logged in.")
    return session


async def _log_in_again(asker: Asker, house: House, keys: enrol.Keys, url: str, user: str) -> Session:
    """A new login: as the same device if the homeserver kept it for us, else as a new one instead of the old."""
    if house.environ.get(TOKEN.variable):
        raise Halt(
            f"The access token comes from {TOKEN.variable}, so a new login would not count.",
            "Put a new token there, or take the variable away and run this again.",
        )
    stored = house.stored()
    old_token, old_device = (str(stored.get(name, "")) for name in ("access_token", "device_id"))
    device_id = None
    old: Session | None = None
    if old_token:
        try:
            old = await enrol.log_in(asker, url, user, old_token)
        except enrol.TokenRefused as refused:
            device_id = old_device if refused.soft_logout else None
    session = await enrol.log_in(asker, url, user, "", device_id or None)
    house.keep_session(keys, session)
    if old is not None:
        await enrol.log_out(old)
    say("   Logged in again." if device_id else "   Logged in as a new device.")
    return session


# ── the homeserver ───────────────────────────────────────────────────────────


async def _complete(asker: Asker, house: House, session: Session, keys: enrol.Keys) -> None:
    """Everything after the settings are written; each step finds out whether it is done already."""

    async def reveal(key: RecoveryKey) -> None:
        show_recovery_key(asker, session.user_id, key)

    database = house.database()
    async with (
        enrol.opened_store(database, house.path("database", "keys"), keys.master_key) as store,
        # Over a file a lock has seen to it.
        contextlib.nullcontext()
        if isinstance(database, Path)
        else enrol.while_nobody_speaks(store, session.user_id),
        enrol.spoken_plainly(session.homeserver),
        enrol.opened_client(session, store, keys) as client,
    ):
        password = house.environ.get("HEARTH_INIT_PASSWORD")
        say("   " + await enrol.sign_device(asker, client, password, reveal))
        say("   " + await enrol.back_up_keys(asker, client))
        rooms = dict.fromkeys([*_rooms(house), *_stewards_rooms(house)])
        joins = [await enrol.join(client.homeserver, room) for room in rooms]
    _tell_end(house, session, joins)


def show_recovery_key(asker: Asker, user_id: str, key: RecoveryKey) -> None:
    """Show the recovery key, this once."""
    line = "─" * 72
    say(f"\n{line}\n  RECOVERY KEY of {user_id}, shown this once:\n\n      {key.words()}\n")
    say("  Keep it where you keep passwords; Hearth does not. With it the bot can be given")
    say(f"  a new device, for example when this machine is lost.\n{line}\n")
    asker.pause("Press Enter when you have it")


def _tell_end(house: House, session: Session, joins: list[enrol.Joined | enrol.NotJoined]) -> None:
    for joined in joins:
        if isinstance(joined, enrol.Joined):
            say(f"   In the room {joined.room}.")
        else:
            say(f"   Not yet in {joined.room}: {joined.found}; {joined.helps} ({session.user_id}).")
    contacts = _listed(house.values.get(("safety", "contacts"), []))
    if len(contacts) < 2:
        say(
            "   Fewer than two safety contacts are named; add them in hearth.toml when you have asked people."
        )
    folder = "" if house.folder == Path() else f" --folder {os.fspath(house.folder)}"
    say(f"\nReady. The settings are in {house.settings_file}, each with a comment.")
    say(f"Next: hearth doctor{folder}, then hearth run{folder}.")
