"""The invitation, as its people live it. It is Monday, ten in the morning."""

from __future__ import annotations

import pytest

from bridge.rehearsal import Stage
from bridge.rehearsal.stage import INTO_THE_CALENDAR, OUT_OF_THE_CALENDAR
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS
from engine.runtime.ports import Reacted
from tests.scenarios import promises
from tests.scenarios.conftest import Theatre

SOUP = "Soup and songs at my place, from seven till late. Bring a bowl."
PROMPT = """\
Ana invites you.

Soup and songs at my place, from seven till late. Bring a bowl.

When: Friday 22 January, 19:00 UTC.

A question for Ana? Write it here, and I'll carry it over.

1. ✅ I'm coming
2. 🤔 Maybe
3. ✖️ No, thanks

Seen by Ana · a no by nobody · open until Thursday 21 January, 19:00 UTC, no reply is fine \
· *later* · *stop* · *person*"""


async def invite(
    stage: Stage,
    whom: str = "@bruno, @chen",
    *,
    kind: str = "1",
    what: str = SOUP,
    starts: str = "Friday 19:00",
    enough: str = "1",
) -> Stage:
    """Ana invites in the room, and answers what is still missing."""
    await stage.say("ana", f"invite {whom}: {what}", room=True)
    await stage.say("ana", kind)
    await stage.say("ana", starts)
    await stage.say("ana", enough)
    return stage


async def yes(stage: Stage, *names: str) -> None:
    for name in names:
        await stage.tap(name, "✅", "invites you")


async def to_the_reply_day(stage: Stage) -> None:
    """Thursday, ten past seven in the evening: the invitation has closed."""
    await stage.pass_time(3 * DAY_MS + 9 * HOUR_MS + 10 * MINUTE_MS)


async def on(theatre: Theatre, *names: str) -> Stage:
    """Bruno says yes, and on Thursday it is on."""
    stage = await invite(await theatre(*(names or ("ana", "bruno", "chen", "dora"))))
    await yes(stage, "bruno")
    await to_the_reply_day(stage)
    assert stage.state() == "accepted"
    return stage


# ── before anyone is asked ───────────────────────────────────────────────────


async def test_only_what_is_missing_is_asked_one_thing_at_a_time(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno", "chen")
    await stage.say("ana", f"invite everyone and @chen: {SOUP}", room=True)
    assert [words.partition("\n")[0] for words in stage.new("ana")] == ["What is it?"]
    await stage.tap("ana", "📅", "What is it?")
    assert len(stage.new("ana")) == 2
    assert "When does it start?" in stage.new("ana")[-1]
    await stage.say("ana", "Friday 19:00")
    assert "How many need to say yes" in stage.new("ana")[-1]
    assert not stage.new("chen")
    await stage.say("ana", "1")
    assert "Ana invites you." in stage.new("chen")[-1]
    assert "Ana invites everyone here." in stage.new(room=True)[-1]
    assert not stage.new("bruno")


async def test_a_bare_invite_asks_for_everything(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno", "chen")
    await stage.say("ana", "invite")
    for words in ("event", "Bruno and Chen", SOUP, "Friday 19:00", "2"):
        await stage.say("ana", words)
    assert [words.partition("?")[0] for words in stage.new("ana")[:5]] == [
        "What is it",
        "Whom would you like to invite",
        "What are you inviting to",
        "When does it start",
        "How many need to say yes for it to happen, besides you",
    ]
    assert stage.new("bruno") == stage.new("chen") == [PROMPT]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("when the moon is full", "I couldn't read a day and time in that."),
        ("yesterday 19:00", "That moment has passed already."),
        ("18 January 2027 09:00", "That moment has passed already."),
    ],
)
async def test_a_date_that_cannot_be_gets_a_kind_line_and_nothing_is_lost(
    theatre: Theatre, words: str, line: str
) -> None:
    stage = await theatre("ana", "bruno")
    await stage.say("ana", f"invite @bruno: {SOUP}", room=True)
    await stage.say("ana", "1")
    await stage.say("ana", words)
    assert stage.new("ana")[-1].startswith(line)
    await stage.say("ana", "Friday 19:00")
    assert "How many need to say yes" in stage.new("ana")[-1]


async def test_an_edited_detail_counts_and_nothing_is_asked_twice(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno")
    await stage.say("ana", f"invite @bruno: {SOUP}", room=True)
    await stage.say("ana", "1")
    date = await stage.say("ana", "Thursday 19:00")
    asked = len(stage.new("ana"))
    await stage.say("ana", "Friday 19:00", edits=date)
    assert len(stage.new("ana")) == asked
    assert "Noted: Friday 22 January" in stage.now("ana", "When does it start?")
    await stage.say("ana", "1")
    assert stage.new("bruno") == [PROMPT]


async def test_a_removed_detail_is_asked_for_again(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno")
    await stage.say("ana", "invite @bruno", room=True)
    await stage.say("ana", "1")
    what = await stage.say("ana", SOUP)
    await stage.remove("ana", what)
    assert "What are you inviting to?" in stage.new("ana")[-1]
    await stage.say("ana", "Tea instead", reply_to=stage.find("ana", "What are you inviting to?").event)
    await stage.say("ana", "Friday 19:00")
    await stage.say("ana", "1")
    assert "Tea instead" in stage.new("bruno")[0]
    assert not [
        text for text in stage.store._texts.values() if text.body == SOUP and text.until_ms > stage.now_ms
    ]


async def test_a_host_who_stops_answering_is_left_in_peace_and_nobody_was_asked(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno")
    await stage.say("ana", f"invite @bruno: {SOUP}", room=True)
    await stage.pass_time(13 * DAY_MS)
    assert len([words for words in stage.new("ana") if "our weekly letter" not in words]) == 1, "no reminder"
    await stage.pass_time(DAY_MS)
    assert stage.state() == "withdrawn"
    assert "Nobody was asked" in stage.new("ana")[-1]
    assert not stage.diary("bruno")


async def test_the_host_cannot_be_their_own_guest(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno")
    await stage.say("ana", "invite")
    await stage.say("ana", "1")
    await stage.say("ana", "Ana")
    assert stage.new("ana")[-1].startswith("I couldn't find everybody you named.")
    await stage.say("ana", "Ana and Bruno")
    for words in (SOUP, "Friday 19:00", "1"):
        await stage.say("ana", words)
    assert not [words for words in stage.new("ana") if "invites you" in words]
    assert stage.new("bruno") == [PROMPT]


# ── the question itself ──────────────────────────────────────────────────────


async def test_the_prompt_is_exactly_this(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    assert stage.new("bruno") == [PROMPT]
    assert stage.choices("bruno", "invites you") == ["✅", "🤔", "✖"]
    promises.check_prompts(stage)


async def test_a_yes_is_on_the_hosts_board_at_once_and_makes_no_sound(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    before = len(stage.new("ana"))
    await yes(stage, "bruno")
    await stage.tap("chen", "🤔", "invites you")
    assert len(stage.new("ana")) == before
    assert "Coming: Bruno\nMaybe: Chen" in stage.now("ana", "Your invitation is out")
    assert stage.diary("ana")[-1].at_ms == stage.now_ms
    assert "You said: I'm coming. You can change it until Friday 22 January, 19:00" in stage.now(
        "bruno", "invites you"
    )


@pytest.mark.parametrize("words", ["1", "I'm coming", "✅", "yes", "Yes please", "I'm coming, with bread"])
async def test_a_yes_in_any_words_is_a_yes(theatre: Theatre, words: str) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await stage.say("bruno", words)
    assert "Coming: Bruno" in stage.now("ana", "Your invitation is out")


async def test_a_yes_turned_no_is_heard_as_cannot_come_and_never_why(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "bruno")
    await stage.tap("bruno", "✖️", "invites you")
    assert stage.new("ana")[-1] == "Bruno can't after all."
    assert stage.diary("ana")[-1].urgency == "quiet"
    assert "Coming: nobody yet" in stage.now("ana", "Your invitation is out")
    said = stage.now("bruno", "invites you")
    assert said.endswith("You said: No, thanks. You can change it until Friday 22 January, 19:00 UTC.")


async def test_within_a_day_of_the_start_a_yes_turned_no_is_worth_a_sound(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.tap("bruno", "✖️", "invites you")
    line = stage.diary("ana")[-1]
    assert (line.words, line.urgency) == ("Bruno can't after all.", "change")


async def test_a_yes_turned_no_can_become_a_yes_again(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.tap("bruno", "✖️", "invites you")
    await yes(stage, "bruno")
    assert "Coming: Bruno" in stage.now("ana", "*happened* when it's over")


async def test_a_no_can_become_a_yes_only_while_the_invitation_is_open(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "chen")
    await stage.tap("bruno", "✖️", "invites you")
    assert "That's fine, and nobody sees it. You can change it until Thursday 21" in stage.now(
        "bruno", "invites you"
    )
    await to_the_reply_day(stage)
    await yes(stage, "bruno")
    assert stage.new("bruno")[-1].startswith("Thank you for writing. This has closed")


# ── a no is free ─────────────────────────────────────────────────────────────


async def _play_with_a_silent_one(stage: Stage, does: str) -> dict[str, list[object]]:
    """Everything the others see of a whole invitation in which Eli does something that is to be silence."""
    if does == "not from":
        await stage.say("eli", "not from Ana")
    elif does in ("stop", "pause for 5 weeks"):
        await stage.say("eli", does)
    elif does == "never came":
        person = stage.cast.persons["eli"]
        stage.postman.present.discard(person)
    await invite(stage, "everyone and @bruno, @chen, @eli", enough="2")
    await yes(stage, "bruno")
    await stage.pass_time(3 * HOUR_MS)
    if does in ("no", "no and back", "later", "words"):
        said = {"later": "later", "words": "No, thanks"}.get(does, "3")
        await stage.say("eli", said)
    if does == "no and back":
        await stage.tap("eli", "✖️", "invites you")
    await to_the_reply_day(stage)
    await stage.say("ana", "1", reply_to=stage.find("ana", "What feels right?").event)
    await stage.pass_time(30 * DAY_MS)
    return {name: list(lines) for name, lines in stage.diaries(but="eli").items()}


@pytest.mark.parametrize(
    "does", ["no", "words", "no and back", "later", "not from", "stop", "pause for 5 weeks", "never came"]
)
async def test_to_everyone_else_it_is_silence_word_for_word_and_minute_for_minute(
    theatre: Theatre, does: str
) -> None:
    names = ("ana", "bruno", "chen", "dora", "eli")
    silence = await _play_with_a_silent_one(await theatre(*names), "nothing")
    assert await _play_with_a_silent_one(await theatre(*names), does) == silence


# ── reminding ────────────────────────────────────────────────────────────────


async def test_one_reminder_at_a_humane_hour_and_then_silence(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), starts="Friday 08:00")
    await stage.pass_time(10 * DAY_MS)
    prompt, reminder = stage.diary("bruno")[0], [line for line in stage.diary("bruno") if line.new][1:]
    assert [line.words for line in reminder] == [
        "Open until Thursday 21 January, 08:00 UTC, no reply is fine."
    ]
    assert reminder[0].at_ms - prompt.at_ms == DAY_MS + 10 * HOUR_MS, (
        "eight in the evening, not in the morning"
    )


async def test_whoever_answered_is_not_reminded(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "chen")
    await stage.tap("bruno", "✖️", "invites you")
    await to_the_reply_day(stage)
    assert not [w for name in ("bruno", "chen") for w in stage.new(name) if w.startswith("Open until")]


async def test_later_takes_the_place_of_the_reminder(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await stage.say("bruno", "later")
    assert stage.new("bruno")[-1] == "All right. I'll bring it back once: tomorrow 09:00 UTC."
    await stage.pass_time(10 * DAY_MS)
    back = [line for line in stage.diary("bruno") if line.words.startswith("Open until")]
    assert len(back) == 1
    assert back[0].at_ms - stage.diary("bruno")[0].at_ms <= 25 * HOUR_MS


# ── the reply day ────────────────────────────────────────────────────────────


async def test_enough_yeses_and_the_host_hears_one_number(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno", "chen", "dora", "eli")
    await invite(stage, "@bruno, @chen, @dora, @eli", enough="2")
    await yes(stage, "bruno", "chen")
    await stage.tap("dora", "✖️", "invites you")
    await to_the_reply_day(stage)
    assert "Not joining: 2." in "\n".join(stage.new("ana"))
    assert "Dora" not in stage.words("ana")
    assert "Eli" not in stage.words("ana")
    told, asked = stage.new("bruno")[-2:]
    assert told.startswith("It's on, and you're coming. For your calendar:")
    assert INTO_THE_CALENDAR in told
    assert asked.startswith("Would you like to help Ana host?")
    assert stage.new("dora") == [PROMPT]


async def test_whoever_says_yes_once_it_is_on_gets_the_file_of_those_before_them_and_nobody_gets_it_twice(
    theatre: Theatre,
) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "bruno")
    await stage.tap("chen", "🤔", "invites you")
    await to_the_reply_day(stage)
    files = {name: _files(stage, name) for name in ("ana", "bruno", "chen")}
    assert {name: len(found) for name, found in files.items()} == {"ana": 1, "bruno": 1, "chen": 0}
    await yes(stage, "chen")
    assert _files(stage, "chen") == files["bruno"]
    assert (_files(stage, "ana"), _files(stage, "bruno")) == (files["ana"], files["bruno"])


def _files(stage: Stage, name: str) -> list[str]:
    return [words for words in stage.new(name) if INTO_THE_CALENDAR in words]


async def test_those_who_said_maybe_hear_that_it_is_on(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "bruno")
    await stage.tap("chen", "🤔", "invites you")
    await to_the_reply_day(stage)
    assert "You said maybe. If you can come, change your answer" in stage.new("chen")[-1]
    await yes(stage, "chen")
    assert "Coming: Bruno and Chen\nMaybe: nobody yet" in stage.now("ana", "*happened* when it's over")


async def too_few(theatre: Theatre) -> Stage:
    stage = await theatre("ana", "bruno", "chen", "dora")
    await invite(stage, "@bruno, @chen, @dora", enough="3")
    await yes(stage, "bruno")
    await stage.tap("chen", "🤔", "invites you")
    await to_the_reply_day(stage)
    assert stage.state() == "few_so_far"
    return stage


async def test_too_few_and_the_host_has_three_ways(theatre: Theatre) -> None:
    stage = await too_few(theatre)
    asked = stage.find("ana", "What feels right?").words
    assert "Yes: Bruno. Maybe: Chen. You had hoped for 3." in asked
    assert "1. 🌱 Go ahead, small\n2. 🗓️ Another date\n3. 🍃 Let it go" in asked
    assert stage.new("bruno") == [PROMPT]


async def test_going_ahead_small_is_on(theatre: Theatre) -> None:
    stage = await too_few(theatre)
    await stage.tap("ana", "🌱", "What feels right?")
    assert stage.now("ana", "What feels right?").endswith("Noted: Go ahead, small")
    assert "It's on, and you're coming." in stage.new("bruno")[-2]


async def test_letting_go_is_told_to_yes_and_maybe_only(theatre: Theatre) -> None:
    stage = await too_few(theatre)
    await stage.tap("ana", "🍃", "What feels right?")
    await stage.pass_time(DAY_MS)
    assert stage.new("bruno")[-1] == stage.new("chen")[-1]
    assert stage.new("bruno")[-1].startswith("Ana has let this go for now.")
    assert not [words for words in stage.new("dora") if "let this go" in words]
    assert stage.state() == "let_go"


async def test_a_host_who_is_silent_has_it_closed_kindly(theatre: Theatre) -> None:
    stage = await too_few(theatre)
    await stage.pass_time(22 * HOUR_MS)
    assert stage.state() == "too_few"
    assert stage.new("bruno")[-1].startswith("This isn't happening this time.")
    assert "it didn't come together this time" in stage.new("ana")[-1]
    assert not [words for words in stage.new("dora") if "isn't happening" in words]


# ── another date ─────────────────────────────────────────────────────────────


async def test_a_new_date_asks_yes_and_maybe_again_and_old_answers_count_no_more(theatre: Theatre) -> None:
    stage = await too_few(theatre)
    heard = stage.diary("dora")
    await stage.tap("ana", "🗓️", "What feels right?")
    await stage.say("ana", "in 9 days")
    for name in ("bruno", "chen"):
        assert "Ana has another date for this." in stage.new(name)[-1]
        assert not [words for words in stage.new(name) if "date is moving" in words]
    board = stage.now("ana", "I've asked those who said yes or maybe")
    assert "Coming: nobody yet\nMaybe: nobody yet" in board
    assert stage.diary("dora") == heard
    await stage.tap("chen", "✅", "another date")
    assert "Coming: Chen" in stage.now("ana", "I've asked those who said yes or maybe")
    await stage.pass_time(9 * DAY_MS)
    assert "not joining: 1" in stage.words("ana").lower()


async def test_a_host_who_postpones_and_falls_silent_leaves_nobody_at_the_door(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.say("ana", "postpone")
    assert "When does it start?" in stage.new("ana")[-1]
    await stage.pass_time(20 * HOUR_MS)
    moving = [
        line
        for line in stage.diary("bruno")
        if line.words.startswith("The date is moving: it won't be Friday")
    ]
    assert [line.urgency for line in moving] == ["change"]
    assert sum("When does it start?" in words for words in stage.new("ana")) == 2, (
        "asked once at the start, once now"
    )
    await stage.say("ana", "in 6 days")
    await stage.pass_time(DAY_MS)
    assert "Ana has another date for this." in stage.new("bruno")[-1]


async def test_a_host_who_never_names_the_date_has_it_closed_kindly(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.say("ana", "postpone")
    await stage.pass_time(9 * DAY_MS)
    assert stage.state() == "too_few"
    assert stage.new("bruno")[-1].startswith("This isn't happening this time.")


async def test_a_new_date_with_nobody_so_far_asks_all_who_were_named(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), enough="2")
    await to_the_reply_day(stage)
    await stage.tap("ana", "🗓️", "What feels right?")
    await stage.say("ana", "in 9 days")
    await stage.pass_time(4 * DAY_MS)
    assert [sum("invites you" in words for words in stage.new(name)) for name in ("bruno", "chen")] == [2, 2]


# ── calling off ──────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "where", ["open", "few_so_far", "new_date", "between_dates", "asking_again", "accepted"]
)
async def test_calling_off_is_told_to_yes_and_maybe_only(theatre: Theatre, where: str) -> None:
    stage = await theatre("ana", "bruno", "chen", "dora")
    await invite(stage, "@bruno, @chen, @dora", enough="1" if where == "accepted" else "3")
    await yes(stage, "bruno")
    await stage.tap("chen", "🤔", "invites you")
    if where != "open":
        await to_the_reply_day(stage)
    if where in ("new_date", "between_dates", "asking_again"):
        await stage.tap("ana", "🗓️", "What feels right?")
    if where == "between_dates":
        await stage.pass_time(4 * HOUR_MS)
    if where == "asking_again":
        await stage.say("ana", "in 9 days")
        await stage.tap("bruno", "✅", "another date")
        await stage.tap("chen", "🤔", "another date")
    assert stage.state() == where
    heard = [words for words in stage.new("dora") if not words.startswith("Open until")]
    await stage.say("ana", "cancel")
    assert stage.state() == "cancelled"
    said = "It's called off, and those who said yes or maybe have heard."
    if where == "accepted":
        said += f" The file takes it out of your calendar.\n{OUT_OF_THE_CALENDAR}"
    assert stage.new("ana")[-1] == said
    await stage.pass_time(3 * DAY_MS)
    for name in ("bruno", "chen"):
        assert any(words.startswith("This has been called off.") for words in stage.new(name))
    assert [words for words in stage.new("dora") if not words.startswith("Open until")] == heard


async def test_calling_off_a_draft_asks_nobody(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno")
    await stage.say("ana", f"invite @bruno: {SOUP}", room=True)
    await stage.say("ana", "cancel")
    assert stage.state() == "withdrawn"
    assert not stage.diary("bruno")


async def test_nobody_but_the_host_can_call_it_off(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "bruno")
    await stage.say("bruno", "cancel")
    assert stage.state() == "open"


async def test_calling_off_within_a_day_reaches_people_beyond_any_budget(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.pass_time(15 * HOUR_MS)
    await stage.say("ana", "cancel")
    line = stage.diary("bruno")[-1]
    assert line.words.startswith("This has been called off.")
    assert (line.urgency, line.at_ms) == ("change", stage.now_ms)


# ── in the room ──────────────────────────────────────────────────────────────


async def test_the_room_sees_who_takes_it_up_and_who_lets_go_again(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), "everyone")
    assert stage.choices("", "invites everyone", room=True) == ["🙋"]
    assert "No, thanks" not in stage.words(room=True)
    tapped = await stage.tap("bruno", "🙋", "invites everyone", room=True)
    await stage.tap("chen", "🙋🏽", "invites everyone", room=True)
    assert "I'm coming: Bruno and Chen" in stage.now("", "invites everyone", room=True)
    assert "Coming: Bruno and Chen" in stage.now("ana", "Your invitation is out")
    await stage.remove("bruno", tapped)
    assert "I'm coming: Chen" in stage.now("", "invites everyone", room=True)
    assert "Coming: Chen" in stage.now("ana", "Your invitation is out")
    assert len(stage.new(room=True)) == 1, "one message, edited"


async def test_the_host_is_not_their_own_guest_in_the_room(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno"), "everyone")
    await stage.tap("ana", "🙋", "invites everyone", room=True)
    assert "Coming: nobody yet" in stage.now("ana", "Your invitation is out")
    await to_the_reply_day(stage)
    assert stage.state() == "few_so_far"


async def test_one_person_in_the_room_and_in_private_is_one(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), "everyone and @bruno", enough="2")
    await yes(stage, "bruno")
    await stage.tap("bruno", "🙋", "invites everyone", room=True)
    assert "Coming: Bruno\n" in stage.now("ana", "Your invitation is out")
    await to_the_reply_day(stage)
    assert stage.state() == "few_so_far"


async def test_of_room_and_private_the_later_answer_counts(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), "everyone and @bruno, @chen")
    await stage.tap("chen", "🤔", "invites you")
    await stage.pass_time(MINUTE_MS)
    await stage.tap("chen", "🙋", "invites everyone", room=True)
    await stage.tap("bruno", "🙋", "invites everyone", room=True)
    assert "Coming: Bruno and Chen\nMaybe: nobody yet" in stage.now("ana", "Your invitation is out")
    await stage.pass_time(MINUTE_MS)
    await stage.tap("bruno", "✖️", "invites you")
    assert "Coming: Chen\n" in stage.now("ana", "Your invitation is out")
    assert "I'm coming: Chen\n" in stage.now("", "invites everyone", room=True)
    assert stage.new("ana")[-1] == "Bruno can't after all."


async def test_an_open_invitation_closes_where_it_stands(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno"), "everyone")
    await stage.tap("bruno", "🙋", "invites everyone", room=True)
    await stage.say("ana", "cancel")
    assert stage.now("", "invites everyone", room=True).endswith("It was called off.")
    assert len(stage.new(room=True)) == 1


async def test_whats_on_shows_open_invitations_and_no_private_ones(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), "everyone", what="Soup")
    await invite(stage, "@bruno", what="A quiet talk")
    await stage.say("chen", "what's on")
    assert stage.new("chen")[-1] == "What's on:\n· Soup · Friday 22 January, 19:00 UTC · Ana"


# ── questions ────────────────────────────────────────────────────────────────


async def test_a_question_goes_to_the_host_and_its_answer_back(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await stage.say("bruno", "Is there a lift in the house?")
    assert "I passed your question on to Ana." in stage.now("bruno", "invites you")
    assert "A question from Bruno:\n\nIs there a lift in the house?" in stage.new("ana")[-1]
    await stage.say("ana", "There is, on the left.")
    assert stage.new("bruno")[-1] == "An answer from Ana:\n\nThere is, on the left."
    assert "Coming: nobody yet" in stage.now("ana", "Your invitation is out")
    await yes(stage, "bruno")
    assert "Coming: Bruno" in stage.now("ana", "Your invitation is out")


async def test_two_questions_of_one_guest_are_both_answered(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await stage.say("bruno", "Is there a lift in the house?")
    await stage.say("bruno", "And may I bring my dog?")
    await stage.pass_time(DAY_MS)
    await stage.say("ana", "There is, yes.", reply_to=stage.find("ana", "Is there a lift").event)
    await stage.say("ana", "Please do bring it.", reply_to=stage.find("ana", "bring my dog").event)
    assert stage.new("bruno")[1:] == [
        "An answer from Ana:\n\nThere is, yes.",
        "An answer from Ana:\n\nPlease do bring it.",
    ]


async def test_an_answer_to_somebody_who_has_left_goes_nowhere(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await stage.say("bruno", "Is there a lift in the house?")
    await stage.leave("bruno")
    heard = stage.diary("bruno")
    await stage.say("ana", "There is, on the left.")
    assert stage.diary("bruno") == heard


async def test_a_question_can_still_be_answered_after_the_reply_day(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "bruno")
    await stage.pass_time(3 * DAY_MS)
    await stage.say("bruno", "Which floor is it again?")
    await stage.pass_time(12 * HOUR_MS)
    assert stage.state() == "accepted"
    await stage.say("ana", "The third floor, on the right.", reply_to=stage.find("ana", "Which floor").event)
    await stage.pass_time(12 * HOUR_MS)
    assert "An answer from Ana:\n\nThe third floor, on the right." in stage.new("bruno")


# ── whatever people send ─────────────────────────────────────────────────────


async def test_a_late_answer_gets_one_kind_line(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "chen")
    await to_the_reply_day(stage)
    heard = {name: stage.diary(name) for name in ("ana", "chen")}
    await yes(stage, "bruno")
    assert stage.new("bruno")[-1].startswith("Thank you for writing. This has closed in the meantime")
    assert {name: stage.diary(name) for name in ("ana", "chen")} == heard


async def test_an_answer_counts_by_when_it_was_given(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    given_ms = stage.now_ms + HOUR_MS
    await stage.clock.advance(2 * HOUR_MS)
    prompt = stage.find("bruno", "invites you")
    person = stage.cast.persons["bruno"]
    await stage.submit(
        Reacted(id="$late", occurred_ms=given_ms, person=person, target=prompt.event, emoji="✅")
    )
    assert "Coming: Bruno" in stage.now("ana", "Your invitation is out")


async def test_words_of_somebody_who_was_not_asked_change_nothing(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen", "dora"))
    prompt = stage.find("bruno", "invites you")
    heard = stage.diaries(but="dora")
    await stage.say("dora", "I'm coming", reply_to=prompt.event)
    assert stage.diaries(but="dora") == heard
    assert "Coming: nobody yet" in stage.now("ana", "Your invitation is out")


async def test_an_emoji_nobody_offered_is_nothing(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    heard = stage.diaries()
    await stage.tap("bruno", "🦔", "invites you")
    assert stage.diaries() == heard
    assert stage.outcomes[-1][1].kind == "ignored"


async def test_a_text_of_sixty_kilobytes_gets_a_kind_line(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    heard = stage.diaries(but="bruno")
    await stage.say("bruno", "soup " * 12_000)
    assert stage.new("bruno")[-1].startswith("That is more than I can carry in one message")
    assert stage.diaries(but="bruno") == heard


async def test_a_detail_of_sixty_kilobytes_is_asked_for_again(theatre: Theatre) -> None:
    stage = await theatre("ana", "bruno")
    await stage.say("ana", "invite @bruno", room=True)
    await stage.say("ana", "1")
    await stage.say("ana", "soup " * 12_000)
    assert stage.new("ana")[-1].startswith("That is more than I can carry in one message")
    await stage.say("ana", SOUP)
    assert "When does it start?" in stage.new("ana")[-1]


async def test_a_removed_tap_is_taken_back_and_the_one_before_it_stands(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await stage.tap("bruno", "🤔", "invites you")
    second = await stage.tap("bruno", "✅", "invites you")
    await stage.remove("bruno", second)
    assert "Coming: nobody yet\nMaybe: Bruno" in stage.now("ana", "Your invitation is out")
    await stage.remove("bruno", "$said-unknown")
    assert "Maybe: Bruno" in stage.now("ana", "Your invitation is out")


async def test_a_removed_yes_opens_the_question_again(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    tapped = await stage.tap("bruno", "✅", "invites you")
    await stage.remove("bruno", tapped)
    assert stage.now("bruno", "invites you").endswith(
        "Taken back. It stays open until Thursday 21 January, 19:00 UTC, and no reply is fine."
    )
    assert "Coming: nobody yet" in stage.now("ana", "Your invitation is out")
    assert "Bruno can't after all." not in stage.new("ana"), "they may be on their way to another answer"
    await stage.tap("bruno", "✖️", "invites you")
    assert stage.new("ana")[-1] == "Bruno can't after all."


async def test_an_edited_answer_is_the_answer(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    said = await stage.say("bruno", "maybe")
    await stage.say("bruno", "I'm coming", edits=said)
    assert "Coming: Bruno\nMaybe: nobody yet" in stage.now("ana", "Your invitation is out")


# ── afterwards ───────────────────────────────────────────────────────────────


async def happened(theatre: Theatre) -> Stage:
    """It was on Friday; on Saturday the host is asked, and wants to hear."""
    stage = await on(theatre, "ana", "bruno", "chen")
    await stage.pass_time(2 * DAY_MS)
    await stage.tap("ana", "💬", "I hope it went well")
    await stage.pass_time(DAY_MS)
    return stage


async def test_it_has_happened_when_its_end_has_passed(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.pass_time(DAY_MS + 2 * HOUR_MS)
    assert stage.state() == "accepted"
    await stage.pass_time(HOUR_MS)
    assert stage.state() == "delivered"
    assert not [words for words in stage.new("ana") if "I hope it went well" in words], "not at night"
    await stage.pass_time(12 * HOUR_MS)
    assert "I hope it went well" in stage.new("ana")[-1]


async def test_it_has_happened_when_the_host_says_so(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.say("ana", "happened")
    assert stage.state() == "delivered"
    assert "I hope it went well" in stage.new("ana")[-1]


async def test_feedback_words_reach_the_host_and_nobody_else(theatre: Theatre) -> None:
    stage = await happened(theatre)
    assert stage.new("bruno")[-1].startswith("Thank you for being there.")
    assert not [words for words in stage.new("chen") if "being there" in words], "only those who came"
    others = {name: lines for name, lines in stage.diaries(but="bruno").items() if name != "ana"}
    said = await stage.say("bruno", "I could say what I wanted, and the soup was good.")
    assert stage.new("ana")[-1] == "From Bruno:\n\nI could say what I wanted, and the soup was good."
    assert {name: lines for name, lines in stage.diaries(but="bruno").items() if name != "ana"} == others
    await stage.say("bruno", "I could say what I wanted, and it was warm.", edits=said)
    assert stage.now("ana", "From Bruno") == "From Bruno:\n\nI could say what I wanted, and it was warm."
    await stage.remove("bruno", said)
    assert stage.diary("ana")[-1].words == "(no longer kept)"


async def test_feedback_that_nobody_asked_for_is_not_collected(theatre: Theatre) -> None:
    stage = await on(theatre)
    await stage.pass_time(2 * DAY_MS)
    await stage.tap("ana", "✖️", "I hope it went well")
    await stage.pass_time(20 * DAY_MS)
    assert stage.state() == "closed"
    assert not [words for words in stage.new("bruno") if "being there" in words]


async def test_looking_back_reaches_nobody(theatre: Theatre) -> None:
    stage = await happened(theatre)
    heard = stage.diaries(but="ana")
    await stage.say("ana", "Chen cooked for the first time, and I was proud.")
    assert "Seen only by you" in stage.now("ana", "Three questions, only for you.")
    await stage.pass_time(20 * DAY_MS)
    others = stage.diaries(but="ana")
    assert not [line for lines in others.values() for line in lines if "proud" in line.words]
    assert {name: lines[: len(heard[name])] for name, lines in others.items()} == heard


async def test_those_who_helped_a_project_are_thanked(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), kind="2")
    await yes(stage, "bruno", "chen")
    await to_the_reply_day(stage)
    await stage.tap("bruno", "🤲", "like to help Ana host")
    assert "Helping: Bruno" in stage.now("ana", "*happened* when it's over")
    await stage.pass_time(30 * DAY_MS)
    assert stage.state() == "closed"
    assert stage.new("bruno")[-1].startswith("Thank you for helping Ana to carry this.")
    assert not [words for words in stage.new("chen") if "helping Ana" in words]


async def test_a_proposal_that_enough_take_part_in_has_a_decision_of_its_own(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"), kind="3", what="We meet every second week.")
    await yes(stage, "bruno")
    await to_the_reply_day(stage)
    await stage.pass_time(DAY_MS)
    assert [words for words in stage.new("ana") if "your proposal has a decision of its own now" in words]
    await stage.say("ana", "1", reply_to=stage.find("ana", "How would you like to go about it?").event)
    await stage.say("ana", "1")
    await stage.say("ana", "in 3 months")
    await stage.pass_time(4 * DAY_MS)
    assert "We meet every second week." in stage.find("chen", "Is it good enough for now").words


# ── leaving ──────────────────────────────────────────────────────────────────


async def test_a_guest_who_leaves_is_counted_no_more(theatre: Theatre) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "bruno", "chen")
    await stage.leave("bruno")
    assert "Coming: Chen\n" in stage.now("ana", "Your invitation is out")
    heard = len(stage.new("bruno"))
    await stage.pass_time(20 * DAY_MS)
    assert len(stage.new("bruno")) == heard


@pytest.mark.parametrize("days", [1, 4])
async def test_a_host_who_leaves_has_it_called_off_for_those_who_said_yes(
    theatre: Theatre, days: int
) -> None:
    stage = await invite(await theatre("ana", "bruno", "chen"))
    await yes(stage, "bruno")
    await stage.pass_time(days * DAY_MS)
    await stage.leave("ana")
    await stage.pass_time(DAY_MS)
    assert stage.state() == "cancelled"
    assert any(words.startswith("This has been called off.") for words in stage.new("bruno"))
    assert not [words for words in stage.new("chen") if "called off" in words]


async def test_a_host_who_leaves_afterwards_calls_nothing_off(theatre: Theatre) -> None:
    stage = await happened(theatre)
    await stage.leave("ana")
    assert stage.state() == "closed"
    assert not [words for words in stage.new("bruno") if "called off" in words]
