"""Moments: from what a file says (``1 day before starts``) to a point in time."""

from __future__ import annotations

from collections.abc import Mapping

from engine.core.definition import MomentExpr
from engine.core.values import AnyValue, Moment, Ms


def resolve(
    expr: MomentExpr,
    details: Mapping[str, AnyValue],
    *,
    entered_ms: Ms,
    opened_ms: Ms,
) -> Ms | None:
    """The point in time that an expression means now; None while the detail it refers to is missing."""
    match expr.base:
        case "entering":
            base_ms = entered_ms
        case "opening":
            base_ms = opened_ms
        case name:
            value = details.get(name)
            if not isinstance(value, Moment):
                return None
            base_ms = value.at_ms
    if expr.halfway:
        base_ms = (entered_ms + base_ms) // 2
    return base_ms + expr.offset_ms
