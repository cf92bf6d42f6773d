"""The kinds of values a setting may have: how each is read, checked and written down again."""

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from bridge.settings.problem import nearest

T = TypeVar("T")

LONGEST_LINE = 200
LONGEST_ADDRESS = 1_000
EXAMPLE_POSTGRES = "postgresql://hearth@localhost/hearth"
EXAMPLE_CALLER = '"calendar for @ana:example.org may happened/invite"'
MOST_ITEMS = 500
KEY_BYTES = 32

_USER_ID = re.compile(r"@[^\s:@]{1,200}:[^\s:]{1,230}(:\d{1,5})?")
_ROOM = re.compile(r"![^\s]{1,254}|#[^\s:]{1,200}:[^\s]{1,230}")
_SERVER = re.compile(r"[0-9A-Za-z.\-]{1,230}(:\d{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:\d{1,5})?")
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z]{2})?")
_WORKFLOW = re.compile(r"\*|[^\s,*]{1,100}")
_CALLER = re.compile(
    r"(?P<name>[a-z][a-z0-9-]{0,30}) for (?P<acts_for>@\S+) may (?P<may>.+?)(?: key (?P<number>[1-9][0-9]{0,5}))?"
)
_NAMED_CONTACT = re.compile(r"(?P<name>[^<>@]*?)\s*<?(?P<user_id>@[^\s<>]+)>?")


class Wrong(Exception):
    """A value that cannot be taken: `found` says what it is, `helps` what would be all right."""

    def __init__(self, found: str, helps: str) -> None:
        super().__init__(f"{found}; {helps}")
        self.found = found
        self.helps = helps


@dataclass(frozen=True)
class Kind(Generic[T]):
    """One kind of value.

    `name` is how the documentation calls it. `read` takes what TOML gave and the folder that relative paths start
    from, and raises `Wrong`; `from_text` turns an environment variable into what TOML would have given; `write` turns
    a value back into it.
    """

    name: str
    read: Callable[[object, Path], T]
    from_text: Callable[[str], object] = str
    write: Callable[[Any], object] = lambda value: value


@dataclass(frozen=True)
class Caller:
    """An outside tool that may call: for whom it acts, which words it may use, and the number of its secret."""

    name: str
    acts_for: str
    may: tuple[str, ...]
    number: int = 1

    def __str__(self) -> str:
        key = "" if self.number == 1 else f" key {self.number}"
        return f"{self.name} for {self.acts_for} may {'/'.join(self.may)}{key}"


@dataclass(frozen=True)
class Contact:
    """Someone to turn to: a name, and the Matrix id if they can be written to by the bot."""

    name: str
    user_id: str | None = None

    def __str__(self) -> str:
        if self.user_id is None:
            return self.name
        return self.user_id if self.name == self.user_id else f"{self.name} <{self.user_id}>"


def said(value: object) -> str:
    """A value as a problem names it: short, in quotes where it is text."""
    if isinstance(value, str):
        return f'"{value}"' if len(value) <= 60 else f'"{value[:57]}…"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return {list: "a list", dict: "a section", type(None): "nothing"}.get(
        type(value), f"a {type(value).__name__}"
    )


def _line(value: object) -> str:
    if not isinstance(value, str):
        raise Wrong(f"{said(value)} is no text", "put it in quotes")
    text = value.strip()
    if not text:
        raise Wrong("it is empty", "write something in it")
    if len(text) > LONGEST_LINE:
        raise Wrong(f"it has {len(text)} characters", f"at most {LONGEST_LINE} are read")
    if not text.isprintable():
        raise Wrong("it holds a line break or an invisible character", "write it on one line")
    return text


def _matching(pattern: re.Pattern[str], what: str, example: str) -> Callable[[object, Path], str]:
    def read(value: object, _folder: Path) -> str:
        text = _line(value)
        if not pattern.fullmatch(text):
            raise Wrong(f"{said(text)} is no {what}", f"for example {example}")
        return text

    return read


def _several(read: Callable[[object, Path], T], example: str) -> Callable[[object, Path], tuple[T, ...]]:
    def read_all(value: object, folder: Path) -> tuple[T, ...]:
        if isinstance(value, str) or not isinstance(value, list):
            raise Wrong(f"{said(value)} is no list", f"write a list, for example {example}")
        if len(value) > MOST_ITEMS:
            raise Wrong(f"the list has {len(value)} entries", f"at most {MOST_ITEMS} are read")
        return tuple(dict.fromkeys(read(item, folder) for item in value))

    return read_all


def _caller(value: object, folder: Path) -> Caller:
    found = _CALLER.fullmatch(_line(value))
    if found is None:
        raise Wrong(f"{said(value)} is no hook", f"for example {EXAMPLE_CALLER}")
    may = tuple(dict.fromkeys(word.strip() for word in found["may"].split("/") if word.strip()))
    return Caller(found["name"], USER_ID.read(found["acts_for"], folder), may, int(found["number"] or 1))


def _callers(value: object, folder: Path) -> tuple[Caller, ...]:
    callers = _several(_caller, f"[{EXAMPLE_CALLER}]")(value, folder)
    names = [caller.name for caller in callers]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Wrong(f'there are two hooks called "{twice}"', "give each its own name")
    return callers


def _pieces(text: str) -> object:
    return [piece.strip() for piece in text.split(",") if piece.strip()]


def _as_number(text: str) -> object:
    return int(text) if re.fullmatch(r"-?\d{1,12}", text.strip()) else text


def _within(lowest: int, highest: int) -> Callable[[object, Path], int]:
    def read(value: object, _folder: Path) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise Wrong(
                f"{said(value)} is no whole number",
                f"write one from {lowest} to {highest}, without quotes",
            )
        if not lowest <= value <= highest:
            raise Wrong(f"{value} is out of range", f"write a number from {lowest} to {highest}")
        return value

    return read


def _one_of(*words: str) -> Callable[[object, Path], str]:
    def read(value: object, _folder: Path) -> str:
        text = _line(value)
        if text not in words:
            raise Wrong(f"{said(text)} is not known", f"write one of {', '.join(words)}")
        return text

    return read


def _web_address(value: object, _folder: Path) -> str:
    text = _line(value).rstrip("/")
    try:
        parts = urlsplit(text)
        fine = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise Wrong(f"{said(text)} is no web address", "for example https://matrix.example.org") from None
    if not fine or parts.query or parts.fragment or parts.username:
        raise Wrong(f"{said(text)} is no web address", "for example https://matrix.example.org")
    return text


def _time_zone(value: object, _folder: Path) -> str:
    text = _line(value)
    known = available_timezones()
    if text not in known:
        close = nearest(text, known)
        raise Wrong(
            f"{said(text)} is no time zone that is known here",
            f'did you mean "{close}"?' if close else "for example Europe/Berlin or UTC",
        )
    return text


def _path(value: object, folder: Path) -> Path:
    return folder / Path(_line(value)).expanduser()


def _database(value: object, folder: Path) -> Path:
    text = _line(value)
    scheme, separator, rest = text.partition("://")
    if text.lower().startswith(
        ("postgres:", "postgresql:")
    ):  # also with a slash too few: it may hold a password
        raise Wrong("a PostgreSQL database is no file", "name it in [database] url instead")
    if not separator:
        return _path(text, folder)
    if scheme != "sqlite" or not rest or rest == ":memory:":
        raise Wrong(f"{scheme}:// is not known", "give a file, for example data/hearth.db")
    return _path(rest, folder)


class Confidential(str):
    """A text that may hold a password: it is handed on, and never shown."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Confidential(…)"


def _postgres(value: object, _folder: Path) -> Confidential:
    if value == NONE:
        return Confidential()
    # Whatever is wrong with it, it is not repeated: its password might stand anywhere in it.
    if not isinstance(value, str) or not value.startswith(("postgresql://", "postgres://")):
        raise Wrong("this is no address of a PostgreSQL database", f"for example {EXAMPLE_POSTGRES}")
    if len(value) > LONGEST_ADDRESS or not value.isprintable():
        raise Wrong("this address is too long, or more than one line", f"for example {EXAMPLE_POSTGRES}")
    return Confidential(value)


def _folder_or_shipped(value: object, folder: Path) -> Path:
    return shipped_workflows() if value == SHIPPED else _path(value, folder)


SHIPPED = "shipped"
"""How the folder of the workflows that come with Hearth is called in the settings."""


def shipped_workflows() -> Path:
    """The folder of the workflow files that come with Hearth."""
    return Path(__file__).resolve().parents[2] / "workflows"


NONE = "none"
"""How a setting says that there is none of it."""


def _room_or_none(value: object, folder: Path) -> str:
    if value == NONE:
        return ""
    return _matching(_ROOM, "room id or alias", "#stewards:example.org")(value, folder)


def _host(value: object, _folder: Path) -> str:
    text = _line(value)
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        if not _SERVER.fullmatch(text) or ":" in text:
            raise Wrong(f"{said(text)} is no address to listen on", "for example 127.0.0.1") from None
    return text.strip("[]")


def _contact(value: object, _folder: Path) -> Contact:
    text = _line(value)
    if "@" not in text:
        return Contact(text)
    found = _NAMED_CONTACT.fullmatch(text)
    if found is None or not _USER_ID.fullmatch(found["user_id"]):
        raise Wrong(
            f"{said(text)} names nobody",
            "write @ana:example.org, Ana <@ana:example.org>, or a name on its own",
        )
    return Contact(found["name"] or found["user_id"], found["user_id"])


def _key(value: object, _folder: Path) -> bytes:
    text = value.strip() if isinstance(value, str) else ""
    if not re.fullmatch(rf"[0-9A-Fa-f]{{{2 * KEY_BYTES}}}", text):
        raise Wrong(
            "this is no key of 64 hexadecimal digits",
            "put back the one `hearth init` wrote; a new one cannot open what the old one closed",
        )
    return bytes.fromhex(text)


def whole_number(lowest: int, highest: int) -> Kind[int]:
    """A whole number within bounds."""
    return Kind(f"whole number, {lowest} to {highest}", _within(lowest, highest), _as_number)


TEXT = Kind("text", lambda value, _folder: _line(value))
WEB_ADDRESS = Kind("web address", _web_address)
USER_ID = Kind("Matrix id", _matching(_USER_ID, "Matrix id", "@hearth:example.org"))
USER_IDS = Kind("list of Matrix ids", _several(USER_ID.read, '["@ana:example.org"]'), _pieces, list)
ROOMS = Kind(
    "list of rooms or spaces, each by id or alias",
    _several(_matching(_ROOM, "room id or alias", "#circle:example.org"), '["#circle:example.org"]'),
    _pieces,
    list,
)
ROOM = Kind("room or space, by id or alias", _matching(_ROOM, "room id or alias", "#circle:example.org"))
WORKFLOWS = Kind(
    "list of workflow names",
    _several(_matching(_WORKFLOW, "workflow name", "invitation"), '["invitation", "role"]'),
    _pieces,
    list,
)
ROOM_OR_NONE = Kind(
    f'room id or alias, or "{NONE}"',
    _room_or_none,
    write=lambda room: room or NONE,
)
SERVERS = Kind(
    "list of server names",
    _several(_matching(_SERVER, "server name", "example.org"), '["example.org"]'),
    _pieces,
    list,
)
CONTACTS = Kind(
    "list of people, each a Matrix id, a name with one, or a name",
    _several(_contact, '["Ana <@ana:example.org>"]'),
    _pieces,
    lambda contacts: [str(contact) for contact in contacts],
)
CALLERS = Kind(
    "list of hooks, each a name, for whom it acts, and the words it may use",
    _callers,
    _pieces,
    lambda callers: [str(caller) for caller in callers],
)
LANGUAGE = Kind("language", _matching(_LANGUAGE, "language code", "en"))
TIME_ZONE = Kind("time zone", _time_zone)
HOUR = Kind("hour of the day, 0 to 23", _within(0, 23), _as_number)
PORT = Kind("port, 0 for none", _within(0, 65_535), _as_number)
HOST = Kind("address to listen on", _host)
LOG_LEVEL = Kind("debug, info, warning or error", _one_of("debug", "info", "warning", "error"))
LOG_FORMAT = Kind("text or json", _one_of("text", "json"))
FILE = Kind("file", _path, write=str)
DATABASE = Kind("file", _database, write=str)
POSTGRES = Kind("address of a PostgreSQL database, or none", _postgres, write=lambda url: url or NONE)
FOLDER = Kind(
    "folder",
    _folder_or_shipped,
    write=lambda path: SHIPPED if path == shipped_workflows() else str(path),
)
KEY = Kind("32 bytes in hexadecimal", _key, write=bytes.hex)
