"""Promises: on which dates the steps stand, until when a yes is good, and who hears that it is called off."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from engine.core.definition import AnsweredBy, AskDef, AtMoment, DetailDef, MomentExpr, Part
from engine.loading.draft import Draft
from engine.loading.rests import Rest


class Promises:
    """What the rests of one file have to do with dates, and with what people said yes to."""

    def __init__(self, draft: Draft, rests: Sequence[Rest], gathered: Sequence[str]) -> None:
        self._rests = rests
        self._details: Mapping[str, DetailDef] = draft.details
        self._gaps: Mapping[str, tuple[str, ...]] = draft.read.gaps
        self._only_answers = draft.only_answers
        self._host = Part(draft.starter)
        self._gathered = gathered
        self.asks: dict[str, AskDef] = {}
        """The asks of the steps, each with how long its yes is good for."""
        for at, rest in enumerate(rests):
            if rest.ask is not None:
                self.asks[rest.ask.name] = self._lasting(at, rest.ask)

    def date_of(self, at: int, ask: AskDef) -> str | None:
        """The date that an ask is about: the one it closes by, is waited for afterwards, or speaks of."""
        said = self._gaps.get(f"{ask.name}.say", ())
        bases = [ask.until.base if ask.until else "", self._waited_for(at) or "", *said]
        roots = (self._root(base) for base in bases)
        return next((root for root in roots if root is not None), None)

    def _root(self, base: str) -> str | None:
        """The date, asked for, from which a date is reckoned."""
        for _ in range(len(self._details) + 1):
            detail = self._details.get(base)
            if detail is None or detail.kind != "moment":
                return None
            if detail.default_moment is None:
                return base if base in self._gathered else None
            base = detail.default_moment.base
        return None

    def bases(self) -> Iterator[str]:
        """The dates that the steps stand on."""
        for at, rest in enumerate(self._rests):
            root = self.date_of(at, rest.ask) if rest.ask is not None else self._waited_for(at - 1, here=True)
            if root is not None and (found := self._root(root)) is not None:
                yield found

    # ── what a yes is good for ───────────────────────────────────────────────
    def _waits(self, at: int) -> int | None:
        """The next wait after a rest that stands on a date."""
        for later, rest in enumerate(self._rests[at + 1 :], start=at + 1):
            if isinstance(rest.until, AtMoment) and rest.until.moment.base in self._details:
                return later
        return None

    def _waited_for(self, at: int, *, here: bool = False) -> str | None:
        later = self._waits(at)
        if later is None or (here and later != at + 1):
            return None
        until = self._rests[later].until
        return until.moment.base if isinstance(until, AtMoment) else None

    def _lasting(self, at: int, ask: AskDef) -> AskDef:
        """An ask whose yes may still become a no until the date that is waited for."""
        date = self._waited_for(at)
        if date is None or ask.changeable_until is not None or not ask.choices or ask.to == self._host:
            return ask
        return replace(ask, changeable_until=MomentExpr(date))

    def kept(self, at: int) -> tuple[str, ...]:
        """Earlier asks in which answers may still change in a rest."""
        return tuple(
            rest.ask.name
            for early, rest in enumerate(self._rests[:at])
            if rest.ask is not None
            and self.asks[rest.ask.name].changeable_until is not None
            and at <= (self._waits(early) or len(self._rests))
        )

    def promised(self, at: int) -> tuple[str, ...]:
        """The asks to which a yes means that somebody keeps a date free, as things stand in a rest."""
        own = self._rests[at].ask
        held = (*self.kept(at), *((own.name,) if own is not None else ()))
        return tuple(name for name in held if self.asks[name].changeable_until is not None)

    def told_if_off(self, at: int) -> tuple[str, ...]:
        """The asks whose yes and maybe hear that it is called off: what was asked first, and still matters."""
        if self._rests[at].comes_round:
            return ()
        found: list[str] = []
        for early, rest in enumerate(self._rests[: at + 1]):
            if rest.ask is None or not rest.ask.choices or rest.ask.to == self._host:
                continue
            of_others = isinstance(rest.ask.to, AnsweredBy) or (
                isinstance(rest.ask.to, Part) and rest.ask.to.name in self._only_answers
            )
            until = self._waits(early)
            if not of_others and (until is None or at <= until):
                found.append(rest.ask.name)
        return tuple(found)
