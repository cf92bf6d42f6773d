"""Rehearsals: workflows played with made-up people, on the production engine, with nobody real in the room."""

from bridge.rehearsal.cast import Cast
from bridge.rehearsal.playbill import Playbill, Unfit
from bridge.rehearsal.stage import Line, NeverSaw, Stage

__all__ = ["Cast", "Line", "NeverSaw", "Playbill", "Stage", "Unfit"]
