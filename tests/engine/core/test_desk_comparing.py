"""Comparing keys is put into words at once, also for an identity that nobody has vouched for yet."""

from __future__ import annotations

from typing import Literal

import pytest

from engine.core.desk import Compared, Comparing, Estranged
from engine.core.desk_comparing import SHOWN_FOR_MS
from engine.core.message import Count, Said
from tests.engine.core.one_desk import NOON, OneDesk

EMOJI = (0, 63, 7, 7, 21, 40, 5)
OUTCOMES = ("same", "different", "stopped", "too_late", "lost", "failed")
NUMBERS = (1000, 9191, 4711)


def test_what_the_bot_sees_is_shown_at_once_and_only_while_it_is_of_use() -> None:
    desk = OneDesk()
    desk.do(Comparing(EMOJI, NUMBERS))
    (shown,) = desk.parcels
    assert shown.urgency == "reply"
    assert shown.useful_until_ms == NOON + SHOWN_FOR_MS
    (line,) = shown.message.lines
    assert line.key == "compare.emoji"
    assert list(line.slots.values()) == [Said(f"emoji.{each}") for each in EMOJI]
    assert list(line.slots) == ["first", "second", "third", "fourth", "fifth", "sixth", "seventh"]


def test_an_app_without_emoji_is_shown_numbers() -> None:
    desk = OneDesk()
    desk.do(Comparing((), NUMBERS))
    (line,) = desk.parcels[0].message.lines
    assert line.key == "compare.numbers"
    assert list(line.slots.values()) == [Count(each) for each in NUMBERS]


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_has_its_words(
    outcome: Literal["same", "different", "stopped", "too_late", "lost", "failed"],
) -> None:
    desk = OneDesk()
    desk.do(Compared(outcome))
    assert desk.said == [f"compare.{outcome}"]


def test_whoever_has_a_new_identity_is_shown_it_nevertheless() -> None:
    desk = OneDesk()
    desk.do(Estranged("new"))
    desk.do(Comparing(EMOJI, NUMBERS))
    assert [
        parcel.for_anyone for parcel in desk.parcels if parcel.message.lines[0].key == "compare.emoji"
    ] == [True]
