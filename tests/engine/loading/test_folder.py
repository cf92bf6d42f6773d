"""The workflow folder as it lies there: which files count, and which of them are others now."""

from __future__ import annotations

import os
import pathlib

import pytest

from engine.loading.folder import contents, look_around, source_of, workflow_files


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    (tmp_path / "tea.yaml").write_text("name: tea\n")
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "tea.de.yaml").write_text("title: Tee\n")
    return tmp_path


def test_what_counts_is_yaml_that_nobody_is_just_writing(folder: pathlib.Path) -> None:
    for name in (".tea.yaml", "#tea.yaml", "~tea.yaml", "tea.yaml~", "notes.txt"):
        (folder / name).write_text("x")
    (folder / "more.yml").write_text("x")
    (folder / "drawer.yaml").mkdir()
    (folder / "lost.yaml").symlink_to(folder / "nowhere")
    assert [path.name for path in workflow_files(folder)] == ["more.yml", "tea.yaml"]
    assert list(look_around(folder, {})) == ["more.yml", "tea.yaml", "texts/tea.de.yaml"]


def test_a_file_that_was_touched_but_says_the_same_is_the_same(folder: pathlib.Path) -> None:
    before = look_around(folder, {})
    os.utime(folder / "tea.yaml", (1, 1))
    after = look_around(folder, before)
    assert after != before
    assert contents(after) == contents(before)


def test_a_change_is_seen_and_a_translation_counts(folder: pathlib.Path) -> None:
    before = look_around(folder, {})
    (folder / "texts" / "tea.de.yaml").write_text("title: Kaffee\n")
    after = look_around(folder, before)
    assert {name for name in after if contents(after)[name] != contents(before)[name]} == {
        "texts/tea.de.yaml"
    }


def test_files_that_seem_unchanged_are_read_only_when_looking_closely(folder: pathlib.Path) -> None:
    before = look_around(folder, {})
    mark = before["tea.yaml"]
    stale = {**before, "tea.yaml": type(mark)(*mark.stat, content="another")}
    assert look_around(folder, stale)["tea.yaml"].content == "another"
    assert look_around(folder, stale, closely=True) == before


def test_a_folder_that_is_gone_holds_nothing(tmp_path: pathlib.Path) -> None:
    assert look_around(tmp_path / "nowhere", {}) == {}
    assert source_of(tmp_path / "nowhere.yaml") == ""


def test_only_so_many_files_are_watched(folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.loading.folder.MOST_LOOKED_AT", 1)
    assert len(look_around(folder, {})) == 1
