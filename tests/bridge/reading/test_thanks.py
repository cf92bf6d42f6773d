"""A thanks is for the bot, unless somebody is named: then it begins a thank-you for them."""

from __future__ import annotations

import pytest

from bridge.reading.ear import Ear
from engine.core.desk import Command, Desk, Reading, Rhythm
from engine.core.values import PersonId
from engine.runtime.ports import Spoken
from tests.bridge.reading.test_ear import ANA, BEN, ME, NOW_MS, Circle

LANGUAGES = ("en", "es", "de")
EAR = Ear(Circle(), Circle(), ("Hearth",))


def read(body: str, language: str, mentions: tuple[PersonId, ...] = ()) -> tuple[Reading, str]:
    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=ME, body=body, mentions=mentions)
    desk = Desk(ME, rhythm=Rhythm(time_zone="Europe/Berlin"), language=language)
    return EAR.read(spoken, desk, None, ("thank", "invite", "role"), NOW_MS)


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    "body",
    [
        "thank you",
        "Thank you!",
        "thanks 🙏",
        "Thanks a lot. Thank you so much!",
        "gracias",
        "¡Muchas gracias!",
        "danke",
        "Danke schön",
        "danke, vielen Dank",
        "thank you for everything",
        "danke für alles",
        "gracias por todo",
    ],
)
def test_a_thanks_to_nobody_begins_nothing(body: str, spoken: str) -> None:
    assert read(body, spoken)[0].command is None


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("thank you so much @ben for the soup", "for the soup"),
        ("thank you, ben", ""),
        ("Thanks to Ben for the soup", "for the soup"),
        ("thank you for the soup @ben", "for the soup"),
        ("thank @ben for the soup", "for the soup"),
        ("danke Ben für die Suppe", "für die Suppe"),
        ("danke sagen: ben", ""),
        ("gracias a Ben por la sopa", "por la sopa"),
        ("dar las gracias a Ben", ""),
    ],
)
def test_a_thanks_to_somebody_begins_a_thank_you(body: str, words: str, spoken: str) -> None:
    reading, kept = read(body, spoken)
    assert reading.command is not None
    assert reading.command.word == "thank"
    assert reading.command.people == (BEN,)
    assert (kept if reading.command.rest else "") == words


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    "body", ["thank", "agradecer", "dar las gracias", "Dar las gracias, por favor", "danke sagen", "danken"]
)
def test_the_word_itself_is_heard_though_it_ends_or_begins_in_a_thanks(body: str, spoken: str) -> None:
    assert read(body, spoken)[0].command == Command("thank")


@pytest.mark.parametrize(
    ("body", "people", "words"),
    [
        ("invite to soup on Friday @ana and @ben", (ANA, BEN), "to soup on Friday"),
        ("invite to soup, with @ana as cook", (ANA,), "to soup, with @ana as cook"),
        ("invite to soup with [Ben](https://matrix.to/#/@ben:example.org)", (BEN,), "to soup with"),
        ("invite to soup @ 7pm", (), "to soup @ 7pm"),
        ("invite to soup @nobodyhere", (), "to soup @nobodyhere"),
    ],
)
def test_a_mention_anywhere_behind_a_beginning_is_found(
    body: str, people: tuple[PersonId, ...], words: str
) -> None:
    reading, kept = read(body, "en")
    assert reading.command is not None
    assert reading.command.people == people
    assert kept == words


@pytest.mark.parametrize("spoken", LANGUAGES)
@pytest.mark.parametrize(
    ("body", "thanks"),
    [
        ("Thank you!", True),
        ("gracias 🙏", True),
        ("vielen Dank", True),
        ("thanks, yes", False),
        ("🙏", False),
    ],
)
def test_a_thanks_and_nothing_else_is_heard_as_one(body: str, thanks: bool, spoken: str) -> None:
    assert read(body, spoken)[0].thanks == thanks
