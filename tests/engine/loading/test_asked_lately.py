"""A second start toward the same person, and people who cannot be named: heard, and told when it is nearly right."""

from __future__ import annotations

import pytest

from engine.core.definition import AllOf, AskedLately, Condition, Definition, NotThat
from engine.core.values import DAY_MS
from engine.loading.load import examine_text, load_definition

MEND = """\
name: Mend
about: Mend something between two people.
people:
  one: starter
  other: named in other
  helper: named in helper
details:
  other:
    type: person, not one
  helper:
    type: person, optional, not one and not other
asks:
  invited:
    to: other
    say: <one> would like to mend something between you.
    answers: [I'd try]
    seen by: one
    until: 7 days after opening
states:
  naming:
    gather: other
    moves:
      - when: everything is gathered
        if: other was asked within 60 days
        to: naming_helper
        tell:
          to: one
          say: Please take a helper along.
      - when: everything is gathered
        to: inviting
      - at: 7 days after entering
        to: let_be
  naming_helper:
    gather: helper
    moves:
      - when: everything is gathered
        to: inviting
      - at: 7 days after entering
        to: let_be
  inviting:
    asks: invited
    moves:
      - at: 8 days after entering
        to: let_be
  let_be:
    ends with: It is over.
"""
WRITTEN = "other was asked within 60 days"


def loaded(text: str) -> Definition:
    definition = load_definition(text, "mend.yaml")
    assert isinstance(definition, Definition), "\n".join(map(str, definition))
    return definition


def sixty(days: int = 60) -> AskedLately:
    return AskedLately("other", days * DAY_MS)


@pytest.mark.parametrize(
    ("written", "condition"),
    [
        (WRITTEN, sixty()),
        ("other was asked within the last 2 weeks", sixty(14)),
        ("other was asked within a month", sixty(30)),
        ("other was not asked within 60 days", NotThat(sixty())),
        ("not other was asked within 60 days", NotThat(sixty())),
        ("(other was asked within 60 days)", sixty()),
        ("other was asked within 60 days and not other was asked within 2 days", None),
    ],
)
def test_a_condition_asks_whether_somebody_was_asked_before(
    written: str, condition: Condition | None
) -> None:
    both = AllOf((sixty(), NotThat(sixty(2))))
    assert loaded(MEND.replace(WRITTEN, written)).states["naming"].moves[0].when == (condition or both)


@pytest.mark.parametrize(
    ("written", "but"),
    [
        ("person, optional, not one and not other", ("one", "other")),
        ("person, not one, not other, optional", ("one", "other")),
        ("person, but not one or other", ("one", "other")),
        ("person, not one, and not other", ("one", "other")),
        ("people, at most 3, not one", ("one",)),
        ("person", ()),
    ],
)
def test_a_person_may_be_anybody_but_those_of_some_parts(written: str, but: tuple[str, ...]) -> None:
    definition = loaded(MEND.replace("person, optional, not one and not other", written))
    assert definition.details["helper"].but == but
    assert definition.details["other"].but == ("one",)


@pytest.mark.parametrize(
    ("old", "new", "code", "said"),
    [
        (WRITTEN, "othr was asked within 60 days", "unknown-part", "did you mean `other`?"),
        (WRITTEN, "other was asked within sixty", "condition", "is no length of time"),
        (WRITTEN, "other was asked in 60 days", "condition", "other was asked within 60 days"),
        (WRITTEN, "helper was asked within 60 days", "nobody-asked", "name a part that an ask is put to"),
        ("person, not one\n", "person, not onne\n", "unknown-part", "did you mean `one`?"),
        ("person, not one\n", "person, nott one\n", "type", "`not host`"),
        ("type: person, not one\n", "type: text, not one\n", "type", "`not one` says nothing about `text`"),
        (
            "    say: <one> would",
            f"    if: {WRITTEN}\n    say: <one> would",
            "told-of-others",
            "known to the starter alone",
        ),
    ],
)
def test_what_is_nearly_right_is_found_with_what_was_meant(old: str, new: str, code: str, said: str) -> None:
    assert old in MEND
    found = examine_text(MEND.replace(old, new, 1), "mend.yaml").problems
    assert code in {problem.code for problem in found}, found
    assert any(said in f"{p.message}; {p.hint}" for p in found if p.code == code), found
