"""When a person may be written to, by their own word: time zone and quiet hours. What is not chosen is the circle's."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from engine.core.desk import Command, Heard, Release
from engine.core.desk_letter import arm
from engine.core.desk_table import Table
from engine.core.message import Plain, When

TIME_ZONE = "time zone"
QUIET_HOURS = "quiet hours"
NO_QUIET_HOURS = "no quiet hours"
SETTINGS = "settings"
"""The view of all that somebody has set, each with the words that change it."""


def set_time_zone(table: Table, event: Heard, command: Command) -> None:
    """Go by the time of the place that is named; where none is clear, ask for one and name those that are near."""
    if command.zone is None:
        if command.near:
            table.say("zone.near", near=Plain(", ".join(command.near)))
        else:
            table.say("zone.which")
        return
    _keep(table, time_zone=command.zone)
    table.say("zone.ok", zone=Plain(command.place or command.zone), now=When(table.facts.now_ms))


def set_quiet_hours(table: Table, event: Heard, command: Command) -> None:
    """Keep these hours of the day quiet; two of the same are none."""
    if command.hours is None:
        table.say("quiet.which")
        return
    begins, ends = (hour % 24 for hour in command.hours)
    if begins == ends:
        lift_quiet_hours(table, event, command)
        return
    _keep(table, quiet_hours=(begins, ends))
    table.say("quiet.ok", begins=_clock(begins), ends=_clock(ends))


def lift_quiet_hours(table: Table, event: Heard, command: Command) -> None:
    """No hours are quiet; the letter keeps its hour."""
    morning = table.rhythm.quiet_to_hour
    _keep(table, quiet_hours=(morning, morning))
    table.say("quiet.none")


def _keep(table: Table, **changes: Any) -> None:
    """Change the rhythm; what waits is looked at anew, and the letter comes at its hour of the new day."""
    table.desk = replace(table.desk, own_rhythm=replace(table.desk.own_rhythm, **changes))
    table.emit(Release())
    if table.desk.letter_ms is not None:
        arm(table)


def _clock(hour: int) -> Plain:
    return Plain(f"{hour}:00")
