"""What somebody has chosen of when they are written to, and what holds for whoever has not: as in their circle."""

from __future__ import annotations

from msgspec.structs import replace

from engine.core.desk import Desk, OwnRhythm, Rhythm

EVERYBODY = Rhythm()
"""As it is where neither a circle nor the house says otherwise."""


def rhythm_of(desk: Desk, usual: Rhythm) -> Rhythm:
    """When this person may be written to; ``usual``: as it is in their circle at present."""
    own = sorted_out(desk, usual).own_rhythm
    begins, ends = own.quiet_hours or (usual.quiet_from_hour, usual.quiet_to_hour)
    return Rhythm(own.time_zone or usual.time_zone, begins, ends, own.paused_until_ms)


def sorted_out(desk: Desk, usual: Rhythm) -> Desk:
    """The desk with what was chosen told apart, where it comes from a time when all of it was kept alike: whatever
    is as in the circle now was not chosen, and follows it from here on (decision 0033).
    """
    kept = desk.rhythm
    if kept is None:
        return desk
    hours, usual_hours = _hours(kept), _hours(usual)
    own = OwnRhythm(
        None if kept.time_zone == usual.time_zone else kept.time_zone,
        None if hours == usual_hours else hours,
        kept.paused_until_ms,
    )
    return replace(desk, rhythm=None, own_rhythm=own)


def _hours(rhythm: Rhythm) -> tuple[int, int]:
    return rhythm.quiet_from_hour, rhythm.quiet_to_hour
