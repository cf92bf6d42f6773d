"""Faults happen exactly when a test says so, and what they do not touch goes through."""

from __future__ import annotations

import asyncio

import pytest

from engine.runtime.ports import Unavailable
from engine.testing import faulty


class Echoing:
    """A small port."""

    name = "echo"

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def say(self, word: str, *, loud: bool = False) -> str:
        self.heard.append(word)
        return word.upper() if loud else word

    def quiet(self) -> int:
        return len(self.heard)


async def test_without_a_plan_everything_goes_through() -> None:
    inner = Echoing()
    port, faults = faulty(inner)
    assert await port.say("a", loud=True) == "A"
    assert (port.quiet(), port.name, inner.heard) == (1, "echo", ["a"])
    assert (faults.calls["say"], faults.unused) == (1, [])
    with pytest.raises(AttributeError):
        port.nothing  # type: ignore[attr-defined]  # noqa: B018


async def test_a_fault_happens_so_often_and_no_more() -> None:
    inner = Echoing()
    port, faults = faulty(inner)
    faults.fail("say", Unavailable("away"), times=2)
    for _ in range(2):
        assert faults.unused == ["say: Unavailable"]
        with pytest.raises(Unavailable):
            await port.say("a")
    assert faults.unused == []
    assert await port.say("b") == "b"
    assert inner.heard == ["b"]


async def test_a_fault_may_skip_some_and_mean_only_some() -> None:
    port, faults = faulty(Echoing())
    faults.fail("say", Unavailable("away"), skip=1, when=lambda word: word == "bad")
    assert [await port.say(w) for w in ("good", "bad", "good")] == ["good", "bad", "good"]
    with pytest.raises(Unavailable):
        await port.say("bad")


async def test_afterwards_means_that_the_work_was_done() -> None:
    inner = Echoing()
    port, faults = faulty(inner)
    faults.fail("say", Unavailable("away"), after=True)
    with pytest.raises(Unavailable):
        await port.say("a")
    assert inner.heard == ["a"]


async def test_a_call_held_up_waits_and_then_goes_on() -> None:
    inner = Echoing()
    port, faults = faulty(inner)
    gate = faults.hold("say")
    assert faults.unused == ["say: held"]
    saying = asyncio.create_task(port.say("a"))
    await gate.reached.wait()
    assert inner.heard == []
    assert await port.say("b") == "b"
    gate.open()
    assert await saying == "a"
    assert faults.unused == []


async def test_a_fault_for_one_call_leaves_the_others_alone() -> None:
    port, faults = faulty(Echoing())
    faults.fail("other", Unavailable("away"))
    assert await port.say("a") == "a"
    assert faults.unused == ["other: Unavailable"]


async def test_healed_it_goes_on_as_if_nothing_had_been_planned() -> None:
    port, faults = faulty(Echoing())
    faults.fail("say", Unavailable("away"), times=10**9)
    with pytest.raises(Unavailable):
        await port.say("a")
    faults.heal()
    assert (await port.say("a"), faults.unused) == ("a", [])
