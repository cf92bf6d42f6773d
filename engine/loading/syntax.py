"""What is wrong where a file is not YAML: said in plain words, at the place where the slip was made.

A parser notices a slip where it can no longer go on, which is often a line later. From there this looks back.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec
from ruamel.yaml.error import MarkedYAMLError

from engine.loading.grammar import SECTIONS
from engine.loading.problem import Place
from engine.loading.signs import CURLY, ODD, curly_quote, odd_space

_KEYS = {key.name for section in SECTIONS.values() for key in section.keys}
_LINE = re.compile(
    r"(?P<lead>[ \t]*(?:-[ \t]+)*)(?:(?P<key>[^\s:#\"'\[{][^:#\"'\[{]*?)[ \t]*:(?=[ \t]|$))?[ \t]*(?P<value>.*)"
)
_GLUED = re.compile(r"[ \t]*(?:-[ \t]+)?(?P<key>[A-Za-z][\w ]*):(?P<value>\S.*)")
_GLUED_DASH = re.compile(r"[ \t]*(?P<dash>-)(?P<key>[A-Za-z][\w ]*):")
_GAP = re.compile(r"\{ *([A-Za-z][\w .]*?) *\}")
_BRACKETS = {"[": "]", "{": "}"}
_QUOTE_ALL = "put quotes around the whole text"

Said = tuple[Place, str, str]
"""Where, what was found, and what helps."""


class _Line(msgspec.Struct, frozen=True):
    """A line taken apart; columns count from 1."""

    key: str
    key_column: int
    value: str
    value_column: int


def explain(text: str, error: MarkedYAMLError) -> Said:
    """What a parser's error comes from."""
    return _Explaining(text.split("\n"), error).said()


def _apart(line: str) -> _Line:
    found = _LINE.match(line)
    assert found is not None  # every part of it may be empty
    value = found["value"].rstrip()
    return _Line(
        " ".join((found["key"] or "").split()), len(found["lead"]) + 1, value, found.start("value") + 1
    )


class _Explaining:
    def __init__(self, lines: Sequence[str], error: MarkedYAMLError) -> None:
        self._lines = [line.rstrip("\r") for line in lines]
        mark = error.problem_mark or error.context_mark
        begun = error.context_mark or mark
        self._place = Place(mark.line + 1, mark.column + 1) if mark else Place()
        self._begun = Place(begun.line + 1, begun.column + 1) if begun else self._place
        self._problem = str(error.problem or error.context or "unreadable")
        self._context = str(error.context or "")

    def said(self) -> Said:
        """The first explanation that fits."""
        return self._odd() or self._curly() or self._by_problem() or self._plainly()

    def _line(self, number: int) -> str:
        return self._lines[number - 1] if 0 < number <= len(self._lines) else ""

    # ── signs that are not what they look like ───────────────────────────────

    def _odd(self) -> Said | None:
        """An odd space before a text begins, where it keeps a key from being one; the nearest to the error."""
        numbers = sorted(range(1, len(self._lines) + 1), key=lambda n: abs(n - self._place.line))
        for number in numbers:
            line = self._line(number)
            before = line[: line.find(":") + 2] if ":" in line else line[: len(line) - len(line.lstrip())]
            found = ODD.search(before)
            if found is not None:
                return (Place(number, found.start() + 1), *odd_space(found[0]))
        return None

    def _curly(self) -> Said | None:
        for number in dict.fromkeys((self._place.line, self._begun.line)):
            line = _apart(self._line(number))
            found = re.match(rf"\[? *({CURLY.pattern})", line.value)
            if found is not None:
                column = line.value_column + found.start(1)
                return (Place(number, column), *curly_quote(found[1]))
        return None

    # ── what the parser says ─────────────────────────────────────────────────

    def _by_problem(self) -> Said | None:
        problem = self._problem
        if problem.startswith("mapping values are not allowed"):
            return self._second_colon()
        if problem.startswith("could not find expected ':'"):
            return self._no_colon()
        if "flow" in self._context:
            return self._bracket()
        if problem.startswith("expected <block end>"):
            at_beginning = not self._line(self._place.line)[: self._place.column - 1].strip()
            return self._indented() if at_beginning else self._text_goes_on()
        if problem.startswith("found unexpected end of stream"):
            return self._begun, "quotes that are never closed", "close them at the end of the text"
        return self._beginning()

    def _second_colon(self) -> Said:
        number = self._place.line
        dash = self._missing_space(number) or self._missing_space(number - 1)
        if dash is not None:
            return dash
        here = _apart(self._line(number))
        column = here.key_column
        own = here.key and self._line(number).find(":", column - 1) == self._place.column - 1
        if not own:
            return self._place, "a second `: ` on one line", "put quotes around a text that contains a colon"
        above = self._above(number, column)
        if above is None or (here.key not in _KEYS and " " in here.key):
            return self._place, "the text of the line above goes on with a `: ` in it", _QUOTE_ALL
        hint = f"begin it in column {above[1].key_column}, right below `{above[1].key}`"
        return Place(number, column), "this line is further in than its neighbours", hint

    def _above(self, number: int, column: int) -> tuple[int, _Line] | None:
        """The nearest line above with a key further out than a column."""
        for each in range(number - 1, 0, -1):
            line = _apart(self._line(each))
            if line.key and line.key_column < column:
                return each, line
        return None

    def _missing_space(self, number: int) -> Said | None:
        found = _GLUED_DASH.match(self._line(number))
        if found is None:
            return None
        place = Place(number, found.start("dash") + 1)
        return place, "a space is missing after the dash", f"write `- {found['key']}: …`"

    def _no_colon(self) -> Said:
        line = self._line(self._begun.line)
        glued = _GLUED.fullmatch(line)
        if glued is not None:
            place = Place(self._begun.line, glued.end("key") + 1)
            hint = f"write `{glued['key'].strip()}: {glued['value'].strip()}`"
            return place, "a space is missing after the colon", hint
        words = line.strip().removeprefix("- ").split()
        starts = (" ".join(words[:n]).replace("_", " ") for n in range(min(4, len(words)), 0, -1))
        key = next((each for each in starts if each in _KEYS), None)
        hint = (
            f"write `{key}: …`"
            if key is not None
            else "write `key: text`; or indent it further, if it goes on from the line above"
        )
        return self._begun, "a key without a colon", hint

    def _bracket(self) -> Said:
        line, column = self._line(self._place.line), self._place.column
        apostrophe = self._apostrophe()
        if apostrophe is not None:
            return apostrophe
        opening = self._line(self._begun.line)[self._begun.column - 1 : self._begun.column]
        closing = _BRACKETS.get(opening, "]")
        if self._place.line == self._begun.line and closing in line[column - 1 :]:
            hint = "put one there, or quotes around the whole text"
            return self._place, "a comma is missing here", hint
        return self._begun, f"the bracket `{opening}` is never closed", f"close it with `{closing}`"

    def _indented(self) -> Said:
        """A line that does not begin where its neighbours do."""
        dash = self._missing_space(self._place.line)
        if dash is not None:
            return dash
        number, column = self._place.line, self._place.column
        is_item = self._line(number).lstrip().startswith("-")
        for each in range(number - 1, 0, -1):
            line = self._line(each)
            apart = _apart(line)
            its = len(line) - len(line.lstrip()) + 1 if is_item else apart.key_column
            if (
                not line.strip()
                or (is_item and not line.lstrip().startswith("-"))
                or not (is_item or apart.key)
            ):
                continue
            if its == column:
                break
            far = "in" if column > its else "out"
            hint = f"begin it in column {its}, as line {each} does"
            return self._place, f"this line is further {far} than its neighbours", hint
        return self._place, "this line does not fit the lines above", "align it with its neighbours"

    def _apostrophe(self) -> Said | None:
        """One that ends a text in single quotes."""
        line, at = self._line(self._place.line), self._place.column - 1
        if at < 2 or line[at - 1] != "'" or not line[at - 2].isalnum() or not line[at : at + 1].isalnum():
            return None
        hint = "put \"…\" around the text instead of '…'"
        return Place(self._place.line, at), "this apostrophe ends the text", hint

    def _text_goes_on(self) -> Said | None:
        """A text that has ended, for a reader of YAML, before its line has."""
        line = _apart(self._line(self._place.line))
        place = Place(self._place.line, line.value_column)
        match line.value[:1]:
            case "'":
                return self._apostrophe() or self._after("quote")
            case '"':
                open_above = self._open_above()
                if open_above is not None:
                    return open_above, "quotes that are never closed", "close them at the end of the text"
                return self._after("quote")
            case "{":
                gap = _GAP.match(line.value)
                if gap is not None:
                    return place, f"`{gap[0]}` is no gap", f"gaps are written `<{gap[1]}>`"
                return self._after("bracket")
            case "[":
                return self._after("bracket")
            case "*" | "&" | "!" as sign:
                return place, f"a text cannot begin with `{sign}`", _QUOTE_ALL
            case _:
                return None

    def _after(self, what: str) -> Said:
        helps = _QUOTE_ALL + ('; a quote inside it is written `\\"`' if what == "quote" else "")
        return self._place, f"a text goes on after its closing {what}", helps

    def _open_above(self) -> Place | None:
        """A text above that begins with a quote and has no second one."""
        for number in range(self._place.line - 1, 0, -1):
            line = _apart(self._line(number))
            if line.value.startswith('"'):
                alone = line.value.replace('\\"', "").count('"') == 1
                return Place(number, line.value_column) if alone else None
        return None

    def _beginning(self) -> Said | None:
        """A sign with which no text can begin."""
        problem, line = self._problem, self._line(self._place.line)
        if problem.startswith("expected a comment or a line break"):
            sign = self._line(self._begun.line)[self._begun.column - 1 : self._begun.column]
            return self._begun, f"a text cannot begin with `{sign}`", _QUOTE_ALL
        if problem.startswith(("found character '\\t'", "found character '\t'")):
            return self._place, "a tab stands here", "use spaces instead"
        if problem.startswith("found character '`'"):
            if line.strip().startswith("```"):
                return self._place, "the lines with ``` do not belong to the file", "take them out"
            return self._place, "a backtick at the beginning of a text", "put quotes around the text"
        if problem.startswith("found character '"):
            sign = problem.removeprefix("found character '")[:1]
            return self._place, f"`{sign}` at the beginning of a text", "put quotes around the text"
        if problem.startswith("sequence entries are not allowed"):
            hint = "begin a new line for a list, or put quotes around the text"
            return self._place, "`- ` at the beginning of a text", hint
        if problem.startswith("mapping keys are not allowed"):
            return self._place, "`? ` at the beginning of a text", "put quotes around the text"
        if problem.startswith("expected alphabetic or numeric character"):
            return self._place, "`*` or `&` at the beginning of a text", "put quotes around the text"
        return None

    def _plainly(self) -> Said:
        hint = "look at quotes, brackets and indentation here"
        return self._place, f"this is not readable YAML: {self._problem}", hint
