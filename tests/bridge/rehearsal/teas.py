"""A small workflow for rehearsals, and ways to break it."""

from __future__ import annotations

import functools

from engine.core.definition import Definition
from engine.loading.load import load_definition

TEA = """\
name: tea
about: Drink tea together.

people:
  host: starter
  guests: named in guests
  coming: those who answered coming to invited

details:
  guests:
    ask: Whom would you like to invite?
    type: people
  starts:
    ask: When?
    type: date and time

asks:
  invited:
    to: guests
    say: <host> asks you to tea, <starts>.
    answers:
      coming: ✅ I'm coming
    seen by: host
    until: 1 day before starts
    changeable until: starts

states:
  draft:
    gather: [guests, starts]
    moves:
      - when: everything is gathered
        to: open
      - when: host writes cancel
        to: gone
      - at: 14 days after entering
        to: gone
  open:
    asks: invited
    moves:
      - at: 1 day before starts
        if: coming is at least 1
        to: on
      - at: 1 day before starts
        to: gone
      - when: host writes cancel
        to: gone
  on:
    keeps: invited
    board:
      to: host
      say: "Coming: <coming>"
    moves:
      - at: 3 hours after starts
        to: over
  over:
    ends with: There was tea.
  gone:
    tell:
      to: coming
      say: No tea this time.
    ends with: There was no tea.
"""


@functools.cache
def tea(text: str = TEA) -> Definition:
    """The definition of a text, which has to be fit for service."""
    definition = load_definition(text)
    assert isinstance(definition, Definition), definition
    return definition
