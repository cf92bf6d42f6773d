"""Faults on purpose: a port whose calls fail, or are held up, exactly when a test says so.

``faulty(port)`` gives a port that passes everything on and the plan of what goes wrong with it.
A plan that was not used up is a test that did not test: ``Faults.unused`` shows it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

T = TypeVar("T")


def _always(*_: object) -> bool:
    return True


@dataclass
class _Fault:
    """One thing that is to go wrong with one kind of call."""

    call: str
    error: Exception
    times: int
    skip: int
    after: bool
    when: Callable[..., bool]


@dataclass
class Gate:
    """A call that is held up: it waits at ``reached`` until the test calls ``open``."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    _opened: asyncio.Event = field(default_factory=asyncio.Event)

    def open(self) -> None:
        """Let it go on."""
        self._opened.set()

    async def wait(self) -> None:
        self.reached.set()
        await self._opened.wait()


class Faults:
    """What goes wrong with a port, and how often each of its methods was called."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._plan: list[_Fault] = []
        self._gates: dict[str, list[Gate]] = {}

    def fail(
        self,
        call: str,
        error: Exception,
        *,
        times: int = 1,
        skip: int = 0,
        after: bool = False,
        when: Callable[..., bool] = _always,
    ) -> None:
        """Let a call raise ``error``, so many ``times``, after ``skip`` that go well.

        ``after``: the call does its work first, and only its answer is lost. ``when`` is asked with
        the call's arguments and says whether this one is meant.
        """
        self._plan.append(_Fault(call, error, times, skip, after, when))

    def hold(self, call: str) -> Gate:
        """Hold up the next such call until the gate is opened."""
        gate = Gate()
        self._gates.setdefault(call, []).append(gate)
        return gate

    def heal(self) -> None:
        """From here on nothing goes wrong any more; calls that are held up stay so."""
        self._plan.clear()

    @property
    def unused(self) -> list[str]:
        """The faults that have not happened."""
        left = [f"{fault.call}: {type(fault.error).__name__}" for fault in self._plan if fault.times > 0]
        return left + [f"{call}: held" for call, gates in self._gates.items() for _ in gates]

    def _next(self, call: str, *arguments: object) -> _Fault | None:
        for fault in self._plan:
            if fault.call != call or fault.times == 0 or not fault.when(*arguments):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.times -= 1
            return fault
        return None

    async def _go_through(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self.calls[name] += 1
        gates = self._gates.get(name)
        if gates:
            await gates.pop(0).wait()
        fault = self._next(name, *args)
        if fault is not None and not fault.after:
            raise fault.error
        result = await method(*args, **kwargs)
        if fault is not None:
            raise fault.error
        return result


class _Faulty:
    """Passes every call on, as its plan allows."""

    def __init__(self, port: object, faults: Faults) -> None:
        self._port = port
        self._faults = faults

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        if not asyncio.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            return await self._faults._go_through(name, found, *args, **kwargs)

        return call


def faulty(port: T) -> tuple[T, Faults]:
    """The same port, and what is to go wrong with it."""
    faults = Faults()
    return cast("T", _Faulty(port, faults)), faults
