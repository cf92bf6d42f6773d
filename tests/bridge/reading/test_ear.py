"""What the bot understands of a message, and what it leaves alone."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.reading.address import unwrapped
from bridge.reading.ear import Ear
from bridge.reading.plainly import same_emoji
from bridge.wording.size import fits
from engine.core.definition import NO, TITLE_TEXT, Definition, Kind
from engine.core.desk import Command, Desk, OwnRhythm, Prompt, Reading, Rhythm
from engine.core.message import Message, Names, Option, Phrase
from engine.core.parcel import Target
from engine.core.values import DAY_MS, HOUR_MS, CircleId, InstanceId, PersonId, RowId
from engine.runtime.ports import Spoken

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = int(datetime(2026, 11, 25, 14, 0, tzinfo=BERLIN).timestamp() * 1000)
ME, ANA, BEN, CHEN = PersonId("me"), PersonId("ana"), PersonId("ben"), PersonId("chen")
WORDS = ("invite", "role", "withdraw", "happened", "let it go", "cancel")
NAMES = {
    "ana": ANA,
    "ana silva": ANA,
    "@ana:example.org": ANA,
    "ben": BEN,
    "@ben:example.org": BEN,
    "@ben": BEN,
    "@ana": ANA,
    "chen": CHEN,
}
TEXTS = {"coming": "I'm coming", "maybe": "Maybe", "gladly": "Gladly", "one": "Something else, please"}


@dataclasses.dataclass(frozen=True)
class Circle:
    """Who is called what in a made-up circle, and its one definition."""

    def find(self, name: str, asked_by: PersonId) -> PersonId | None:
        return NAMES.get(name.casefold()) or NAMES.get(name.casefold().removeprefix("@"))

    def name_of(self, person: PersonId) -> str | None:
        return {ANA: "Ana Silva", BEN: "Ben"}.get(person)

    def names(self) -> tuple[str, ...]:
        return ("dinner",)

    def in_service(self, name: str) -> Definition | None:
        return self.held("d1") if name == "dinner" else None

    def held(self, digest: str) -> Definition | None:
        if digest == "d2":
            return Definition("x", "X", "", "d2", "x", (), {}, {}, {}, "open", LABELS, {})
        if digest != "d1":
            return None
        german = {"de": {TITLE_TEXT: "Abendessen", "coming": "Ich komme", "maybe": "Vielleicht"}}
        return Definition(
            "dinner", "Dinner", "", "d1", "dine", (), {}, {}, {}, "open", TEXTS, {}, translations=german
        )


EAR = Ear(Circle(), Circle(), ("Hearth", "@hearth:example.org"))


def prompt(
    row: str, *choices: tuple[str, str], expects: Kind = "choice", words: bool = False, settled: bool = False
) -> Prompt:
    options = tuple(Option(c, e, Phrase("no.label") if c == NO else Phrase(c, "d1")) for c, e in choices)
    message = Message(options=options)
    return Prompt(
        RowId(row),
        InstanceId("i"),
        "ask",
        1,
        choices,
        expects,
        words,
        NOW_MS,
        NOW_MS,
        message,
        settled=settled,
    )


DINNER = prompt("dinner", ("coming", "✅"), ("maybe", "🤔"), (NO, "✖️"))


def read(
    body: str,
    *prompts: Prompt,
    target: Target | None = None,
    mentions: Sequence[PersonId] = (),
    circle: str | None = None,
    addressed: bool = False,
    reply_to: str | None = None,
    zone: str = "Europe/Berlin",
) -> tuple[Reading, str]:
    spoken = Spoken(
        id="$1",
        occurred_ms=NOW_MS,
        person=ME,
        body=body,
        mentions=tuple(mentions),
        circle=CircleId(circle) if circle else None,
        addressed=addressed,
        reply_to=reply_to,
    )
    desk = Desk(ME, prompts=prompts, rhythm=Rhythm(time_zone=zone))
    return EAR.read(spoken, desk, target, WORDS, NOW_MS)


def test_whoever_has_chosen_no_time_zone_is_understood_in_that_of_their_circle() -> None:
    circles = (CircleId("vienna"), CircleId("lisbon"))
    zones = dict(zip(circles, ("Europe/Vienna", "Europe/Lisbon"), strict=True))
    ear = Ear(Circle(), Circle(), ("Hearth",), usual=lambda within: Rhythm(zones[within[0]]))
    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=ME, body="friday 19:00")
    chosen = Desk(ME, own_rhythm=OwnRhythm("Asia/Kathmandu"))
    read_as = [
        ear.read(spoken, desk, None, WORDS, NOW_MS, within)[0].moment_ms
        for desk, within in ((Desk(ME), circles), (Desk(ME), circles[1:]), (chosen, circles))
    ]
    expected = [
        datetime(2026, 11, 27, 19, 0, tzinfo=ZoneInfo(z)) for z in (*zones.values(), "Asia/Kathmandu")
    ]
    assert read_as == [int(moment.timestamp() * 1000) for moment in expected]


def command(body: str, *prompts: Prompt, mentions: Sequence[PersonId] = ()) -> Command:
    found = read(body, *prompts, mentions=mentions)[0].command
    assert found is not None, f"{body!r} was not read as a command"
    return found


def when(body: str, zone: str = "Europe/Berlin") -> str | None:
    moment_ms = read(body, zone=zone)[0].moment_ms
    if moment_ms is None:
        return None
    return datetime.fromtimestamp(moment_ms / 1000, ZoneInfo(zone)).strftime("%Y-%m-%d %H:%M")


# ── commands ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("help", "help"),
        ("Help!", "help"),
        ("!hearth help", "help"),
        ("!hearth", "help"),
        ("Hearth: help", "help"),
        ("@hearth help", "help"),
        ("  person  ", "person"),
        ("Person please", "person"),
        ("my", "my"),
        ("Who holds what?", "who holds what"),
        ("what’s on", "what's on"),
        ("whats on?", "what's on"),
        ("Later, thanks", "later"),
        ("stop.", "stop"),
        ("START", "start"),
        ("pause", "pause"),
        ("withdraw", "withdraw"),
        ("Let it  go", "let it go"),
        ("invite", "invite"),
        ("not from", "not from"),
    ],
)
def test_a_command_is_known_however_it_is_written(body: str, word: str) -> None:
    assert command(body) == Command(word)


@pytest.mark.parametrize(
    "body",
    [
        "my garden is open on Sunday",
        "help me carry the table",
        "stop by whenever you like",
        "later than usual, at eight",
        "start with soup",
        "I will happily help",
        "a person I met",
    ],
)
def test_a_sentence_that_begins_like_a_command_is_none(body: str) -> None:
    assert read(body, prompt("what", expects="words", words=True))[0].command is None


@pytest.mark.parametrize(
    ("body", "close_to"),
    [
        ("hlep", "help"),
        ("widthdraw", "withdraw"),
        ("whos holds what", "who holds what"),
        ("pauze", "pause"),
        ("invit", "invite"),
        ("sotp", "stop"),
    ],
)
def test_a_mistyped_command_is_answered_with_the_nearest_one_and_not_with_its_words(
    body: str, close_to: str
) -> None:
    assert command(body) == Command("unknown", close_to=close_to)


@pytest.mark.parametrize("body", ["soup", "see you there then", "thank you so much for this", "🙂", "hm"])
def test_what_is_nowhere_near_a_command_is_none(body: str) -> None:
    assert read(body)[0] == Reading()


def test_a_mistyped_command_in_a_room_is_left_alone_unless_the_bot_was_spoken_to() -> None:
    assert read("hlep", circle="c")[0].command is None
    assert read("hlep", circle="c", addressed=True)[0].command == Command("unknown", close_to="help")


def test_something_said_to_the_bot_in_a_room_that_it_does_not_know_is_an_unknown_command() -> None:
    assert read("sing us a song of home", circle="c", addressed=True)[0].command == Command("unknown")


def test_inviting_everyone_and_people_by_id_keeps_only_the_sentence() -> None:
    reading, words = read("invite everyone and @ana:example.org: Dinner at mine, bring bowls: big ones")
    assert reading.command is not None
    assert (reading.command.word, reading.command.everyone) == ("invite", True)
    assert reading.command.people == (ANA,)
    assert reading.command.rest is not None
    assert words == "Dinner at mine, bring bowls: big ones"


@pytest.mark.parametrize(
    ("body", "people", "everyone", "words"),
    [
        ("invite everyone", (), True, ""),
        ("invite @ana @ben", (ANA, BEN), False, ""),
        ("invite @ana:example.org @ben:example.org", (ANA, BEN), False, ""),
        ("Invite Ana Silva, Ben and Chen to dinner", (ANA, BEN, CHEN), False, "to dinner"),
        ("invite everyone to dinner", (), True, "to dinner"),
        ("invite dinner at mine", (), False, "dinner at mine"),
        ("invite: dinner at mine at 19:00", (), False, "dinner at mine at 19:00"),
        ("invite ana: dinner", (ANA,), False, "dinner"),
        ("role treasurer", (), False, "treasurer"),
        ("!hearth invite @ana", (ANA,), False, ""),
        ("invite Ana and someone else: dinner", (ANA,), False, "someone else: dinner"),
    ],
)
def test_what_stands_behind_a_beginning_is_people_and_words(
    body: str, people: tuple[PersonId, ...], everyone: bool, words: str
) -> None:
    reading, kept = read(body)
    found = reading.command
    assert found is not None
    assert (found.people, found.everyone) == (people, everyone)
    assert (kept if found.rest is not None else "") == words


def test_a_mention_counts_whatever_name_the_client_wrote_for_it() -> None:
    reading, words = read("invite Anastasia: dinner", mentions=[ANA])
    assert reading.command is not None
    assert (reading.command.people, words) == ((ANA,), "dinner")


def test_which_of_several_is_a_number() -> None:
    assert command("cancel 2") == Command("cancel", nth=2)


@pytest.mark.parametrize(
    ("body", "until"),
    [
        ("pause until Monday", "2026-11-30 12:00"),
        ("pause for 2 weeks", "2026-12-09 12:00"),
        ("pause 2 weeks", "2026-12-09 12:00"),
        ("Pause until 1 December 18:00, please", "2026-12-01 18:00"),
    ],
)
def test_a_pause_has_its_end(body: str, until: str) -> None:
    until_ms = command(body).until_ms
    assert until_ms is not None
    assert datetime.fromtimestamp(until_ms / 1000, BERLIN).strftime("%Y-%m-%d %H:%M") == until


def test_a_pause_without_a_readable_end_asks_for_one() -> None:
    assert command("pause until I feel like it").until_ms is None


@pytest.mark.parametrize("body", ["not from @ana:example.org", "not from Ana", "Not from: ana silva"])
def test_not_from_names_a_person(body: str) -> None:
    assert command(body) == Command("not from", people=(ANA,))


def test_not_from_an_unknown_person_names_nobody() -> None:
    assert command("not from Zoe") == Command("not from")


# ── choices ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "choice"),
    [
        ("I'm coming", "coming"),
        ("im coming", "coming"),
        ("i’m COMING", "coming"),
        ("I'm coming, and I'll bring bread", "coming"),
        ("1", "coming"),
        ("1.", "coming"),
        ("#2", "maybe"),
        ("2️⃣", "maybe"),
        ("3", NO),
        ("4", None),
        ("0", None),
        ("✅", "coming"),
        ("✖", NO),
        ("✖️", NO),
        ("1. ✅ I'm coming", "coming"),
        ("✅ I'm coming", "coming"),
        ("yes", "coming"),
        ("Yes please!", "coming"),
        ("yes, thank you", "coming"),
        ("ja", "coming"),
        ("maybe", "maybe"),
        ("perhaps", "maybe"),
        ("no", NO),
        ("No, thanks", NO),
        ("no thanks!", NO),
        ("nope", NO),
        ("Nein danke", NO),
        ("no, sorry", NO),
        ("no, I can't make it this time", NO),
        ("👍", None),
        ("yes, but only if it doesn't rain", None),
        ("no, wait, yes", None),
        ("I'm coming, or maybe not", None),
        ("I'm coming down with something", None),
        ("soup", None),
        ("yes and no", None),
    ],
)
def test_a_choice_is_named_by_words_number_emoji_or_a_plain_yes_or_no(body: str, choice: str | None) -> None:
    assert read(body, DINNER)[0].picks.get(DINNER.row) == choice


@pytest.mark.parametrize(
    ("body", "choice"),
    [("Ich komme", "coming"), ("vielleicht.", "maybe"), ("I'm coming", "coming"), ("Ich", None)],
)
def test_a_choice_is_named_in_any_language_its_file_has(body: str, choice: str | None) -> None:
    assert read(body, DINNER)[0].picks.get(DINNER.row) == choice


@pytest.mark.parametrize(
    ("body", "choice", "worded"),
    [
        ("I'm coming, and I'll bring bread", "coming", True),
        ("Ich komme – mit Brot", "coming", True),
        ("I'm coming", "coming", False),
        ("I'm coming, thanks", "coming", False),
        ("1", "coming", False),
        ("1. ✅ I'm coming", "coming", False),
        ("✅", "coming", False),
        ("yes please", "coming", False),
        ("I'm coming, or maybe not", None, False),
    ],
)
def test_words_beside_a_choice_are_noticed_where_they_are_welcome(
    body: str, choice: str | None, worded: bool
) -> None:
    welcome = prompt("welcome", *DINNER.choices, words=True)
    reading, kept = read(body, DINNER, welcome)
    assert kept == body
    assert {reading.picks.get(welcome.row), reading.picks.get(DINNER.row)} == {choice}
    assert reading.worded == ((welcome.row,) if worded else ())


PROPOSAL = "A proposal, to decide on together"
LABELS = {
    "p": PROPOSAL,
    "q": "A proposal for later",
    "d": "The dinner on Sunday",
    "t": "Tea, at four",
    "i": "Invite everyone",
    "g": "Gladly",
    "part": "For a part of it",
    "c": "Count me in",
    "m": "Maybe",
    "r": "Rather not",
    "y": "Yes, say it",
    "n": "No, rather not",
    "n2": "No, not yet",
}


def offering(*labels: str, words: bool = False) -> Prompt:
    """A question with choices that have no emoji, and a no."""
    options = tuple(Option(c, "", Phrase(c, "d2")) for c in labels)
    choices = (*((c, "") for c in labels), (NO, "✖️"))
    message = Message(options=(*options, Option(NO, "✖️", Phrase("no.label"))))
    return Prompt(RowId("o"), InstanceId("i"), "o", 1, choices, "choice", words, NOW_MS, NOW_MS, message)


@pytest.mark.parametrize(
    ("body", "labels", "choice"),
    [
        ("a proposal", "pdt", "p"),
        ("Proposal!", "pdt", "p"),
        ("the proposal, please", "pdt", "p"),
        ("a proposal", "pq", None),
        ("a proposal for", "pq", "q"),
        ("a proposal to decide", "p", None),
        ("propos", "p", None),
        ("the dinner", "pd", "d"),
        ("dinner", "pd", "d"),
        ("dinner on sunday", "pd", "d"),
        ("the", "pd", None),
        ("tea", "pt", "t"),
        ("invite", "ip", None),
        ("invite everyone", "ip", "i"),
        ("a proposal would be nice", "p", None),
    ],
)
def test_the_beginning_of_one_label_only_is_that_choice(body: str, labels: str, choice: str | None) -> None:
    assert read(body, offering(*labels))[0].picks.get(RowId("o")) == choice


def test_the_beginning_of_a_label_is_words_where_words_are_an_answer() -> None:
    assert read("a proposal", offering("p", "d", words=True))[0].picks == {}


@pytest.mark.parametrize(
    ("body", "labels", "choice"),
    [
        ("yes", ("c", "m"), "c"),
        ("yes please", ("g", "part"), "g"),
        ("yes", ("d", "m"), "d"),
        ("yes", ("r", "m"), None),
        ("yes", ("d", "t"), None),
        ("yes", ("d", "t", "m"), None),
        ("👍", ("d",), "d"),
        ("👍🏽", ("g",), "g"),
        ("👍", ("g", "part"), None),
        ("👍", ("c", "m"), None),
        ("❤️", ("g",), None),
    ],
)
def test_a_yes_or_a_thumb_is_a_choice_where_only_one_can_be_meant(
    body: str, labels: tuple[str, ...], choice: str | None
) -> None:
    for words in (False, True):
        assert read(body, offering(*labels, words=words))[0].picks.get(RowId("o")) == choice


def test_a_plain_yes_means_nothing_where_it_could_mean_two_things() -> None:
    kinds = prompt("kind", ("event", "📅"), ("project", "🛠️"))
    assert read("yes", kinds)[0].picks == {}


def test_a_no_means_nothing_where_no_is_not_on_offer() -> None:
    kinds = prompt("kind", ("event", "📅"), ("project", "🛠️"))
    assert read("no", kinds)[0].picks == {}


@pytest.mark.parametrize(
    ("body", "labels", "choice"),
    [
        ("no", "yn", "n"),
        ("Nein", "yn", "n"),
        ("no, thanks", "yn", "n"),
        ("No, but if you insist", "yn", None),
        ("yes", "yn", "y"),
        ("no", "yr", None),
        ("no", "d", None),
    ],
)
def test_a_no_is_the_only_choice_that_begins_with_one(body: str, labels: str, choice: str | None) -> None:
    without = prompt("detail", *((c, "") for c in labels))
    named = msgspec.structs.replace(
        without, message=Message(options=tuple(Option(c, "", Phrase(c, "d2")) for c in labels))
    )
    assert read(body, named)[0].picks.get(RowId("detail")) == choice


def test_of_two_that_begin_with_a_no_none_is_meant_and_the_plain_no_comes_first() -> None:
    labels = tuple(Option(c, "", Phrase(c, "d2")) for c in ("n", "n2"))
    both = prompt("both", ("n", ""), ("n2", ""))
    assert read("no", msgspec.structs.replace(both, message=Message(options=labels)))[0].picks == {}
    assert read("no", offering("y", "n"))[0].picks.get(RowId("o")) == NO


def test_every_open_question_has_its_own_pick_and_settled_ones_none() -> None:
    help_out = prompt("help", ("gladly", "🙌"), (NO, "✖️"))
    over = prompt("over", ("coming", "✅"), settled=True)
    assert read("yes", DINNER, help_out, over)[0].picks == {"dinner": "coming", "help": "gladly"}
    assert read("gladly", DINNER, help_out)[0].picks[RowId("help")] == "gladly"


def test_a_contact_is_chosen_by_name() -> None:
    label = Phrase("person.contact", slots={"who": Names((ANA,))})
    nobody = Phrase("person.choose_nobody")
    options = (Option("contact:0", "", label), Option("nobody", "", nobody))
    choices = (("contact:0", ""), ("nobody", ""))
    asked = Prompt(
        RowId("p"), None, "person", 1, choices, "choice", False, NOW_MS, NOW_MS, Message(options=options)
    )
    assert read("Ana Silva", asked)[0].picks == {"p": "contact:0"}
    assert read("nobody", asked)[0].picks == {"p": "nobody"}
    assert read("2", asked)[0].picks == {"p": "nobody"}


def test_a_message_in_the_room_can_be_answered_without_its_words_being_known() -> None:
    target = Target(RowId("open"), InstanceId("i"), "open", 1, (("coming", "🙋"),), shared=True)
    for body in ("🙋", "🙋🏽", "1", "yes", "coming"):
        assert read(body, target=target, circle="c", reply_to="$0")[0].picks == {"open": "coming"}, body


@pytest.mark.parametrize("said", ["I'm coming", "Ich komme", "ich komme", "✅", "1"])
def test_an_open_ask_in_the_room_is_answered_in_any_language_its_labels_are_there(said: str) -> None:
    labels = (Phrase("coming", "d1"), Phrase("maybe", "d1"))
    choices = (("coming", "✅"), ("maybe", "🤔"))
    target = Target(RowId("open"), InstanceId("i"), "open", 1, choices, shared=True, labels=labels)
    reading, _ = read(said, target=target, circle="c")
    assert reading.picks == {"open": "coming"}
    assert read("Vielleicht", target=target, circle="c")[0].picks == {"open": "maybe"}
    assert read("Ich komme mit Kuchen", target=target, circle="c")[0].picks in ({}, {"open": "coming"})


def test_a_number_that_is_a_choices_own_word_means_that_choice() -> None:
    definition_free = Message(
        options=(Option("a", "", Phrase("one", "d1")), Option("b", "", Phrase("coming", "d1")))
    )
    asked = Prompt(
        RowId("p"), None, "x", 1, (("a", ""), ("b", "")), "choice", False, NOW_MS, NOW_MS, definition_free
    )
    assert read("Something else, please", asked)[0].picks == {"p": "a"}


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        ("🙋", "🙋🏾", True),
        ("✖️", "✖", True),
        ("❤", "❤️", True),
        ("✅", "❌", False),
        ("", "", False),
        ("️", "", False),
    ],
)
def test_an_emoji_is_the_same_in_every_skin_and_style(a: str, b: str, same: bool) -> None:
    assert same_emoji(a, b) is same


# ── details ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "moment"),
    [
        ("Friday 19:00", "2026-11-27 19:00"),
        ("Friday", "2026-11-27 12:00"),
        ("on Friday at 7pm", "2026-11-27 19:00"),
        ("next friday at 7pm", "2026-12-04 19:00"),
        ("this friday 19:00", "2026-11-27 19:00"),
        ("Wednesday 15:00", "2026-11-25 15:00"),
        ("Wednesday 13:00", "2026-12-02 13:00"),
        ("Wednesday", "2026-12-02 12:00"),
        ("27 November", "2026-11-27 12:00"),
        ("27 November 19:00", "2026-11-27 19:00"),
        ("Friday 27 November, 19:00", "2026-11-27 19:00"),
        ("Nov 27th, 7 p.m.", "2026-11-27 19:00"),
        ("27.11. 19.30", "2026-11-27 19:30"),
        ("27/11 19:00", "2026-11-27 19:00"),
        ("2026-11-27 19:00", "2026-11-27 19:00"),
        ("2026-11-27", "2026-11-27 12:00"),
        ("2026-11-27T19:00Z", "2026-11-27 20:00"),
        ("Friday 19:00 UTC", "2026-11-27 20:00"),
        ("in 3 weeks", "2026-12-16 12:00"),
        ("in 3 weeks at 19:00", "2026-12-16 19:00"),
        ("in a week", "2026-12-02 12:00"),
        ("in 2 hours", "2026-11-25 16:00"),
        ("in an hour", "2026-11-25 15:00"),
        ("tomorrow", "2026-11-26 12:00"),
        ("tomorrow 18:00, please", "2026-11-26 18:00"),
        ("tomorrow evening at 8pm", "2026-11-26 20:00"),
        ("tonight at 8pm", "2026-11-25 20:00"),
        ("19:00", "2026-11-25 19:00"),
        ("13:00", "2026-11-26 13:00"),
        ("next week", "2026-11-30 12:00"),
        ("3 May", "2027-05-03 12:00"),
        ("27 November 2025 19:00", "2025-11-27 19:00"),
    ],
)
def test_a_day_and_time_is_read_as_people_write_it(body: str, moment: str) -> None:
    assert when(body) == moment


@pytest.mark.parametrize(
    "body",
    [
        "",
        "soon",
        "12",
        "2027",
        "November",
        "may",
        "3/4",
        "at 7",
        "Friday at 7",
        "Friday 7",
        "tonight",
        "tomorrow evening",
        "midnight",
        "Friday 28 November",
        "31 November",
        "25:00",
        "13pm",
        "19:00 or 20:00",
        "Friday 19:00-21:00",
        "27-29 November",
        "27.11. 10.12.",
        "Friday or Saturday",
        "2 weeks after Friday",
        "1 day before",
        "in 99999 years",
        "in 9999 years",
        "dinner on Friday with Ana",
        "sat with ana",
    ],
)
def test_what_could_mean_two_moments_or_none_means_none(body: str) -> None:
    assert when(body) is None


def test_a_day_of_the_week_without_a_time_is_never_today() -> None:
    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=ME, body="pause until Wednesday")
    in_the_morning_ms = NOW_MS - 5 * HOUR_MS
    reading, _ = EAR.read(spoken, Desk(ME, rhythm=Rhythm("Europe/Berlin")), None, WORDS, in_the_morning_ms)
    assert reading.command is not None
    assert reading.command.until_ms == in_the_morning_ms + 7 * DAY_MS + 3 * HOUR_MS


def test_who_somebody_is_is_not_taken_from_what_came_in_the_clear() -> None:
    def found(body: str, *, in_clear: bool) -> Command | None:
        spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=ME, body=body, in_clear=in_clear)
        return EAR.read(spoken, Desk(ME), None, WORDS, NOW_MS)[0].command

    assert found("it's me", in_clear=True) == Command("it's me", in_clear=True)
    assert found("it's me", in_clear=False) == Command("it's me")
    assert found("my", in_clear=True) == found("my", in_clear=False), "nothing else is heard in another way"


def test_a_moment_is_meant_where_the_person_lives() -> None:
    assert when("Friday 19:00", "America/New_York") == "2026-11-27 19:00"
    assert when("tomorrow", "Pacific/Auckland") == "2026-11-27 12:00"


@pytest.mark.parametrize(
    ("body", "number"),
    [
        ("3", 3),
        ("three", 3),
        ("3 people", 3),
        ("about 3", None),
        ("3 or 4", None),
        ("x", None),
        ("1" * 40, None),
    ],
)
def test_a_number_is_read_when_there_is_just_one(body: str, number: int | None) -> None:
    assert read(body)[0].number == number


@pytest.mark.parametrize(
    ("body", "people", "everyone"),
    [
        ("Ana", (ANA,), False),
        ("Ana, Ben and Chen", (ANA, BEN, CHEN), False),
        ("@ana:example.org @ben:example.org", (ANA, BEN), False),
        ("everyone", (), True),
        ("Everybody!", (), True),
        ("ana and everyone", (ANA,), True),
        ("@ana @ben", (ANA, BEN), False),
        ("ana chen", (ANA, CHEN), False),
        ("ben, chen and ana", (BEN, CHEN, ANA), False),
        ("Ana Silva Ben", (ANA, BEN), False),
        ("@Ana Silva @ben and chen, please", (ANA, BEN, CHEN), False),
        ("@ana:example.org ben & Chen", (ANA, BEN, CHEN), False),
        ("ben @ana:example.org", (BEN, ANA), False),
        ("[Ana Silva](https://matrix.to/#/@ana:example.org) Ben", (ANA, BEN), False),
        ("me ben", (ME, BEN), False),
        ("everyone ana", (ANA,), True),
        ("Ana and Zoe", (), False),
        ("ana zoe", (), False),
        ("ask ben", (), False),
        ("my neighbours", (), False),
    ],
)
def test_people_are_all_found_or_nobody_is_taken(
    body: str, people: tuple[PersonId, ...], everyone: bool
) -> None:
    reading, _ = read(body)
    assert (reading.people, reading.everyone) == (people, everyone)


@pytest.mark.parametrize(
    ("body", "mentions", "people"),
    [
        ("Ana Silva Ben", (ANA, BEN), (ANA, BEN)),
        ("Anastasia and Benjamin", (ANA, BEN), (ANA, BEN)),
        ("Anastasia Romanova ben", (ANA,), (BEN, ANA)),
        ("@ana zoe", (ANA,), ()),
    ],
)
def test_marked_people_count_and_nobody_written_beside_them_is_lost(
    body: str, mentions: tuple[PersonId, ...], people: tuple[PersonId, ...]
) -> None:
    assert read(body, mentions=mentions)[0].people == people


def test_of_names_that_begin_alike_the_longest_is_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, "ana silva", CHEN)
    assert read("ana silva ben")[0].people == (CHEN, BEN)
    assert read("ana ben silva")[0].people == ()


def test_who_was_found_beside_somebody_unknown_is_kept_only_for_a_question_that_asks_for_people() -> None:
    assert read("Ana and Zoe", prompt("who", expects="people"))[0].found == (ANA,)
    assert read("Ana and Zoe", DINNER)[0] == Reading()


def test_talk_is_not_searched_for_names_to_its_end() -> None:
    asked: list[str] = []

    class Listening(Circle):
        def find(self, name: str, asked_by: PersonId) -> PersonId | None:
            asked.append(name)
            return super().find(name, asked_by)

    spoken = Spoken(id="$1", occurred_ms=NOW_MS, person=ME, body="so it goes " * 36)
    Ear(Listening(), Circle(), ("Hearth",)).read(spoken, Desk(ME), None, (), NOW_MS)
    assert len(asked) < 50


@pytest.mark.parametrize("body", ["none", "Skip", "nobody yet", "None, thanks"])
def test_left_open_on_purpose_is_heard(body: str) -> None:
    assert read(body)[0].empty


# ── bounds ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", ["a" * 60_000, "help " * 20_000, "я" * 10_000, "1" * 60_000])
def test_a_text_too_long_to_be_shown_whole_is_nothing_but_too_long(body: str) -> None:
    assert read(body, DINNER) == (Reading(too_long=True), "")


def test_a_long_text_that_fits_is_words() -> None:
    body = "We met at mine. " * 500
    assert fits(body)
    assert read(body, DINNER) == (Reading(), body.strip())


def test_an_old_quote_in_front_is_not_the_persons_own_word() -> None:
    body = "> <@hearth:example.org> Are you coming?\n> 1. yes\n\nI'm coming"
    reading, words = read(body, DINNER, reply_to="$0")
    assert (reading.picks, words) == ({"dinner": "coming"}, "I'm coming")


SOMETHING = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=300),
    st.lists(
        st.sampled_from(
            [
                "invite",
                "everyone",
                "not from",
                "pause",
                "until",
                "@ana",
                "@x:y",
                "friday",
                "19:00",
                "and",
                ",",
                ":",
                "1",
                "27.11",
                "no",
                "yes",
                "I'm coming",
                "> ",
                "\n",
                "✅",
                "!hearth",
                "Hearth:",
                "in",
                "weeks",
                "99",
            ]
        ),
        max_size=12,
    ).map(" ".join),
    st.lists(st.sampled_from(list("0123456789:./- apmAPMthndrs")), max_size=20).map("".join),
)


@settings(max_examples=400, deadline=None)
@given(body=SOMETHING, in_room=st.booleans(), addressed=st.booleans())
def test_reading_never_raises_is_the_same_twice_and_carries_no_words(
    body: str, in_room: bool, addressed: bool
) -> None:
    mark = "Zanzibarmark"
    circle = "c" if in_room else None
    first = read(f"{body} {mark}", DINNER, circle=circle, addressed=addressed)
    assert first == read(f"{body} {mark}", DINNER, circle=circle, addressed=addressed)
    assert mark.encode() not in msgspec.json.encode(first[0])
    read(body, DINNER, prompt("when", expects="moment"), mentions=[ANA])


@given(body=st.text(max_size=200), name=st.text(min_size=1, max_size=20))
def test_taking_the_address_away_never_raises_nor_adds(body: str, name: str) -> None:
    found = unwrapped(body, (name,), is_reply=True, mentioned=True)
    assert found.words in body


@pytest.mark.parametrize(
    ("body", "words", "addressed"),
    [
        ("!hearth help", "help", True),
        ("!HEARTH: help", "help", True),
        ("!hearthstone help", "!hearthstone help", False),
        ("Hearth is nice", "Hearth is nice", False),
        ("hearth, my", "my", True),
        ("@Hearth my", "my", True),
        ("@hearth:example.org my", "my", True),
        ("@hearth:example.org: my", "my", True),
        ("Hearths: my", "Hearths: my", False),
    ],
)
def test_the_bot_is_spoken_to_by_prefix_or_by_name(body: str, words: str, addressed: bool) -> None:
    found = unwrapped(body, ("Hearth", "@hearth:example.org"))
    assert (found.words, found.addressed) == (words, addressed)
