"""The page of the documentation that is made from the tables: settings and commands."""

import argparse

from bridge.cli.commands import commands_of, parser
from bridge.settings import settings_page

INTRODUCTION = """\
# Settings and commands

<!-- Made from the tables in the code by `python -m bridge.cli.page`; a test fails when it is out of date. -->

`hearth init` writes `hearth.toml`, with a comment above every setting, and beside it two files of secrets that
only their owner may open (mode 0600). `hearth doctor` looks at all of it and says what to do.

Every setting can be given in the environment too, which goes before the files: `[http] port` is
`HEARTH_HTTP_PORT`. An empty variable does not count. Lists are written with commas. Relative paths start
from the folder of `hearth.toml`.
"""

FOR_COMMANDS = """\
## Variables of commands

| variable | what it is |
|---|---|
| `HEARTH_FOLDER` | The folder of `hearth.toml`, where `--folder` is not given. |
| `HEARTH_INIT_SERVER` | For `hearth init`: the homeserver's name or address, if the account's id does not lead there. |
| `HEARTH_INIT_PASSWORD` | For `hearth init --unattended`: the account's password, used once and kept nowhere. |
| `HEARTH_INIT_RECOVERY_KEY` | The same for the recovery key, where the account has an identity already. |
"""

STATUSES = """\
## Exit statuses

| status | what it means |
|---|---|
| 0 | all went well |
| 1 | there are problems; the lines say which |
| 2 | the command was not written as it should be |
| 70 | an error that Hearth does not know; `--debug` shows more |
| 78 | settings or login have to be mended before another start helps (`RestartPreventExitStatus=78` in systemd) |
| 130 | stopped with Ctrl-C |
"""


def settings_help() -> str:
    """What `hearth help settings` shows."""
    return settings_page()


def page() -> str:
    """The whole page, in Markdown."""
    commands = "\n".join(_command(name, command) for name, command in commands_of(parser()).items())
    return f"""\
{INTRODUCTION}
## Settings

{settings_page()}
{FOR_COMMANDS}
## Commands

{commands}
{STATUSES}"""


def _command(name: str, command: argparse.ArgumentParser) -> str:
    lines = [f"### `hearth {name}`", "", str(command.description), ""]
    options = [action for action in command._actions if action.dest != "help"]
    if options:
        lines += ["| option | what it does |", "|---|---|"]
        lines += [f"| `{_written(option)}` | {option.help} |" for option in options]
        lines.append("")
    return "\n".join(lines)


def _written(option: argparse.Action) -> str:
    name = " ".join(option.option_strings) or str(option.metavar or option.dest)
    if option.choices:
        return (
            f"{name} {' or '.join(option.choices)}" if option.option_strings else " or ".join(option.choices)
        )
    return (
        f"{name} {option.metavar}" if option.option_strings and option.metavar else name.replace("|", "\\|")
    )


if __name__ == "__main__":
    print(page(), end="")
