"""``settings``: what somebody has set, and with which words it is changed."""

from __future__ import annotations

import re

from bridge.views import HouseViews
from engine.testing import MemoryStore
from tests.bridge.views.a_circle import Circle
from tests.bridge.views.test_public import ANA, TwoCircles
from tests.engine.runtime.small_house import Shelf


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
    assert re.search("Time of Vienna, now .*, as you chose: ", shown)
    assert "Quiet from 22:00 to 07:00, as you chose: " in shown
    assert "Weekly letter on Friday" in shown
    assert "Nothing started by Bruno: *again from Bruno*" in shown
    assert "Nothing from keeping: *start keeping*" in shown
    assert "*start* ends it sooner" in shown


async def test_what_nobody_chose_is_said_to_be_as_in_the_circle() -> None:
    circle = await Circle.gather("ana")
    shown = await circle.reads("ana", "settings")
    assert re.search("Time of .*, as in your circle: ", shown)
    assert "Quiet from 21:00 to 09:00, as in your circle: " in shown
    await circle.say("ana", "time zone Vienna")
    shown = await circle.reads("ana", "settings")
    assert re.search("Time of Vienna, now .*, as you chose: ", shown)
    assert "Quiet from 21:00 to 09:00, as in your circle: " in shown


async def test_whoever_is_in_no_circle_or_in_several_is_not_told_of_their_circle() -> None:
    circle = await Circle.gather("ana")
    circle.stage.cast.here.clear()
    shown = await circle.reads("ana", "settings")
    assert re.search(r"Time of .*, until you choose otherwise: \*time zone", shown)
    assert "Quiet from 21:00 to 09:00, until you choose otherwise: " in shown
    assert "your circle" not in shown
    (lines,) = await HouseViews(MemoryStore(), Shelf(), TwoCircles()).paragraphs("settings", ANA, 0)
    assert {"settings.zone_unchosen", "settings.quiet_unchosen"} <= {line.key for line in lines}


async def test_the_words_that_undo_not_from_do_so_in_each_language() -> None:
    for undone, language in (
        ("again from @bruno", "english"),
        ("wieder von @bruno", "german"),
        ("de nuevo de @bruno", "spanish"),
    ):
        circle = await Circle.gather("ana", "bruno")
        await circle.say("ana", "not from @bruno")
        await circle.say("ana", f"language {language}")
        assert (await circle.desk("ana")).not_from != ()
        await circle.say("ana", undone)
        assert (await circle.desk("ana")).not_from == ()


async def test_what_is_off_says_how_it_comes_back() -> None:
    circle = await Circle.gather("ana")
    for words in ("no quiet hours", "stop letter"):
        await circle.say("ana", words)
    shown = await circle.reads("ana", "settings")
    assert "No quiet hours, as you chose: *quiet from 22 to 8*" in shown
    assert "No weekly letter: *start letter*" in shown
    assert "No pause: *pause until Monday*" in shown
