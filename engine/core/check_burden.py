"""Burden: what is asked is short, can be left, is not asked twice, and is kept no longer than needed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from engine.core.check_chart import USUAL_UNTIL, Chart
from engine.core.definition import (
    AskDef,
    AtMoment,
    Definition,
    MoveDef,
    OnClosed,
    OnGathered,
    StateDef,
)
from engine.core.finding import Finding, Path
from engine.core.survey import sayings
from engine.core.values import DAY_MS, Ms

SCREEN_LENGTH = 600
"""Characters that fit a phone screen, choices included."""
LONGEST_KEPT_DAYS = 400
FOR_EVER_DAYS = 36_500
LEAST_BETWEEN_MS = 5 * DAY_MS
"""Asking the same again sooner than this is a reminder, and there is one already."""


def check_burden(chart: Chart) -> Iterator[Finding]:
    """Find what would weigh on people."""
    definition = chart.definition
    for ask in definition.asks.values():
        yield from _answerable(ask)
    yield from _kept(definition)
    yield from _lengths(definition)
    yield from _same_words(definition)
    yield from _soon_again(chart)
    yield from _roles(chart)


# ── answering ────────────────────────────────────────────────────────────────


def _answerable(ask: AskDef) -> Iterator[Finding]:
    path: Path = ("asks", ask.name)
    if not ask.choices and not ask.words and ask.naming is None:
        yield Finding(
            (*path, "answers"),
            "no-answer",
            f"`{ask.name}` cannot be answered",
            "add `answers:`, or `answers: in words`",
        )
    if ask.every_ms is None:
        return
    until = ask.until or USUAL_UNTIL
    if until.base == "opening" and until.offset_ms > ask.every_ms:
        yield Finding(
            (*path, "every"),
            "overlapping",
            f"`{ask.name}` would be asked again while it is still open",
            "let it close sooner, or ask less often",
        )
    if ask.every_ms < LEAST_BETWEEN_MS:
        yield _reminds((*path, "every"), ask.name)


# ── keeping, length ──────────────────────────────────────────────────────────


def _kept(definition: Definition) -> Iterator[Finding]:
    for detail in definition.details.values():
        if detail.kind == "words":
            yield from _end_date(("details", detail.name), detail.name, detail.keep_days)
    for ask in definition.asks.values():
        if ask.words or ask.question_to is not None:
            yield from _end_date(("asks", ask.name), ask.name, ask.keep_days)


def _end_date(path: Path, name: str, days: int | None) -> Iterator[Finding]:
    hint = "write for example `keep: 90 days`; they count from the day the workflow ends"
    if days is None or days >= FOR_EVER_DAYS:
        message = f"the words of `{name}` are kept without an end date"
        yield Finding((*path, "keep"), "no-end-date", message, hint)
    elif days > LONGEST_KEPT_DAYS:
        message = f"the words of `{name}` are kept for more than {LONGEST_KEPT_DAYS} days"
        yield Finding((*path, "keep"), "kept-too-long", message, hint)


def _lengths(definition: Definition) -> Iterator[Finding]:
    wordings = {"": definition.texts, **definition.translations}
    seen: set[tuple[str, str]] = set()
    for saying in sayings(definition):
        for language, texts in wordings.items():
            if (saying.key, language) in seen:
                continue
            seen.add((saying.key, language))
            whole = definition.texts | texts
            length = len(whole.get(saying.key, "")) + _labels_length(
                definition, saying.owner, saying.key, whole
            )
            if length > SCREEN_LENGTH:
                here = f" in the language `{language}`" if language else ""
                yield Finding(
                    saying.path,
                    "too-long",
                    f"{length} characters{here} are more than a phone screen holds",
                    f"say it in {SCREEN_LENGTH} or fewer, answers included",
                )


def _labels_length(definition: Definition, owner: str | None, key: str, texts: dict[str, str]) -> int:
    """How much the answers add to a question: each its label, a sign and a line's end."""
    ask = definition.asks.get(owner or "")
    if ask is None or key != f"{ask.name}.say":
        return 0
    return sum(len(texts.get(f"{ask.name}.{c.id}", "")) + 4 for c in ask.choices)


# ── one reminder at most ─────────────────────────────────────────────────────


def _same_words(definition: Definition) -> Iterator[Finding]:
    """The same question in the same words to the same people is the same question again."""
    first: dict[tuple[object, str], str] = {}
    for ask in definition.asks.values():
        said = " ".join(definition.texts.get(f"{ask.name}.say", "").casefold().split())
        if not said:
            continue
        other = first.setdefault((ask.to, said), ask.name)
        if other != ask.name and other not in ask.replaces:
            yield Finding(
                ("asks", ask.name, "say"),
                "second-reminder",
                f"this asks the same people the same as `{other}`, and one reminder comes by itself",
                f"leave it out, or write `takes the place of: {other}` if something has changed",
                rests_on=(("asks", other),),
            )


def _soon_again(chart: Chart) -> Iterator[Finding]:
    for name, state in chart.states.items():
        asked = [each for each in state.asks if each in chart.definition.asks]
        if not asked or name not in chart.reached:
            continue
        soonest = _soonest_back(chart, name)
        if (
            soonest is not None and 0 < soonest < LEAST_BETWEEN_MS
        ):  # at once: that is a circle, and said as such
            yield _reminds(("states", name, "asks"), asked[0])


def _reminds(path: Path, ask: str) -> Finding:
    return Finding(
        path,
        "second-reminder",
        f"`{ask}` would be asked again within days, and one reminder comes by itself",
        f"let at least {LEAST_BETWEEN_MS // DAY_MS} days pass before it is asked again",
        word=ask,
    )


def _soonest_back(chart: Chart, name: str) -> Ms | None:
    """How soon time alone leads from a state back to it; None if it does not."""
    queue = [(_passes(chart, move), move.to) for move in _by_time(chart, name)]
    heapq.heapify(queue)
    seen: set[str] = set()
    while queue:
        passed_ms, here = heapq.heappop(queue)
        if here == name:
            return passed_ms
        if here in seen:
            continue
        seen.add(here)
        for move in _by_time(chart, here):
            heapq.heappush(queue, (passed_ms + _passes(chart, move), move.to))
    return None


def _by_time(chart: Chart, name: str) -> list[MoveDef]:
    state = chart.states[name]
    return [m for m in state.moves if m.to in chart.states and isinstance(m.on, AtMoment | OnClosed)]


def _passes(chart: Chart, move: MoveDef) -> Ms:
    match move.on:
        case AtMoment(moment=moment) if moment.base == "entering":
            return max(moment.offset_ms, 0)
        case OnClosed(ask=name) if (ask := chart.definition.asks.get(name)) is not None:
            until = ask.until or USUAL_UNTIL
            return max(until.offset_ms, 0) if until.base == "opening" else 0
        case _:
            return 0


# ── roles end ────────────────────────────────────────────────────────────────


def _roles(chart: Chart) -> Iterator[Finding]:
    """Whatever stands in ``who holds what`` runs towards a day that was agreed on."""
    definition = chart.definition
    held = [
        state
        for state in chart.states.values()
        if state.public is not None
        and (state.public_shelf or definition.shelf) == "holds"
        and state.name in chart.reached
    ]
    if not held:
        return
    if not any(_ends_on_a_day(definition, state) for state in held):
        yield Finding(
            ("listed in",),
            "role-without-end",
            "a role would be held without an end date",
            "add a detail `ends` with `type: date and time`, and a move `at: ends`",
        )
        return
    names = {state.name for state in held}
    for state in held:
        around = chart.reach(_open_ended(chart, state.name, names), lambda n: _open_ended(chart, n, names))
        if state.name in around:
            yield Finding(
                ("states", state.name),
                "role-without-end",
                f"a role could be held in `{state.name}` again and again without an end date",
                "add a move `at:` the day it ends, or ask for a new one on the way",
            )


def _open_ended(chart: Chart, name: str, held: set[str]) -> list[str]:
    """Where one may go on holding from here without passing a day that was agreed on."""
    state = chart.states[name]
    if _ends_on_a_day(chart.definition, state):
        return []
    return [to for to in chart.targets(name) if to in held]


def _ends_on_a_day(definition: Definition, state: StateDef) -> bool:
    dated = {d.name for d in definition.details.values() if d.kind == "moment" and not d.optional}
    at = any(isinstance(move.on, AtMoment) and move.on.moment.base in dated for move in state.moves)
    anew = any(isinstance(move.on, OnGathered) for move in state.moves) and bool(dated & {*state.gather})
    return at or anew
