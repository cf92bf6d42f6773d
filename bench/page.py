"""Writes what was measured into docs/bench.md: each table stands between two comments, and comes from a run.

Beside the page lies what the run printed (docs/bench/), with the day and the kind of machine.
"""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.growth import picture

DOCS = Path(__file__).parent.parent / "docs"
PAGE = DOCS / "bench.md"
FIGURES = DOCS / "bench"

Result = dict[str, Any]
Row = Sequence[object]


def machine() -> str:
    """What kind of machine this is."""
    return f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}"


def write(what: str, result: Result) -> None:
    """Keep what was measured, and show it on the page."""
    FIGURES.mkdir(exist_ok=True)
    noted = {"day": datetime.now(UTC).date().isoformat(), "machine": machine()} | result
    (FIGURES / f"{what}.json").write_text(json.dumps(noted, indent=2) + "\n")
    if what == "growth":
        (FIGURES / "growth.svg").write_text(picture(noted))
    PAGE.write_text(renewed(PAGE.read_text(), what, noted))


def renewed(page: str, what: str, noted: Result) -> str:
    """The page with the table of one bench as it is now."""
    begin, end = f"<!-- {what} -->", f"<!-- /{what} -->"
    table = "\n".join(TABLES[what](noted))
    text = f"{begin}\n\n{table}\n\nMeasured {noted['day']}: {noted['machine']}.\n\n{end}"
    changed, times = re.subn(f"{begin}.*?{end}", lambda _: text, page, flags=re.DOTALL)
    assert times == 1, f"{PAGE.name} has no place for {what}: it needs {begin} and {end}"
    return changed


def table(head: Row, rows: Iterable[Row]) -> list[str]:
    """A table in Markdown; numbers to the right."""
    lines = [f"| {' | '.join(map(str, head))} |", f"|---|{'---:|' * (len(head) - 1)}"]
    return [*lines, *(f"| {' | '.join(map(_shown, row))} |" for row in rows)]


def _shown(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _engine(noted: Result) -> list[str]:
    rows: list[Row] = []
    measured = [noted[store] for store in ("sqlite", "postgres") if noted[store]]
    for each in measured:
        rows += [
            (f"Hearth on {each['store']}", each["ours_per_s"], ""),
            (each["floor"], each["floor_per_s"], each["ratio"]),
        ]
        if "peer" in each:
            rows.append((each["peer"], each["peer_per_s"], each["peer_ratio"]))
    alone = "; ".join(f"{each['store']}: {each['alone_p50_ms']} ms" for each in measured)
    return [
        *table((f"{noted['callers']} callers", "events/s", "Hearth against it"), rows),
        "",
        f"One caller alone waits for an event, at the median: {alone}. Deciding is {noted['decide_us']} µs of it.",
    ]


def _size(noted: Result) -> list[str]:
    head = (
        "waiting instances, a timer each",
        "claim of 100 due timers, ms",
        "times the smallest",
        "events/s",
        "cost, times the smallest",
        "start, s",
        "resident, MB",
    )
    empty = noted["empty"]
    rows: list[Row] = [("none", "", "", "", "", empty["start_s"], empty["resident_mb"])]
    rows += [
        (
            each["instances"],
            each["claim_ms"],
            each["claim_ratio"],
            each["events_per_s"],
            each["event_ratio"],
            each["start_s"],
            each["resident_mb"],
        )
        for each in noted["sizes"]
    ]
    return table(head, rows)


def _growth(noted: Result) -> list[str]:
    people = table(
        ("people asked", "asking them all, ms", "an answer alone, ms", "one of 64 together, ms"),
        [
            (each["people"], each["asking_ms"], each["answer_alone_ms"], each["answer_together_ms"])
            for each in noted["by_people"]
        ],
    )
    answers = table(
        ("answers given before, by ten people", "the next one, ms"),
        [(each["answers"], each["answer_alone_ms"]) for each in noted["by_answers"]],
    )
    return ["![What an answer costs](bench/growth.svg)", "", *people, "", *answers]


TABLES: dict[str, Callable[[Result], list[str]]] = {
    "engine": _engine,
    "size-sqlite": _size,
    "size-postgres": _size,
    "growth": _growth,
}
