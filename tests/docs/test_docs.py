"""What the documents say is true of the code: links, commands, words, names, and the README's transcript."""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from bridge.cli.commands import commands_of, parser
from bridge.reading.ear import Ear
from bridge.settings import TABLE
from bridge.settings.circles import own_rows
from bridge.settings.reading import COMMAND_VARIABLES
from bridge.wording.sentences import Sentences
from bridge.wording.vocabulary import Vocabulary
from engine.core.definition import Definition, OnCommand
from engine.core.desk import Desk, Reading
from engine.core.values import PersonId
from engine.loading.load import examine_file, examine_text
from engine.runtime.ports import Spoken
from tests.docs.pages import examples

ROOT = Path(__file__).parents[2]
NOW_MS = 1_800_266_400_000
"""Monday 2027-01-18 10:00 UTC."""

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
MEMBERS = ROOT / "docs" / "members.md"
README = ROOT / "README.md"
LISTS = ("decisions/0000-how-we-decide.md", "workflows/index.md")
"""Pages of docs that list further ones."""

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_SPAN = re.compile(r"`([^`\n]+)`")
_HEADING = re.compile(r"^#+\s+(.*)$", re.MULTILINE)
_VARIABLE = re.compile(r"HEARTH_(?:[A-Z_]|<NAME>)+[A-Z]")
_CIRCLES_OWN = re.compile(r"HEARTH_CIRCLES_(?:[A-Z]+|<NAME>)_")
"""How the variables begin that one circle has for itself, whatever it is called."""
_FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def name_of(path: Path) -> str:
    """A page as a test's id."""
    return path.relative_to(ROOT).as_posix()


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def code_in(text: str) -> Iterator[str]:
    """Everything written as code: spans, fenced blocks and indented ones, line by line."""
    prose = _FENCE.sub("", text)
    yield from _SPAN.findall(prose)
    for block in _FENCE.findall(text):
        yield from block.splitlines()[1:-1]
    yield from (line.strip() for line in prose.splitlines() if line.startswith("    "))


def anchors_of(path: Path) -> set[str]:
    """The anchors of a page's headings, as they are commonly made."""
    headings = _HEADING.findall(_FENCE.sub("", path.read_text("utf-8")))
    return {re.sub(r"[^\w\- ]", "", heading.casefold()).replace(" ", "-") for heading in headings}


# ── links and what they lead to ──────────────────────────────────────────────


@every_page
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in _LINK.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if "://" in target:
            continue
        where, _, anchor = target.partition("#")
        path = (page.parent / where).resolve() if where else page
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            broken.append(target)
    assert broken == []


def test_every_page_is_found_from_the_index_or_one_of_its_lists() -> None:
    index, *lists = (ROOT / "docs" / name for name in ("index.md", *LISTS))
    linked = {
        (page.parent / target.partition("#")[0]).resolve()
        for page in (index, *lists)
        for target in _LINK.findall(page.read_text("utf-8"))
    }
    assert [name_of(page) for page in PAGES if page not in linked and page != index] == []


# ── commands and names ───────────────────────────────────────────────────────


@every_page
def test_every_make_command_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):.*?##", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    named = {
        word for code in code_in(page.read_text("utf-8")) for word in re.findall(r"^make ([a-z]+)", code)
    }
    assert named - targets == set()


@every_page
def test_every_hearth_command_and_its_options_exist(page: Path) -> None:
    known = commands_of(parser())
    wrong = []
    for code in code_in(page.read_text("utf-8")):
        for command, rest in re.findall(r"(?:^|/|=)(?:\S*/)?hearth ([a-z][a-z-]*)([^`]*)", code):
            options = re.findall(r"(?<!\S)--[a-z-]+", rest)
            if command not in known or any(option not in known[command].format_help() for option in options):
                wrong.append(code)
    assert wrong == []


@every_page
def test_every_variable_exists(page: Path) -> None:
    known = {row.variable for row in (*TABLE, *own_rows("any"))} | COMMAND_VARIABLES
    named = _VARIABLE.findall(page.read_text("utf-8"))
    assert {_CIRCLES_OWN.sub("HEARTH_CIRCLES_ANY_", variable) for variable in named} - known == set()


@every_page
def test_every_module_and_path_that_is_named_exists(page: Path) -> None:
    missing = []
    for span in _SPAN.findall(_FENCE.sub("", page.read_text("utf-8"))):
        if re.fullmatch(r"(engine|bridge)(\.\w+)+", span):
            found = thing_exists(span) or (ROOT / span).exists()
        elif re.fullmatch(r"(engine|bridge|tests|docs|workflows|bench|\.ci)/[\w./-]*", span):
            found = (ROOT / span).exists()
        else:
            continue
        if not found:
            missing.append(span)
    assert missing == []


def thing_exists(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            thing: object = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(thing, attribute):
                return False
            thing = getattr(thing, attribute)
        return True
    return False


# ── what members are told they can write ─────────────────────────────────────


class Neighbours:
    """Ana and Ben, whom the page for members uses as examples."""

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        plain = name.removeprefix("@").casefold()
        return PersonId(plain) if plain in {"ana", "ben"} else None

    def name_of(self, person: PersonId) -> str | None:
        return person


class Shipped:
    """Nothing is under way here, and in service is what comes with Hearth."""

    def held(self, digest: str) -> Definition | None:
        return None

    def names(self) -> tuple[str, ...]:
        return tuple(definition.name for definition in definitions())

    def in_service(self, name: str) -> Definition | None:
        return next((definition for definition in definitions() if definition.name == name), None)


@functools.cache
def definitions() -> tuple[Definition, ...]:
    """The workflows that come with Hearth."""
    found = [examine_file(path).definition for path in sorted((ROOT / "workflows").glob("*.yaml"))]
    assert found
    assert all(found)
    return tuple(definition for definition in found if definition is not None)


def words_of_workflows() -> set[str]:
    """The words that begin or move a shipped workflow."""
    words = {definition.begins_with for definition in definitions()}
    for definition in definitions():
        moves = (move for state in definition.states.values() for move in state.moves)
        words |= {move.on.word for move in moves if isinstance(move.on, OnCommand)}
    return words


def read(text: str) -> Reading:
    """What a member says who writes this."""
    person = PersonId("carla")
    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=person, body=text)
    reading, _ = Ear(Neighbours(), Shipped(), ("Hearth",)).read(
        spoken, Desk(person), None, words_of_workflows(), NOW_MS
    )
    return reading


def is_understood(text: str) -> bool:
    """Whether a member who writes this is understood: as a command, an answer, a moment, or people."""
    vocabulary = Vocabulary.load()
    said = vocabulary.said
    reading = read(text)
    command = reading.command
    if command is not None:
        return command.close_to is None and (command.word in vocabulary.commands or command.rest is None)
    if reading.people:
        return True
    return reading.moment_ms is not None or reading.empty or text in {*said.yes, *said.maybe, *said.no}


def test_everything_members_are_told_to_write_is_understood_or_said() -> None:
    spoken = " ".join(re.sub(r"<\w+>", "", text) for text in all_sentences())
    prefixed = [code.removeprefix("!hearth").strip() for code in code_in(MEMBERS.read_text("utf-8"))]
    puzzling = [text for text in prefixed if text and not takes_words(text) and text not in spoken]
    assert puzzling == []


def takes_words(text: str) -> bool:
    """Whether a member's words are understood, those behind an invitation included."""
    head, colon, rest = text.partition(": ")
    return is_understood(head) if colon and rest else is_understood(text)


def test_every_command_is_on_the_page_for_members() -> None:
    spans = _SPAN.findall(MEMBERS.read_text("utf-8"))
    meant = {command.word for span in spans if (command := read(span).command) is not None}
    assert {*Vocabulary.load().commands, *words_of_workflows()} - meant == set()


# ── the transcript in the README ─────────────────────────────────────────────


def all_sentences() -> list[str]:
    """Every sentence Hearth can say: its own and those of the shipped workflows."""
    own = Sentences.load()
    texts: list[str] = []
    for held in own._texts.values():
        texts += held.values() if isinstance(held, Mapping) else [held]
    for definition in definitions():
        texts += definition.texts.values()
    return texts


def patterns() -> list[re.Pattern[str]]:
    """Each paragraph and each line of a sentence, its gaps open; only those that say something themselves."""
    found: dict[str, None] = {}
    for text in all_sentences():
        for piece in (*re.split(r"\n\s*\n", text), *text.splitlines()):
            plain = " ".join(piece.split())
            if sum(letter.isalpha() for letter in re.sub(r"<[^>]+>", "", plain)) >= 4:
                found[re.sub(r"<[^>]+>|\\<[^>]+\\>", ".+", re.escape(plain).replace(r"\<", "<"))] = None
    return [re.compile(pattern) for pattern in found]


def transcript() -> list[tuple[str, list[str]]]:
    """Who speaks, and the paragraphs they say, each on one line."""
    block = re.search(r"^```text\n(.*?)^```$", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert block is not None
    said: list[tuple[str, list[str]]] = []
    for line in block[1].splitlines():
        opening = (
            re.match(r"  (\w+) +(?:✎ )?(?=\S)", line) if line[:2] == "  " and line[2:3].isupper() else None
        )
        if opening is not None and len(opening[0]) == len("  Hearth    "):
            said.append((opening[1], [line[len(opening[0]) :]]))
        elif line.startswith(" " * 12 + "("):
            said.append(("tap", [line.strip()]))
        elif line.startswith(" " * 12) and said:
            said[-1][1][-1] += " " + line.strip()
        elif not line.strip() and said:
            said[-1][1].append("")
    return [(who, [" ".join(p.split()) for p in paragraphs if p.strip()]) for who, paragraphs in said]


def test_the_transcript_is_made_of_sentences_hearth_says() -> None:
    lines = transcript()
    known = patterns()
    by_people = " ".join(p for who, paragraphs in lines if who not in ("Hearth", "tap") for p in paragraphs)
    assert [who for who, _ in lines].count("Hearth") >= 4
    foreign = [
        paragraph
        for who, paragraphs in lines
        if who == "Hearth"
        for paragraph in paragraphs
        if not any(pattern.fullmatch(paragraph) for pattern in known)
        and paragraph not in by_people
        and not is_list_of_choices(paragraph)
    ]
    assert foreign == []


def is_list_of_choices(paragraph: str) -> bool:
    """Whether a paragraph is a numbered list of choices that a shipped workflow offers."""
    labels = {text.casefold() for text in all_sentences()}
    items = [item.strip() for item in re.split(r"(?:^|\s)\d\. ", paragraph) if item.strip()]
    return len(items) > 1 and all(re.sub(r"^\W+", "", item).casefold() in labels for item in items)


def test_every_tap_in_the_transcript_is_on_offer() -> None:
    offered = {
        choice.emoji
        for definition in definitions()
        for ask in definition.asks.values()
        for choice in ask.choices
    }
    taps = [
        paragraph.rstrip(")").split()[-1]
        for who, paragraphs in transcript()
        if who == "tap"
        for paragraph in paragraphs
    ]
    assert taps
    assert set(taps) - offered - {"✖️", "👋", "✉️"} == set()


# ── workflow files in the documents ──────────────────────────────────────────


@pytest.mark.parametrize("text", examples(), ids=lambda text: text.splitlines()[0].removeprefix("name: "))
def test_every_workflow_file_on_the_language_page_has_no_problem(text: str) -> None:
    assert [str(problem) for problem in examine_text(text, "language.md").problems] == []
