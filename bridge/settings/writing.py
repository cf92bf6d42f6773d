"""Settings written down: `hearth.toml` with every setting commented, the files of secrets, the page in the docs."""

import os
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from bridge.settings.circles import CIRCLES, AsCommon, OwnSettings, own_rows
from bridge.settings.notation import toml
from bridge.settings.table import SECRETS, SECTIONS, TABLE, Setting, about

WIDTH = 100

HEAD = """\
# The settings of Hearth. `hearth doctor` checks them; `hearth help settings` explains them.
# A line that begins with # is a comment: take the # away in front of a setting to change its default.
# Nothing in this file is secret; the secrets have files of their own.
"""

SECRETS_HEAD = """\
# The secrets of Hearth: mode 0600, shown to nobody, and kept apart from backups of the database.
# `hearth init` writes this file.
"""


def write_settings(values: Mapping[tuple[str, str], object], remarks: Mapping[str, str] | None = None) -> str:
    """The text of `hearth.toml`: the given values (as TOML would give them), all others as comments.

    `remarks` are further comments, by variable name of the setting they stand above.
    """
    pieces = [HEAD]
    for section in (name for name in SECTIONS if name != SECRETS):
        pieces.append("\n" + _comment(about(section)) + f"[{section}]\n")
        for row in (row for row in TABLE if row.section == section):
            pieces.append("\n" + _comment(f"{row.sentence} ({_nature(row)})"))
            pieces += [_comment(remark) for remark in [(remarks or {}).get(row.variable)] if remark]
            pieces.append(_assignment(row, values) + "\n")
    return "".join([*pieces, *_circles(values, remarks or {})])


def _circles(values: Mapping[tuple[str, str], object], remarks: Mapping[str, str]) -> Iterable[str]:
    """The circles with settings of their own; where there is none, how one would be written."""
    sections = dict.fromkeys(section for section, _ in values if section.startswith(f"{CIRCLES}."))
    for section in sections:
        rows = own_rows(section.partition(".")[2])
        yield f"\n[{section}]\n\n"
        for row in (row for row in rows if (section, row.name) in values):
            yield _comment(remarks.get(row.variable, ""))
            yield f"{row.name} = {toml(values[section, row.name])}\n"
    if not sections:
        room, *others = own_rows("garden")
        yield "\n" + _comment(" ".join(str(OwnSettings.__doc__).split()))
        yield f"# [{room.section}]\n# {room.name} = {toml(room.example)}\n"
        yield _comment(f"Further settings: {', '.join(row.name for row in others)}.")


def write_secrets(secrets: Mapping[str, object]) -> str:
    """The text of the file of secrets (values as TOML gives them); the master key lies in a file of its own."""
    rows = [row for row in TABLE if row.secret and row.name in secrets and row.name != "master_key"]
    lines = (f"{row.name} = {toml(secrets[row.name])}" for row in rows)
    return "\n".join([SECRETS_HEAD, f"[{SECRETS}]", *lines, ""])


def write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner may open, whole or not at all."""
    _write(path, text, 0o600)


def write_openly(path: Path, text: str) -> None:
    """Write a file whole or not at all, readable as the owner's other files are."""
    _write(path, text, 0o644)


def _write(path: Path, text: str, mode: int) -> None:
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def settings_page() -> str:
    """The table of settings in Markdown, for the documentation and `hearth help settings`."""
    before_secrets = [line for section in SECTIONS if section != SECRETS for line in _section_page(section)]
    return "\n".join([*before_secrets, *_circles_page(), *_section_page(SECRETS)])


def _circles_page() -> Iterable[str]:
    yield f"### `[{CIRCLES}.<name>]`"
    yield ""
    yield " ".join(str(OwnSettings.__doc__).split())
    yield ""
    yield "| setting | what it is | default |"
    yield "|---|---|---|"
    for row in own_rows("name"):
        variable = row.variable.replace("_NAME_", "_<NAME>_")
        common = row.default
        default = f"as `[{common.section}] {common.name}`" if isinstance(common, AsCommon) else "*needed*"
        yield f"| `{row.name}` | {row.sentence} ({row.kind.name}; `{variable}`) | {default} |"
    yield ""


def _section_page(section: str) -> Iterable[str]:
    yield f"### `[{section}]`" if section != SECRETS else "### Secrets"
    yield ""
    yield about(section)
    yield ""
    yield "| setting | what it is | default |"
    yield "|---|---|---|"
    for row in (row for row in TABLE if row.section == section):
        sentence = f"{row.sentence} ({row.kind.name}; `{row.variable}`)"
        default = "*needed*" if row.needed else f"`{toml(row.default)}`"
        yield f"| `{row.name}` | {sentence.replace('|', chr(92) + '|')} | {default} |"
    yield ""


def _nature(row: Setting) -> str:
    return f"{row.kind.name}; needed" if row.needed else row.kind.name


def _comment(text: str) -> str:
    return "".join(
        f"# {line}\n" for line in textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
    )


def _assignment(row: Setting, values: Mapping[tuple[str, str], object]) -> str:
    given = values.get((row.section, row.name))
    if given is not None and (row.needed or given != row.default):
        return f"{row.name} = {toml(given)}"
    return f"# {row.name} = {toml(row.example if row.needed else row.default)}"
