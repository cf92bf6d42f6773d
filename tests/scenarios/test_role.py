"""The role, as its people live it: Ana describes it, Bruno is to hold it, Chen may learn it."""

from __future__ import annotations

import pytest

from bridge.rehearsal import Stage
from engine.core.values import DAY_MS, HOUR_MS
from tests.scenarios import promises
from tests.scenarios.conftest import Theatre

TITLE = "Kitchen keeper"
PURPOSE = "Keep the shared kitchen stocked and clean."
LETTER = "our weekly letter"
OPEN = "*Kitchen keeper* is open now, and that's fine. Thank you, Bruno, for carrying it."
CARD = "*before answering* opens a card"
NAMES = ("ana", "bruno", "chen", "dora", "eli")
HOLDS = "Kitchen keeper: Bruno, until Tuesday 18 May, 12:00 UTC. Understudy: "

TAKE = """\
Would you hold this role? Ana described it.

*Kitchen keeper*
What for: Keep the shared kitchen stocked and clean.
May decide alone: Spend up to 50 a month.
Until: Tuesday 18 May, 12:00 UTC

With a yes, the circle sees your name beside it. A question for Ana? Write it here, and I'll carry it over.

1. 🌿 Gladly
2. ✖️ No, thanks

Seen by Ana · a no by nobody · open until Monday 25 January, 10:00 UTC, no reply is fine \
· *later* · *stop* · *person*"""


async def describe(
    stage: Stage, *, holder: str = "Bruno", understudy: str = "Chen", until: str = "in 4 months"
) -> Stage:
    for words in ("role", TITLE, PURPOSE, "Spend up to 50 a month.", holder, understudy, until):
        await stage.say("ana", words)
    return stage


async def held(theatre: Theatre, **described: str) -> Stage:
    """Bruno has said yes; Chen has not answered yet."""
    stage = await describe(await theatre(*NAMES), **described)
    await stage.tap("bruno", "🌿", "hold this role")
    return stage


async def paired(theatre: Theatre, **described: str) -> Stage:
    stage = await held(theatre, **described)
    await stage.tap("chen", "🌱", "understudy")
    return stage


async def last_month(theatre: Theatre) -> Stage:
    stage = await paired(theatre)
    await stage.pass_time(92 * DAY_MS)
    assert stage.state() == "last_month"
    return stage


async def holds(stage: Stage, name: str = "dora") -> str:
    """What `who holds what` says to somebody of roles; who looks after the circle stands below it."""
    await stage.say(name, "who holds what")
    return stage.new(name)[-1].partition("\n\n")[0]


def heard(stage: Stage, name: str, text: str, *, room: bool = False) -> int:
    """How many messages said this; that a weekly letter lists what is open is no second asking."""
    return sum(text in words for words in stage.new(name, room=room) if LETTER not in words)


# ── describing and asking ────────────────────────────────────────────────────


async def test_a_role_is_described_one_thing_at_a_time(theatre: Theatre) -> None:
    stage = await describe(await theatre(*NAMES))
    assert [words.partition("?")[0] for words in stage.new("ana")[:6]] == [
        "What is the role called",
        "What is *Kitchen keeper* for",
        "What may whoever holds it decide alone",
        "Whom shall I ask to hold it",
        "Who might learn it alongside, as understudy",
        "Until when",
    ]
    assert stage.new("ana")[-1].startswith("The question is with Bruno, for a week.")
    assert [words for words in stage.new("bruno") if CARD not in words] == [TAKE]
    assert heard(stage, "bruno", CARD) == 1
    assert not heard(stage, "ana", CARD)
    assert not stage.new("chen")
    assert await holds(stage) == "Nobody holds a role here at the moment."
    promises.check_prompts(stage)


async def test_an_end_that_has_passed_gets_a_kind_line(theatre: Theatre) -> None:
    stage = await describe(await theatre(*NAMES), until="3 January 2027")
    assert stage.new("ana")[-1].startswith("That moment has passed already.")
    await stage.say("ana", "in 4 months")
    assert stage.new("ana")[-1].startswith("The question is with Bruno")


async def test_a_role_without_understudy_says_so_openly(theatre: Theatre) -> None:
    stage = await held(theatre, understudy="none")
    assert not stage.new("chen")
    assert stage.new(room=True)[-1].endswith("Understudy: none yet")
    assert await holds(stage) == f"Who holds what:\n· {HOLDS}none yet"


async def test_the_circle_sees_exactly_the_public_lines(theatre: Theatre) -> None:
    stage = await held(theatre)
    assert await holds(stage) == f"Who holds what:\n· {HOLDS}none yet"
    await stage.tap("chen", "🌱", "understudy")
    assert await holds(stage) == f"Who holds what:\n· {HOLDS}Chen"
    await stage.say("eli", "who holds what", room=True)
    assert stage.new(room=True)[-1].startswith(f"Who holds what:\n· {HOLDS}Chen\n")


async def test_the_holder_may_be_whoever_described_it(theatre: Theatre) -> None:
    stage = await describe(await theatre(*NAMES), holder="me")
    await stage.tap("ana", "🌿", "hold this role")
    assert stage.new(room=True)[-1].startswith("Ana holds a role now: *Kitchen keeper*.")


@pytest.mark.parametrize("answer", ["no", "nothing"])
async def test_a_holder_who_says_no_or_nothing_leaves_it_open_and_nobody_learns_which(
    theatre: Theatre, answer: str
) -> None:
    silent, other = await describe(await theatre(*NAMES)), await describe(await theatre(*NAMES))
    if answer == "no":
        await other.tap("bruno", "✖️", "hold this role")
    for stage in (silent, other):
        await stage.pass_time(10 * DAY_MS)
        assert stage.state() == "open"
    assert other.diaries(but="bruno") == silent.diaries(but="bruno")
    assert heard(silent, "ana", "*Kitchen keeper* stays open, and that's fine. For a month") == 1
    assert not silent.new(room=True)


@pytest.mark.parametrize("answer", ["no", "nothing"])
async def test_an_understudy_who_says_no_or_nothing_is_none_yet(theatre: Theatre, answer: str) -> None:
    silent, other = await held(theatre), await held(theatre)
    if answer == "no":
        await other.tap("chen", "✖️", "understudy")
    for stage in (silent, other):
        await stage.pass_time(130 * DAY_MS)
    assert other.diaries(but="chen") == silent.diaries(but="chen")
    assert heard(silent, "chen", "from the side") == 0


async def test_a_question_about_the_role_reaches_whoever_described_it(theatre: Theatre) -> None:
    stage = await describe(await theatre(*NAMES))
    await stage.say("bruno", "How many hours a week is it?")
    assert stage.new("ana")[-1].startswith("A question from Bruno:\n\nHow many hours a week is it?")
    await stage.say("ana", "About two, mostly on Mondays.")
    assert stage.new("bruno")[-1] == "An answer from Ana:\n\nAbout two, mostly on Mondays."


async def test_whoever_described_it_may_take_the_question_back(theatre: Theatre) -> None:
    stage = await describe(await theatre(*NAMES))
    await stage.say("ana", "cancel")
    assert stage.state() == "withdrawn"
    assert stage.new("ana")[-1] == "I've set the role aside. *role* begins again whenever you like."
    await stage.tap("bruno", "🌿", "hold this role")
    assert stage.new("bruno")[-1].startswith("Thank you for writing. This has closed")
    assert not stage.new(room=True)


async def test_a_role_nobody_finishes_describing_is_set_aside(theatre: Theatre) -> None:
    stage = await theatre(*NAMES)
    await stage.say("ana", "role Kitchen keeper")
    await stage.pass_time(14 * DAY_MS)
    assert stage.state() == "withdrawn"
    assert not stage.diary("bruno")


# ── holding it ───────────────────────────────────────────────────────────────


async def test_the_monthly_question_comes_and_goes_and_is_the_holders_alone(theatre: Theatre) -> None:
    stage = await paired(theatre, until="in 12 months")
    others = stage.diaries(but="bruno")
    await stage.pass_time(31 * DAY_MS)
    assert heard(stage, "bruno", "another month on") == 1
    await stage.say("bruno", "It is a lot, I could use a hand with the shopping.")
    assert "Seen only by you" in stage.now("bruno", "another month on")
    await stage.pass_time(100 * DAY_MS)
    assert heard(stage, "bruno", "another month on") == 4
    assert heard(stage, "bruno", "Open until") == 0, "nobody waits for it, so nothing reminds"
    assert stage.diaries(but="bruno") == others


async def test_halfway_the_words_of_the_circle_reach_the_holder_and_nobody_else(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.pass_time(62 * DAY_MS)
    assert stage.state() == "review"
    assert [heard(stage, name, "half of the term") for name in NAMES] == [1, 0, 1, 1, 1]
    others = {
        name: lines for name, lines in stage.diaries(but="bruno").items() if name not in ("dora", "eli")
    }
    said = await stage.say("dora", "Keep the spices, change the bin.")
    await stage.say("eli", "Keep the tea, please.")
    assert stage.new("bruno")[-2:] == [
        "From Dora:\n\nKeep the spices, change the bin.",
        "From Eli:\n\nKeep the tea, please.",
    ]
    assert {n: d for n, d in stage.diaries(but="bruno").items() if n not in ("dora", "eli")} == others
    await stage.say("dora", "Keep the spices, empty the bin.", edits=said)
    assert stage.now("bruno", "From Dora") == "From Dora:\n\nKeep the spices, empty the bin."
    assert heard(stage, "bruno", "From Dora") == 1


async def test_whoever_holds_it_knows_that_the_circle_is_asked_no_later_than_the_circle(
    theatre: Theatre,
) -> None:
    stage = await paired(theatre)
    await stage.pass_time(65 * DAY_MS)
    told = next(line for line in stage.diary("bruno") if "I'm asking the circle" in line.words)
    asked = [line for name in NAMES for line in stage.diary(name) if "half of the term" in line.words]
    assert told.urgency == "quiet"
    assert told.at_ms <= min(line.at_ms for line in asked)


async def test_no_thanks_to_a_question_for_words_reaches_nobody(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.pass_time(62 * DAY_MS)
    assert stage.choices("dora", "half of the term") == ["✖"]
    heard_before = stage.diaries(but="dora")
    await stage.say("dora", "No, thanks")
    assert "That's fine, and nobody sees it." in stage.now("dora", "half of the term")
    assert stage.diaries(but="dora") == heard_before
    await stage.say(
        "dora", "Keep the spices, after all.", reply_to=stage.find("dora", "half of the term").event
    )
    assert stage.new("bruno")[-1] == "From Dora:\n\nKeep the spices, after all."


async def test_whoever_wants_named_invitations_only_is_not_asked_with_the_circle(theatre: Theatre) -> None:
    stage = await theatre(*NAMES, greeted=False)
    for name in NAMES:
        stage.postman.present.add(stage.cast.persons[name])
        await stage.say(name, "start") if name != "eli" else await stage.say(name, "my")
    await stage.tap("eli", "✉️", "May I write to you")
    await describe(stage)
    await stage.tap("bruno", "🌿", "hold this role")
    await stage.pass_time(62 * DAY_MS)
    assert (heard(stage, "dora", "half of the term"), heard(stage, "eli", "half of the term")) == (1, 0)


async def test_many_words_arrive_all_and_at_once_without_a_sound(theatre: Theatre) -> None:
    names = (*NAMES, "fred", "gila", "hugo", "ines", "jack")
    stage = await describe(await theatre(*names))
    await stage.tap("bruno", "🌿", "hold this role")
    await stage.pass_time(62 * DAY_MS)
    for name in names:
        if name != "bruno":
            await stage.say(name, f"Keep it as it is, says {name}.")
    words = [line for line in stage.diary("bruno") if line.words.startswith("From ")]
    assert len(words) == len(names) - 1
    assert {line.urgency for line in words} == {"quiet"}


async def test_a_year_of_holding_never_costs_more_than_two_messages_a_week(theatre: Theatre) -> None:
    stage = await paired(theatre, until="in 12 months")
    for _ in range(13):
        await stage.pass_time(30 * DAY_MS)
        await promises.check(stage)
    assert stage.state() == "still_open"


async def test_the_holder_may_lay_it_down_at_any_time(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.say("bruno", "rest")
    assert stage.state() == "open"
    assert stage.new(room=True)[-1].startswith(OPEN)
    assert await holds(stage) == "Nobody holds a role here at the moment."


# ── its last month ───────────────────────────────────────────────────────────


async def test_in_the_last_month_holder_and_understudy_are_asked(theatre: Theatre) -> None:
    stage = await last_month(theatre)
    assert "1. 🔁 Renew\n2. 🤝 Hand over\n3. 🌙 Let it rest" in stage.new("bruno")[-1]
    assert heard(stage, "chen", "What would be right for you after that?") == 1
    await stage.tap("chen", "🌳", "1. 🌳")
    assert "Would take it on: Chen" in stage.now("bruno", "What your understudy says")
    assert heard(stage, "ana", "after that?") == 0


async def test_without_an_understudy_there_is_no_board_about_one(theatre: Theatre) -> None:
    stage = await held(theatre, understudy="none")
    await stage.pass_time(92 * DAY_MS)
    assert heard(stage, "bruno", "What your understudy says") == 0
    await stage.tap("bruno", "🤝", "1. 🔁")
    assert stage.state() == "open"
    assert heard(stage, "bruno", "Nobody is there to take *Kitchen keeper* on yet") == 1


async def test_renewing_begins_a_new_term_that_the_circle_sees(theatre: Theatre) -> None:
    stage = await last_month(theatre)
    await stage.tap("bruno", "🔁", "1. 🔁")
    assert stage.now("bruno", "Renew, hand over").endswith("Noted: Renew")
    await stage.say("bruno", "yesterday")
    await stage.say("bruno", "in 6 months")
    assert stage.state() == "renewed"
    assert (
        stage.new(room=True)[-1]
        == "Bruno goes on with *Kitchen keeper*, until Wednesday 20 October, 12:00 UTC."
    )
    assert await holds(stage) == (
        "Who holds what:\n· Kitchen keeper: Bruno, until Wednesday 20 October, 12:00 UTC. Understudy: Chen"
    )
    await stage.pass_time(160 * DAY_MS)
    assert stage.state() == "last_month"
    await stage.tap("bruno", "🔁", "1. 🔁")
    assert "Until when will you hold *Kitchen keeper* now?" in stage.new("bruno")[-1]


async def test_renewing_without_naming_a_date_rests(theatre: Theatre) -> None:
    stage = await last_month(theatre)
    await stage.tap("bruno", "🔁", "1. 🔁")
    await stage.pass_time(14 * DAY_MS)
    assert stage.state() == "open"


async def test_letting_it_rest_is_a_good_ending(theatre: Theatre) -> None:
    stage = await last_month(theatre)
    await stage.tap("bruno", "🌙", "1. 🔁")
    assert stage.state() == "open"
    assert stage.new(room=True)[-1].startswith(OPEN)


@pytest.mark.parametrize("answer", ["no", "nothing"])
async def test_a_term_that_ends_in_silence_rests(theatre: Theatre, answer: str) -> None:
    stage = await last_month(theatre)
    if answer == "no":
        await stage.tap("bruno", "✖️", "1. 🔁")
    await stage.pass_time(30 * DAY_MS)
    assert stage.state() == "open"


# ── handing over ─────────────────────────────────────────────────────────────


def first_state(stage: Stage) -> str:
    """The state of the role that was described first; whoever takes it on has one of their own."""
    return stage.snapshots()[0].state


async def handing_over(theatre: Theatre) -> Stage:
    stage = await last_month(theatre)
    await stage.tap("chen", "🌳", "1. 🌳")
    await stage.tap("bruno", "🤝", "1. 🔁")
    assert stage.state() == "handing_over"
    return stage


async def test_handing_over_with_the_small_things_and_a_week_side_by_side(theatre: Theatre) -> None:
    stage = await handing_over(theatre)
    assert await holds(stage) == "Who holds what:\n· Kitchen keeper: from Bruno to Chen, these days"
    await stage.say("bruno", "The key is under the mat, the gas man comes on Tuesdays.")
    assert stage.state() == "overlap"
    assert "The key is under the mat" in stage.new("chen")[-2]
    assert stage.new("chen")[-1].startswith("A week side by side with Bruno begins.")
    others = {name: stage.diary(name) for name in ("ana", "dora", "eli")}
    await stage.pass_time(2 * DAY_MS)
    await stage.tap("chen", "✅", "week side by side")
    assert "Has them all: Chen" in stage.now("bruno", "A week side by side")
    assert {name: stage.diary(name) for name in others} == others
    await stage.pass_time(10 * DAY_MS)
    assert first_state(stage) == "handed_over"
    assert stage.new(room=True)[-1] == (
        "*Kitchen keeper* has passed from Bruno to Chen. Thank you, Bruno, for carrying it."
    )
    assert heard(stage, "chen", "*Kitchen keeper* is with you now.") == 1


async def test_the_small_things_can_still_be_added_to(theatre: Theatre) -> None:
    stage = await handing_over(theatre)
    said = await stage.say("bruno", "The key is under the mat.")
    await stage.say("bruno", "The key is under the mat, and the cat is called Miso.", edits=said)
    assert stage.now("chen", "From Bruno").endswith("and the cat is called Miso.")


async def test_what_is_missing_is_asked_of_the_holder(theatre: Theatre) -> None:
    stage = await handing_over(theatre)
    await stage.say("bruno", "The key is under the mat.")
    await stage.pass_time(2 * DAY_MS)
    await stage.say("chen", "And whom do I call about the oven?")
    await stage.pass_time(DAY_MS)
    await stage.say("bruno", "Luz, her number is on the fridge.", reply_to=stage.find("bruno", "oven?").event)
    assert heard(stage, "chen", "Luz, her number is on the fridge.") == 1


async def test_handing_over_without_the_list_goes_on_after_two_weeks(theatre: Theatre) -> None:
    stage = await handing_over(theatre)
    await stage.pass_time(14 * DAY_MS)
    assert stage.state() == "overlap"
    await stage.pass_time(8 * DAY_MS)
    assert first_state(stage) == "handed_over"


async def test_handing_over_at_any_time_by_a_word(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.say("bruno", "handover")
    assert stage.state() == "offering"
    await stage.pass_time(DAY_MS)
    await stage.tap("chen", "🌳", "Would you take it on?")
    assert stage.state() == "handing_over"
    lonely = await held(theatre)
    await lonely.say("bruno", "handover")
    assert lonely.state() == "shared"
    assert lonely.new("bruno")[-1].startswith("That isn't possible at this point")


async def test_a_no_to_taking_a_role_on_is_silence_line_by_line(theatre: Theatre) -> None:
    silent, said_no = await paired(theatre), await paired(theatre)
    for stage in (silent, said_no):
        await stage.say("bruno", "handover")
        await stage.pass_time(DAY_MS)
    await said_no.tap("chen", "✖️", "Would you take it on?")
    for stage in (silent, said_no):
        await stage.pass_time(20 * DAY_MS)
        assert stage.state() == "still_open"
        assert "is coming to you" not in stage.words("chen")
    assert said_no.diaries(but="chen") == silent.diaries(but="chen")


@pytest.mark.parametrize("when", ["before the list", "after the list"])
async def test_an_understudy_who_steps_back_hands_nothing_to_nobody(theatre: Theatre, when: str) -> None:
    stage = await handing_over(theatre)
    if when == "after the list":
        await stage.say("bruno", "The key is under the mat.")
    await stage.tap("chen", "✖️", "Would you be understudy")
    assert heard(stage, "bruno", "Chen can't after all.") == 1
    await stage.pass_time(25 * DAY_MS)
    assert stage.state() == "still_open"
    assert "has passed from" not in stage.words(room=True)


# ── leaving ──────────────────────────────────────────────────────────────────


async def test_a_holder_who_leaves_is_thanked_by_name(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.leave("bruno")
    assert stage.state() == "left_open"
    assert stage.new(room=True)[-1].startswith("*Kitchen keeper* is open now, and that's fine.")
    assert stage.new(room=True)[-1].endswith("Thank you, Bruno, for carrying it.")


async def test_whoever_described_it_may_leave_and_it_goes_on(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.leave("ana")
    await stage.pass_time(62 * DAY_MS)
    assert stage.state() == "review"
    assert heard(stage, "ana", "half of the term") == 0


async def test_an_understudy_who_leaves_is_none_yet(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.leave("chen")
    assert "Understudy: nobody yet" in stage.now("bruno", "You hold *Kitchen keeper*")
    assert await holds(stage) == f"Who holds what:\n· {HOLDS}none yet"
    await stage.pass_time(130 * DAY_MS)
    assert stage.state() == "still_open"


async def test_a_holder_asked_who_leaves_before_answering_leaves_it_open(theatre: Theatre) -> None:
    stage = await describe(await theatre(*NAMES))
    await stage.leave("bruno")
    assert stage.state() == "left_open"
    await stage.pass_time(HOUR_MS)
    assert stage.new("ana")[-1].startswith("*Kitchen keeper* stays open")


async def test_a_number_is_a_word_where_there_is_nothing_to_number(theatre: Theatre) -> None:
    stage = await paired(theatre)
    await stage.pass_time(62 * DAY_MS)
    await stage.say("dora", "1")
    assert stage.new("bruno")[-1] == "From Dora:\n\n1"
