"""From `hearth.toml`, the environment and the files of secrets to `Settings`, or to every problem in them."""

import re
import stat
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from bridge.settings.circles import (
    CIRCLES,
    MOST_CIRCLES,
    NAME,
    AsCommon,
    OwnSettings,
    circles_in,
    meant_otherwise,
    own_rows,
)
from bridge.settings.kinds import Wrong, said
from bridge.settings.notation import toml
from bridge.settings.problem import Problem, Problems, nearest
from bridge.settings.table import SECRETS, SECTIONS, TABLE, FilesSettings, Setting, Settings

FILE_NAME = "hearth.toml"
PREFIX = "HEARTH_"
COMMAND_VARIABLES = frozenset(
    {
        "HEARTH_FOLDER",
        "HEARTH_INIT_SERVER",
        "HEARTH_INIT_PASSWORD",
        "HEARTH_INIT_RECOVERY_KEY",
    }
)
"""Variables that belong to commands and are no settings."""

MOST_BYTES = 256 * 1024
OTHERS = stat.S_IRWXG | stat.S_IRWXO

Values = dict[tuple[str, str], object]
"""What a file says, by section and name, as TOML gave it."""

SAID_BY_EACH = (("circle", "rooms"), ("circle", "stewards"))
"""What need not be said where every circle has a section of its own that says it."""

_HEADER = re.compile(r"\s*\[\s*([\w-]+(?:\.[\w-]+)?)\s*\]")
_KEY = re.compile(r"\s*(?:([\w-]+)\s*\.\s*)?\"?([\w-]+)\"?\s*=")
_WHERE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")


def load_settings(folder: Path, environ: Mapping[str, str]) -> Settings | Problems:
    """Read everything a running Hearth needs; the environment goes before the files, an empty variable does not count.

    Relative paths start from `folder`, where `hearth.toml` lies. No value of a secret is ever part of a problem.
    """
    reader = _Reader(folder, environ)
    reader.take_file(folder / FILE_NAME, secret=False)
    reader.look_for_mistyped_variables()
    reader.take_secrets()
    sections = reader.sections()
    sections[CIRCLES] = reader.circles()
    if reader.problems:
        return Problems(tuple(dict.fromkeys(reader.problems)))
    return Settings(**sections)


def load_values(path: Path) -> Values | Problems:
    """What a settings file says, each value as TOML gave it; nothing if there is no file."""
    if not path.exists():
        return {}
    reader = _Reader(path.parent, {})
    reader.take_file(path, secret=path.name != FILE_NAME)
    return Problems(tuple(reader.problems)) if reader.problems else reader.values


def too_open(path: Path) -> Problem | None:
    """The problem of a secret file that others than its owner may open; None if it is as it should be."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if not mode & OTHERS:
        return None
    return Problem(str(path), f"can be opened by others (mode {mode:04o})", f"run: chmod 600 {path}")


class _Reader:
    """Collects values and problems; `sections` puts together what is there."""

    def __init__(self, folder: Path, environ: Mapping[str, str]) -> None:
        self.folder = folder
        self.environ = environ
        self.problems: list[Problem] = []
        self.values: Values = {}
        self._places: dict[tuple[str, str], str] = {}
        self._unread: set[str] = set()
        self._circles: list[str] = []

    # ── files ────────────────────────────────────────────────────────────────

    def take_file(self, path: Path, *, secret: bool) -> None:
        """Take in the settings of a file, or its problems."""
        shown = path.name if path.parent == self.folder else str(path)
        sections = {SECRETS} if secret else SECTIONS.keys() - {SECRETS}
        text = self._text_of(path, shown, secret=secret)
        tree = None if text is None else self._tree_of(text, shown)
        if tree is None:
            self._unread |= sections
            return
        lines = _lines_of(text or "")
        for section, content in tree.items():
            where = _place(shown, lines, section)
            if section == CIRCLES and not secret:
                self._take_circles(content, shown, lines)
            elif section not in sections:
                self._note_unknown_section(section, content, where, sections)
            elif not isinstance(content, dict):
                self._note(where, f'"{section}" is a section', f"write [{section}] on a line of its own")
            else:
                self._take_section(section, content, shown, lines)

    def _take_circles(self, content: object, shown: str, lines: Mapping[tuple[str, str], int]) -> None:
        """Take in the circles with settings of their own."""
        where = _place(shown, lines, CIRCLES)
        if not isinstance(content, dict):
            self._note(
                where, f'"{CIRCLES}" is a section', f"write [{CIRCLES}.garden] for a circle of that name"
            )
            return
        for name, settings in content.items():
            where = _place(shown, lines, f"{CIRCLES}.{name}")
            if not isinstance(settings, dict):
                self._note(where, f'"{name}" stands in no circle\'s section', _CIRCLE)
            elif not NAME.fullmatch(name):
                self._note(where, f"[{CIRCLES}.{name}]: {said(name)} is no name for a circle", _CIRCLE)
            elif (other := meant_otherwise(name)) is not None:
                self._note_mistakable(where, name, *other)
            else:
                self._circles.append(name)
                self._take_section(f"{CIRCLES}.{name}", settings, shown, lines)

    def _note_mistakable(self, where: str, name: str, other: str, setting: str) -> None:
        """Whatever the variable says would count for both."""
        variable = next(row.variable for row in own_rows(other) if row.name == setting)
        self._note(
            where,
            f"[{CIRCLES}.{name}]: {variable} would name its room, and is the {setting} of [{CIRCLES}.{other}]",
            "give the circle a name that ends otherwise",
        )

    def _take_section(
        self, section: str, content: Mapping[str, object], shown: str, lines: Mapping[tuple[str, str], int]
    ) -> None:
        known = [row.name for row in _rows_of(section)]
        for name, value in content.items():
            where = _place(shown, lines, section, name)
            if name in known:
                self.values[section, name] = value
                self._places[section, name] = where
                continue
            elsewhere = [row.section for row in TABLE if row.name == name and row.section != section]
            close = nearest(name, known)
            if elsewhere:
                helps = f"it belongs under [{elsewhere[0]}]"
            elif close:
                helps = f'did you mean "{close}"?'
            else:
                helps = f"[{section}] knows {', '.join(known)}"
            self._note(where, f'unknown setting "{name}" under [{section}]', helps)

    def _note_unknown_section(
        self, section: str, content: object, where: str, sections: Iterable[str]
    ) -> None:
        if not isinstance(content, dict):
            homes = [row.section for row in TABLE if row.name == section]
            helps = f"it belongs under [{homes[0]}]" if homes else "every setting stands under a section"
            self._note(where, f'"{section}" stands outside of any section', helps)
            return
        if section == SECRETS:
            helps = "secrets have a file of their own, so that this one can be shown to others"
        else:
            close = nearest(section, sections)
            helps = f"did you mean [{close}]?" if close else f"known are {', '.join(sorted(sections))}"
        self._note(where, f"unknown section [{section}]", helps)

    def _text_of(self, path: Path, shown: str, *, secret: bool) -> str | None:
        try:
            if secret and (problem := too_open(path)) is not None:
                self.problems.append(problem)
                return None
            if path.stat().st_size > MOST_BYTES:
                self._note(shown, f"is larger than {MOST_BYTES // 1024} kB", "is this the right file?")
                return None
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            self._note(str(path), "is not there", _LOST if secret else _NEVER_MADE)
        except UnicodeDecodeError:
            self._note(shown, "is not UTF-8 text", "save it as plain text in UTF-8")
        except OSError as error:
            self._note(shown, f"cannot be read: {error.strerror}", "see who owns it, and who runs Hearth")
        return None

    def _tree_of(self, text: str, shown: str) -> dict[str, Any] | None:
        try:
            return tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = _WHERE.search(str(error))
            said, helps = _said_plainly(_WHERE.sub("", str(error)).strip())
            line = (found[1] if found else None) or str(text.count("\n") + 1)
            self._note(f"{shown}:{line}", said, helps)
            return None

    # ── secrets ──────────────────────────────────────────────────────────────

    def take_secrets(self) -> None:
        """Take in the two files of secrets, unless the environment has all that they would say."""
        files = None if "files" in self._unread else self._section("files")
        if files is None:
            self._unread.add(SECRETS)
            return
        where = FilesSettings(**files)
        rows = [row for row in TABLE if row.secret]
        in_file = [row for row in rows if row.name != "master_key"]
        if not all(self.environ.get(row.variable) for row in in_file):
            self.take_file(where.secrets, secret=True)
        if not any(row.name == "master_key" and self.environ.get(row.variable) for row in rows):
            text = self._text_of(where.master_key, str(where.master_key), secret=True)
            if text is None:
                self._unread.add("master_key")
            else:
                self.values[SECRETS, "master_key"] = text
                self._places[SECRETS, "master_key"] = str(where.master_key)

    # ── the environment ──────────────────────────────────────────────────────

    def look_for_mistyped_variables(self) -> None:
        """Note variables that look like ours and are not; others that begin alike may belong to someone else."""
        self._look_for_circles()
        known = {row.variable for row in self._all_rows()}
        ours = tuple(f"{PREFIX}{section}_".upper() for section in SECTIONS)
        for name in sorted(self.environ):
            if not name.startswith(PREFIX) or name in known or name in COMMAND_VARIABLES:
                continue
            close = nearest(name, known, cutoff=0.85)
            if close is not None:
                self._note(name, "is no setting", f"did you mean {close}?")
            elif name.startswith(f"{PREFIX}{CIRCLES}_".upper()):
                names = ", ".join(row.name for row in own_rows("name"))
                self._note(
                    name, "is no setting of a circle that is known", f"[{CIRCLES}.<name>] knows {names}"
                )
            elif name.startswith(ours) and not self.environ[name].startswith("tcp://"):
                section = next(
                    section for section in SECTIONS if name.startswith(f"{PREFIX}{section}_".upper())
                )
                names = ", ".join(row.name for row in TABLE if row.section == section)
                self._note(name, "is no setting", f"[{section}] knows {names}")

    def _all_rows(self) -> tuple[Setting, ...]:
        return (*TABLE, *(row for name in self._circles for row in own_rows(name)))

    def _look_for_circles(self) -> None:
        """A circle whose room the environment names need not stand in the file."""
        self._circles += circles_in(self.environ, {row.variable for row in self._all_rows()})

    # ── putting together ─────────────────────────────────────────────────────

    def circles(self) -> dict[str, OwnSettings]:
        """The circles with settings of their own that are whole; what is wrong with them is noted."""
        found: dict[str, OwnSettings] = {}
        if len(self._circles) > MOST_CIRCLES:
            self._note(FILE_NAME, f"has {len(self._circles)} circles", f"at most {MOST_CIRCLES} are served")
        for name in self._circles:
            values = {row.name: self._value(row) for row in own_rows(name)}
            if values["room"] is not None:
                found[name] = OwnSettings(**cast(dict[str, Any], values))
        self._look_for_rooms_named_twice(found)
        return found

    def _look_for_rooms_named_twice(self, circles: Mapping[str, OwnSettings]) -> None:
        listed = self.values.get(("circle", "rooms"), ())
        seen = dict.fromkeys(listed, "[circle] rooms") if isinstance(listed, list) else {}
        for name, circle in circles.items():
            where = self._places.get((f"{CIRCLES}.{name}", "room"), f"[{CIRCLES}.{name}]")
            if circle.room in seen:
                self._note(
                    where, f"{circle.room} is named in {seen[circle.room]} too", "each room is one circle"
                )
            seen[circle.room] = f"[{CIRCLES}.{name}]"

    def sections(self) -> dict[str, Any]:
        """Every section that is whole; what is missing or wrong is noted."""
        whole = {name: self._section(name) for name in SECTIONS}
        return {name: SECTIONS[name](**values) for name, values in whole.items() if values is not None}

    def _section(self, section: str) -> dict[str, Any] | None:
        values: dict[str, Any] = {}
        rows = [row for row in TABLE if row.section == section]
        for row in rows:
            taken = self._value(row)
            if taken is not None:
                values[row.name] = taken
        return values if len(values) == len(rows) else None

    def _value(self, row: Setting) -> object | None:
        text = self.environ.get(row.variable, "").strip()
        if text:
            return self._read(row, row.kind.from_text(text), row.variable)
        if (row.section, row.name) in self.values:
            where = self._places[row.section, row.name]
            return self._read(row, self.values[row.section, row.name], where)
        if isinstance(row.default, AsCommon):
            return None
        if not row.needed:
            return self._read(row, row.default, "the default")
        if (row.section, row.name) in SAID_BY_EACH and self._is_said_by_each(row):
            return ()
        if row.section not in self._unread and row.name not in self._unread:
            self._note_lack(row)
        return None

    def _read(self, row: Setting, value: object, where: str) -> object | None:
        try:
            taken: object = row.kind.read(value, self.folder)
            return taken
        except Wrong as wrong:
            found = "this cannot be right" if row.secret else wrong.found
            self._note(where, f"{row.name}: {found}", wrong.helps)
            return None

    def _is_said_by_each(self, row: Setting) -> bool:
        """Whether every circle has a section of its own, and says this itself."""
        if row.name != "rooms" and (self.values.get(("circle", "rooms")) or self.environ.get(_ROOMS)):
            return False  # those that are listed have no section that could say it
        name = "room" if row.name == "rooms" else row.name
        own = [row for circle in self._circles for row in own_rows(circle) if row.name == name]
        return bool(own) and all(
            (each.section, each.name) in self.values or self.environ.get(each.variable, "").strip()
            for each in own
        )

    def _note_lack(self, row: Setting) -> None:
        if row.secret:
            helps = f"put back the file that `hearth init` wrote, or set {row.variable}"
            self._note("the file of secrets", f"lacks {row.name}", helps)
        else:
            helps = f"write {row.name} = {toml(row.example)} there, with your own value"
            self._note(FILE_NAME, f"lacks {row.name} under [{row.section}]", helps)

    def _note(self, where: str, found: str, helps: str) -> None:
        self.problems.append(Problem(where, found, helps))


_ROOMS = next(row.variable for row in TABLE if (row.section, row.name) == ("circle", "rooms"))
_CIRCLE = f"write [{CIRCLES}.garden]: a name of lower-case letters, digits and hyphens, at most 30 in all"
_NEVER_MADE = "run `hearth init` to make it, or name its folder with --folder"
_LOST = "put it back from where you keep it; a new one would not fit the database"

_SAID_PLAINLY = (
    (
        "Illegal character",
        "a text whose quotes are never closed, or an invisible character",
        "close the quotes",
    ),
    ("Unterminated string", "a text whose quotes are never closed", "close the quotes"),
    ("Expected '='", "a name without =", 'write name = "value"'),
    ("Invalid value", "a value that is no text in quotes, number or list", 'write name = "value"'),
    ("Unclosed array", "a list that is never closed", "close it with ]"),
    ("Cannot overwrite a value", "a setting that is written twice", "keep one of them"),
    ("Cannot declare", "a section that is written twice", "keep one of them, with all its settings"),
    ("Invalid statement", "a line that says nothing", "begin comments with #"),
)


def _rows_of(section: str) -> tuple[Setting, ...]:
    kind, _, name = section.partition(".")
    return own_rows(name) if kind == CIRCLES else tuple(row for row in TABLE if row.section == section)


def _said_plainly(message: str) -> tuple[str, str]:
    for begins, found, helps in _SAID_PLAINLY:
        if message.startswith(begins):
            return found, helps
    return f"this cannot be read: {message[:1].lower()}{message[1:]}", 'settings look like name = "value"'


def _lines_of(text: str) -> dict[tuple[str, str], int]:
    """Where sections and settings stand; good enough for pointing, since tomllib does not tell."""
    found: dict[tuple[str, str], int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if header := _HEADER.match(line):
            section = header[1]
            found.setdefault((section, ""), number)
        elif key := _KEY.match(line):
            found.setdefault((key[1] or section, key[2]), number)
    return found


def _place(shown: str, lines: Mapping[tuple[str, str], int], section: str, name: str = "") -> str:
    line = lines.get((section, name)) or (lines.get(("", section)) if not name else None)
    return f"{shown}:{line}" if line else shown
