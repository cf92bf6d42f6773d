"""Spoilt workflow files, thousands of them: the checker answers each with places, never with a traceback.

``python -m bench.fuzz [--cases 10000] [--seed N]`` prints how many went through in a second and how many were
fit. A file without errors is also begun and stepped through, with people who answer anything they may.
"""

from __future__ import annotations

import argparse
import random
import re
import secrets
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from engine.core.carried import line_afterwards, lines_carried
from engine.core.decide import decide, public_line
from engine.core.definition import NO, Definition
from engine.core.effect import Decision
from engine.core.event import Answered, Commanded, Due, Ended, Event, Facts, Left, Started, TookBack
from engine.core.instance import AskState, Snapshot
from engine.core.message import Names
from engine.core.survey import parts_looked_at, workflows_looked_at
from engine.core.values import (
    DAY_MS,
    HOUR_MS,
    AnyValue,
    Moment,
    Nothing,
    Number,
    Persons,
    Picked,
    Ref,
    TextId,
)
from engine.loading.load import Examined, examine_text
from engine.loading.problem import Problem

PROJECT = Path(__file__).parents[1]
SOURCES = ("workflows/*.yaml", "docs/examples/*.yaml")
EXAMPLE = re.compile(r"```yaml\n(name: .*?)```", re.DOTALL)
"""Whole files that the documentation shows."""
STEPS = 25
PEOPLE = tuple(Ref(f"p{n}") for n in range(1, 10))
AGREED = "the digest of a workflow"
NOON_MS = 1_800_000_000_000 // DAY_MS * DAY_MS + 12 * HOUR_MS

Rng = random.Random

ODD_WORDS = """
    yes no on off null ~ true 1e3 0x1f 2026-01-01 .inf - --- ... % &a *a !!python/object:x << @ ` | { } [ ] [] {} # > '
    " < <> <host> <a.b> 0 -1 99999999999999999999 everyone room me circle starter not and or ( ) \\
"""
ODD_PHRASES = """
    <not joining x>, <number of a.b>, <gone >, < >, 1 to 0, 0 days, 9999 years, from 0 answers, halfway to halfway,
    one of host and host, named by answers to x, holder of, as soon as, half said, is at least, is given, : , ? ,
    been in draft at least 2 times, pulse is in use, <about which>, a role, someone is here
"""
ODD_LETTERS = (
    "\t",
    "é",
    "ß",
    "中文",
    "🙂",
    "\u200b",
    "\u202e",
    "\ufeff",
    "\u2028",
    "\x85",
    "\u0301",
    "ı",
    "﷽",
)
ODD_PIECES = (*ODD_WORDS.split(), *(each.strip("\n ") + " " for each in ODD_PHRASES.split(",")), *ODD_LETTERS)
"""What trips readers of YAML, of the language, and of letters."""


# ── spoiling ─────────────────────────────────────────────────────────────────


def cases(seed: int, sources: Sequence[str]) -> Iterator[str]:
    """Spoilt files without end, always the same ones for a seed."""
    rng = Rng(seed)
    words = sorted({word for text in sources for word in text.split()})
    while True:
        if rng.random() < 0.06:
            yield rng.choice(FROM_NOTHING)(rng)
            continue
        text = rng.choice(sources)
        for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
            text = rng.choice(SPOILERS)(rng, text, words)
        yield text


def sources(*more: str) -> tuple[str, ...]:
    """The files to be spoilt: those that come with Hearth, and ``more``."""
    files = [path for pattern in SOURCES for path in sorted(PROJECT.glob(pattern))]
    pages = [path.read_text(encoding="utf-8") for path in sorted(PROJECT.glob("docs/*.md"))]
    shown = [block for page in pages for block in EXAMPLE.findall(page)]
    return (*(path.read_text(encoding="utf-8") for path in files), *shown, *more)


def _lines(change: Callable[[Rng, list[str], list[str]], None]) -> Callable[[Rng, str, list[str]], str]:
    def spoil(rng: Rng, text: str, words: list[str]) -> str:
        lines = text.split("\n")
        change(rng, lines, words)
        return "\n".join(lines)

    return spoil


@_lines
def _drop_line(rng: Rng, lines: list[str], _: list[str]) -> None:
    del lines[rng.randrange(len(lines))]
    lines[:] = lines or [""]


@_lines
def _repeat_line(rng: Rng, lines: list[str], _: list[str]) -> None:
    lines.insert(rng.randrange(len(lines) + 1), rng.choice(lines))


@_lines
def _swap_lines(rng: Rng, lines: list[str], _: list[str]) -> None:
    a, b = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[a], lines[b] = lines[b], lines[a]


@_lines
def _shift_line(rng: Rng, lines: list[str], _: list[str]) -> None:
    at = rng.randrange(len(lines))
    lines[at] = (
        rng.choice(("  ", " ", "\t", "      ")) + lines[at] if rng.random() < 0.5 else lines[at].lstrip()
    )


@_lines
def _move_block(rng: Rng, lines: list[str], _: list[str]) -> None:
    at = rng.randrange(len(lines))
    block = lines[at : at + rng.randrange(1, 12)]
    del lines[at : at + len(block)]
    to = rng.randrange(len(lines) + 1)
    lines[to:to] = block


@_lines
def _change_word(rng: Rng, lines: list[str], words: list[str]) -> None:
    at = rng.randrange(len(lines))
    pieces = lines[at].split(" ")
    pieces[rng.randrange(len(pieces))] = rng.choice(words) if rng.random() < 0.7 else rng.choice(ODD_PIECES)
    lines[at] = " ".join(pieces)


@_lines
def _change_value(rng: Rng, lines: list[str], words: list[str]) -> None:
    at = rng.randrange(len(lines))
    key, colon, _ = lines[at].partition(":")
    value = " ".join(
        rng.choice((rng.choice(words), rng.choice(ODD_PIECES))) for _ in range(rng.randrange(1, 4))
    )
    lines[at] = f"{key}{colon} {value}"


def _change_letter(rng: Rng, text: str, _: list[str]) -> str:
    at = rng.randrange(len(text) + 1)
    piece = rng.choice((rng.choice(ODD_PIECES), chr(rng.randrange(32, 127)), "", "\n"))
    return text[:at] + piece + text[at + rng.randrange(2) :]


def _cut(rng: Rng, text: str, _: list[str]) -> str:
    at = rng.randrange(len(text) + 1)
    return text[:at] if rng.random() < 0.5 else text[at:]


def _rename(rng: Rng, text: str, words: list[str]) -> str:
    found = [word.strip("[]:,<>.\"'") for word in text.split()]
    found = [word for word in found if word] or ["a"]
    return text.replace(
        rng.choice(found), rng.choice((rng.choice(words), rng.choice(ODD_PIECES))), rng.choice((1, -1))
    )


def _exchange(rng: Rng, text: str, _: list[str]) -> str:
    """One name takes the place of another of the same file, so that the file often stays readable."""
    lines = text.split("\n")
    names = [line.strip(" -").rstrip(":") for line in lines if line.rstrip().endswith(":")] or ["a"]
    at = rng.randrange(len(lines))
    for name in names:
        if name in lines[at]:
            lines[at] = lines[at].replace(name, rng.choice(names), 1)
            break
    return "\n".join(lines)


def _count(rng: Rng, text: str, _: list[str]) -> str:
    at = [n for n, letter in enumerate(text) if letter.isdigit()]
    if not at:
        return text
    place = rng.choice(at)
    return text[:place] + str(rng.choice((0, 1, 2, 5, 40, 700, 10**12))) + text[place + 1 :]


SPOILERS: tuple[Callable[[Rng, str, list[str]], str], ...] = (
    *(_drop_line, _repeat_line, _swap_lines, _shift_line, _move_block, _change_word, _change_value),
    *(_change_letter, _cut, _rename, _exchange, _exchange, _exchange, _count, _count),
)


def _random_letters(rng: Rng) -> str:
    return "".join(
        chr(rng.choice((rng.randrange(0xD800), rng.randrange(128)))) for _ in range(rng.randrange(400))
    )


def _random_bytes(rng: Rng) -> str:
    return rng.randbytes(rng.randrange(600)).decode("utf-8", "replace")


def _nested(rng: Rng) -> str:
    depth = rng.randrange(1, 60)
    return rng.choice(("[" * depth + "]" * depth, "{a: " * depth + "}" * depth, "- " * depth + "a")) + "\n"


def _staircase(rng: Rng) -> str:
    return "\n".join(f"{'  ' * n}a{n}:" for n in range(rng.randrange(1, 60))) + " x\n"


def _huge(rng: Rng) -> str:
    line = rng.choice(
        ("a: b\n", "- a\n", "x" * 500 + "\n", "a, ", "🙂", "<a>", "not ", "(" * 20, "name: x\n")
    )
    return rng.choice(("", "name: x\nabout: y\nstates:\n")) + line * rng.randrange(20_000 // len(line))


def _odd(rng: Rng) -> str:
    return "".join(
        rng.choice((rng.choice(ODD_PIECES), " ", "\n", ": ", "- ", "name")) for _ in range(rng.randrange(120))
    )


FROM_NOTHING: tuple[Callable[[Rng], str], ...] = (
    _random_letters,
    _random_bytes,
    _nested,
    _staircase,
    _huge,
    _odd,
)


# ── what must hold ───────────────────────────────────────────────────────────


def look_at(text: str, seed: int) -> Examined:
    """Examine a file and hold what was found to its promises; a file without errors is played as well.

    Raises:
        AssertionError: a promise is broken.
    """
    examined = examine_text(text, "spoilt.yaml")
    for problem in examined.problems:
        _check_place(problem, text)
    encoded = msgspec.json.encode(examined.problems)
    assert len(msgspec.json.decode(encoded)) == len(examined.problems)
    assert (examined.definition is None) == any(p.severity == "error" for p in examined.problems)
    if examined.definition is not None:
        play(examined.definition, Rng(seed))
    return examined


def _check_place(problem: Problem, text: str) -> None:
    lines = text.split("\n")
    assert 1 <= problem.line <= len(lines) + 1, problem
    length = len(lines[problem.line - 1]) if problem.line <= len(lines) else 0
    assert 1 <= problem.column <= length + 2, problem
    assert problem.code, problem
    assert problem.message, problem


# ── playing a fit file ───────────────────────────────────────────────────────


def play(definition: Definition, rng: Rng, steps: int = STEPS) -> Snapshot | None:
    """Begin a definition and let anything happen that may; returns how it stood at last."""
    now_ms = NOON_MS
    given: dict[str, AnyValue] = {
        name: Picked(AGREED) for name, detail in definition.details.items() if detail.kind == "workflow"
    }
    snapshot = _step(definition, None, Started(PEOPLE[0], given), now_ms, rng)
    for _ in range(steps):
        if snapshot is None or snapshot.finished_ms is not None:
            break
        event, now_ms = _next(definition, snapshot, now_ms, rng)
        snapshot = _step(definition, snapshot, event, now_ms, rng)
        if snapshot is not None:
            _read(definition, snapshot)
    return snapshot


def _read(definition: Definition, snapshot: Snapshot) -> None:
    """Everybody looks at what they carry: it is there while it runs or afterwards, and then it names nobody."""
    public_line(definition, snapshot)
    for who in PEOPLE:
        afterwards = line_afterwards(definition, snapshot, who)
        assert not (lines_carried(definition, snapshot, who) and afterwards), "held, and held no more"
        assert afterwards is None or not any(isinstance(slot, Names) for slot in afterwards.slots.values())


def _step(
    definition: Definition, snapshot: Snapshot | None, event: Event, now_ms: int, rng: Rng
) -> Snapshot | None:
    outside = {part.name: PEOPLE[: rng.randrange(len(PEOPLE))] for part in definition.parts}
    facts = Facts(
        now_ms,
        now_ms,
        PEOPLE,
        instance="i1",
        circle="c1",
        seed=rng.randrange(1 << 32),
        groups=outside,
        in_use=tuple(name for name in workflows_looked_at(definition) if rng.random() < 0.5),
        lately={
            part: {who: now_ms - rng.randrange(90 * DAY_MS) for who in PEOPLE}
            for part in parts_looked_at(definition)
        },
    )
    decided = decide(definition, snapshot, event, facts)
    return decided.snapshot if isinstance(decided, Decision) else snapshot


def _next(definition: Definition, snapshot: Snapshot, now_ms: int, rng: Rng) -> tuple[Event, int]:
    """Something that may happen now, and when."""
    asks = [(name, state) for name, state in snapshot.asks.items() if state.open and not state.settled]
    words = [(who, word) for who, theirs in snapshot.powers.items() for word in theirs]
    chance = rng.random()
    if asks and chance < 0.6:
        name, state = rng.choice(asks)
        who = rng.choice(state.asked or PEOPLE)
        if rng.random() < 0.1:
            return TookBack(name, state.round, who), now_ms
        return _answer(definition, name, state, who, now_ms, rng), now_ms + HOUR_MS
    if words and chance < 0.7:
        who, word = rng.choice(words)
        return Commanded(word, who), now_ms
    if snapshot.children and chance < 0.8:
        child, workflow = rng.choice(sorted(snapshot.children.items()))
        return Ended(child, workflow, rng.choice(("not_started", "closed", "done"))), now_ms
    if chance > 0.98:
        return Left(rng.choice(PEOPLE)), now_ms
    timers = sorted((timer.due_ms, name, timer.entry) for name, timer in snapshot.timers.items())
    if not timers:
        return Left(PEOPLE[0]), now_ms
    due_ms, name, entry = timers[0]
    return Due(name, entry), max(now_ms, due_ms)


def _answer(definition: Definition, name: str, state: AskState, who: Ref, now_ms: int, rng: Rng) -> Answered:
    offered = definition.asks.get(name) or definition.details.get(name.partition(":")[2])
    choices = [choice.id for choice in offered.choices] if offered is not None else []
    value: AnyValue = rng.choice(
        (
            Moment(now_ms + rng.randrange(1, 60 * DAY_MS)),
            Persons(tuple(rng.sample(PEOPLE, rng.randrange(1, 5)))),
            Number(rng.randrange(8)),
            Nothing(),
        )
    )
    said = rng.randrange(3)
    choice = rng.choice((*choices, NO)) if said == 0 or (choices and said == 1) else None
    text = TextId(f"t{rng.randrange(1000)}") if said == 1 else None
    return Answered(name, state.round, who, choice=choice, text=text, value=value if said == 2 else None)


# ── the bench ────────────────────────────────────────────────────────────────


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench; 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m bench.fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 32))
    given = parser.parse_args(arguments)
    print(f"seed {given.seed}, {given.cases} cases", flush=True)
    good, codes, broken = 0, Counter[str](), 0
    slowest_s, began_s = 0.0, time.perf_counter()
    spoilt = cases(given.seed, sources())
    for number in range(given.cases):
        text = next(spoilt)
        case_began_s = time.perf_counter()
        try:
            examined = look_at(text, number)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what this looks for
            broken += 1
            print(f"case {number}: {type(error).__name__}: {error}", flush=True)
            continue
        slowest_s = max(slowest_s, time.perf_counter() - case_began_s)
        good += examined.definition is not None
        codes.update({problem.code for problem in examined.problems})
    took_s = time.perf_counter() - began_s
    print(f"{given.cases / took_s:.0f} cases/s, the slowest took {slowest_s * 1000:.0f} ms")
    print(
        f"good {good}, bad {given.cases - good - broken}, broken {broken}; {len(codes)} different codes were found"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
