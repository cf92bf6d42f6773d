"""What a message looks like when it leaves: right, bounded, and harmless whatever people wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from html.parser import HTMLParser
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from bridge.wording.keys import ABOUT, KEYS, TITLE
from bridge.wording.render import (
    LONGEST_BRIEF,
    NO_NEWS,
    Chapter,
    Hearer,
    House,
    Rendered,
    Unsayable,
    Voice,
    in_brief,
)
from bridge.wording.size import LONGEST_TEXT_BYTES, MOST_BYTES, fits
from bridge.wording.template import Piece, fill
from engine.core.definition import Definition
from engine.core.limits import USUAL
from engine.core.message import (
    AnySlot,
    Count,
    Message,
    Names,
    Option,
    Phrase,
    Plain,
    Said,
    Text,
    When,
)
from engine.core.values import DAY_MS, HOUR_MS, Ms, PersonId, TextId

BERLIN = ZoneInfo("Europe/Berlin")
NOW_MS = int(datetime(2026, 11, 25, 14, 0, tzinfo=BERLIN).timestamp() * 1000)
FRIDAY_MS = int(datetime(2026, 11, 27, 19, 0, tzinfo=BERLIN).timestamp() * 1000)
ANA = Hearer(PersonId("ana"), "@ana:example.org", time_zone="Europe/Berlin")
ROOM = Hearer(time_zone="Europe/Berlin")
TAGS = {"p", "br", "strong", "ol", "li", "sub"}


def definition(**texts: str) -> Definition:
    gaps = {"say": ("host", "what", "number of personal.coming"), "sly": ("host", "what")}
    return Definition("dinner", "Dinner", "Eat together", "d1", "dine", (), {}, {}, {}, "open", texts, gaps)


class Circle:
    """Names, texts, definitions and views of a made-up circle, in memory."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {"ana": "Ana", "bruno": "Bruno", "chen": "Chen"}
        self.kept: dict[str, str] = {"soup": "Soup & bread"}
        self.definition = definition(
            say="<host> invites you: <what>. So far <number of personal.coming>.",
            coming="I'm coming",
            sly="<host.__class__> {host} {0} %s <what> <3",
        )
        self.shown: Sequence[Sequence[Phrase]] = ()
        self.told: Sequence[Chapter] = ()

    async def name_of(self, person: PersonId, _hearer: object = None) -> str | None:
        return self.names.get(person)

    async def text(self, text: TextId) -> str | None:
        return self.kept.get(text)

    async def by_digest(self, digest: str) -> Definition | None:
        return self.definition if digest == "d1" else None

    async def paragraphs(self, view: str, hearer: Hearer, now_ms: Ms) -> Sequence[Sequence[Phrase]]:
        return self.shown

    async def chapters(self, document: str, hearer: Hearer, now_ms: Ms) -> Sequence[Chapter]:
        return self.told

    def voice(self) -> Voice:
        house = House("Hearth", "Robin <robin>", "112")
        return Voice(house, names=self, texts=self, definitions=self, views=self)


A_GUEST: dict[str, AnySlot] = {
    "host": Names(("bruno",)),
    "what": Text(TextId("soup")),
    "number of personal.coming": Count(3),
}


async def said(circle: Circle, key: str, hearer: Hearer = ANA, **slots: AnySlot) -> str:
    rendered = await circle.voice().render(Message(lines=(Phrase(key, slots=slots),)), hearer, NOW_MS)
    return rendered.body


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[object] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        self.text += "\n" if tag == "br" else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def read_html(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader


A_SLOT: dict[str, AnySlot] = {
    "seen": Said("seen.people", slots={"who": Names(("bruno",))}),
    "until": When(FRIDAY_MS),
    "who": Names(("bruno",)),
    "choice": Said("coming", "d1"),
    "value": When(FRIDAY_MS),
    "when": When(FRIDAY_MS),
    "n": Count(2),
    "close_to": Plain("withdraw"),
    "word": Plain("cancel"),
    "text": Text(TextId("soup")),
    "title": Said(TITLE, "d1"),
    "label": Said("coming", "d1"),
    "about": Said(ABOUT, "d1"),
    "day": Plain("Friday"),
    "time": Plain("19:00"),
    "moment": Plain("Friday"),
    "zone": Plain("Berlin"),
    "file": Plain("tea.yaml"),
    "place": Plain("tea.yaml:10:13"),
    "found": Plain("unknown state `dnoe`"),
    "helps": Plain("did you mean `done`?"),
    "named": Names(("bruno",)),
    "least": Count(3),
    "most": Count(5),
    "what": Plain("book"),
    "question": Said("coming", "d1"),
    "name": Plain("book club"),
    "circle": Plain("Garden"),
    "briefly": Said("coming", "d1"),
    "id": Plain("@ana:example.org"),
    "begins": Plain("21:00"),
    "ends": When(FRIDAY_MS),
    "language": Plain("German"),
    "first": When(FRIDAY_MS),
    "last": When(FRIDAY_MS),
    "answer": Said("coming", "d1"),
    "now": When(FRIDAY_MS),
    "near": Plain("Berlin, Bern"),
    **dict.fromkeys(("second", "third", "fourth", "fifth", "sixth", "seventh"), Said("emoji.49")),
    "device": Plain("HEARTHPHONE"),
    "key": Plain("Q/Nm NFEU S1fS"),
    "at": When(FRIDAY_MS),
    "why": Plain("ValueError in ear.read:1"),
    "retry": Plain("retry e3"),
    "drop": Plain("drop e3"),
}


async def test_a_workflow_speaks_the_language_of_whoever_hears_it_as_far_as_it_can() -> None:
    circle = Circle()
    german = {
        "coming": "Ich komme",
        "say": "<host> lädt ein: <what>. Bisher <number of personal.coming>.",
        TITLE: "Essen",
    }
    circle.definition = replace(circle.definition, translations={"de": german})
    slots: dict[str, AnySlot] = {
        "host": Names(("bruno",)),
        "what": Text(TextId("soup")),
        "number of personal.coming": Count(3),
    }
    lines = (Phrase("say", "d1", slots), Phrase("coming", "d1"), Phrase(TITLE, "d1"), Phrase(ABOUT, "d1"))
    for language, expected in (
        ("de", "Bruno lädt ein: Soup & bread. Bisher 3.\n\nIch komme\n\nEssen\n\nEat together"),
        ("fr", "Bruno invites you: Soup & bread. So far 3.\n\nI'm coming\n\nDinner\n\nEat together"),
    ):
        hearer = replace(ANA, language=language)
        assert (await circle.voice().render(Message(lines=lines), hearer, NOW_MS)).body == expected


@pytest.mark.parametrize("key", KEYS)
async def test_every_sentence_can_be_said_with_its_own_slots_alone(key: str) -> None:
    slots = {gap: A_SLOT[gap] for gap in KEYS[key]}
    rendered = await Circle().voice().render(Message(lines=(Phrase(key, slots=slots),)), ANA, NOW_MS)
    assert rendered.body
    assert "<" not in rendered.body.replace("<robin>", "")
    assert "!" not in rendered.body.replace("!hearth", "")


async def test_a_prompt_has_its_words_its_choices_by_number_and_a_small_foot() -> None:
    message = Message(
        lines=(
            Phrase(
                "say",
                "d1",
                {
                    "host": Names(("bruno",)),
                    "what": Text(TextId("soup")),
                    "number of personal.coming": Count(3),
                },
            ),
        ),
        options=(Option("coming", "✅", Phrase("coming", "d1")), Option("no", "✖️", Phrase("no.label"))),
        footer=(Phrase("footer.ask", slots={"seen": A_SLOT["seen"], "until": When(FRIDAY_MS)}),),
        mention=True,
    )
    rendered = await Circle().voice().render(message, ANA, NOW_MS)
    assert rendered.body == (
        "Bruno invites you: Soup & bread. So far 3.\n\n"
        "1. ✅ I'm coming\n2. ✖️ No, thanks\n\n"
        "Seen by Bruno · a no by nobody · open until Friday 27 November, 19:00, no reply is fine"
        " · *later* · *stop* · *person*"
    )
    assert rendered.formatted_body == (
        "<p>Bruno invites you: Soup &amp; bread. So far 3.</p>"
        "<ol><li>✅ I&#x27;m coming</li><li>✖️ No, thanks</li></ol>"
        "<p><sub>Seen by Bruno · a no by nobody · open until Friday 27 November, 19:00, no reply is fine"
        " · <strong>later</strong> · <strong>stop</strong> · <strong>person</strong></sub></p>"
    )
    assert rendered.mentions == ("@ana:example.org",)


async def test_a_choice_known_by_its_number_shows_the_number_once() -> None:
    first = Option("coming", "1️⃣", Phrase("coming", "d1"))
    second = Option("no", "2️⃣", Phrase("no.label"))
    both = await Circle().voice().render(Message(options=(first, second)), ANA, NOW_MS)
    assert both.body == "1. I'm coming\n2. No, thanks"
    alone = await Circle().voice().render(Message(options=(first,)), ANA, NOW_MS)
    assert alone.body == "1️⃣ I'm coming"


async def test_a_single_choice_stands_without_a_number() -> None:
    message = Message(options=(Option("coming", "🙋", Phrase("coming", "d1")),))
    assert (await Circle().voice().render(message, ROOM, NOW_MS)).body == "🙋 I'm coming"


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ((), "nobody yet"),
        (("ana",), "Ana"),
        (("ana", "bruno"), "Ana and Bruno"),
        (("ana", "bruno", "chen"), "Ana, Bruno and Chen"),
        (("ana", "", "gone"), "Ana, someone who has left and someone who has left"),
    ],
)
async def test_people_are_listed_as_people_say_it(who: tuple[str, ...], names: str) -> None:
    assert await said(Circle(), "person.contact", who=Names(who)) == names


async def test_an_erased_text_says_so() -> None:
    assert (await said(Circle(), "words_from", who=Names(("ana",)), text=Text(TextId("old")))).endswith(
        "(no longer kept)"
    )


@pytest.mark.parametrize(
    ("after_ms", "words"),
    [
        (HOUR_MS, "Open until today 15:00, no reply is fine."),
        (26 * HOUR_MS, "Open until tomorrow 16:00, no reply is fine."),
        (2 * DAY_MS, "Open until Friday 27 November, 14:00, no reply is fine."),
        (400 * DAY_MS, "Open until Thursday 30 December 2027, 14:00, no reply is fine."),
    ],
)
async def test_a_deadline_is_said_the_way_people_say_it(after_ms: int, words: str) -> None:
    assert await said(Circle(), "reminder", until=When(NOW_MS + after_ms)) == words


async def test_a_moment_that_is_no_deadline_keeps_its_day() -> None:
    assert await said(Circle(), "ack.detail", value=When(NOW_MS + HOUR_MS)) == (
        "Noted: Wednesday 25 November, 15:00"
    )


async def test_a_room_is_told_whose_clock_is_meant_and_nobody_lives_by_utc() -> None:
    assert "14:00 (Berlin)" in await said(Circle(), "reminder", ROOM, until=When(NOW_MS + 2 * DAY_MS))
    nowhere = Hearer(PersonId("ana"), "@ana:example.org")
    assert "13:00 UTC" in await said(Circle(), "reminder", nowhere, until=When(NOW_MS + 2 * DAY_MS))


async def test_a_count_chooses_the_form_of_the_sentence() -> None:
    assert await said(Circle(), "my.private_running", n=Count(1)) == "· 1 private matter"
    assert await said(Circle(), "my.private_running", n=Count(3)) == "· 3 private matters"


SOUP = Phrase("words_from", slots={"who": Names(("bruno",)), "text": Text(TextId("soup"))})


async def test_a_view_stands_between_the_lines_and_the_foot_each_paragraph_apart() -> None:
    circle = Circle()
    circle.shown = ((Phrase("my.roles"), Phrase(TITLE, "d1")), (Phrase(ABOUT, "d1"),))
    message = Message(lines=(Phrase("over"),), view="my", footer=(Phrase("no.label"),))
    rendered = await circle.voice().render(message, ANA, NOW_MS)
    assert rendered.body == (
        "This has ended, so nothing has changed.\n\nYou hold:\nDinner\n\nEat together\n\nNo, thanks"
    )
    assert "<p>You hold:<br>Dinner</p><p>Eat together</p>" in rendered.formatted_body


async def test_the_lines_of_a_list_stand_below_each_other_and_other_lines_apart() -> None:
    listed = [
        Phrase("which_instance.line", slots={"n": Count(n), "about": Said("no.label")}) for n in (1, 2, 3)
    ]
    message = Message(lines=(Phrase("nothing"), *listed, Phrase("nothing"), Phrase("nothing")))
    rendered = await Circle().voice().render(message, ANA, NOW_MS)
    assert rendered.body == (
        "left open\n\n1. No, thanks\n2. No, thanks\n3. No, thanks\n\nleft open\n\nleft open"
    )
    assert "<p>1. No, thanks<br>2. No, thanks<br>3. No, thanks</p>" in rendered.formatted_body


async def test_a_letter_in_which_there_is_nothing_tells_nothing_unless_it_says_something_else() -> None:
    circle = Circle()
    circle.shown = [[NO_NEWS]]
    rendered = await circle.voice().render(Message(view="letter"), ANA, NOW_MS)
    assert rendered.tells_nothing
    with_foot = Message(view="letter", footer=(Phrase("letter.goodbye"),))
    assert not (await circle.voice().render(with_foot, ANA, NOW_MS)).tells_nothing
    circle.shown = [[Phrase("weekly.head")], [NO_NEWS]]
    assert not (await circle.voice().render(Message(view="letter"), ANA, NOW_MS)).tells_nothing


async def test_a_question_in_a_list_is_cut_to_a_line_after_a_word_and_a_short_one_is_left_alone() -> None:
    circle = Circle()
    circle.definition = definition(say="*Come*  and eat\n" + "much " * 60, short="Come *now*")
    until = When(NOW_MS + HOUR_MS)
    long = Phrase("my.line", slots={"briefly": Said("say", "d1", dict(A_GUEST)), "until": until})
    short = Phrase("my.line", slots={"briefly": Said("short", "d1"), "until": until})
    rendered = await circle.voice().render(Message(lines=(long, short)), ANA, NOW_MS)
    first, second = rendered.body.split("\n\n")
    assert first == "· *Come* and eat (until today 15:00)"
    assert second == "· Come *now* (until today 15:00)"
    assert "<strong>now</strong>" in rendered.formatted_body


@pytest.mark.parametrize(
    ("text", "brief"),
    [
        (
            "Ana invites you.\n\nSoup, at mine\n\nWill you come? Say so.",
            "Ana invites you. Soup, at mine · Will you come?",
        ),
        (f"What is it called? {'Take your time. ' * 20}", "What is it called?"),
        (f"Kommst du am 3. Mai. {'Sag es bald. ' * 20}", "Kommst du am 3. Mai." + " Sag es bald." * 9),
        (
            "Ana has held *The keys* for half of her term.\n\nOne thing to keep?",
            "Ana has held *The keys* for half of her term. One thing to keep?",
        ),
        (
            f"Ana would like to learn from you.\nWhat: bread\n\n{'Until May. ' * 20}",
            "Ana would like to learn from you. What: bread",
        ),
        ("much " * 60, f"{'much ' * 27}much…"),
        (f"Ana asks:\n\n{'much ' * 60}", f"Ana asks: {'much ' * 25}much…"),
    ],
)
def test_in_brief_a_message_is_its_first_question_or_its_first_sentences(text: str, brief: str) -> None:
    assert in_brief(text, LONGEST_BRIEF) == brief
    assert len(brief) <= LONGEST_BRIEF


async def test_what_is_sent_says_which_texts_stand_written_out_in_it() -> None:
    circle = Circle()
    gone = Phrase("words_from", slots={"who": Names(("ana",)), "text": Text(TextId("gone"))})
    circle.shown = ((SOUP,),)
    rendered = await circle.voice().render(Message(lines=(gone,), view="my"), ANA, NOW_MS)
    assert rendered.texts == {"soup"}
    assert (await circle.voice().render(Message(lines=(gone,)), ANA, NOW_MS)).texts == frozenset()


async def test_a_document_is_plain_text_under_headings_named_after_its_day() -> None:
    circle = Circle()
    circle.told = (
        Chapter(Phrase("document.title")),
        Chapter(Phrase("document.asked"), ((Phrase(TITLE, "d1"), SOUP), (Phrase("my.none"),))),
    )
    made = await circle.voice().document("export", ANA, NOW_MS)
    assert made.filename == "hearth-2026-11-25.txt"
    assert made.texts == {"soup"}
    assert made.text == (
        "What Hearth keeps about you\n===========================\n\n"
        "What I asked you, and what you answered\n---------------------------------------\n\n"
        "Dinner\nFrom Bruno:\n\nSoup & bread\n\n"
        "Nothing is open with you, and there is nothing you need to do.\n"
    )


async def test_a_document_carries_every_word_of_a_text_and_says_where_it_has_to_end() -> None:
    circle = Circle()
    circle.kept["soup"] = "я" * 60_000
    circle.told = (Chapter(Phrase("document.title"), ((SOUP,),)),)
    made = await circle.voice().document("export", ANA, NOW_MS)
    assert circle.kept["soup"] in made.text
    circle.told = (Chapter(Phrase("document.title"), ((SOUP,),) * 70),)
    made = await circle.voice().document("export", ANA, NOW_MS)
    assert made.text.endswith("…\n\nThis is more than one file can carry, so it ends here.\n")
    assert len(made.text.encode()) < USUAL.file_bytes + 100


async def test_a_template_is_never_run() -> None:
    message = Message(lines=(Phrase("sly", "d1", {"host": Names(("ana",)), "what": Text(TextId("soup"))}),))
    rendered = await Circle().voice().render(message, ANA, NOW_MS)
    assert rendered.body == "<host.__class__> {host} {0} %s Soup & bread <3"


async def test_what_fills_a_gap_is_not_read_as_a_template() -> None:
    circle = Circle()
    circle.names["ana"] = "<text> *bold*"
    circle.kept["soup"] = "<who> <operator> *loud*"
    rendered = await circle.voice().render(
        Message(lines=(Phrase("words_from", slots={"who": Names(("ana",)), "text": Text(TextId("soup"))}),)),
        ANA,
        NOW_MS,
    )
    assert rendered.body == "From <text> *bold*:\n\n<who> <operator> *loud*"
    assert "<strong>" not in rendered.formatted_body


@pytest.mark.parametrize(
    ("phrase", "what"),
    [
        (Phrase("no_such_key"), "no_such_key"),
        (Phrase("reminder"), "until"),
        (Phrase("say", "d1"), "host"),
        (Phrase("say", "d2"), "digest"),
        (Phrase("unheard", "d1"), "unheard"),
    ],
)
async def test_what_cannot_be_said_names_its_key_and_what_is_missing(phrase: Phrase, what: str) -> None:
    with pytest.raises(Unsayable, match=what):
        await Circle().voice().render(Message(lines=(phrase,)), ANA, NOW_MS)


def size(rendered: Rendered) -> int:
    return len(json.dumps(rendered.body)) + len(json.dumps(rendered.formatted_body))


ANYTHING = st.text(st.characters(exclude_categories=()), max_size=200)
"""Any characters at all, halves of surrogate pairs included: rooms of old have them."""


@given(name=ANYTHING, text=ANYTHING)
async def test_whatever_people_are_called_and_write_is_only_ever_text(name: str, text: str) -> None:
    circle = Circle()
    circle.names["ana"], circle.kept["soup"] = name, text
    phrase = Phrase("words_from", slots={"who": Names(("ana",)), "text": Text(TextId("soup"))})
    rendered = await circle.voice().render(Message(lines=(phrase,)), ANA, NOW_MS)
    read = read_html(rendered.formatted_body)
    assert read.tags <= TAGS
    assert not read.attributes
    assert read.text == rendered.body
    rendered.body.encode()


@settings(max_examples=25, deadline=None)
@given(
    letter=st.sampled_from(["a", "&", "\n", "я", "😀", '"', "<", "a b "]),
    length=st.integers(1, 70_000),
    as_edit=st.booleans(),
)
async def test_a_message_always_fits_into_one_event_and_a_cut_shows(
    letter: str, length: int, as_edit: bool
) -> None:
    circle = Circle()
    circle.kept["soup"] = f"-{letter * length}-"
    phrase = Phrase("words_from", slots={"who": Names(("ana",)), "text": Text(TextId("soup"))})
    message = Message(lines=(phrase, phrase))
    rendered = await circle.voice().render(message, ANA, NOW_MS, as_edit=as_edit)
    assert size(rendered) <= (MOST_BYTES // 2 if as_edit else MOST_BYTES)
    whole = rendered.body.count(f"-{letter * length}-".strip()) == 2
    assert whole or "more characters than fit here)" in rendered.body


@settings(max_examples=25, deadline=None)
@given(letter=st.sampled_from(["a", "&", "я", "😀", "<"]), length=st.integers(1, LONGEST_TEXT_BYTES))
async def test_a_text_that_was_accepted_is_shown_whole(letter: str, length: int) -> None:
    text = letter * length
    circle = Circle()
    circle.kept["soup"] = text
    rendered = await circle.voice().render(
        Message(lines=(Phrase("words_from", slots={"who": Names(("ana",)), "text": Text(TextId("soup"))}),)),
        ANA,
        NOW_MS,
    )
    assert (text in rendered.body) or not fits(text)


async def test_hundreds_of_people_and_choices_still_fit() -> None:
    circle = Circle()
    circle.names = {f"p{n}": "я" * 500 for n in range(500)}
    phrase = Phrase("person.contact", slots={"who": Names(tuple(circle.names))})
    rendered = await circle.voice().render(Message(lines=(phrase,)), ANA, NOW_MS)
    assert size(rendered) <= MOST_BYTES
    assert "more characters than fit here)" in rendered.body


@given(template=ANYTHING, gap=st.sampled_from(["what", "number of a.b", "x"]), filling=ANYTHING)
def test_filling_a_template_never_raises_and_escapes_everything(
    template: str, gap: str, filling: str
) -> None:
    piece = fill(f"{template}<{gap}>", {gap: Piece.of(filling)})
    assert piece.plain.endswith(filling)
    assert read_html(piece.html).tags <= {"br", "strong"}


def test_a_rendered_message_does_not_show_itself_in_a_log() -> None:
    assert "secret" not in repr(Rendered("secret", "<p>secret</p>"))
