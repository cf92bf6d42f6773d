"""A problem points at the word in question, wherever in the file that stands."""

import pytest

from tests.engine.core.gathering import GATHERING
from tests.engine.core.test_check_rules import problems

HERE = "¦"
"""Stands before the word that should be pointed at; taken out before the file is read."""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("to: open", "to: ¦opne"),
        ("asks: [invited, wide, nominate]", "asks: [invited, ¦wode, wide, nominate]"),
        ("asks: [invited, wide, nominate]", "asks: invited, wide, nominate, ¦wode"),
        ("asks: [invited, wide, nominate]", "asks:\n      - invited\n      - wide\n      - nominate\n      - ¦wode"),
        ("gather: [friend,", "gather: [¦freind, friend,"),
        ("say: <host> invites you to <what>, <starts>.", "say: |\n      <host> asks.\n\n      To <what>, <¦start>."),
        ("say: <host> invites you to <what>, <starts>.", "say: >-\n      From <host>:\n      <what>, <¦strats>."),
        ("if: coming is at least enough", "if: coming is at least ¦enuff"),
        ("if: coming is at least enough", "if: ¦invitd.coming is at least enough"),
        ("one of coming, not host", "one of coming, not ¦hots"),
        ("host writes cancel", "¦hots writes cancel"),
        ("host writes cancel", "host writes ¦stop"),
        ("until: 1 day before starts\n    changeable", "until: 1 day before ¦strats\n    changeable"),
        ("seen by: host\n    until: 1 day", "seen by: host, ¦hots\n    until: 1 day"),
        ("seen by: host\n    until: 1 day", "seen_by: [host, ¦hots]\n    until: 1 day"),
        ("hand over: [what, friend as decider]", "hand over: [what, ¦freind as decider]"),
        ("hand over: [what, friend as decider]", "hand_over: [what, friend as ¦decidr]"),
        ("if the starter leaves: dropped", "if the starter leaves: ¦droped"),
        ("if the starter leaves: dropped", "if the starter leaves: dropped\nif the friend leaves: ¦droped"),
        ("    public: <what>, <starts>\n", "    public:\n      say: <what>, <starts>\n      if: ¦knd is event\n"),
        ("maybe: 🤔 Maybe", "maybe: ¦✅ Maybe"),
    ],
)  # fmt: skip
def test_the_offending_word_is_pointed_at(old: str, new: str) -> None:
    text = GATHERING.replace(old, new, 1)
    before, _, after = text.partition(HERE)
    line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
    places = [(p.line, p.column) for p in problems(before + after)]
    assert (line, column) in places, [str(p) for p in problems(before + after)]
