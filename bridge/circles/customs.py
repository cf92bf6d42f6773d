"""What holds in each circle, and for its people as far as they have not said otherwise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bridge.plan import CirclePlan, Plan
from engine.core.desk import Rhythm
from engine.core.values import CircleId


class Customs:
    """Looked up by circles: somebody's, in their order, or the one of a shared room. Without any, the house's own."""

    def __init__(self, plan: Plan, circles: Mapping[CircleId, CirclePlan]) -> None:
        self._circles = dict(circles)
        self._language = plan.language
        self._time_zone = plan.time_zone
        self.rhythm = Rhythm(plan.time_zone, plan.quiet_from_hour, plan.quiet_to_hour)
        """That of whoever is in no circle."""
        self.rhythms = {
            circle: Rhythm(each.time_zone, each.quiet_from_hour, each.quiet_to_hour)
            for circle, each in circles.items()
        }

    def _of(self, circles: Sequence[CircleId]) -> list[CirclePlan]:
        return [self._circles[circle] for circle in circles if circle in self._circles]

    def rhythm_in(self, circles: Sequence[CircleId]) -> Rhythm:
        """When people are written to in the first of these circles."""
        return next((self.rhythms[circle] for circle in circles if circle in self.rhythms), self.rhythm)

    def language(self, circles: Sequence[CircleId]) -> str:
        """The language of the first of these circles."""
        return next((each.language for each in self._of(circles)), self._language)

    def time_zone(self, circles: Sequence[CircleId]) -> str:
        """The time zone of the first of these circles."""
        return next((each.time_zone for each in self._of(circles)), self._time_zone)

    def outside_help(self, circles: Sequence[CircleId]) -> str:
        """Whom to call in danger: what any of these circles names; without any of them, what the others name."""
        found = self._of(circles) or list(self._circles.values())
        return ", ".join(dict.fromkeys(each.outside_help for each in found if each.outside_help))
