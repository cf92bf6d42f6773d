"""Small workflow files that stories are told of."""

from __future__ import annotations

import functools
from pathlib import Path

from engine.core.definition import Definition
from engine.loading.load import load_definition

TEA = """
name: tea
about: Drink tea together.
begins with: tea
people:
  host: starter
  guests: named in guests
  coming: those who answered coming to invited
details:
  guests:
    ask: Whom would you like to invite?
    type: people
asks:
  invited:
    to: guests
    say: <host> invites you to tea.
    answers:
      coming: I'm coming
    seen by: host
    until: 3 days after opening
states:
  draft:
    gather: guests
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: done
  open:
    asks: invited
    moves:
      - at: 3 days after entering
        if: coming is at least 2
        to: done
      - at: 3 days after entering
        to: dropped
  done:
    ends with: Tea was drunk.
  dropped:
    tell:
      to: coming
      say: No tea this time.
    ends with: It didn't come together.
"""


@functools.cache
def loaded(source: Path | str) -> Definition:
    """The definition of a good file; a file that is not good fails the test with its problems."""
    definition = load_definition(source)
    assert isinstance(definition, Definition), "\n".join(map(str, definition))
    return definition
