"""The hooks in the settings: read as they are written, and what `hearth hook` shows is what a tool needs."""

from pathlib import Path

import pytest

from bridge.cli.commands import main
from bridge.cli.hook import hooks_of
from bridge.http.hooks import secret_of
from bridge.settings import Problems, load_settings
from tests.bridge.test_settings import KEY, furnish, load

CALENDAR = 'hooks = ["calendar for @ana:example.org may happened/before asking"]'


def with_hooks(folder: Path, line: str, *more: str) -> Path:
    furnish(folder)
    settings = folder / "hearth.toml"
    text = settings.read_text()
    settings.write_text(text.replace("[http]", "\n".join(["[http]", line, *more]), 1))
    return folder


def test_a_hook_says_for_whom_it_acts_and_in_which_words(tmp_path: Path) -> None:
    (hook,) = hooks_of(load(with_hooks(tmp_path, CALENDAR)))
    assert (hook.name, hook.acts_for) == ("calendar", "@ana:example.org")
    assert hook.may == ("happened", "before asking")
    assert hook.secret == secret_of(bytes.fromhex(KEY), "calendar", 1)


def test_another_key_is_another_secret(tmp_path: Path) -> None:
    (hook,) = hooks_of(load(with_hooks(tmp_path, CALENDAR.replace('asking"', 'asking key 2"'))))
    assert hook.may == ("happened", "before asking")
    assert hook.secret == secret_of(bytes.fromhex(KEY), "calendar", 2)


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('hooks = ["calendar for ana may happened"]', "is no hook"),
        ('hooks = ["calendar may happened"]', "is no hook"),
        ('hooks = ["a for @a:b may x", "a for @c:d may y"]', 'two hooks called "a"'),
    ],
)
def test_what_is_no_hook_is_said(tmp_path: Path, line: str, found: str) -> None:
    refused = load_settings(with_hooks(tmp_path, line), {})
    assert isinstance(refused, Problems)
    assert any(found in problem.found for problem in refused)


def test_the_command_shows_what_a_tool_needs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_hooks(tmp_path, CALENDAR)
    assert main(["hook", "calendar", "--folder", str(tmp_path)], {}) == 0
    shown = capsys.readouterr().out
    assert "http://127.0.0.1:8780/hooks/calendar" in shown
    assert secret_of(bytes.fromhex(KEY), "calendar", 1) in shown
    assert "Only this machine reaches it there" in shown
    assert main(["hook", "calender", "--folder", str(tmp_path)], {}) != 0
    assert "There is no hook called calender. Known are calendar." in " ".join(
        capsys.readouterr().err.split()
    )


def test_without_a_port_nothing_can_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with_hooks(tmp_path, CALENDAR, "port = 0")
    assert main(["hook", "calendar", "--folder", str(tmp_path)], {}) != 0
    assert "[http] port is 0" in capsys.readouterr().err
