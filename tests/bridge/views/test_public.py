"""What everyone may see: roles and their terms, what's on, what can be begun, and what could be taken up."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from bridge.views import LONGEST_ABOUT, MOST_BEGINNINGS, HouseViews
from bridge.wording.render import Hearer, House, Voice
from engine.core.definition import ABOUT_TEXT, Definition
from engine.core.message import Count, Message, Phrase, Plain, Said
from engine.core.values import CircleId, PersonId
from engine.runtime.practices import AGREEING
from engine.testing import MemoryStore
from tests.bridge.views.a_circle import Circle, mending
from tests.engine.runtime.small_house import Shelf, Village

ANA = Hearer(person=PersonId("ana"))
LONG = "Cook together, each bringing a dish that somebody in the family used to make. No more than twelve."


class Agreed:
    """Implements ``bridge.views.sight.InUse``: what a circle has agreed to, as a test says."""

    def __init__(self, used: Sequence[str] = (), offered: Sequence[str] = ()) -> None:
        self._used, self._offered = used, offered

    def in_use(self, circle: CircleId) -> Sequence[str]:
        return self._used

    def offered(self, circle: CircleId) -> Sequence[str]:
        return self._offered


class Nobody:
    """Implements the voice's ``NamesOfPeople``: nobody is known."""

    async def name_of(self, person: PersonId, _hearer: object = None) -> str | None:
        return None


class TwoCircles(Village):
    """Everybody is in both circles."""

    async def circles_of(self, person: PersonId) -> Sequence[CircleId]:
        return [CircleId("one"), CircleId("two")]


def workflow(name: str, begins_with: str = "", about: str = "", **more: object) -> Definition:
    blank = Definition(
        name, name.title(), about, f"d:{name}", begins_with or name, (), {}, {}, {}, "s", {}, {}
    )
    return replace(blank, **more)


def views(
    *definitions: Definition, in_use: Agreed | None = None, village: Village | None = None
) -> HouseViews:
    return HouseViews(MemoryStore(), Shelf(*definitions), village or Village(), in_use)


async def helped(shelf: HouseViews, hearer: Hearer = ANA) -> list[Phrase]:
    """What stands in help between the human being and the bot's own words."""
    ((_, *lines),) = await shelf.paragraphs("help", hearer, 0)
    return lines[: lines.index(Phrase("help.my"))]


def beginning(word: str, about: str) -> Phrase:
    return Phrase("help.begin", slots={"word": Plain(word), "about": Plain(about)})


# ── who holds what, what's on ────────────────────────────────────────────────


async def test_who_holds_what_shows_terms_then_open_roles_then_who_looks_after_the_circle() -> None:
    circle = await Circle.gather("ana", "bruno", "chen", "dora")
    await circle.keeps("ana", "The keys", "Bruno")
    await circle.keeps("bruno", "The garden", "Ana")
    await circle.say("bruno", "vacant")
    expected = [
        "Who holds what:",
        "· The keys: Ana, until Monday 1 February, 12:00 UTC",
        "",
        "Open, and that's fine:",
        "· The garden is open",
        "",
        "Looking after this circle: Chen",
        "Safety contacts: Dora. *person* is the way to them.",
    ]
    assert (await circle.reads("chen", "who holds what")).splitlines() == expected
    assert (await circle.in_room("who holds what")).splitlines() == expected
    assert await circle.in_room("what's on") == "Open roles:\n· The garden is open"


async def test_where_nothing_is_held_or_on_the_lists_say_so_kindly() -> None:
    circle = await Circle.gather("ana")
    assert await circle.in_room("who holds what") == "Nobody holds a role here at the moment."
    assert await circle.in_room("what's on") == "Nothing is on at the moment. Anyone may write *invite*."


async def test_two_circles_stand_apart_each_under_its_name() -> None:
    store = MemoryStore()
    around = TwoCircles()
    around.keepers = (PersonId("chen"),)
    names = {CircleId("one"): "Garden", CircleId("two"): None}
    shelf = HouseViews(store, Shelf(), around, Agreed(), circle_name=names.get)
    paragraphs = await shelf.paragraphs("who holds what", ANA, 0)
    heads = [lines[0] for lines in paragraphs if lines[0].key == "views.circle"]
    assert [head.slots["circle"] for head in heads] == [Plain("Garden"), Said("views.your_circle")]
    assert [lines[0].key for lines in await shelf.paragraphs("try", ANA, 0)] == ["views.circle"] * 2


async def test_what_a_circle_is_called_is_only_ever_text() -> None:
    around = TwoCircles()
    shelf = HouseViews(MemoryStore(), Shelf(), around, circle_name=lambda _: "*Garden* <b>\n" + "x" * 300)
    voice = Voice(
        House("Hearth", "Dora", "112"), names=Nobody(), texts=MemoryStore(), definitions=Shelf(), views=shelf
    )
    rendered = await voice.render(Message(view="try"), ANA, 0)
    assert "<b>" not in rendered.formatted_body
    assert max(map(len, rendered.body.splitlines())) <= 120


# ── help ─────────────────────────────────────────────────────────────────────


async def test_help_names_what_can_be_begun_here_those_that_everyone_knows_first() -> None:
    shelf = views(
        workflow("potluck", about="Bring a dish, all of you. It is on a Friday."),
        workflow("role", about="Describe a role."),
        workflow("invitation", "invite"),
        workflow("welcome", begins_for="arriving"),
        workflow(AGREEING),
    )
    assert await helped(shelf) == [
        Phrase("help.role"),
        Phrase("help.invite"),
        beginning("potluck", "Bring a dish, all of you"),
    ]


async def test_help_names_only_what_the_circle_has_in_use() -> None:
    both = (workflow("potluck", about="Bring a dish."), workflow("pulse", about="How are you?"))
    assert await helped(views(*both, in_use=Agreed(["pulse"], ["potluck"]))) == [
        beginning("pulse", "How are you?")
    ]


async def test_help_does_not_speak_of_an_invitation_where_there_is_none() -> None:
    assert await helped(views()) == []
    gather = workflow("invitation", "gather", "Gather people")
    assert await helped(views(gather)) == [beginning("gather", "Gather people")]


async def test_help_says_what_something_is_about_in_one_line_of_the_readers_language() -> None:
    (line,) = await helped(views(workflow("cook", about=LONG)))
    assert line == beginning("cook", "Cook together, each bringing a dish that somebody in the…")
    assert len("Cook together, each bringing a dish that somebody in the…") <= LONGEST_ABOUT
    cook = workflow("cook", about=LONG, translations={"de": {ABOUT_TEXT: "Zusammen kochen."}})
    assert await helped(views(cook), replace(ANA, language="de")) == [beginning("cook", "Zusammen kochen")]
    assert await helped(views(workflow("cook"))) == [beginning("cook", "Cook")]


async def test_help_fits_a_phone_however_much_can_be_begun() -> None:
    shelf = views(*(workflow(f"work{n}", about=LONG) for n in range(30)))
    lines = await helped(shelf)
    assert len(lines) == MOST_BEGINNINGS + 1
    assert lines[-1] == Phrase("help.more", slots={"n": Count(30 - MOST_BEGINNINGS)})
    store = MemoryStore()
    voice = Voice(
        House("Hearth", "Dora", "112"), names=Nobody(), texts=store, definitions=Shelf(), views=shelf
    )
    shown = (await voice.render(Message(view="help"), ANA, 0)).body.splitlines()
    assert shown[0].startswith("*person*")
    assert shown[1].startswith("*work0* · Cook together")
    assert len(shown) <= 20
    assert sum(map(len, shown)) <= 1300


# ── try ──────────────────────────────────────────────────────────────────────


async def test_try_shows_what_could_be_taken_up_what_is_in_use_and_why_something_is_off() -> None:
    shelf = Shelf(
        workflow("pulse", about="How are you? Every second week."),
        workflow("role"),
        workflow(AGREEING),
        workflow("welcome", begins_for="arriving"),
        mending,
    )
    agreed = Agreed(["role", "welcome", AGREEING], ["pulse"])
    shown = HouseViews(MemoryStore(), shelf, Village(), agreed)
    voice = Voice(
        House("Hearth", "Dora", "112"), names=Nobody(), texts=MemoryStore(), definitions=shelf, views=shown
    )
    assert (await voice.render(Message(view="try"), ANA, 0)).body.splitlines() == [
        "Your circle could take up, if it likes:",
        "*try Pulse* · How are you?",
        "",
        "Writing one of these asks everyone. *leave off* and a name asks everyone whether to stop one.",
        "",
        "In use now:",
        "· Role: *role*",
        "· Welcome: comes by itself",
        "",
        "Off for now:",
        "· Mending: needs two safety contacts and help from outside first",
    ]


async def test_try_says_so_where_all_there_is_is_in_use() -> None:
    shelf = views(workflow("role"), in_use=Agreed(["role"]))
    first, used = await shelf.paragraphs("try", ANA, 0)
    assert [line.key for line in first] == ["trying.none"]
    assert [line.key for line in used] == ["trying.in_use", "trying.used"]


async def test_what_a_circle_decides_by_is_a_whole_sentence_and_a_very_long_one_ends_with_a_clause() -> None:
    whole = "Ask somebody whether you may learn from them, about one thing and until a day"
    more = f"{whole}, as long as that is, and then once more"
    long = f"{more}, {'for as long as both of you like that ' * 3}"
    for about, said in ((f"{whole}. Either ends it.", whole), (long, f"{more}…")):
        shelf = views(workflow("mentor", about=about), in_use=Agreed([], ["mentor"]))
        ((_, line), *_) = await shelf.paragraphs("try", ANA, 0)
        assert line.slots["about"] == Plain(said)


async def test_words_that_begin_something_are_shown_as_the_readers_language_has_them() -> None:
    shelf = views(workflow("mentor"))
    assert [line.slots["word"] for line in await helped(shelf)] == [Plain("mentor")]
    (line,) = await helped(shelf, replace(ANA, language="es"))
    assert line.slots["word"] == Plain("mentoría")
    _, used = await shelf.paragraphs("try", replace(ANA, language="es"), 0)
    assert used[1].slots["word"] == Plain("mentoría")
