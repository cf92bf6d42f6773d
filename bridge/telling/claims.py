"""Conditions in plain English, said of people where a part counts exactly those who are meant."""

from __future__ import annotations

from typing import Protocol, assert_never

from bridge.telling.lexis import (
    duration_in_words,
    is_group,
    is_made,
    is_one,
    is_trait,
    joined,
    label,
    named,
    number_in_words,
    part_in_words,
    quoted,
    share_in_words,
    spoken,
    times_in_words,
)
from engine.core.definition import (
    AllOf,
    AnyOf,
    AskedLately,
    BeenIn,
    Circle,
    Condition,
    CountOf,
    Definition,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    InUse,
    NotThat,
    Op,
    Part,
    ShareSaid,
    Who,
)

_BOUNDS: dict[Op, str] = {
    ">=": "at least",
    "<=": "at most",
    ">": "more than",
    "<": "fewer than",
    "==": "exactly",
}
_AS_MANY: dict[Op, str] = {
    ">=": "at least as many as",
    "<=": "no more than",
    ">": "more than",
    "<": "fewer than",
    "==": "exactly as many as",
}
_OPPOSITE: dict[Op, Op] = {">=": "<", "<": ">=", ">": "<=", "<=": ">", "==": "=="}


class Speaks(Protocol):
    """What calls people and answers by their names."""

    @property
    def definition(self) -> Definition: ...
    @property
    def cast(self) -> dict[str, str]: ...
    def who(self, who: Who) -> str: ...
    def said(self, given: tuple[tuple[str, str], ...], *, by: Who | None = None) -> str: ...


def claim_in_words(teller: Speaks, condition: Condition, *, denied: bool) -> str:
    """What must hold, or (``denied``) what must not, so that no sentence begins with "it is not true that"."""
    match condition:
        case NotThat(that=that):
            return claim_in_words(teller, that, denied=not denied)
        case AllOf(those=those):
            return _several(teller, those, "or" if denied else "and", denied=denied)
        case AnyOf(those=those):
            return _several(teller, those, "and" if denied else "or", denied=denied)
        case CountOf():
            return _count(teller, condition, denied=denied)
        case EveryoneSaid(ask=ask, choice=choice):
            return _all_said(teller, ask, choice, denied=denied)
        case ShareSaid(ask=ask, choice=choice, percent=percent):
            bound = "fewer than" if denied else "at least"
            return f"{bound} {share_in_words(percent)} of those asked said {teller.said(((ask, choice),))}"
        case DetailIs(detail=detail, choice=choice):
            return _detail_is(teller.definition, detail, choice, denied=denied)
        case DetailGiven(detail=detail):
            return _is_given(teller.definition, detail, denied=denied)
        case BeenIn(state=state, op=op, times=times):
            if op == ">=" and times == 1:
                return f"{quoted(spoken(state))} has {'never ' if denied else ''}been reached"
            bound = _BOUNDS[_OPPOSITE[op] if denied else op]
            unlike = "not " if denied and op == "==" else ""
            return f"{quoted(spoken(state))} has {unlike}been reached {bound} {times_in_words(times)}"
        case InUse(workflow=workflow):
            return f"{quoted(spoken(workflow))} is {'not ' if denied else ''}in use in the circle"
        case AskedLately(part=part, within_ms=within_ms):
            asked = f"{teller.who(Part(part))} was {'not ' if denied else ''}asked in an earlier one"
            return f"{asked} by the same person within the last {duration_in_words(within_ms)}"
        case _:
            assert_never(condition)


def _several(teller: Speaks, those: tuple[Condition, ...], last: str, *, denied: bool) -> str:
    said = []
    for each in those:
        words = claim_in_words(teller, each, denied=denied)
        if isinstance(each, AllOf | AnyOf) and len(each.those) > 1:
            inner = "or" if isinstance(each, AnyOf) != denied else "and"
            if inner != last:
                words = f"{'either' if inner == 'or' else 'both'} {words}"
        said.append(words)
    return joined(said, last)


def _all_said(teller: Speaks, ask: str, choice: str, *, denied: bool) -> str:
    asked = _asked(teller.definition, ask)
    if is_one(teller.definition, asked):
        said = teller.said(((ask, choice),), by=asked)
        return f"{teller.who(asked)} {'did not say' if denied else 'said'} {said}"
    return f"{'not ' if denied else ''}everyone who was asked said {teller.said(((ask, choice),))}"


def _asked(definition: Definition, ask: str) -> Who:
    known = definition.asks.get(ask)
    return known.to if known is not None else Circle()


def _detail_is(definition: Definition, detail: str, choice: str, *, denied: bool) -> str:
    if detail == definition.reach and choice in ("everyone", "named"):
        return (
            "it is for everyone"
            if (choice == "everyone") != denied
            else "it is only for people who are named"
        )
    return f"{named(detail)} is {'not ' if denied else ''}{quoted(label(definition, detail, choice))}"


def _is_given(definition: Definition, detail: str, *, denied: bool) -> str:
    known = definition.details.get(detail)
    if known is not None and known.kind == "person":
        return f"{'nobody' if denied else 'someone'} is named as {named(detail)}"
    if known is not None and known.kind == "people":
        return f"no {named(detail)} are named" if denied else f"{named(detail)} are named"
    return f"{named(detail)} is {'left open' if denied else 'given'}"


# ── how many ─────────────────────────────────────────────────────────────────


def _count(teller: Speaks, count: CountOf, *, denied: bool) -> str:
    op = _OPPOSITE[count.op] if denied else count.op
    unlike = "not " if denied and count.op == "==" and count.bound != 0 else ""
    there = _whether(op, count.bound)
    if denied and count.op == "==" and count.bound == 0:
        there = True
    part = _part_counted(teller.definition, count.terms)
    if part is not None:
        return _part_count(
            teller, part, there, f"{unlike}{_how_many(op, count.bound)}", single=count.bound == 1
        )
    asked = {ask: _asked(teller.definition, ask) for ask, _ in count.terms}
    if there is not None and len(asked) == 1 and is_one(teller.definition, who := next(iter(asked.values()))):
        return f"{teller.who(who)} {'said' if there else 'did not say'} {teller.said(count.terms, by=who)}"
    many = f"{unlike}{_how_many(op, count.bound)}" if there is None else ("anyone" if there else "nobody")
    return f"{many} said {teller.said(count.terms)}"


def _part_count(teller: Speaks, part: str, there: bool | None, many: str, *, single: bool) -> str:
    if is_trait(teller.definition, part):
        if there is not None:
            return f"{'anyone' if there else 'nobody'} is {spoken(part)}"
        return f"{many} {'is' if single else 'are'} {spoken(part)}"
    if there is not None and part in teller.cast:
        return f"{teller.cast[part]} is {'' if there else 'not '}the {spoken(part)}"
    if there is not None and is_one(teller.definition, Part(part)):
        return f"there is {'a' if there else 'no'} {spoken(part)}"
    if is_group(part):
        who = many if there is None else ("anyone" if there else "nobody")
        verb = "are" if there is None and not single else "is"
        return f"{who} {verb} in {part_in_words(teller.definition, part)}"
    if there is not None:
        return f"there are {'any' if there else 'no'} {spoken(part)}"
    return f"there {'is' if single else 'are'} {many} {spoken(part)}"


def _whether(op: Op, bound: int | str) -> bool | None:
    """Whether a count only asks if there is anybody (True) or nobody (False); None for a real number."""
    if (op, bound) in ((">=", 1), (">", 0)):
        return True
    if (op, bound) in (("<", 1), ("<=", 0), ("==", 0)):
        return False
    return None


def _how_many(op: Op, bound: int | str) -> str:
    if isinstance(bound, str):
        return f"{_AS_MANY[op]} {quoted(spoken(bound))}"
    return f"{_BOUNDS[op]} {number_in_words(bound)}"


def _part_counted(definition: Definition, terms: tuple[tuple[str, str], ...]) -> str | None:
    """The part whose people are exactly those who gave these answers."""
    for part in definition.parts:
        if part.sources and len(part.answered) == len(part.sources) and not is_made(part.name):
            theirs = {(by.ask, choice) for by in part.answered for choice in by.choices}
            if theirs == set(terms):
                return part.name
    return None
