"""The page of figures: what stands on it comes from a run, and the picture is one."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.drawing import Line, Panel, draw
from bench.growth import picture
from bench.page import FIGURES, PAGE, TABLES, renewed

RUNS = sorted(FIGURES.glob("*.json"))


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.stem)
def test_every_table_is_what_its_run_printed(run: Path) -> None:
    page = PAGE.read_text()
    assert renewed(page, run.stem, json.loads(run.read_text())) == page


def test_every_bench_with_a_table_has_been_run() -> None:
    assert {run.stem for run in RUNS} == set(TABLES)


def test_the_picture_is_drawn_from_the_figures_beside_it() -> None:
    figures = json.loads((FIGURES / "growth.json").read_text())
    assert (FIGURES / "growth.svg").read_text() == picture(figures)


def test_a_point_ten_times_as_high_stands_one_step_higher() -> None:
    drawn = draw("<Title>", [Panel("across", "upward", [Line("a & b", [(1, 0.1), (10, 1), (100, 10)])])])
    root = ElementTree.fromstring(drawn)  # noqa: S314 - we have just drawn it
    circles = [each for each in root.iter() if each.tag.endswith("circle")]
    places = [(float(each.attrib["cx"]), float(each.attrib["cy"])) for each in circles]
    (x0, y0), (x1, y1), (x2, y2) = places
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert y0 - y1 == pytest.approx(y1 - y2, abs=0.2)
    assert y1 < y0
    assert "&lt;Title&gt;" in drawn
