"""Carried: who holds what and when, and what may be shown of it afterwards."""

from __future__ import annotations

from collections.abc import Iterator

from engine.core.check_known import Known
from engine.core.definition import CarriedDef, Definition
from engine.core.finding import Finding, Path
from engine.core.survey import gaps_of, read_gap


def check_carried(definition: Definition) -> Iterator[Finding]:
    """Find what nobody would ever be seen to carry, and what would say more of others than is theirs to show."""
    yield from _Carried(definition).all()


class _Carried(Known):
    """What people of one definition's parts carry."""

    def all(self) -> Iterator[Finding]:
        """Each by itself."""
        for index, carried in enumerate(self._definition.carried):
            path: Path = ("carried", str(index))
            yield from self._part((*path, "by"), carried.part)
            yield from self._lasts(path, carried)
            yield from self._ends(path, carried)
            if carried.text is None and carried.after is None:
                yield Finding(
                    path,
                    "says-nothing",
                    "nothing is ever said of this",
                    "add `say:` for as long as it runs, or `afterwards:`",
                )
            if carried.after is not None:
                yield from self._shown(path, carried.after)

    def _lasts(self, path: Path, carried: CarriedDef) -> Iterator[Finding]:
        yield from self._each((*path, "while"), carried.states, self._state)
        for index, name in enumerate(carried.states):
            if name in self._states and self._states[name].final:
                yield Finding(
                    (*path, "while", str(index)),
                    "carried-state",
                    f"`{name}` is an end, and nothing is carried any more once it has ended",
                    "write `afterwards:` and `after:` for what is said then",
                    word=name,
                )

    def _ends(self, path: Path, carried: CarriedDef) -> Iterator[Finding]:
        yield from self._each((*path, "after"), carried.after_states, self._state)
        for index, name in enumerate(carried.after_states):
            if name in self._states and not self._states[name].final:
                yield Finding(
                    (*path, "after", str(index)),
                    "carried-state",
                    f"`{name}` is no end, so nothing comes after it",
                    f"write `while: {name}` for what is said meanwhile, or name an end",
                    word=name,
                )

    def _shown(self, path: Path, key: str) -> Iterator[Finding]:
        """Whoever carried it may show the line to the circle: it is about nobody else, and about no answers."""
        for written in gaps_of(self._definition, key):
            gap = read_gap(written)
            detail = self._details.get(gap.name) if gap.kind in ("name", "about") else None
            is_known = detail is not None or gap.name in (*self._parts, *self._asks)
            if is_known and (detail is None or detail.kind in ("person", "people")):
                yield Finding(
                    (*path, "afterwards"),
                    "names-others",
                    f"`<{written}>` would tell the circle of others, where somebody shows what they carried",
                    "say only what it was: name nobody, and no answers",
                    word=written,
                )
