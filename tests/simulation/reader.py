"""How the people of a play write: plainly, in words that say what they mean, ``pick=coming|words=mark7x``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from engine.core.desk import Command, Desk, Reading
from engine.core.desk_commands import OWN_WORDS
from engine.core.parcel import Target
from engine.core.values import CircleId, Ms, PersonId, TextId
from engine.runtime.ports import Spoken

BOOM = "boom"
"""Nobody can read this: it is set aside."""


class PlainReader:
    """Implements ``engine.runtime.ports.Reader``."""

    def __init__(self, persons: Mapping[str, PersonId]) -> None:
        """``persons``: the people by name, as they are known at present."""
        self._persons = persons

    def read(
        self,
        spoken: Spoken,
        desk: Desk,
        target: Target | None,
        words: Iterable[str],
        now_ms: Ms,
        circles: Sequence[CircleId] = (),
    ) -> tuple[Reading, str]:
        if BOOM in spoken.body:
            raise ValueError
        said = dict(part.split("=", 1) for part in spoken.body.split("|"))
        kept = said.get("words", "")
        if "cmd" in said and (said["cmd"] in OWN_WORDS or said["cmd"] in words):
            return Reading(command=self._command(said, kept)), kept
        choice, number = said.get("pick", "no" if "no" in said else None), said.get("number")
        at_ms = said.get("at")
        named = self._named(said)
        picks = {}
        if choice is not None:
            picks = {p.row: choice for p in desk.prompts if not p.settled and choice in dict(p.choices)}
            if target is not None and choice in dict(target.choices):
                picks[target.row] = choice
        return (
            Reading(
                picks=picks,
                people=named,
                number=int(number) if number is not None else None,
                moment_ms=int(at_ms) if at_ms is not None else None,
                empty="none" in said,
                declines="no" in said,
                worded=tuple(picks) if kept else (),
            ),
            kept,
        )

    def _command(self, said: Mapping[str, str], kept: str) -> Command:
        until, hours = said.get("until"), said.get("hours")
        return Command(
            said["cmd"],
            people=self._named(said),
            everyone="everyone" in said,
            rest=TextId("something") if kept else None,
            until_ms=int(until) if until is not None else None,
            workflow=said.get("workflow"),
            zone=said.get("zone"),
            hours=(int(hours), 8) if hours is not None else None,
        )

    def _named(self, said: Mapping[str, str]) -> tuple[PersonId, ...]:
        names = said.get("people", "").split()
        return tuple(self._persons[name] for name in names if name in self._persons)
