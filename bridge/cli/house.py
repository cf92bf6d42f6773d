"""The folder that `hearth init` fills: settings, files of secrets, and never one written over another."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bridge.cli.enrol import Keys
from bridge.cli.speech import Halt, Status
from bridge.matrix.session import Session
from bridge.settings import (
    FILE_NAME,
    SECRETS,
    TABLE,
    Problems,
    Wrong,
    load_values,
    too_open,
    write_privately,
    write_secrets,
)

ROWS = {(row.section, row.name): row for row in TABLE}


@dataclass
class House:
    """What is being set up: the folder, the answers (as TOML would give them) and the files."""

    folder: Path
    environ: Mapping[str, str]
    values: dict[tuple[str, str], object] = field(default_factory=dict)

    def path(self, section: str, name: str) -> Path:
        """A path among the settings: from the environment, the answers, or the default."""
        row = ROWS[section, name]
        value = self.environ.get(row.variable) or self.values.get((section, name)) or row.default
        try:
            return Path(row.kind.read(value, self.folder))
        except Wrong as wrong:
            raise Halt(f"{row.variable}: {wrong.found}.", f"{wrong.helps}.", Status.CONFIGURATION) from wrong

    def database(self) -> Path | str:
        """Where the database is: a file, or the address of PostgreSQL with whatever stands in it."""
        row = ROWS["database", "url"]
        value = self.environ.get(row.variable) or self.values.get((row.section, row.name)) or row.default
        try:
            return row.kind.read(value, self.folder) or self.path("database", "path")
        except Wrong as wrong:
            raise Halt(f"{row.variable}: {wrong.found}.", f"{wrong.helps}.", Status.CONFIGURATION) from wrong

    @property
    def settings_file(self) -> Path:
        """Where the settings are written."""
        return self.folder / FILE_NAME

    def make_folder(self) -> None:
        """Make the folder; what is in it stays."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Halt(
                f"The folder {self.folder} cannot be made ({error.strerror}).",
                "Make it, or name another with --folder.",
            ) from error

    def stored(self) -> dict[str, object]:
        """What the file of secrets says; nothing if there is none yet."""
        path = self.path("files", "secrets")
        if path.exists() and (problem := too_open(path)) is not None:
            raise Halt(f"{problem}.", status=Status.CONFIGURATION)
        values = load_values(path)
        if isinstance(values, Problems):
            raise Halt(str(values), "Put the file back as it was.", Status.CONFIGURATION)
        return {name: value for (_, name), value in values.items()}

    def keep_keys(self) -> Keys:
        """The keys of this house: those that are there, or new ones, written down before they are used."""
        path, database = self.path("files", "master_key"), self.path("database", "path")
        stored = self.stored()
        if database.exists() and not (path.exists() and stored):
            missing = path if not path.exists() else self.path("files", "secrets")
            raise Halt(
                f"The database {database} is there, but {missing} is not, and nothing else opens it.",
                "Put it back from where you keep it. Or move the database away and begin anew without it.",
                Status.CONFIGURATION,
            )
        try:
            for folder in (path.parent, self.path("files", "secrets").parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not path.exists():
                write_privately(path, secrets.token_bytes(32).hex() + "\n")
            if not {"pickle_key", "alias_salt"} <= stored.keys():
                stored |= {name: secrets.token_bytes(32).hex() for name in ("pickle_key", "alias_salt")}
                self._write_stored(stored)
            master = path.read_text(encoding="utf-8")
        except OSError as error:
            raise Halt(
                f"{error.filename or path} cannot be written ({error.strerror}).",
                "See who owns the folder, and who runs Hearth.",
            ) from error
        if (problem := too_open(path)) is not None:
            raise Halt(f"{problem}.", status=Status.CONFIGURATION)
        values = stored | {"master_key": master}
        keys = ("pickle_key", "alias_salt", "master_key")
        return Keys(*(self._key(name, values[name]) for name in keys))

    def _key(self, name: str, value: object) -> bytes:
        row = ROWS[SECRETS, name]
        try:
            key: bytes = row.kind.read(self.environ.get(row.variable) or value, Path())
        except Wrong as wrong:
            raise Halt(f"{name}: {wrong.found}.", f"{wrong.helps}.", Status.CONFIGURATION) from wrong
        return key

    def _write_stored(self, stored: Mapping[str, object]) -> None:
        write_privately(self.path("files", "secrets"), write_secrets(stored))

    def keep_session(self, keys: Keys, session: Session) -> None:
        """Write down a login as soon as it is made."""
        stored = {
            "access_token": session.access_token,
            "device_id": session.device_id,
            "pickle_key": keys.pickle_key.hex(),
            "alias_salt": keys.alias_salt.hex(),
        }
        self._write_stored(stored)

    def needed(self, section: str, name: str) -> str:
        row = ROWS[section, name]
        value = self.environ.get(row.variable) or self.values.get((section, name))
        try:
            return str(row.kind.read(value, self.folder))
        except Wrong as wrong:
            raise Halt(
                f"{FILE_NAME}: {name} under [{section}]: {wrong.found}.",
                f"{wrong.helps}.",
                Status.CONFIGURATION,
            ) from wrong
