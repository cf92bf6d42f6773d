"""The `hearth` command: running and stopping, checking files, health, and what each end looks like."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
from pathlib import Path

import pytest

from bridge.cli import main
from bridge.cli.commands import commands_of, parser
from bridge.cli.lock import is_at_work, only_one
from bridge.cli.speech import Halt
from bridge.settings import shipped_workflows
from tests.bridge.command import PROJECT_FOLDER, hearth, hearth_process, start_process
from tests.bridge.folders.test_librarian import BAD, TEA
from tests.bridge.houses import SetUp, lay_ground, set_up
from tests.world import Synapse

WAIT_SECONDS = 40.0


# ── checking workflow files ──────────────────────────────────────────────────


async def test_the_workflows_that_come_with_hearth_have_no_problem() -> None:
    outcome = await hearth("check", shipped_workflows())
    assert outcome.status == 0, outcome.text
    assert "24 files, no problem found." in outcome.out


async def test_all_problems_of_all_files_are_said_with_line_and_column(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("name: One\nabot: x\n")
    (tmp_path / "two.yaml").write_text("name: [\n")
    (tmp_path / "notes.txt").write_text("not looked at")
    outcome = await hearth("check", tmp_path, tmp_path / "gone.yaml")
    assert outcome.status == 1
    said = outcome.err.splitlines()
    assert any(re.match(rf"{re.escape(str(tmp_path))}/one\.yaml:2:1 .+; .+", text) for text in said), said
    assert any(f"{tmp_path}/two.yaml:" in text for text in said)
    assert f"{tmp_path}/gone.yaml:1:1 no such file or folder; check the path" in said
    assert re.search(r"^2 files, \d+ problems", outcome.out)


async def test_problems_can_be_read_by_a_program(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("name: One\nabot: x\n")
    outcome = await hearth("check", "--format", "json", tmp_path / "one.yaml")
    assert outcome.status == 1
    found = json.loads(outcome.out)
    assert {"file", "line", "column", "code", "severity", "message", "hint"} == set(found[0])


async def test_a_folder_without_workflows_is_said(tmp_path: Path) -> None:
    outcome = await hearth("check", tmp_path)
    assert outcome.status == 1
    assert "no workflow file in this folder" in outcome.err


async def test_checking_nothing_is_a_question_how() -> None:
    outcome = await hearth("check")
    assert outcome.status == 2
    assert "hearth check workflows/" in outcome.err


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"\x00",
        b"a: &a [*a]\n",
        b"- 1\n",
        b"? [a]\n: b\n",
        b"a" * 200_000,
        b"\t- x",
        b"%YAML 9\n",
    ],
)
async def test_no_file_whatever_is_in_it_brings_the_checker_down(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "odd.yaml").write_bytes(content)
    outcome = await hearth("check", tmp_path / "odd.yaml")
    assert outcome.status == 1
    assert f"{tmp_path}/odd.yaml:" in outcome.err


# ── help and mistakes ────────────────────────────────────────────────────────


async def test_hearth_alone_shows_its_commands() -> None:
    for arguments in ((), ("help",), ("--help",)):
        outcome = await hearth(*arguments)
        assert outcome.status == 0
        for command in commands_of(parser()):
            assert f"    {command} " in outcome.out.replace("\n", " ")


async def test_every_command_explains_itself_and_is_documented() -> None:
    page = (PROJECT_FOLDER / "docs" / "settings.md").read_text(encoding="utf-8")
    for name, command in commands_of(parser()).items():
        assert (await hearth("help", name)).out == command.format_help()
        assert f"### `hearth {name}`" in page, f"hearth {name} is not documented"


async def test_help_on_settings_shows_the_table() -> None:
    outcome = await hearth("help", "settings")
    assert "HEARTH_SAFETY_OUTSIDE_HELP" in outcome.out


async def test_a_mistyped_command_names_the_known_ones() -> None:
    outcome = await hearth("dcotor")
    assert outcome.status == 2
    assert "did you mean doctor?" in outcome.err
    assert (await hearth("help", "dcotor")).status == 2


async def test_the_version_is_told() -> None:
    assert re.fullmatch(r"hearth \d+\.\d+\.\d+\n", (await hearth("--version")).out)


def test_a_bench_without_the_source_is_said_plainly(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("bridge.cli.commands.CHECKOUT", tmp_path)
    assert main(["bench", "engine", "--json"]) == 1
    assert "The benches are not part of an installed Hearth." in capsys.readouterr().err


def test_an_unknown_error_ends_without_a_traceback_and_without_its_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_paths: object, _output: object) -> None:
        raise ZeroDivisionError("something a person wrote")

    monkeypatch.setattr("bridge.cli.check.check", fails)
    assert main(["check", "x"]) == 70
    said = capsys.readouterr().err
    assert "ZeroDivisionError in bridge.cli.commands, line" in said
    assert "something a person wrote" not in said
    assert "--debug" in said
    with pytest.raises(ZeroDivisionError):
        main(["check", "--debug", "x"])


# ── running ──────────────────────────────────────────────────────────────────


def free_port() -> int:
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        port: int = finder.getsockname()[1]
        return port


class Running:
    """A `hearth run` of its own process; its log is read until it has said something."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.log = ""

    async def says(self, text: str) -> None:
        """Wait until the log contains `text`."""
        assert self.process.stderr is not None
        async with asyncio.timeout(WAIT_SECONDS):
            while text not in self.log:
                heard = await self.process.stderr.readline()
                assert heard, f"it ended without saying {text!r}:\n{self.log}"
                self.log += heard.decode()

    async def end(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if one is given, and wait for the end."""
        if number is not None:
            self.process.send_signal(number)
        _, rest = await asyncio.wait_for(self.process.communicate(), WAIT_SECONDS)
        self.log += rest.decode()
        assert "Traceback" not in self.log, self.log
        return self.process.returncode or 0


async def start(house: SetUp, **variables: str) -> Running:
    return Running(await start_process("run", "--folder", house.folder, **variables))


async def test_it_runs_tells_how_it_is_and_stops_in_order(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    port = {"HEARTH_HTTP_PORT": str(free_port())}
    running = await start(house, **port)
    try:
        await running.says("serving 1 rooms")
        async with asyncio.timeout(WAIT_SECONDS):
            while (health := await house.hearth("health", **port)).status:
                assert running.process.returncode is None
                await asyncio.sleep(0.05)  # there is nothing to wait on but its answer
        assert json.loads(health.out)["ready"] is True
        second = await hearth_process("run", "--folder", house.folder, **port)
        assert second.status == 1
        assert "Another Hearth is at work" in second.err
        doctor = await house.hearth("doctor")
        assert doctor.status == 0, doctor.out
        assert "in use by a running Hearth" in doctor.out
        assert await running.end(signal.SIGTERM) == 0
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()
    assert "stopped in order" in running.log
    assert (await house.hearth("health", **port)).status == 1
    assert (await house.hearth("doctor")).status == 0


async def test_sighup_looks_at_the_workflow_files_and_ends_nothing(synapse: Synapse, tmp_path: Path) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    workflows = tmp_path / "workflows"
    workflows.mkdir()
    (workflows / "tea.yaml").write_text(TEA)
    running = await start(house, HEARTH_HOUSE_WORKFLOW_FOLDER=str(workflows))
    try:
        await running.says("serving 1 rooms")
        (workflows / "tea.yaml").write_text(BAD)
        running.process.send_signal(signal.SIGHUP)
        await running.says("SIGHUP: looking at the workflow files")
        await running.says("tea.yaml:27:13: error: unknown state `doone`")
        assert await running.end(signal.SIGTERM) == 0
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()


async def test_a_lost_token_ends_it_with_what_to_do_and_a_status_of_its_own(
    synapse: Synapse, tmp_path: Path
) -> None:
    ground = await lay_ground(synapse)
    house = await set_up(ground, tmp_path)
    running = await start(house)
    try:
        await running.says("serving 1 rooms")
        ground.call("POST", "/logout/all", {}, of=ground.bot)
        assert await running.end() == 78
    finally:
        if running.process.returncode is None:
            running.process.kill()
            await running.process.wait()
    assert "hearth init --log-in-again" in running.log


async def test_settings_that_cannot_be_used_end_it_before_it_begins(tmp_path: Path) -> None:
    (tmp_path / "hearth.toml").write_text("[htp]\n")
    outcome = await hearth("run", "--folder", tmp_path)
    assert outcome.status == 78
    assert "hearth.toml:1 unknown section [htp]; did you mean [http]?" in outcome.err


async def test_a_homeserver_that_is_down_is_waited_for_and_a_signal_still_ends_it(
    synapse: Synapse, tmp_path: Path
) -> None:
    house = await set_up(await lay_ground(synapse), tmp_path)
    running = await start(house, HEARTH_HOMESERVER_URL="http://127.0.0.1:1")
    await running.says("the homeserver does not answer")
    assert await running.end(signal.SIGINT) == 0


# ── one at a time ────────────────────────────────────────────────────────────


def test_two_at_once_are_refused_and_the_lock_goes_with_its_holder(tmp_path: Path) -> None:
    database = tmp_path / "data" / "hearth.db"
    assert not is_at_work(database)
    with only_one(database):
        assert is_at_work(database)
        with pytest.raises(Halt, match="Another Hearth is at work"), only_one(database):
            pass
    assert not is_at_work(database)
    with only_one(database):
        pass
