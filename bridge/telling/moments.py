"""Moments as somebody would say them, with the names the file gives its dates."""

from __future__ import annotations

from bridge.telling.lexis import duration_in_words, named
from engine.core.definition import MomentExpr


def moment_in_words(expr: MomentExpr) -> str:
    """A point in time: ``a day before starts``, ``a week after this begins``, ``halfway to ends``."""
    base = _base(expr.base)
    if expr.halfway:
        base = f"halfway to {base}"
    if not expr.offset_ms:
        return base
    side = "before" if expr.offset_ms < 0 else "after"
    return f"{duration_in_words(abs(expr.offset_ms))} {side} {base}"


def until_in_words(expr: MomentExpr | None, otherwise_ms: int) -> str:
    """How long something lasts: ``until a day before starts``, ``for a week``."""
    if expr is None:
        return f"for {duration_in_words(otherwise_ms)}"
    if _is_lapse(expr) and expr.offset_ms > 0:
        return f"for {duration_in_words(expr.offset_ms)}"
    return f"until {moment_in_words(expr)}"


def at_in_words(moment: MomentExpr) -> str:
    """The coming of a moment: ``after a week``, ``a day before starts``, ``at starts``."""
    if _is_lapse(moment):
        return f"after {duration_in_words(moment.offset_ms)}" if moment.offset_ms > 0 else "at once"
    return moment_in_words(moment) if moment.offset_ms or moment.halfway else f"at {named(moment.base)}"


def _is_lapse(moment: MomentExpr) -> bool:
    return moment.base in ("entering", "opening") and not moment.halfway


def _base(base: str) -> str:
    return {"entering": "this begins", "opening": "the question is put"}.get(base) or named(base)
