"""The commands: what each is called, what it takes, and what it does."""
# ruff: noqa: PLC0415 - a command imports what it needs when it runs: `hearth check` starts without the Matrix side

import argparse
import asyncio
import importlib
import logging
import os
import re
import signal
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from bridge.cli.speech import Halt, Status, say, warn
from bridge.settings import Problems, Settings, load_settings, nearest

DESCRIPTION = (
    "A Matrix bot that hosts communities sharing authority: it asks people kindly, at the right time."
)
HEALTH_SECONDS = 5.0
CHECKOUT = Path(__file__).resolve().parents[2]

Command = Callable[[argparse.Namespace], Status]


class _Parser(argparse.ArgumentParser):
    """Says which command was meant, where one was mistyped."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        if mistyped := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)", message):
            known = [word.strip(" '") for word in mistyped[2].split(",")]
            close = nearest(mistyped[1], known)
            message = f"{mistyped[1]} is not known; " + (
                f"did you mean {close}?" if close else f"known are {', '.join(known)}"
            )
        warn(f"hearth: {message}\n`{self.prog} --help` shows how it is written.")
        self.exit(Status.USAGE)


def parser(environ: Mapping[str, str] = os.environ) -> argparse.ArgumentParser:
    """Everything that can be written after `hearth`."""
    top = _Parser(prog="hearth", usage="hearth COMMAND …", description=DESCRIPTION, allow_abbrev=False)
    top.add_argument("--version", action="version", version=f"hearth {version('hearth')}")
    top.set_defaults(command=_help, topic=None, debug=False, environ=environ)
    commands = top.add_subparsers(title="commands", prog="hearth", metavar="COMMAND")
    add = _Adder(commands, Path(environ.get("HEARTH_FOLDER", "")))

    init = add("init", _init, "set Hearth up on your homeserver, or finish what was begun")
    init.add_argument(
        "--unattended", action="store_true", help="ask nothing; take the answers from the environment"
    )
    init.add_argument(
        "--overwrite",
        action="store_true",
        help="ask everything anew; the old hearth.toml becomes hearth.toml.before",
    )
    init.add_argument(
        "--log-in-again",
        action="store_true",
        help="log in once more, when the token is lost; nothing else changes",
    )

    add("run", _run, "run until told to stop (SIGTERM or Ctrl-C)")

    doctor = add(
        "doctor", _doctor, "look at everything Hearth stands on, and say what to do; changes nothing"
    )
    _add_format(doctor)

    check = add("check", _check, "say everything that is wrong with workflow files", folder=False)
    check.add_argument(
        "paths", nargs="*", type=Path, metavar="FILE|FOLDER", help="workflow files, or folders of them"
    )
    check.epilog = (
        "The exit status is 0 if there is no problem and 1 if there is any, warnings included. An error keeps a file"
        " out of service; a warning asks you to look. In folders, `texts` is read with its workflows and `tests` is"
        " left to hearth test."
    )
    check.add_argument(
        "--story",
        action="store_true",
        help="tell good files back in plain sentences, and how much they write to anyone",
    )
    _add_format(check)

    preview = add("preview", _preview, "play a workflow as a chat, with made-up people", folder=False)
    preview.add_argument("file", type=Path, metavar="FILE", help="a workflow file")
    preview.add_argument(
        "--script", type=Path, metavar="FILE", help="play these answers, instead of asking you"
    )
    preview.add_argument(
        "--explore",
        action="store_true",
        help="walk every branch, and say what is never reached or goes nowhere",
    )
    _add_format(preview)

    scenarios = add("test", _test, "play your own examples of how workflows should go", folder=False)
    scenarios.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="FILE|FOLDER",
        help="workflow files, scenario files, or folders",
    )
    _add_format(scenarios)

    graph = add("graph", _graph, "draw a workflow: its states, its moves in words, how it can end")
    graph.add_argument("file", type=Path, metavar="FILE", help="a workflow file")
    graph.add_argument(
        "--format", choices=["svg", "mermaid"], default="svg", help="what to draw (default: svg)"
    )
    graph.add_argument(
        "--instance", metavar="ID", help="mark where a running one stands, as far as those outside may see it"
    )
    graph.add_argument(
        "--output", type=Path, metavar="FILE", help="where to write it (default: standard output)"
    )

    moving = add(
        "migrate-instances",
        _migrate_instances,
        "show how what is under way would move to the version in a file; with --apply, move it",
    )
    moving.add_argument("file", type=Path, metavar="FILE", help="the workflow file with the new version")
    moving.add_argument(
        "--map",
        action="append",
        default=[],
        metavar="OLD=NEW",
        help="which state of the new version takes the place of an old one; may be given several times",
    )
    moving.add_argument(
        "--from",
        dest="since",
        default="",
        metavar="VERSION",
        help="only what runs on this version (its first digits; default: all others)",
    )
    moving.add_argument(
        "--apply", action="store_true", help="really move them; without it nothing is changed"
    )
    _add_format(moving)

    replay = add("replay", _replay, "tell the story of something under way, as far as somebody may know it")
    replay.add_argument("instance", metavar="ID", help="its id, as the log has it")
    replay.add_argument(
        "--as",
        dest="reader",
        metavar="@USER",
        help="as this person may know it; the bot tells them that somebody looked (default: as anybody may)",
    )
    _add_format(replay)
    replay.add_argument(
        "--json", action="store_const", const="json", dest="format", help="like --format json"
    )
    replay.epilog = (
        "It says what came to somebody, what they did, and why something did not happen. Nobody's own words stand in"
        " it. Of what is private it says nothing at all: it needs a human to ask those who take part."
    )

    add("health", _health, "ask the running Hearth on this machine how it is; exit status 0 if well")

    ops = add("ops", _ops, "show what needs a human being, try it again, or let go of it")
    ops.add_argument("order", choices=["status", "retry", "drop"], help="what to do")
    ops.add_argument(
        "trouble",
        nargs="?",
        metavar="ID",
        help="which one, for example e3 or m17; without it `retry` means all of them",
    )
    ops.add_argument("--sure", action="store_true", help="for `drop`: do it, there is no way back")
    _add_format(ops)

    store = add(
        "store", _store, "copy everything into another database, SQLite or PostgreSQL, and compare the two"
    )
    store.add_argument("order", choices=["copy"], help="what to do")
    store.add_argument(
        "source", metavar="FROM", help="a file, an address, or `settings` for the database in use"
    )
    store.add_argument("target", metavar="TO", help="the same; there must be nothing in it")
    store.add_argument(
        "--from-keys", type=Path, metavar="FILE", help="the keys of an SQLite file FROM (default: beside it)"
    )
    store.add_argument(
        "--to-keys",
        type=Path,
        metavar="FILE",
        help="where the keys of an SQLite file TO go (default: beside it)",
    )
    store.epilog = "Stop Hearth first. What was copied needs a new device: `hearth init --log-in-again`."

    backup = add("backup", _backup, "write everything into one file, also while Hearth runs")
    backup.add_argument("file", type=Path, metavar="FILE", help="the backup; it must not be there yet")
    backup.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        required=True,
        help="where the keys go, in place of older ones; not where the backups are kept",
    )

    restore = add("restore", _restore, "put a backup into an empty database, and give the bot a new device")
    restore.add_argument("file", type=Path, metavar="FILE", help="the backup")
    restore.add_argument(
        "--keys",
        type=Path,
        metavar="FILE",
        help="the newest copy of the keys, if they are no longer here",
    )
    restore.add_argument(
        "--erase",
        type=int,
        default=0,
        metavar="N",
        help="go on although N people and workflows that were begun have no key any more; the command says how many",
    )
    restore.add_argument(
        "--only-data", action="store_true", help="leave the new device for `hearth init --log-in-again`"
    )
    restore.add_argument(
        "--unattended", action="store_true", help="ask nothing; take the answers from the environment"
    )

    hook = add("hook", _hook, "show what an outside tool needs to call: its address and its secret")
    hook.add_argument("name", metavar="NAME", help="the hook, as it is called in [http] hooks")

    bench = add("bench", _bench, "measure how fast it is; only from a source checkout", folder=False)
    bench.add_argument("what", choices=["engine", "size", "growth", "bridge"], help="what to measure")
    bench.add_argument("--json", action="store_true", help="print one JSON object")
    bench.add_argument(
        "--store", choices=["sqlite", "postgres"], help="size only: on which kind of database (sqlite)"
    )
    bench.add_argument(
        "--write", action="store_true", help="write the figures into docs/bench.md; not bridge"
    )
    bench.add_argument(
        "--default-limits",
        action="store_true",
        help="bridge only: also write to 200 people under Synapse's default limits, some 20 minutes",
    )

    helping = add("help", _help, "explain a command, or the settings", folder=False)
    helping.add_argument("topic", nargs="?", help="a command, or `settings`")
    return top


class _Adder:
    """Adds commands that share their common options."""

    def __init__(self, commands: "argparse._SubParsersAction[_Parser]", folder: Path) -> None:
        self._commands = commands
        self._folder = folder

    def __call__(
        self, name: str, command: Command, sentence: str, *, folder: bool = True
    ) -> argparse.ArgumentParser:
        made = self._commands.add_parser(
            name, help=sentence, description=sentence[0].upper() + sentence[1:] + ".", allow_abbrev=False
        )
        if folder:
            made.add_argument(
                "--folder",
                type=Path,
                default=self._folder,
                metavar="DIR",
                help="where hearth.toml lies (default: HEARTH_FOLDER, or the present folder)",
            )
        made.add_argument(
            "--debug", action="store_true", help="show the traceback of an error Hearth does not know"
        )
        made.set_defaults(command=command)
        return made


def _add_format(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--format", choices=["text", "json"], default="text", help="how to print (default: text)"
    )


def main(arguments: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> int:
    """The `hearth` command; answers the exit status."""
    given = parser(environ).parse_args(arguments)
    try:
        return int(given.command(given))
    except Halt as halt:
        warn(f"hearth: {halt.found}" + (f"\n{halt.helps}" if halt.helps else ""))
        return halt.status
    except (KeyboardInterrupt, asyncio.CancelledError):
        warn("\nhearth: stopped.")
        return Status.STOPPED_BY_HAND
    except BrokenPipeError:
        # Whoever read our lines has seen enough; Python must not try to write the rest when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Status.PROBLEMS
    except Exception as error:
        if given.debug:
            raise
        warn(f"hearth: an error that Hearth does not know: {type(error).__name__} in {_place_of(error)}.")
        warn(
            "The same command with --debug shows more. Please report it; look through what it shows for names first."
        )
        return Status.UNKNOWN


def _place_of(error: BaseException) -> str:
    """The innermost place in our own code that an error came through."""
    place, trace = "?", error.__traceback__
    while trace is not None:
        module = trace.tb_frame.f_globals.get("__name__", "")
        if module.partition(".")[0] in {"bridge", "engine", "bench"}:
            place = f"{module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return place


# ── the commands ─────────────────────────────────────────────────────────────


def _init(given: argparse.Namespace) -> Status:
    from bridge.cli.init import init
    from bridge.cli.questions import asker_for

    _write_log("warning")
    asker = asker_for(given.unattended, given.environ)
    if threading.current_thread() is threading.main_thread():
        # asyncio's own handler would wait for the loop to turn, and a question being asked keeps it from turning.
        signal.signal(signal.SIGINT, _stop_at_once)
    asyncio.run(
        init(asker, given.folder, given.environ, overwrite=given.overwrite, log_in_again=given.log_in_again)
    )
    return Status.OK


def _stop_at_once(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _run(given: argparse.Namespace) -> Status:
    from bridge.cli.run import run

    settings = _settings(given)
    _write_log(settings.house.log_level, settings.house.log_format)
    asyncio.run(run(settings))
    return Status.OK


def _doctor(given: argparse.Namespace) -> Status:
    from bridge.cli.doctor import doctor

    _write_log("error")
    return asyncio.run(doctor(given.folder, given.environ, given.format))


def _check(given: argparse.Namespace) -> Status:
    if given.story:
        from bridge.cli.story import tell

        return tell(given.paths, given.format)
    from bridge.cli.check import check

    return check(given.paths, given.format)


def _preview(given: argparse.Namespace) -> Status:
    from bridge.cli.preview import preview

    _write_log("critical")  # what goes wrong in a rehearsal is part of what it shows
    return preview(given.file, given.format, given.environ, script=given.script, explore=given.explore)


def _test(given: argparse.Namespace) -> Status:
    from bridge.cli.scenarios import play_scenarios

    _write_log("critical")  # what goes wrong in a rehearsal is part of what it shows
    return play_scenarios(given.paths, given.format)


def _graph(given: argparse.Namespace) -> Status:
    from bridge.cli.graph import graph

    settings = _settings(given) if given.instance is not None else None
    _write_log("error")
    return graph(given.file, given.format, given.output, instance=given.instance, settings=settings)


def _migrate_instances(given: argparse.Namespace) -> Status:
    from bridge.cli.migrate import migrate_instances

    _write_log("error")
    settings = _settings(given)
    moving = migrate_instances(settings, given.file, given.map, given.since, given.format, apply=given.apply)
    return asyncio.run(moving)


def _replay(given: argparse.Namespace) -> Status:
    from bridge.cli.replay import replay

    _write_log("error")
    return asyncio.run(replay(_settings(given), given.instance, given.reader, given.format))


def _health(given: argparse.Namespace) -> Status:
    http = _settings(given).http
    if http.port == 0:
        raise Halt("There is nobody to ask: [http] port is 0.", "Choose a port, and start Hearth again.")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(http.host, http.host)  # noqa: S104 - compared, not bound
    address = f"http://{f'[{host}]' if ':' in host else host}:{http.port}/health/ready"
    try:
        with urllib.request.urlopen(address, timeout=HEALTH_SECONDS) as answer:
            say(answer.read().decode())
            return Status.OK
    except urllib.error.HTTPError as error:
        say(error.read().decode())
        return Status.PROBLEMS
    except OSError as error:
        raise Halt(
            f"Nothing answers at {address}.", "Is `hearth run` running, with these settings?"
        ) from error


def _hook(given: argparse.Namespace) -> Status:
    from bridge.cli.hook import show_hook

    return show_hook(_settings(given), given.name)


def _ops(given: argparse.Namespace) -> Status:
    from bridge.cli.ops import ops

    _write_log("error")
    return asyncio.run(ops(_settings(given), given.order, given.trouble, given.format, sure=given.sure))


def _store(given: argparse.Namespace) -> Status:
    from bridge.cli.copy import copy_store

    _write_log("error")
    return asyncio.run(
        copy_store(_settings(given), given.source, given.target, given.from_keys, given.to_keys)
    )


def _backup(given: argparse.Namespace) -> Status:
    from bridge.cli.backup import back_up_house

    _write_log("error")
    return asyncio.run(back_up_house(_settings(given), given.file, given.keys))


def _restore(given: argparse.Namespace) -> Status:
    from bridge.cli.backup import restore_house
    from bridge.cli.questions import asker_for

    _write_log("warning")
    asker = None if given.only_data else asker_for(given.unattended, given.environ)
    settings = _settings(given)
    return asyncio.run(
        restore_house(settings, given.file, given.keys, asker, given.folder, given.environ, erase=given.erase)
    )


def _bench(given: argparse.Namespace) -> Status:
    if not (CHECKOUT / "bench" / f"{given.what}.py").is_file():
        raise Halt(
            "The benches are not part of an installed Hearth.",
            "Run this in a checkout of the source: make bench",
        )
    more: dict[str, object] = {"default_limits": True} if given.default_limits else {}
    if more and given.what != "bridge":
        raise Halt("--default-limits belongs to another bench.", "hearth bench bridge --default-limits")
    if given.store and given.what != "size":
        raise Halt("--store belongs to another bench.", f"hearth bench size --store {given.store}")
    if given.write and given.what == "bridge":
        raise Halt("The figures of this bench stand on no page.", "Leave out --write.")
    if given.what == "size":
        more = {"store": given.store or "sqlite"}
    result = importlib.import_module(f"bench.{given.what}").main(as_json=given.json, **more)
    if given.write:
        name = f"size-{more['store']}" if given.what == "size" else given.what
        importlib.import_module("bench.page").write(name, result)
    return Status.OK


def _help(given: argparse.Namespace) -> Status:
    from bridge.cli.page import settings_help

    top = parser()
    if given.topic is None:
        top.print_help()
    elif given.topic == "settings":
        say(settings_help())
    elif given.topic in (known := commands_of(top)):
        known[given.topic].print_help()
    else:
        raise Halt(
            f"There is no help on {given.topic}.",
            f"There is on {', '.join(known)} and settings.",
            Status.USAGE,
        )
    return Status.OK


def commands_of(top: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands of a parser, by name."""
    actions = (action for action in top._actions if isinstance(action, argparse._SubParsersAction))
    return dict(next(actions).choices)


def _settings(given: argparse.Namespace) -> Settings:
    settings = load_settings(given.folder, given.environ)
    if isinstance(settings, Problems):
        count = len(settings.items)
        text = "\n".join(f"  {problem}" for problem in settings)
        raise Halt(
            f"the settings cannot be used ({count} problem{'' if count == 1 else 's'}):\n{text}",
            "Mend all of it, then try again; `hearth doctor` looks further.",
            Status.CONFIGURATION,
        )
    return settings


def _write_log(level: str, log_format: str = "text") -> None:
    from bridge.operations.logs import formatter_for

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter_for(log_format))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for noisy in ("aiohttp", "asyncio", "nio", "tortoise"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
