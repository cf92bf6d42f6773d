"""``settings``: what somebody has set, and with which words it is changed."""

from __future__ import annotations

from tests.bridge.views.a_circle import Circle


async def test_each_line_shows_what_is_set_and_what_changes_it() -> None:
    circle = await Circle.gather("ana")
    shown = await circle.reads("ana", "settings")
    assert shown.startswith("How I write to you, and the words that change it:\n· I may write to you")
    for words in ("*language German*", "*time zone Berlin*", "*pause until Monday*", "*letter on Friday*"):
        assert words in shown


async def test_what_was_set_by_chat_stands_there() -> None:
    circle = await Circle.gather("ana", "bruno")
    for words in (
        "time zone Vienna",
        "quiet from 22 to 7",
        "letter on Friday",
        "not from @bruno",
        "stop keeping",
        "pause for 2 weeks",
    ):
        await circle.say("ana", words)
    shown = await circle.reads("ana", "settings")
    assert "Time of Vienna" in shown
    assert "Quiet from 22:00 to 07:00" in shown
    assert "Weekly letter on Friday" in shown
    assert "Nothing that Bruno starts" in shown
    assert "Nothing from keeping: *start keeping*" in shown
    assert "*start* ends it sooner" in shown


async def test_what_is_off_says_how_it_comes_back() -> None:
    circle = await Circle.gather("ana")
    for words in ("no quiet hours", "stop letter"):
        await circle.say("ana", words)
    shown = await circle.reads("ana", "settings")
    assert "No quiet hours: *quiet from 22 to 8*" in shown
    assert "No weekly letter: *start letter*" in shown
    assert "No pause: *pause until Monday*" in shown
