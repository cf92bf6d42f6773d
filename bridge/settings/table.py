"""The one table of settings: name, type, default and one sentence for each. Everything else is derived from it."""
# ruff: noqa: RUF009 - `_setting` makes a dataclass field and is called once per row, as it should be

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from bridge.settings.kinds import (
    CALLERS,
    CONTACTS,
    DATABASE,
    FILE,
    FOLDER,
    HOST,
    HOUR,
    KEY,
    LANGUAGE,
    LOG_FORMAT,
    LOG_LEVEL,
    NONE,
    PORT,
    POSTGRES,
    ROOM_OR_NONE,
    ROOMS,
    SERVERS,
    SHIPPED,
    TEXT,
    TIME_ZONE,
    USER_ID,
    USER_IDS,
    WEB_ADDRESS,
    WORKFLOWS,
    Caller,
    Confidential,
    Contact,
    Kind,
    whole_number,
)
from engine.core.limits import USUAL, Limits

if TYPE_CHECKING:
    from bridge.settings.circles import OwnSettings

T = TypeVar("T")

NEEDED: Final = object()
"""The default of a setting that has none."""


def _setting(kind: Kind[T], sentence: str, default: object = NEEDED, *, example: object = None) -> T:
    """A row of the table; `default` and `example` are what TOML would give, and without a default it is needed."""
    metadata = {"kind": kind, "sentence": sentence, "default": default, "example": example}
    if default is NEEDED:
        row: T = field(metadata=metadata)
    else:
        row = field(metadata=metadata, default=kind.read(default, Path()))
    return row


@dataclass(frozen=True, kw_only=True)
class HomeserverSettings:
    """The homeserver, and who the bot is there; `hearth init` fills this in."""

    url: str = _setting(WEB_ADDRESS, "Where the homeserver answers.", example="https://matrix.example.org")
    user_id: str = _setting(USER_ID, "The bot's account.", example="@hearth:example.org")


@dataclass(frozen=True, kw_only=True)
class CircleSettings:
    """The circles: the people of a room or space, and who looks after them. A circle that is to differ from the
    others has a section of its own instead, `[circles.<name>]`.
    """

    rooms: tuple[str, ...] = _setting(
        ROOMS,
        "The rooms or spaces the bot serves; each is a circle of its own.",
        example=["#circle:example.org"],
    )
    stewards: tuple[str, ...] = _setting(
        USER_IDS,
        "Who looks after the circles and their workflows. Their invitations into rooms are accepted too.",
        example=["@ana:example.org"],
    )
    language: str = _setting(LANGUAGE, "The language the bot speaks unless someone chose another.", "en")
    time_zone: str = _setting(TIME_ZONE, "The time zone of everyone who has not named their own.", "UTC")
    workflows_at_start: tuple[str, ...] = _setting(
        WORKFLOWS,
        'The workflows a circle has from its first day. It agrees to each further one itself, with *try*; ["*"]'
        " means all that lie in the folder.",
        ["invitation", "role", "gratitude", "thanks"],
    )


@dataclass(frozen=True, kw_only=True)
class HouseSettings:
    """The bot itself: what it is called, who runs it, when it keeps quiet."""

    bot_name: str = _setting(TEXT, "What the bot is called in its own sentences.", "Hearth")
    operator: str = _setting(
        TEXT,
        "Who runs this bot, as people know you; it is said whenever the bot introduces itself.",
        example="Ana",
    )
    quiet_from_hour: int = _setting(
        HOUR, "From this hour on, in each member's own time zone, nothing that can wait is sent.", 21
    )
    quiet_to_hour: int = _setting(
        HOUR, "Until this hour of the next morning; the same hour in both means no quiet hours.", 9
    )
    workflow_folder: Path = _setting(
        FOLDER,
        f'Where the workflow files lie; "{SHIPPED}" means those that come with Hearth. Copy them to change them.',
        SHIPPED,
    )
    stewards_room: str = _setting(
        ROOM_OR_NONE,
        "The room in which stewards hear what became of a changed workflow file and what needs a human being, and"
        f' in which the bot takes orders from them; "{NONE}" tells each of them 1:1, and there are no orders.',
        NONE,
    )
    log_level: str = _setting(
        LOG_LEVEL, "How much the bot writes to its log: never what people said.", "info"
    )
    log_format: str = _setting(
        LOG_FORMAT, "How it writes its log: lines for people, or one JSON object a line.", "text"
    )


@dataclass(frozen=True, kw_only=True)
class JoiningSettings:
    """Whose invitations into further rooms the bot accepts, besides the stewards': nobody's unless you say so."""

    invited_by_users: tuple[str, ...] = _setting(USER_IDS, "Accept invitations of these people.", [])
    invited_by_servers: tuple[str, ...] = _setting(
        SERVERS, "Accept invitations of everyone who has an account on these servers.", []
    )


@dataclass(frozen=True, kw_only=True)
class SafetySettings:
    """Whom a member can turn to. The bot is no emergency line and says so."""

    contacts: tuple[Contact, ...] = _setting(
        CONTACTS,
        "People a member may choose to be put in touch with. Two or more, so that nobody has to choose one they"
        " do not want; the bot can only write to those with a Matrix id.",
        [],
    )
    outside_help: str = _setting(
        TEXT, "Whom to call when someone is in danger: a number, or a line and its number.", example="112"
    )


@dataclass(frozen=True, kw_only=True)
class DatabaseSettings:
    """Where the bot remembers things."""

    path: Path = _setting(DATABASE, "The database, an SQLite file.", "data/hearth.db")
    url: Confidential = _setting(
        POSTGRES,
        "A PostgreSQL database instead of the two files. Its password does not belong in this file, but in"
        " ~/.pgpass or PGPASSWORD; or give the whole address as HEARTH_DATABASE_URL.",
        NONE,
    )
    keys: Path = _setting(
        FILE,
        "One key per person, each locked with the master key; erasing a person means erasing their key. Keep only the"
        " newest copy of this file, apart from backups of the database, or what was erased comes back with it.",
        "keys/hearth.keys",
    )

    @property
    def place(self) -> Path | str:
        """Where the database is: the file, or the address with whatever stands in it."""
        return self.url or self.path


@dataclass(frozen=True, kw_only=True)
class FilesSettings:
    """Files that are only the bot's own: mode 0600, and not in the same backup as the database."""

    secrets: Path = _setting(
        FILE, "The access token and the keys of the bot's device.", "secrets/hearth.secrets.toml"
    )
    master_key: Path = _setting(
        FILE,
        "The key that opens all others. Keep one copy in a safe place: without it the database cannot be read.",
        "secrets/master.key",
    )


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """The small web address for health and numbers, which tells nothing about people, and for webhooks."""

    host: str = _setting(HOST, "Where it listens; 127.0.0.1 means this machine only.", "127.0.0.1")
    port: int = _setting(PORT, "Its port; 0 turns it off.", 8780)
    hooks: tuple[Caller, ...] = _setting(
        CALLERS,
        "Outside tools that may report or begin something for one person who agreed to it, in words that person could"
        " write. `hearth hook NAME` shows the secret of one; ` key 2` at the end gives it another.",
        [],
    )


@dataclass(frozen=True, kw_only=True)
class LimitsSettings:
    """How much of anything there may be. The usual numbers are far beyond a busy day; what happens at each of them,
    and which limits are fixed, stands under "Limits" in the handbook for operators.
    """

    begun_per_person: int = _setting(
        whole_number(1, 10_000),
        "How many workflows that one person began may be under way at once.",
        USUAL.begun_per_person,
    )
    people_per_instance: int = _setting(
        whole_number(2, 100_000),
        "How many people one question may be put to, and how many may be named in one answer.",
        USUAL.people_per_instance,
    )
    prompts_per_instance: int = _setting(
        whole_number(10, 1_000_000),
        "How many questions of one running workflow may be open with people at once.",
        USUAL.prompts_per_instance,
    )
    questions_per_person: int = _setting(
        whole_number(5, 1_000),
        "How many questions of others may be open with one person at once.",
        USUAL.questions_per_person,
    )
    questions_per_guest: int = _setting(
        whole_number(1, 100),
        "How many questions a guest may put to the host about one invitation.",
        USUAL.questions_per_guest,
    )
    started_per_day: int = _setting(
        whole_number(1, 1_000),
        "How many workflows one running workflow may start within a day.",
        USUAL.started_per_day,
    )
    started_in_a_row: int = _setting(
        whole_number(1, 50),
        "How many workflows may start one another in a row, each within a day of its own beginning.",
        USUAL.started_in_a_row,
    )
    text_bytes: int = _setting(
        whole_number(1_000, USUAL.text_bytes),
        "How long one message to the bot may be, in bytes. A letter takes one byte or more, and what a screen needs"
        " to show it counts too; more than the usual number does not fit into one Matrix message.",
        USUAL.text_bytes,
    )
    file_bytes: int = _setting(
        whole_number(10_000, USUAL.file_bytes),
        "How long a file may be that the bot makes for somebody, such as all that it knows of them, in bytes."
        " Lower it if the homeserver takes only smaller files.",
        USUAL.file_bytes,
    )
    tries_per_message: int = _setting(
        whole_number(8, 1_000),
        "How often a message is tried before it is given up and stewards are told; 40 tries take about 15 hours.",
        USUAL.tries_per_message,
    )
    waiting_per_room: int = _setting(
        whole_number(100, 100_000),
        "How many messages may wait for one room.",
        USUAL.waiting_per_room,
    )
    rooms: int = _setting(
        whole_number(10, 1_000_000),
        "How many rooms the bot may be in, 1:1 rooms included, before it follows no further invitation.",
        USUAL.rooms,
    )
    invitations: int = _setting(
        whole_number(10, 10_000),
        "How many invitations into rooms may wait for the bot's answer.",
        USUAL.invitations,
    )
    hook_calls_per_minute: int = _setting(
        whole_number(1, 10_000),
        "How many requests one webhook may make in a minute; as many may come at once.",
        USUAL.hook_calls_per_minute,
    )

    @property
    def all(self) -> Limits:
        """The same as one value, as the house goes by it."""
        return Limits(**dataclasses.asdict(self))


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What is in the files of [files]; never shown, logged or backed up with the database."""

    access_token: str = _setting(TEXT, "The bot's access token, as good as its password.")
    device_id: str = _setting(TEXT, "The device this token belongs to, made when the bot logged in.")
    pickle_key: bytes = _setting(KEY, "Encrypts the keys of the bot's device in the database.")
    alias_salt: bytes = _setting(KEY, "Names the 1:1 rooms, so that each is made only once.")
    master_key: bytes = _setting(KEY, "Opens what the database keeps of people; lies in a file of its own.")

    def __repr__(self) -> str:
        return "Secrets(…)"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything a running Hearth is told; made by `load_settings`, or by hand in tests."""

    homeserver: HomeserverSettings
    circle: CircleSettings
    house: HouseSettings
    safety: SafetySettings
    secrets: Secrets
    joining: JoiningSettings = field(default_factory=JoiningSettings)
    database: DatabaseSettings = field(default_factory=DatabaseSettings)
    files: FilesSettings = field(default_factory=FilesSettings)
    http: HttpSettings = field(default_factory=HttpSettings)
    limits: LimitsSettings = field(default_factory=LimitsSettings)
    circles: Mapping[str, "OwnSettings"] = field(default_factory=dict)
    """Circles with settings of their own, by name (`bridge.settings.circles`)."""


@dataclass(frozen=True, eq=False)
class Setting:
    """One row of the table; a row equals only itself."""

    section: str
    name: str
    kind: Kind[Any]
    sentence: str
    default: object
    example: object

    @property
    def needed(self) -> bool:
        """Whether it has no default."""
        return self.default is NEEDED

    @property
    def secret(self) -> bool:
        """Whether its value must never be shown."""
        return self.section == SECRETS

    @property
    def variable(self) -> str:
        """The environment variable that overrides it."""
        return f"HEARTH_{self.section}_{self.name}".upper().replace(".", "_").replace("-", "_")


SECRETS = "secrets"

SECTIONS: dict[str, type] = {
    "homeserver": HomeserverSettings,
    "circle": CircleSettings,
    "house": HouseSettings,
    "safety": SafetySettings,
    "joining": JoiningSettings,
    "database": DatabaseSettings,
    "files": FilesSettings,
    "http": HttpSettings,
    "limits": LimitsSettings,
    SECRETS: Secrets,
}


def _rows(section: str, kind: type) -> tuple[Setting, ...]:
    return tuple(
        Setting(section, row.name, **cast(dict[str, Any], dict(row.metadata)))
        for row in dataclasses.fields(kind)
    )


TABLE: tuple[Setting, ...] = tuple(row for section, kind in SECTIONS.items() for row in _rows(section, kind))
"""Every setting, secrets included, in the order of `hearth.toml`."""


def about(section: str) -> str:
    """What a section is about, in one sentence."""
    return " ".join(str(SECTIONS[section].__doc__).split())
