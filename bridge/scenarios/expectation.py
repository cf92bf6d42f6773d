"""Expectations: what should be true after something has been played."""

from __future__ import annotations

from typing import Literal

import msgspec

from engine.loading.problem import Place

Reach = Literal["now", "ever"]
"""``now``: in what came since the latest ``when`` began; ``ever``: in everything since the play began."""


class StandsIn(msgspec.Struct, frozen=True, tag="stands_in"):
    """``state: accepted``"""

    state: str


class HasEnded(msgspec.Struct, frozen=True, tag="has_ended"):
    """``ended: It was called off.``"""

    outcome: str


class Sees(msgspec.Struct, frozen=True, tag="sees"):
    """``bruno sees: It's on``, ``the room does not see: Bruno``, ``chen never saw: Bruno``; no name: the room."""

    who: str | None
    text: str
    expected: bool = True
    reach: Reach = "now"


class OnlySees(msgspec.Struct, frozen=True, tag="only_sees"):
    """``nobody but ana sees: Bruno``, ``nobody sees: Bruno``: neither anybody else nor the room."""

    but: tuple[str, ...]
    text: str


class IsAsked(msgspec.Struct, frozen=True, tag="is_asked"):
    """``bruno is asked: personal``: the question lies before them, unanswered."""

    who: str
    ask: str
    expected: bool = True


class Gets(msgspec.Struct, frozen=True, tag="gets"):
    """``bruno gets: 2 messages``: new ones since the latest ``when`` began; edits make no sound and do not count."""

    who: str | None
    count: int


class PartIs(msgspec.Struct, frozen=True, tag="part_is"):
    """``coming: bruno and chen``: who a part is now."""

    part: str
    who: frozenset[str]


Expectation = StandsIn | HasEnded | Sees | OnlySees | IsAsked | Gets | PartIs


class Expected(msgspec.Struct, frozen=True):
    """An expectation, how it was written, and where."""

    expectation: Expectation
    written: str
    place: Place
