"""The house: what deciding needs around it, gathered in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from engine.core.desk import Rhythm
from engine.core.desk_usual import EVERYBODY
from engine.core.limits import USUAL, LimitName, Limits
from engine.core.values import CircleId, PersonId
from engine.runtime.ports import Catalogue, Cellar, Reader, Surroundings
from engine.runtime.practices import Practices


class House:
    """What deciding needs around it."""

    def __init__(
        self,
        cellar: Cellar,
        catalogue: Catalogue,
        reader: Reader,
        surroundings: Surroundings,
        random: Random,
        rhythm: Rhythm = EVERYBODY,
        *,
        practices: Practices | None = None,
        rhythms: Mapping[CircleId, Rhythm] | None = None,
        limits: Limits = USUAL,
        on_limit: Callable[[LimitName, int], None] = lambda _limit, _times: None,
    ) -> None:
        """``rhythms`` are those of the circles, for their people until they say otherwise; ``rhythm`` is everybody
        else's. Without ``practices`` every circle uses everything. ``on_limit`` hears, once it is written, which limit
        was reached and how often; of ``limits`` those are kept here that deciding goes by.
        """
        self.limits = limits.for_deciding
        self.on_limit = on_limit
        self.cellar = cellar
        self.catalogue = catalogue
        self.reader = reader
        self.surroundings = surroundings
        self.random = random
        self.rhythm = rhythm
        self.practices = practices or Practices(catalogue, surroundings, rehearsed=True)
        self._rhythms = dict(rhythms or {})

    def fresh_id(self) -> str:
        """128 random bits as hex."""
        return f"{self.random.getrandbits(128):032x}"

    async def rhythm_of(self, person: PersonId) -> Rhythm:
        """When somebody is written to who has not chosen otherwise: as in the first of their circles, at present."""
        if not self._rhythms:
            return self.rhythm
        circles = await self.surroundings.circles_of(person)
        return next((self._rhythms[each] for each in circles if each in self._rhythms), self.rhythm)
