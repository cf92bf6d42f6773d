"""`hearth preview`: at the prompt, by a script, along every branch; for people and for machines."""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import json
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bridge.rehearsal.cast import NAMES
from bridge.settings import shipped_workflows
from bridge.telling.names import FIRST_NAMES
from tests.bridge.command import PROJECT_FOLDER, hearth, hearth_process, hearth_without_rights, start_process
from tests.bridge.rehearsal.teas import TEA

INVITATION = shipped_workflows() / "invitation.yaml"
SCRIPT = """\
play:
  - ana in the room: tea
  - ana: "@bruno and @chen"
  - ana: Friday 19:00
  - bruno: coming
  - chen: no
  - skip: to 1 day before starts
"""
STARTING = """\
name: idea
about: Have an idea, and make something of it.
steps:
  - start: {other}
  - wait: until {other} ends
"""
KEYS = {"at", "who", "kind", "text", "seen_by"}
ANSWER_SECONDS = 30


@pytest.fixture
def tea_file(tmp_path: Path) -> Path:
    path = tmp_path / "tea.yaml"
    path.write_text(TEA)
    return path


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "script.yaml"
    path.write_text(SCRIPT)
    return path


# ── by a script ──────────────────────────────────────────────────────────────


async def test_a_script_shows_what_each_person_sees_who_sees_an_answer_and_where_it_stands(
    tea_file: Path, script: Path
) -> None:
    outcome = await hearth("preview", tea_file, "--script", script)
    assert outcome.status == 0, outcome.text
    told = re.sub(r" *\n", "\n", outcome.out)
    for part in (
        "Ana, in the room: tea\n\n[Tea: draft]\n",
        "  to Bruno and Chen\n  │ Ana asks you to tea, Friday 22 January, 19:00 UTC.\n",
        "Bruno: coming\n  (seen by Ana)\n",
        "Chen: no\n  (a no: seen by nobody)\n",
        "[Tea: open → on]\n\n  to Ana\n  │ Coming: Bruno\n",
        "── Thursday 21 January 2027, 19:00 · ",
    ):
        assert part in told, told


async def test_the_script_and_the_transcript_in_the_documents_are_real(tmp_path: Path) -> None:
    page = (PROJECT_FOLDER / "docs" / "preview.md").read_text()
    (written,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (shown,) = re.findall(r"```text\n(.*?)```", page, re.DOTALL)
    (tmp_path / "soup.yaml").write_text(written)
    outcome = await hearth("preview", INVITATION, "--script", tmp_path / "soup.yaml")
    assert outcome.status == 0, outcome.text
    assert shown in outcome.out


async def test_it_reads_well_in_eighty_columns_and_without_colours(script: Path, tea_file: Path) -> None:
    for arguments in ((tea_file, "--script", script), (INVITATION,), (tea_file, "--explore")):
        outcome = await hearth_process("preview", *arguments)
        assert max(len(line) for line in outcome.out.splitlines()) <= 80
        assert "\x1b" not in outcome.out


async def test_machines_get_a_list_of_what_happened(tea_file: Path, script: Path) -> None:
    outcome = await hearth("preview", tea_file, "--script", script, "--format", "json")
    assert outcome.status == 0, outcome.text
    happened = json.loads(outcome.out)
    assert all(each.keys() >= KEYS for each in happened)
    assert happened[0] == {
        "at": "2027-01-18T10:00:00Z",
        "who": "ana",
        "kind": "said",
        "text": "tea",
        "seen_by": ["bruno", "chen", "dora"],
        "about": "room",
    }
    (yes,) = [each for each in happened if each["kind"] == "answer" and each["who"] == "bruno"]
    assert yes["seen_by"] == ["ana"]
    assert {each["kind"] for each in happened} == {"said", "answer", "state", "message", "edit", "reaction"}


async def test_the_same_script_gives_the_same_play(tea_file: Path, script: Path) -> None:
    first, second = [await hearth("preview", tea_file, "--script", script) for _ in range(2)]
    assert first.out == second.out


async def test_all_problems_of_a_script_are_said_with_their_place(tea_file: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("play:\n  - ana: tea\n  - dance\n  - skip: soon\n  - bruno:\n")
    outcome = await hearth("preview", tea_file, "--script", script)
    assert outcome.status == 1
    places = [line.split(" ")[0].removeprefix(f"{script}:") for line in outcome.err.splitlines()]
    assert places == ["3:5", "5:5"], outcome.err
    missing = await hearth("preview", tea_file, "--script", tmp_path / "none.yaml")
    assert missing.status == 1
    assert "none.yaml:1:1 cannot be read: No such file or directory; check the path" in missing.err


async def test_a_script_that_cannot_go_on_says_where_and_shows_what_was_before(
    tea_file: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text("play:\n  - ana: tea\n  - bruno to invited: coming\n  - ana: cancel\n")
    outcome = await hearth("preview", tea_file, "--script", script)
    assert outcome.status == 1
    assert f"{script}:3:5 bruno has not been asked `invited`" in outcome.err
    assert "Whom would you like to invite?" in outcome.out
    assert "cancel" not in outcome.out


async def test_a_state_stands_under_the_moment_at_which_it_was_entered(
    tea_file: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(SCRIPT.replace("to 1 day before starts", "30 days"))
    outcome = await hearth("preview", tea_file, "--script", script)
    assert "── Thursday 21 January 2027, 19:00 · 3 days and 9 hours later ─" in outcome.out
    assert re.search(r"── Thursday 21 [^\n]*\n\n\[Tea: open → on\]\n", outcome.out), outcome.out
    headings = re.split(r"\n── .*\n", outcome.out)
    assert all(part.strip() for part in headings), "a time stands over nothing"
    assert outcome.out.endswith("Up to here there is nothing more to see.\n")


async def test_a_line_after_the_end_of_everything_says_that_it_can_be_left_out(
    tea_file: Path, tmp_path: Path
) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(SCRIPT + "  - skip: 100 days\n  - skip\n")
    outcome = await hearth("preview", tea_file, "--script", script)
    assert outcome.status == 1
    assert f"{script}:9:5 nothing more will happen by itself; leave this line out" in outcome.err


async def test_a_reply_shows_in_one_line_what_it_replies_to(tea_file: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.yaml"
    script.write_text(SCRIPT.replace("  - bruno: coming\n  - chen: no\n", ""))
    outcome = await hearth("preview", tea_file, "--script", script)
    assert (
        "  to Bruno and Chen\n  │ ↩ Ana asks you to tea, Friday 22 January, 19:00 UTC.\n  │ Open until"
        in outcome.out
    )


STEPS = """\
name: walk
about: A walk, and what it was like.
people:
  friends: chosen by starter
steps:
  - ask: friends
    say: A walk?
    answers: [Gladly]
    seen by: starter
    until: 2 days after opening
  - wait: for 1 day
  - ask: friends who answered Gladly
    say: How was it?
    answers: in words
    seen by: starter
    until: 2 days after opening
  - wait: for 1 day
"""


async def test_what_steps_are_called_reads_like_words_in_every_place(tmp_path: Path) -> None:
    walk, script = tmp_path / "walk.yaml", tmp_path / "script.yaml"
    walk.write_text(STEPS)
    script.write_text('play:\n  - ana: walk\n  - ana: "@bruno"\n  - bruno: gladly\n  - skip: 9 days\n')
    played = await hearth("preview", walk, "--script", script)
    assert "[Walk: waiting → ask friends again]" in played.out
    assert "[Walk: ask friends again → waiting again]" in played.out
    explored = await hearth("preview", walk, "--explore")
    drawn = await hearth("graph", walk)
    told = await hearth("check", "--story", walk)
    assert "Ask friends again" in drawn.out
    for outcome in (played, explored, drawn, told):
        assert not re.search(r"(friends|waiting) 2", outcome.out, re.IGNORECASE), outcome.out
    as_objects = await hearth("preview", walk, "--script", script, "--format", "json")
    states = [each["text"] for each in json.loads(as_objects.out) if each["kind"] == "state"]
    assert "ask_friends_2" in states, "machines and tests go on with the ids"


async def test_a_story_and_a_preview_have_the_same_people(tmp_path: Path) -> None:
    walk = tmp_path / "walk.yaml"
    walk.write_text(STEPS)
    assert "Ana begins it" in (await hearth("check", "--story", walk)).out
    assert "Ana: walk" in (await hearth_process("preview", walk)).out
    assert tuple(name.lower() for name in FIRST_NAMES) == NAMES


# ── a file that is not fit ───────────────────────────────────────────────────


async def test_a_file_with_problems_is_not_played_and_they_are_said_as_check_says_them(
    tmp_path: Path,
) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text(TEA.replace("to: open", "to: opn").replace("asks: invited", "asks: invitd"))
    checked = await hearth("check", broken)
    for arguments in ((), ("--explore",)):
        outcome = await hearth("preview", broken, *arguments)
        assert outcome.status == 1
        assert outcome.err.splitlines() == checked.err.splitlines()
        assert not outcome.out
    as_objects = await hearth("preview", broken, "--format", "json")
    assert json.loads(as_objects.out)[0]["line"] > 0
    assert (await hearth("preview", tmp_path / "gone.yaml")).status == 1


async def test_whatever_cannot_be_read_is_said_with_the_reason(tea_file: Path, tmp_path: Path) -> None:
    folder = await hearth("preview", tmp_path)
    assert (folder.status, folder.err) == (2, f"hearth: {tmp_path} is a folder.\nName one workflow file.\n")
    (tmp_path / "lost.yaml").symlink_to("nowhere.yaml")
    for odd, why in (("lost.yaml", "No such file or directory"), ("x" * 300, "File name too long")):
        for arguments in (
            ("preview", tmp_path / odd),
            ("preview", tea_file, "--script", tmp_path / odd),
            ("graph", tmp_path / odd),
            ("check", tmp_path / odd),
        ):
            outcome = await hearth(*arguments)
            assert outcome.status == 1
            assert why in outcome.err or "a link to a file that is not there" in outcome.err, outcome.text
    closed = tmp_path / "closed"
    closed.mkdir()
    (closed / "tea.yaml").write_text(TEA)
    closed.chmod(0)
    try:
        for arguments in (
            ("preview", closed / "tea.yaml"),
            ("preview", tea_file, "--script", closed / "tea.yaml"),
            ("graph", closed / "tea.yaml"),
            ("graph", tea_file, "--output", closed / "tea.svg"),
        ):
            outcome = await hearth_without_rights(*arguments)
            assert outcome.status == 1
            assert re.search(r"cannot be (read|written)", outcome.err), outcome.text
            assert "Permission denied" in outcome.err
    finally:
        closed.chmod(0o700)


async def test_one_way_and_all_ways_exclude_each_other(tea_file: Path, script: Path) -> None:
    outcome = await hearth("preview", tea_file, "--script", script, "--explore")
    assert outcome.status == 2


# ── along every branch ───────────────────────────────────────────────────────


async def test_exploring_says_in_sentences_what_was_found(tea_file: Path) -> None:
    outcome = await hearth("preview", tea_file, "--explore")
    assert outcome.status == 0, outcome.text
    told = " ".join(outcome.out.split())
    assert "Every question reaches somebody, every state is reached, and there is no dead end." in told
    assert "It ends in “over” and “gone”." in told
    assert re.search(r"Anybody else gets at most 1 message in a day and \d in a week", told)
    assert "all there are" in told


async def test_what_was_found_can_be_read_by_a_program(tea_file: Path) -> None:
    outcome = await hearth("preview", tea_file, "--explore", "--format", "json")
    found = json.loads(outcome.out)
    assert all(each.keys() >= KEYS for each in found)
    assert not any(each["is_wrong"] for each in found)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", ["invitation.yaml", "role.yaml"])
async def test_in_what_comes_with_hearth_nothing_is_wrong(name: str) -> None:
    outcome = await hearth("preview", shipped_workflows() / name, "--explore")
    assert outcome.status == 0, outcome.text


async def test_exploring_shows_at_a_terminal_how_far_it_is_and_leaves_nothing_of_it(tea_file: Path) -> None:
    async with preview_at_a_terminal(tea_file, "--explore") as (terminal, process):
        assert "\n" not in await terminal.see("so far …")
        before, _, result = (await terminal.see("all there are")).rpartition("\r")
        assert "Every question reaches somebody" in before + result
        assert await asyncio.wait_for(process.wait(), ANSWER_SECONDS) == 0
    piped = await hearth_process("preview", tea_file, "--explore")
    assert "so far" not in piped.text


# ── at the prompt ────────────────────────────────────────────────────────────


async def test_the_end_of_what_is_written_ends_it_kindly() -> None:
    outcome = await hearth_process("preview", INVITATION)
    assert outcome.status == 0, outcome.text
    assert "What is it?" in outcome.out
    assert outcome.out.endswith("Nobody was written to, and nothing of it is kept.\n")


async def test_a_workflow_that_starts_another_is_played_with_it(tmp_path: Path) -> None:
    """The other one lies beside it, or comes with Hearth."""
    (tmp_path / "tea.yaml").write_text(TEA)
    path = tmp_path / "idea.yaml"
    for other, first in (("tea", "Whom would you like to invite?"), ("invitation", "What is it?")):
        path.write_text(STARTING.format(other=other))
        script = tmp_path / "script.yaml"
        script.write_text("play:\n  - ana: idea\n  - skip: 3 days\n")
        outcome = await hearth("preview", path, "--script", script)
        assert outcome.status == 0, outcome.text
        assert first in outcome.out


async def test_the_first_message_is_there_soon() -> None:
    began = time.monotonic()
    await hearth_process("preview", INVITATION)
    assert time.monotonic() - began < 10


class Terminal:
    """Somebody at a terminal: types lines, and reads what is shown."""

    def __init__(self, ours: int) -> None:
        self._ours = ours
        self.shown = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")()  # a read may end within a letter

    async def type(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    async def see(self, text: str) -> str:
        """Wait until a text is shown; everything shown up to then since the last time."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while text not in self.shown:
                read = await asyncio.to_thread(os.read, self._ours, 4096)
                self.shown += self._decoder.decode(read).replace("\r", "")
        before, found, self.shown = self.shown.partition(text)
        return before + found


@contextlib.asynccontextmanager
async def preview_at_a_terminal(
    file: Path, *options: str, **variables: str
) -> AsyncIterator[tuple[Terminal, asyncio.subprocess.Process]]:
    ours, theirs = os.openpty()
    process = await start_process("preview", file, *options, terminal=theirs, TERM="dumb", **variables)
    try:
        yield Terminal(ours), process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
        os.close(theirs)


async def test_at_the_prompt_one_answers_as_anybody_moves_time_and_undoes(tea_file: Path) -> None:
    async with preview_at_a_terminal(tea_file, NO_COLOR="1") as (terminal, process):
        assert "Whom would you like to invite?" in await terminal.see("draft > ")
        await terminal.type("ana: @bruno")
        assert "When?" in await terminal.see("draft > ")
        await terminal.type("ana: Friday 19:00")
        assert "to Bruno" in await terminal.see("open > ")
        await terminal.type("who")
        assert "guests; is asked invited" in " ".join((await terminal.see("open > ")).split())
        await terminal.type("bruno: coming")
        assert "(seen by Ana)" in await terminal.see("open > ")
        await terminal.type("skip")
        assert "3 days and 9 hours later" in await terminal.see("· on > ")
        await terminal.type("state")
        assert "Bruno coming" in await terminal.see("· on > ")
        await terminal.type("back")
        assert "Undone. It is Monday 18 January 2027, 10:00 again." in await terminal.see("open > ")
        await terminal.type("help")
        assert "skip to reply_by" in await terminal.see("open > ")
        await terminal.type("a piano")
        assert "write who says it: `ana: a piano`" in " ".join((await terminal.see("open > ")).split())
        await terminal.type("quit")
        shown = await terminal.see("nothing of it is kept.")
        assert "\x1b[" not in shown
        assert await asyncio.wait_for(process.wait(), ANSWER_SECONDS) == 0


async def test_ctrl_c_ends_it_kindly(tea_file: Path) -> None:
    async with preview_at_a_terminal(tea_file) as (terminal, process):
        assert "\x1b[" in await terminal.see("draft > ")
        await terminal.type("ana: @bruno\x03")
        assert "Traceback" not in await terminal.see("nothing of it is kept.")
        assert await asyncio.wait_for(process.wait(), ANSWER_SECONDS) == 130
