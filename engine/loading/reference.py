"""The reference page of the workflow language, made of the grammar, so that it cannot say anything else.

python -m engine.loading.reference > docs/reference.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence

from engine.core.check_burden import LONGEST_KEPT_DAYS, SCREEN_LENGTH
from engine.core.check_care import MOST_CHOICES
from engine.core.check_rules import RULES
from engine.core.definition import KEEP_DAYS
from engine.core.turn import ASK_OPEN_MS, DETAIL_OPEN_MS
from engine.core.unsigned import LEAST, SPARE
from engine.core.values import DAY_MS
from engine.loading.conditions import CONDITIONS
from engine.loading.grammar import KINDS, MODIFIERS, PLACEHOLDERS, SECTIONS, SHELVES, Key, Section
from engine.loading.moments import LENGTHS, MOMENTS
from engine.loading.people import SOURCES, TRIGGERS, WHO
from engine.loading.steps import CHOOSING_DAYS, GATHERING_DAYS, LONGEST_WAIT_DAYS
from engine.loading.translations import MOST_LANGUAGES
from engine.loading.tree import MOST_BYTES, MOST_DEPTH, MOST_NODES

CHAPTERS = {"names": "Names", "ways": "Ways", "care": "Care"}

_BEGINNING = """# The workflow language: reference

Each key once. [Writing a workflow](language.md) explains them by example.

This page is made of the code with `python -m engine.loading.reference`, and the schema for editors in
`workflows/schema.json` with `python -m engine.loading.schema`; a test fails where either has fallen behind.
Keys may be written with spaces or with `_`.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(
        (_BEGINNING, *_keys(), *_sentences(), *_built_in(), *_translated(), *_limits(), *_rules())
    )


def _keys() -> Iterator[str]:
    for section in SECTIONS.values():
        yield f"## {section.title}\n"
        yield f"{section.says}\n"
        yield _table(("key", "what it says", "example"), (_row(section, key) for key in section.keys))


def _row(section: Section, key: Key) -> tuple[str, ...]:
    needed = " Needed." if key.needed or (section.name == "head" and key.name == "steps") else ""
    if section.name == "head" and key.name == "steps":
        needed = " Needed, or `states`."
    return f"`{key.name}`", f"{key.says}{needed}", f"`{key.example}`"


def _sentences() -> Iterator[str]:
    for title, says, ways in (
        ("Types of details", "After the type, a comma and one of the second table.", KINDS),
        ("What may follow a type", "", MODIFIERS),
        ("People: where they come from", "One of these, or a list of several.", SOURCES),
        ("Whom something is for", "In `to`, `ask` and `tell`.", WHO),
        ("What happens: `when`", "", TRIGGERS),
        ("Conditions: `if`", "Answers by their id or by their label.", CONDITIONS),
        ("Lengths of time", "", LENGTHS),
        (
            "Moments",
            "Always counted from a date of the file, or from an entering; never a fixed day.",
            MOMENTS,
        ),
        ("Placeholders", "In sentences. `*stars*` emphasise.", PLACEHOLDERS),
    ):
        yield f"## {title}\n"
        if says:
            yield f"{says}\n"
        yield _table(("written", "what it means"), ((f"`{way}`", meaning) for way, meaning in ways))
    yield f"Public lists: {' and '.join(f'`{shelf}`' for shelf in SHELVES)}.\n"


def _built_in() -> Iterator[str]:
    yield "## What comes with steps by itself\n"
    yield (
        "- The details are asked for first; after "
        f"{GATHERING_DAYS} days without an answer it is set aside.\n"
        "- A question that closes so long before a date does so half-way to it, where the date is nearer than that.\n"
        "- The starter may write `cancel` at any time. Those who had said yes or maybe hear of it, and nobody else.\n"
        f"- With fewer than `needs`, the starter has {CHOOSING_DAYS} days at most to choose: small, another date (if"
        " there is one), or let it go. Another date asks afresh.\n"
        "- Whoever sees answers has one message that is kept up to date.\n"
        "- A yes may become a no until the date on which a later `wait` stands.\n"
        f"- The end of another workflow is waited for {LONGEST_WAIT_DAYS} days at most.\n"
    )


def _translated() -> Iterator[str]:
    yield "## In other languages\n"
    yield (
        "`texts/tea.de.yaml` beside `tea.yaml` mirrors it and holds only its sentences: `title`, `about`, `called`,"
        " `public`, `ask` and\n`choices` of details, `say` and `answers`, `say` and `afterwards` of what is"
        " `carried`, `tell`, `board`, `public` and\n`ends with` of states; for steps a list with an entry for each step"
        " (`{}` where there is nothing to say). Answers stand by\nname or in their order, without the emoji. The"
        " placeholders are those of the original. What is left out is\n"
        f"said in the language of the file. At most {MOST_LANGUAGES} languages.\n"
    )


def _limits() -> Iterator[str]:
    yield "## Limits\n"
    limits = (
        ("A file", f"{MOST_BYTES // 1024} KiB, {MOST_NODES} entries, {MOST_DEPTH} levels inside each other"),
        ("A question with its answers, a telling, a board", f"{SCREEN_LENGTH} characters"),
        ("Answers to choose from", f"{MOST_CHOICES}"),
        ("A question without `until`", f"closes after {ASK_OPEN_MS // DAY_MS} days"),
        ("A question for a detail", f"stays open for {DETAIL_OPEN_MS // DAY_MS} days"),
        ("Words without `keep`", f"are kept for {KEEP_DAYS} days after the end; {LONGEST_KEPT_DAYS} at most"),
        ("`unsigned`", f"from {LEAST} answers on, with {SPARE} more people asked than that"),
    )
    yield _table(("what", "how much"), limits)


def _rules() -> Iterator[str]:
    yield "## What the checker finds\n"
    yield "The code stands in `hearth check --format json`.\n"
    for chapter, title in CHAPTERS.items():
        rules = sorted(
            (rule for rule in RULES.values() if rule.chapter == chapter), key=lambda rule: rule.code
        )
        yield f"### {title}\n"
        rows = ((f"`{r.code}`", r.says + (" (A warning.)" if r.severity == "warning" else "")) for r in rules)
        yield _table(("code", "what holds"), rows)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return (
        "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines) + "\n"
    )


if __name__ == "__main__":
    sys.stdout.write(reference())
