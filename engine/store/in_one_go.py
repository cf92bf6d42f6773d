"""How PostgreSQL is told many things in one go: statements wait, and go together when an answer is looked at.

A way to the server and back is what a statement costs most, even on one machine, where two processes have to take turns
for it (docs/bench.md). What is sent together is carried out in its order, up to the first that fails.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple, cast

import psycopg

from engine.store.database import Otherwise


class Failed(Exception):
    """One of the statements was refused, or the connection was lost on the way."""

    def __init__(self, error: psycopg.Error, otherwise: Otherwise | None) -> None:
        super().__init__(error)
        self.error = error
        self.otherwise = otherwise
        """What was said about the statement that was refused, if it was that."""


class Answer:
    """Implements ``Found``. Looking at it sends what waits."""

    __slots__ = ("_send", "cursor")

    def __init__(self, send: Callable[[], None]) -> None:
        self._send = send
        self.cursor: psycopg.Cursor[Any] | None = None

    def _found(self) -> psycopg.Cursor[Any]:
        if self.cursor is None:
            self._send()
        if self.cursor is None:
            raise RuntimeError("this was asked in a transaction that was broken off")
        return self.cursor

    @property
    def rowcount(self) -> int:
        return self._found().rowcount

    def fetchone(self) -> Any:
        return self._found().fetchone()

    def fetchall(self) -> list[Any]:
        return self._found().fetchall()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())


class Put:
    """Rows that are written, by one statement or by several."""

    __slots__ = ("otherwise", "rows", "written")

    def __init__(self, rows: int, otherwise: Otherwise) -> None:
        self.rows = rows
        self.otherwise = otherwise
        self.written = 0


class _Step(NamedTuple):
    statement: Any
    parameters: Sequence[Any] | None
    answer: Answer | None = None
    put: Put | None = None


class Outgoing:
    """What waits to be sent, within one transaction."""

    def __init__(self, send: Callable[[], None]) -> None:
        """``send``: carries out what waits here, by way of ``send``."""
        self._send = send
        self._steps: list[_Step] = []
        self._begin = ""

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._steps) or bool(self._begin)

    @property
    def has_begun(self) -> bool:
        """Whether there is anything in this transaction."""
        return bool(self._steps) or not self._begin

    @property
    def is_to_be_checked(self) -> bool:
        """Whether something of what waits is to be looked at before the transaction may end."""
        return any(step.put is not None and step.put.otherwise.fewer is not None for step in self._steps)

    def begin(self, statement: str) -> None:
        """The first statement, which goes along with the next."""
        self._begin = statement

    def clear(self) -> None:
        """Forget what waits."""
        self._steps.clear()
        self._begin = ""

    def ask(self, statement: str, parameters: Sequence[Any] | None) -> Answer:
        """Let a question wait."""
        answer = Answer(self._send)
        self._steps.append(_Step(statement, parameters, answer))
        return answer

    def put(self, statement: str, parameters: Sequence[Any], put: Put) -> None:
        """Let rows wait to be written, or some of them."""
        self._steps.append(_Step(statement, parameters, None, put))

    def send(self, db: psycopg.Connection, ending: str = "") -> None:
        """Carry out what waits, and at last ``ending``.

        Raises:
            Failed: one of them was refused; those before it stand, unless the transaction is broken off.
            Exception: what is to be raised when fewer rows were written.
        """
        steps, self._steps = self._steps, []
        begin, self._begin = self._begin, ""
        done, error = _carry_out(db, begin, steps, ending)
        refused = steps[len(done)].put if error is not None and len(done) < len(steps) else None
        for step, cursor in zip(steps, done, strict=False):
            if step.answer is not None:
                step.answer.cursor = cursor
            if step.put is not None:
                step.put.written += cursor.rowcount
        for put in dict.fromkeys(step.put for step in steps[: len(done)]):
            if put is None or put is refused or put.otherwise.fewer is None:
                continue
            if put.written != put.rows:
                raise put.otherwise.fewer
        if error is not None:
            raise Failed(error, refused.otherwise if refused is not None else None)


def _carry_out(
    db: psycopg.Connection, begin: str, steps: Sequence[_Step], ending: str
) -> tuple[list[psycopg.Cursor[Any]], psycopg.Error | None]:
    """What came of those that were carried out, and why it was no more than these, if it was not."""
    cursors: list[psycopg.Cursor[Any]] = []
    error: psycopg.Error | None = None
    try:
        with db.pipeline():
            try:
                if begin:
                    db.execute(cast(Any, begin))
                for step in steps:
                    cursors.append(db.execute(step.statement, step.parameters))  # noqa: PERF401 - as far as it goes
                if ending:
                    db.execute(cast(Any, ending))
            except psycopg.Error as early:
                error = early  # kept until the pipeline has come to its end undisturbed
    except psycopg.Error as late:
        error = error or _first(late)
    return list(takewhile(lambda cursor: cursor.pgresult is not None, cursors)), error


def _first(error: psycopg.Error) -> psycopg.Error:
    """The error that came before those that only say that there was one."""
    before = error.__context__
    if isinstance(error, psycopg.errors.PipelineAborted) and isinstance(before, psycopg.Error):
        return _first(before)
    return error
