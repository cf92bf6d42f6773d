"""The schema and the reference page say what the grammar says, and every file that ships keeps to the schema."""

from __future__ import annotations

import json
import pathlib
import re

import jsonschema
import pytest
from ruamel.yaml import YAML

from engine.core.check_rules import RULES
from engine.loading.compile import labels_in
from engine.loading.grammar import KINDS, SECTIONS, STEPS
from engine.loading.moments import LENGTHS, read_duration
from engine.loading.people import SOURCES, TRIGGERS, WHO, read_sources, read_trigger, read_who
from engine.loading.problem import Ledger
from engine.loading.reference import reference
from engine.loading.schema import schema, written
from engine.loading.tree import Items, Map, Node, Text, read_tree

ROOT = pathlib.Path(__file__).parents[3]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.yaml"))
FILES = [*sorted((ROOT / "workflows").glob("*.yaml")), *EXAMPLES]
VALIDATOR = jsonschema.Draft7Validator(schema())
MODELINE = re.compile(r"# yaml-language-server: \$schema=(\S+)")

STEPS_FILE = """\
name: Tea
about: Tea.
steps:
  - ask: everyone
    say: Tea?
    answers: [Yes, please]
    seen_by: me
"""


def as_json(node: Node | None) -> object:
    """A tree as JSON would hold it, every scalar a text."""
    match node:
        case Map(entries=entries):
            return {entry.key.value: as_json(entry.node) for entry in entries}
        case Items(items=items):
            return [as_json(item) for item in items]
        case Text(value=value):
            return value
        case None:
            return None


def faults(text: str) -> list[str]:
    tree = read_tree(text, Ledger("x.yaml"))
    return [error.message for error in VALIDATOR.iter_errors(as_json(tree))]


# ── what is generated is up to date ──────────────────────────────────────────


def test_the_schema_on_disk_is_the_one_the_grammar_makes() -> None:
    held = (ROOT / "workflows" / "schema.json").read_text("utf-8")
    assert held == written(), "python -m engine.loading.schema > workflows/schema.json"


def test_the_reference_page_is_the_one_the_grammar_makes() -> None:
    held = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert held == reference(), "python -m engine.loading.reference > docs/reference.md"


def test_every_key_type_step_and_rule_is_on_the_reference_page() -> None:
    named = {key.name for section in SECTIONS.values() for key in section.keys}
    wanted = {*named, *STEPS, *(kind for kind, _ in KINDS), *RULES}
    assert {each for each in wanted if f"`{each}`" not in reference()} == set()


def test_every_key_is_explained_in_one_sentence_with_an_example() -> None:
    for section in SECTIONS.values():
        for key in section.keys:
            assert key.says.endswith("."), key.name
            assert key.example, key.name


def test_every_way_on_the_reference_page_can_be_read() -> None:
    asks = "asks:\n  invited:\n    answers: [Count me in]\n  nominate:\n    answers: a person\n"
    tree = read_tree(asks, Ledger("x.yaml"))
    assert isinstance(tree, Map)
    labels = labels_in(tree)
    for way, _ in SOURCES:
        assert read_sources(way, labels), way
    for way, _ in LENGTHS:
        assert read_duration(way), way
    for way, _ in WHO:
        assert read_who(way, labels), way
    for way, _ in TRIGGERS:
        if not way.startswith("as soon as "):
            assert read_trigger(way, labels), way


# ── files keep to the schema ─────────────────────────────────────────────────


def test_the_schema_is_one() -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(written()))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_shipped_file_and_example_keeps_to_the_schema(path: pathlib.Path) -> None:
    text = path.read_text("utf-8")
    assert faults(text) == []
    # An editor takes `8` for a number where Hearth reads the text that was written.
    assert [e.message for e in VALIDATOR.iter_errors(YAML(typ="safe", pure=True).load(text))] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_file_names_the_schema_in_its_first_line(path: pathlib.Path) -> None:
    found = MODELINE.fullmatch(path.read_text("utf-8").splitlines()[0])
    assert found is not None
    assert (path.parent / found[1]).resolve() == ROOT / "workflows" / "schema.json"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("about: Tea.", "abuot: Tea."),
        ("    seen_by: me\n", ""),
        ("    say: Tea?", "    saying: Tea?"),
        ("  - ask: everyone", "  - wiat: for 2 days"),
        ("name: Tea", "name: Tea\nstates:\n  done:\n    ends with: Over."),
        ("name: Tea", "name: Tea\nasks: {}"),
        ("    seen_by: me", "    seen_by: me\n    until: soon enough"),
        ("    seen_by: me", "    seen_by: me\n    care: careful"),
        ("name: Tea", "name: Tea\ndetails:\n  what: txet"),
        ("name: Tea", "name: Tea\nlisted in: the attic"),
    ],
)
def test_the_schema_finds_what_an_editor_can_find(old: str, new: str) -> None:
    assert faults(STEPS_FILE) == []
    assert faults(STEPS_FILE.replace(old, new, 1)) != []


# ── the examples ─────────────────────────────────────────────────────────────


def test_there_are_examples_from_six_lines_up_to_twenty() -> None:
    lengths = sorted(len(path.read_text("utf-8").splitlines()) - 1 for path in EXAMPLES)
    assert len(lengths) >= 6
    assert lengths[0] <= 7
    assert lengths[-1] < 20


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_no_example_needs_braces_or_a_word_that_other_programs_take_for_more(path: pathlib.Path) -> None:
    text = path.read_text("utf-8")
    assert "{" not in text
    words = re.findall(
        r"(?m)(?:^|[:\[,-])\s*(yes|no|on|off|true|false|y|n|null|~)\s*(?:$|[,\]])", text, re.IGNORECASE
    )
    assert words == []
