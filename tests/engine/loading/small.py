"""A small workflow file, whole and right, to be spoilt in one place at a time."""

from __future__ import annotations

from engine.loading.load import examine_text
from engine.loading.problem import Problem

SMALL = """\
name: tea
about: Drink tea together.
begins with: tea
people:
  host: starter
  guests: named in guests
  coming: those who answered coming to invited
details:
  guests:
    ask: Whom?
    type: people
  what:
    ask: Which tea?
    type: words
    keep: 30 days
  starts:
    ask: When?
    type: date and time
  kind:
    ask: Which?
    choices:
      green: 🍵 Green
      black: Black
  enough:
    type: number
    default: 2
asks:
  invited:
    to: guests
    say: <host> invites you to <what>, <starts>.
    answers:
      coming: ✅ Coming
      maybe: Maybe
    seen by: host
    until: 1 day before starts
    changeable until: starts
  room_wide:
    to: room
    if: kind is green
    say: Tea for all.
    answers: [🙋 Count me in]
    seen by: host, circle
    until: 1 day before starts
  after:
    to: coming
    say: How was it?
    answers: in words
    seen by: host
    keep: 30 days
states:
  draft:
    gather: [guests, what, starts, kind]
    moves:
      - when: everything is gathered
        to: open
      - at: 14 days after entering
        to: dropped
  open:
    asks: [invited, room_wide]
    board:
      to: host
      say: "Coming: <coming>"
    moves:
      - at: 1 day before starts
        if: coming is at least enough
        to: on
        tell:
          to: host
          say: "Not joining: <not joining invited>"
      - at: 1 day before starts
        to: dropped
      - when: host writes cancel
        to: dropped
  on:
    keeps: invited
    asks: after
    moves:
      - when: after closes
        to: done
      - at: 10 days after entering
        to: done
  done:
    ends with: Tea was drunk.
  dropped:
    ends with: No tea.
"""


def spoilt(old: str, new: str, text: str = SMALL) -> tuple[Problem, ...]:
    """The problems of the small file once ``old`` has become ``new``."""
    assert text.count(old) >= 1, f"the small file has no {old!r}"
    return examine_text(text.replace(old, new, 1), "tea.yaml").problems


def line_of(piece: str, text: str = SMALL) -> int:
    """The line in which a piece stands first."""
    return text[: text.index(piece)].count("\n") + 1
