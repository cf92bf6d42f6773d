"""The picture of a workflow: everything is on it once, nothing covers anything else, and text stays text."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from msgspec.structs import replace

from bridge.settings import shipped_workflows
from bridge.telling.drawing import Box, Drawing, Here, Written
from bridge.telling.layout import CARD_WIDTH, lay_out
from bridge.telling.measure import width_of, wrap
from bridge.telling.order import order_of
from bridge.telling.picture import COLOURS, HUES, picture
from bridge.telling.scene import scene_of
from engine.core.definition import Definition, StateDef
from engine.loading.load import examine_file
from tests.bridge.telling.strange import HOSTILE, by_chance, tea

PROJECT_FOLDER = Path(__file__).resolve().parents[3]
SVG = "{http://www.w3.org/2000/svg}"
SEEDS = range(60)


def definition_of(file: Path) -> Definition:
    definition = examine_file(file).definition
    assert definition is not None, file
    return definition


def every_definition() -> Iterator[tuple[str, Definition]]:
    """The shipped ones, the examples, a small one, and many by chance (with their seed)."""
    files = [*shipped_workflows().glob("*.yaml"), *(PROJECT_FOLDER / "docs" / "examples").glob("*.yaml")]
    for file in sorted(files):
        yield file.stem, definition_of(file)
    yield "tea", tea()
    for seed in SEEDS:
        yield f"seed {seed}", by_chance(Random(seed))


def drawings() -> Iterator[tuple[str, Definition, Drawing]]:
    for name, definition in every_definition():
        here = Here((definition.start,), "Here since Friday 27 November, 19:00", "A remark.")
        yield name, definition, lay_out(scene_of(definition), here)


def holds(outer: Box, inner: Box) -> bool:
    slack = 0.01
    return (
        inner.x >= outer.x - slack
        and inner.y >= outer.y - slack
        and inner.right <= outer.right + slack
        and inner.bottom <= outer.bottom + slack
    )


# ── everything is there ──────────────────────────────────────────────────────


def test_every_state_and_every_move_is_on_the_picture_once() -> None:
    for name, definition in every_definition():
        drawing = lay_out(scene_of(definition))
        states = Counter(card.card.state for card in drawing.cards if card.card is not None)
        assert states == Counter(list(definition.states)), name
        moves = Counter(pair for card in drawing.cards for row in card.moves for pair in row.move.covers)
        wanted = [(s.name, n) for s in definition.states.values() for n in range(len(s.moves))]
        assert moves == Counter(wanted), name


def test_a_move_that_many_states_share_is_drawn_once_and_says_where_from() -> None:
    scene = scene_of(tea())
    assert [(move.words, move.where, move.to) for move in scene.always] == [
        ("when the host writes “cancel”", "at any time", "spilt")
    ]
    assert not any(move.to == "spilt" for card in scene.cards for move in card.moves)


def test_a_final_state_says_how_it_ended_and_stands_below_all_others() -> None:
    drawing = lay_out(scene_of(tea()))
    said = [line.text for line in drawing.written()]
    assert "There was tea." in said
    assert [card.card.state for card in drawing.cards if card.card] == [
        "draft",
        "asked",
        "brewing",
        "poured",
        "spilt",
        "cold",
    ]


def test_what_is_emphasised_in_a_message_has_no_stars_in_a_picture() -> None:
    definition = tea()
    outcome = next(state.outcome for state in definition.states.values() if state.outcome is not None)
    texts = {**definition.texts, outcome: "*tea* makes more of *<starts>*."}
    scene = scene_of(replace(definition, about="Write *tea* and drink.", texts=texts))
    assert scene.about == "Write “tea” and drink."
    assert "“tea” makes more of <starts>." in [card.outcome for card in scene.endings]


def test_states_stand_in_the_files_order_unless_another_runs_more_downward() -> None:
    garden = definition_of(Path(__file__).parent / "stories" / "shared_garden.yaml")
    assert order_of(garden) == tuple(garden.states)
    role = definition_of(shipped_workflows() / "role.yaml")
    mixed = dict(sorted(role.states.items()))
    order = order_of(replace(role, states=mixed))
    assert order.index("proposed") < order.index("shared") < order.index("review") < order.index("last_month")


def test_a_very_large_file_is_drawn_all_the_same() -> None:
    first = by_chance(Random(7))
    names = [f"s{n}" for n in range(400)]
    moves = next(state.moves for state in first.states.values() if state.moves)
    states = {
        name: StateDef(
            name, moves=tuple(replace(move, to=names[(n * k + k) % 400]) for k, move in enumerate(moves, 3))
        )
        for n, name in enumerate(names)
    }
    ends = {name: state for name, state in first.states.items() if state.final}
    drawing = lay_out(scene_of(replace(first, states=states | ends, start="s0")))
    assert len([card for card in drawing.cards if card.card is not None]) == len(states | ends)


def test_every_line_leads_from_its_move_to_the_card_of_its_state() -> None:
    for name, _, drawing in drawings():
        cards = {card.card.state: card for card in drawing.cards if card.card is not None}
        for route in drawing.routes:
            x, y = route.points[-1]
            target = cards[route.to].box
            if route.side == "down":
                assert y == target.y, name
            else:
                assert x == (0 if route.side == "left" else CARD_WIDTH), name
                assert target.y < y < target.bottom, name
        ends = {(route.to, route.side) for route in drawing.routes}
        for row in (row for card in drawing.cards for row in card.moves):
            assert (row.move.to, row.side) in ends, name


# ── nothing covers anything ──────────────────────────────────────────────────


def test_no_two_texts_overlap() -> None:
    for name, _, drawing in drawings():
        for one, other in combinations(drawing.written(), 2):
            assert not one.box.overlaps(other.box), f"{name}: {one} / {other}"


def test_no_two_cards_overlap_and_every_text_stands_in_its_own() -> None:
    for name, _, drawing in drawings():
        for one, other in combinations(drawing.cards, 2):
            assert not one.box.overlaps(other.box), name
        for card in drawing.cards:
            for line in (*card.written, *(line for row in card.moves for line in row.written)):
                assert holds(card.box, line.box), f"{name}: {line}"


def test_nothing_stands_outside_the_frame() -> None:
    for name, _, drawing in drawings():
        boxes = [*(line.box for line in drawing.written()), *(card.box for card in drawing.cards)]
        boxes += [Box(x, y, 0, 0) for route in drawing.routes for x, y in route.points]
        assert all(holds(drawing.frame, box) for box in boxes), name


def test_no_line_runs_through_a_card_or_along_another_that_leads_elsewhere() -> None:
    for name, _, drawing in drawings():
        sideways = [route for route in drawing.routes if route.side != "down"]
        for route in sideways:
            assert all(x <= 0 or x >= CARD_WIDTH for x, _ in route.points), name
        for one, other in combinations(sideways, 2):
            if one.to != other.to and one.points[1][0] == other.points[1][0]:
                (top, bottom), (start, end) = _span(one.points), _span(other.points)
                assert bottom < start or end < top, f"{name}: {one} / {other}"


def _span(points: tuple[tuple[float, float], ...]) -> tuple[float, float]:
    heights = [y for _, y in points]
    return min(heights), max(heights)


def test_a_picture_is_no_wider_than_a_phone_shows_readably() -> None:
    """At 390 points of width the smallest text is still 9 points high for what ships."""
    for file in sorted(shipped_workflows().glob("*.yaml")):
        drawing = lay_out(scene_of(definition_of(file)))
        assert drawing.frame.width <= 540, file


def test_wrapped_lines_are_never_wider_than_asked_and_lose_nothing_but_spaces() -> None:
    for text in (*HOSTILE, "one two three", "x" * 300):
        lines = wrap(text, 13, 120)
        assert all(width_of(line, 13) <= 120 for line in lines), text
        assert "".join(lines).replace(" ", "") == "".join(text.split()), text


# ── the document ─────────────────────────────────────────────────────────────


def texts_in(svg: str) -> list[str]:
    root = ElementTree.fromstring(svg)  # noqa: S314 - our own document
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_hostile_text_stays_text() -> None:
    for name, definition in every_definition():
        svg = picture(scene_of(definition))
        root = ElementTree.fromstring(svg)  # noqa: S314
        tags = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert tags <= {
            "svg", "title", "desc", "style", "rect", "g", "line", "path", "circle", "polygon", "text",
        }, name  # fmt: skip
        allowed = re.compile(r"^(on|href|xlink)", re.IGNORECASE)
        assert not any(allowed.match(attribute) for element in root.iter() for attribute in element.attrib), (
            name
        )
        shown = [line.text for line in lay_out(scene_of(definition)).written()]
        assert Counter(map(_visible, texts_in(svg))) == Counter(map(_visible, shown)), name


def _visible(text: str) -> str:
    """Without the characters that XML cannot hold."""
    return re.sub("[^\\x20-\\ud7ff\\ue000-\\ufffc\\U00010000-\\U0010ffff]", "", text)


def test_the_picture_has_a_name_and_a_description_for_those_who_hear_it() -> None:
    root = ElementTree.fromstring(picture(scene_of(tea())))  # noqa: S314
    title, about = root.find(f"{SVG}title"), root.find(f"{SVG}desc")
    assert title is not None
    assert title.text == "Tea"
    assert about is not None
    assert "It begins when someone writes “tea”." in (about.text or "")
    assert root.get("aria-labelledby") == f"{title.get('id')} {about.get('id')}"


def test_the_same_workflow_gives_the_same_picture_in_every_process() -> None:
    program = (
        "from random import Random; from bridge.telling.picture import picture; "
        "from bridge.telling.scene import scene_of; from tests.bridge.telling.strange import by_chance; "
        "print([picture(scene_of(by_chance(Random(seed)))) for seed in range(8)])"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=PROJECT_FOLDER,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(PROJECT_FOLDER)},
            check=True,
            capture_output=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(made) == 1


def test_the_mark_of_an_instance_is_on_its_states_and_nowhere_else() -> None:
    drawing = lay_out(scene_of(tea()), Here(("asked", "brewing"), "Perhaps here", "Which one is not public."))
    marked = [card.card.state for card in drawing.cards if card.card and card.badge is not None]
    assert marked == ["asked", "brewing"]
    texts = [line.text for line in drawing.written()]
    assert texts.count("Perhaps here") == 2
    assert "Which one is not public." in texts


# ── colours ──────────────────────────────────────────────────────────────────


def _contrast(one: str, other: str) -> float:
    """WCAG 2.2, contrast ratio."""
    lights = sorted((_luminance(one), _luminance(other)))
    return (lights[1] + 0.05) / (lights[0] + 0.05)


def _luminance(colour: str) -> float:
    parts = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("shade", [0, 1], ids=["light", "dark"])
def test_every_text_can_be_read_against_what_it_stands_on(shade: int) -> None:
    grounds = [COLOURS[name][shade] for name in ("paper", "card", "ending", "here")]
    inks = [COLOURS["ink"][shade], COLOURS["soft"][shade], *(hue[shade] for hue in HUES)]
    pairs = [(ink, ground) for ink in inks for ground in grounds]
    pairs.append((COLOURS["on"][shade], COLOURS["mark"][shade]))
    too_weak = [(pair, round(_contrast(*pair), 2)) for pair in pairs if _contrast(*pair) < 4.5]
    assert not too_weak


# ── what the documentation shows ─────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(file.stem for file in shipped_workflows().glob("*.yaml")))
def test_the_pictures_in_the_documentation_are_up_to_date(name: str) -> None:
    definition = definition_of(shipped_workflows() / f"{name}.yaml")
    kept = (PROJECT_FOLDER / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8")
    again = f"hearth graph workflows/{name}.yaml --output docs/pictures/{name}.svg"
    assert kept == picture(scene_of(definition)), f"out of date; run: {again}"


def test_a_line_of_text_knows_where_it_is_written() -> None:
    line = Written("x", "move", Box(10, 20, 30, 18))
    assert line.box.y < line.baseline < line.box.bottom


def test_the_picture_says_for_whom_it_begins_what_is_in_use_and_in_which_list_a_line_stands() -> None:
    garden = definition_of(Path(__file__).parent / "stories" / "shared_garden.yaml")
    scene = scene_of(garden)
    assert scene.begins == "begins when someone is here"
    assert scene_of(replace(garden, begins_for="arriving")).begins == "begins when someone arrives"
    tried = scene_of(replace(garden, begins_for=None)).begins
    assert tried == "begins when someone writes “try” or “leave off”"
    said = {card.state: [each.words for each in card.happenings] for card in (*scene.cards, *scene.endings)}
    assert "stands in “what's on”" in said["choosing"]
    assert "stands in “who holds what”" in said["beside"]
    assert "from here on, “which” is in use" in said["beside"]
    assert said["done"] == ["from here on, “which” is in use no longer"]
