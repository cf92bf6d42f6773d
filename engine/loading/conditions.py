"""Conditions as a file writes them, read into the closed vocabulary of the core.

    coming is at least enough          personal.coming + open.coming >= 2
    everyone said renewal.renew        kind is event           understudy is given
    half said consent.agree            60 percent said agree   been in moved at least 2 times
    feedback_round is in use           Feedback round is not in use
    other was asked within 60 days     other was not asked within 2 weeks
    not …      … and …      … or …     ( … )

``coming`` may be a part that is filled by answers; counting it counts those answers. An answer may be
called by its id or by its label: ``invited.Count me in``, and ``Count me in`` where only one ask offers it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.core.definition import (
    AllOf,
    AnsweredBy,
    AnyOf,
    AskedLately,
    BeenIn,
    Condition,
    CountOf,
    DetailGiven,
    DetailIs,
    EveryoneSaid,
    InUse,
    NotThat,
    Op,
    ShareSaid,
)
from engine.core.finding import nearest
from engine.loading.labels import NO_LABELS, Labels
from engine.loading.moments import FOLLOWS, Unreadable, read_duration
from engine.loading.people import workflow_name

Terms = tuple[tuple[str, str], ...]

_TOKEN = re.compile(
    r"\s*(?:(?P<word>[A-Za-z_][A-Za-z0-9_]*)|(?P<number>\d+)|(?P<sign>>=|<=|==|[=><+.()%])|(?P<other>\S))"
)
_SIGNS: dict[str, Op] = {">=": ">=", "<=": "<=", "==": "==", "=": "==", ">": ">", "<": "<"}
_IN_WORDS: dict[tuple[str, ...], Op] = {
    ("at", "least"): ">=",
    ("at", "most"): "<=",
    ("more", "than"): ">",
    ("less", "than"): "<",
    ("fewer", "than"): "<",
    ("exactly",): "==",
}
_SHARES: dict[tuple[str, ...], int] = {
    ("half",): 50,
    ("a", "third"): 34,
    ("one", "third"): 34,
    ("two", "thirds"): 67,
    ("a", "quarter"): 25,
    ("three", "quarters"): 75,
}
_TIMES = {"once": 1, "twice": 2}
_IN_USE = re.compile(r"(?P<title>[A-Za-z][\w ,'’&/-]{0,80}?) +is +(?P<negated>not +)?in +use\b")
_WAS_ASKED = re.compile(
    r"(?P<part>[a-z][a-z0-9_]*) +was +(?P<negated>not +)?asked +within +(?:the +last +)?"
    r"(?P<length>\w+(?: +(?!(?:and|or)\b)\w+)?)"
)
_JOINTS = frozenset(("is", "and", "or", "not"))
"""Words that are no part of a title in a condition."""
_MOST_TOKENS = 200
_MOST_DEPTH = 16

CONDITIONS: tuple[tuple[str, str], ...] = (
    (
        "coming is at least 2",
        "Counts a part that is filled by answers. Also `at most`, `more than`, `fewer than`, `exactly`.",
    ),
    (
        "invited.Count me in + again.Count me in is at least enough",
        "Counts answers; the bound may be a number detail.",
    ),
    ("everyone said next.Renew", "All who were asked gave this answer."),
    (
        "two thirds said consent.Agree",
        "At least this share of all who were asked: also `half`, `a third`, `three quarters`, `60 percent`.",
    ),
    ("kind is event", "A detail with choices holds this one."),
    ("understudy is given", "A detail holds something."),
    ("been in moved at least 2 times", "How often a state has been entered, the present time included."),
    ("feedback_round is in use", "The circle has this workflow in use; its title is as good as its name."),
    (
        "other was asked within 60 days",
        (
            "An earlier one of this workflow, begun by the same person, put a question to whoever holds this part now,"
            " as that part. Only a move, or what is asked of or said to the starter, can depend on it."
        ),
    ),
    (
        "not kind is event and (coming is at least 2 or guests is given)",
        "`not`, `and`, `or` and brackets join them.",
    ),
)
"""What a condition may say: an example of each kind, and what it means."""

HINT = (
    "write for example `coming is at least 2`, `kind is event`, `understudy is given`, `pulse is in use` or"
    " `everyone said ask.answer`"
)


class _Token(msgspec.Struct, frozen=True):
    kind: Literal["word", "number", "sign", "other", "end"]
    value: str
    offset: int


def read_condition(
    text: str, counted: Mapping[str, tuple[AnsweredBy, ...]], labels: Labels = NO_LABELS
) -> Condition:
    """Read a condition; ``counted`` holds the parts that are filled by answers.

    Raises:
        Unreadable: it is not one, with the offset of what does not fit.
    """
    parser = _Parser(text, _tokens(text), counted, labels)
    try:
        condition = parser.either(0)
        parser.end()
    except Unreadable as error:
        if labels.unsure:
            raise Unreadable(FOLLOWS, error.message) from error
        raise
    return condition


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    for found in _TOKEN.finditer(text):
        kind = found.lastgroup
        offset = found.start(kind) if kind else 0
        match kind:
            case "word" | "number" | "sign" | "other":
                tokens.append(_Token(kind, found[kind], offset))
            case _:
                raise AssertionError(kind)
    if len(tokens) > _MOST_TOKENS:
        raise Unreadable("condition", "this condition is too long", "make it shorter")
    return [*tokens, _Token("end", "the end", len(text))]


class _Parser:
    """Recursive descent, one method per level of binding."""

    def __init__(
        self,
        text: str,
        tokens: list[_Token],
        counted: Mapping[str, tuple[AnsweredBy, ...]],
        labels: Labels,
    ) -> None:
        self._text = text
        self._tokens = tokens
        self._at = 0
        self._counted = counted
        self._labels = labels

    # ── words ────────────────────────────────────────────────────────────────

    def _here(self, ahead: int = 0) -> _Token:
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def _sees(self, *values: str) -> bool:
        return all(self._here(i).value == v and self._here(i).kind != "end" for i, v in enumerate(values))

    def _takes(self, *values: str) -> bool:
        if not self._sees(*values):
            return False
        self._at += len(values)
        return True

    def _next(self, kind: str, wanted: str) -> _Token:
        token = self._here()
        if token.kind != kind:
            raise self._unexpected(wanted)
        self._at += 1
        return token

    def _unexpected(self, wanted: str) -> Unreadable:
        token = self._here()
        if token.kind == "other":
            message = f"`{token.value}` does not belong in a condition"
            return Unreadable("condition", message, HINT, token.offset)
        return Unreadable("condition", f"{wanted} should stand here, not `{token.value}`", HINT, token.offset)

    def end(self) -> None:
        """Insist that nothing is left."""
        if self._here().kind != "end":
            raise self._unexpected("`and`, `or` or the end")

    # ── levels ───────────────────────────────────────────────────────────────

    def either(self, depth: int) -> Condition:
        """``… or …``"""
        those = [self._both(depth)]
        while self._takes("or"):
            those.append(self._both(depth))
        return those[0] if len(those) == 1 else AnyOf(tuple(those))

    def _both(self, depth: int) -> Condition:
        those = [self._negated(depth)]
        while self._takes("and"):
            those.append(self._negated(depth))
        return those[0] if len(those) == 1 else AllOf(tuple(those))

    def _negated(self, depth: int) -> Condition:
        if depth > _MOST_DEPTH:
            raise Unreadable(
                "condition", "this condition is nested too deeply", "make it simpler", self._here().offset
            )
        if self._takes("not"):
            return NotThat(self._negated(depth + 1))
        if self._takes("("):
            inner = self.either(depth + 1)
            if not self._takes(")"):
                raise self._unexpected("`)`")
            return inner
        return self._claim()

    def _claim(self) -> Condition:
        if self._takes("everyone", "said"):
            ask, choice = self._answer()
            return EveryoneSaid(ask, choice)
        if self._sees("been", "in") and self._here(2).kind == "word":
            return self._been_in()
        in_use = self._in_use()
        if in_use is not None:
            return in_use
        if self._here(1).value == "was":
            return self._asked_lately()
        percent = self._share()
        if percent is not None:
            ask, choice = self._answer()
            return ShareSaid(ask, choice, percent)
        if self._here(1).value == "is" and self._words_op(2) is None:
            return self._detail()
        terms = self._term()
        while self._takes("+"):
            terms += self._term()
        return CountOf(terms, self._op(), self._bound())

    def _detail(self) -> Condition:
        name = self._next("word", "a detail").value
        self._next("word", "`is`")
        negated = self._takes("not")
        if self._takes("given"):
            claim: Condition = DetailGiven(name)
        else:
            claim = DetailIs(name, self._choice(name))
        return NotThat(claim) if negated else claim

    def _share(self) -> int | None:
        """``half said``, ``60 percent said``, ``60 % said``; None if no share stands here."""
        for words, percent in _SHARES.items():
            if self._takes(*words, "said") or self._takes(*words, "of", "those", "asked", "said"):
                return percent
        if self._here().kind != "number" or self._here(1).value not in ("percent", "%"):
            return None
        token = self._next("number", "a share")
        self._at += 1
        if not self._takes("said"):
            raise self._unexpected("`said`")
        if not 1 <= int(token.value) <= 100:
            raise Unreadable("condition", f"{token.value} percent cannot be", "write 1 to 100", token.offset)
        return int(token.value)

    def _in_use(self) -> Condition | None:
        """``feedback_round is in use``, ``Crew call-out is not in use``; None if that does not stand here."""
        found = _IN_USE.match(self._text, self._here().offset)
        if found is None or set(found["title"].casefold().split()) & _JOINTS:
            return None
        self._pass(found[0])
        claim = InUse(workflow_name(found["title"]))
        return NotThat(claim) if found["negated"] else claim

    def _asked_lately(self) -> Condition:
        """``other was asked within 60 days``"""
        found = _WAS_ASKED.match(self._text, self._here().offset)
        if found is None:
            message = f"what `{self._here().value}` was cannot be told from this"
            raise Unreadable(
                "condition",
                message,
                "write for example `other was asked within 60 days`",
                self._here().offset,
            )
        try:
            within_ms = read_duration(found["length"])
        except Unreadable as error:
            raise Unreadable("condition", error.message, error.hint, found.start("length")) from error
        self._pass(found[0])
        claim = AskedLately(found["part"], within_ms)
        return NotThat(claim) if found["negated"] else claim

    def _been_in(self) -> Condition:
        self._takes("been", "in")
        state = self._next("word", "a state").value
        if self._here().value in _TIMES:
            return BeenIn(state, ">=", _TIMES[self._next("word", "how often").value])
        op = self._op()
        times = int(self._next("number", "a number of times").value)
        if not (self._takes("times") or self._takes("time")):
            raise self._unexpected("`times`")
        return BeenIn(state, op, times)

    def _answer(self) -> tuple[str, str]:
        if self._here(1).value != ".":
            written = self._labelled(None)
            if written is not None:
                ask = self._labels.ask_of(written)
                return ask, self._labels.id_of(ask, written)
        ask = self._next("word", "an ask").value
        if not self._takes("."):
            raise self._unexpected("`.` and an answer")
        written = self._labelled(ask)
        return ask, written if written is not None else self._next("word", "an answer").value

    def _choice(self, detail: str) -> str:
        found = self._labels.choice(self._text, self._here().offset, detail)
        if found is None:
            return self._next("word", "a choice, or `given`").value
        self._pass(found[0])
        return found[1]

    def _labelled(self, ask: str | None) -> str | None:
        """A label that begins here, taken; with an ask its id, without one as it is written."""
        written = self._labels.at(self._text, self._here().offset, ask)
        if written is None:
            return None
        self._pass(written)
        return self._labels.id_of(ask, written) if ask is not None else written

    def _pass(self, written: str) -> None:
        """Go past everything that begins within what is written here."""
        end = self._here().offset + len(written)
        while self._here().kind != "end" and self._here().offset < end:
            self._at += 1

    def _term(self) -> Terms:
        if self._here(1).value == ".":
            return (self._answer(),)
        if self._here().value not in self._counted:
            token, written = self._here(), self._labelled(None)
            if written is not None:
                ask = self._labels.ask_of(written, token.offset)
                return ((ask, self._labels.id_of(ask, written)),)
        token = self._next("word", "something that can be counted")
        answered = self._counted.get(token.value)
        if answered is None:
            near = nearest(token.value, self._counted)
            raise Unreadable(
                "not-counted",
                f"`{token.value}` cannot be counted",
                f"did you mean `{near}`?"
                if near
                else "count an answer (`ask.answer`) or a part filled by answers",
                token.offset,
            )
        return tuple((by.ask, choice) for by in answered for choice in by.choices)

    def _words_op(self, ahead: int) -> tuple[int, Op] | None:
        for words, op in _IN_WORDS.items():
            if all(self._here(ahead + i).value == word for i, word in enumerate(words)):
                return len(words), op
        return None

    def _op(self) -> Op:
        token = self._here()
        if token.kind == "sign" and token.value in _SIGNS:
            self._at += 1
            return _SIGNS[token.value]
        self._takes("is")
        found = self._words_op(0)
        if found is None:
            raise self._unexpected(
                "`is at least`, `is at most`, `is exactly`, `is more than` or `is fewer than`"
            )
        self._at += found[0]
        return found[1]

    def _bound(self) -> int | str:
        if self._here().kind == "number":
            return int(self._next("number", "a number").value)
        return self._next("word", "a number, or a detail that holds one").value
