"""What is somebody's own: what is open, what they hold, whom they learn from, what they carried, what is kept."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bridge.views.public import MOST_LINES
from bridge.wording.render import LONGEST_LISTED, Unsayable
from engine.core.desk import Call
from engine.core.values import DAY_MS, InstanceId
from engine.runtime.ports import Changes
from tests.bridge.views.a_circle import OWN_VIEWS, Circle, picnic

GOES_LATER = (
    "1 text of yours belongs to something under way, and goes a while after it has ended; "
    "*export* says how long."
)


async def test_my_shows_what_is_open_and_until_when_then_what_one_holds() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.keeps("ana", "The keys", "Bruno")
    assert (await circle.reads("ana", "my")).splitlines() == [
        "Open with you:",
        "· What have you noticed so far? (until Sunday 7 February, 10:00 UTC)",
        "",
        "You hold:",
        "· *The keys*, until Monday 1 February, 12:00 UTC",
    ]


async def test_my_cuts_a_long_question_to_a_line_or_two_and_keeps_until_when() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.keeps("ana", "The keys " * 60, "Bruno")
    (line,) = [line for line in (await circle.reads("bruno", "my")).splitlines() if line.startswith("·")]
    assert line.endswith("… (until Saturday 23 January, 10:00 UTC)")
    assert len(line) < 200


async def test_what_has_no_name_yet_is_called_by_what_kind_of_thing_it_is() -> None:
    circle = await Circle.gather("ana")
    await circle.say("ana", "keeping")
    assert "Under way with you:\n· Keeping" in await circle.reads("ana", "my")
    await circle.answer("ana", "called?", "The keys")
    assert "Under way with you:\n· Keeping: *The keys*" in await circle.reads("ana", "my")


async def test_a_long_text_is_cut_wherever_it_stands_in_a_list_and_whole_in_the_file() -> None:
    circle = await Circle.gather("ana", "bruno", definitions=(picnic,))
    await circle.say("ana", "picnic", "everyone", "Bread, and butter, and more of it. " * 20)
    for view in ("my", "know", "what's on", "letter"):
        lines = (await circle.reads("ana", view)).splitlines()
        assert any("Bread, and butter" in line for line in lines), view
        assert all(len(line) <= LONGEST_LISTED + 60 for line in lines), view
    assert ("Bread, and butter, and more of it. " * 20).strip() in (
        await circle.document("ana", "export")
    ).text


async def test_something_that_is_begun_several_times_is_one_line_for_those_who_only_answered() -> None:
    circle = await Circle.gather("ana", "bruno")
    for title in ("The keys", "The garden"):
        await circle.keeps("ana", title, "Bruno")
        await circle.answer("bruno", title, "gladly")
        await circle.stage.pass_time(DAY_MS)
    assert (await circle.reads("bruno", "know")).count("· Keeping") == 1


async def test_of_what_somebody_carried_the_latest_are_shown_and_keep_their_numbers() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.keeps("ana", "The keys", "Bruno")
    await circle.say("ana", "over")
    (snapshot,) = circle.stage.snapshots()
    more = [replace(snapshot, id=InstanceId(f"{n:032x}"), version=1) for n in range(MOST_LINES + 1)]
    changes = Changes(snapshots={each.id: (each, 0) for each in more})
    changes.parts.extend((each.id, "p1", circle.id("ana")) for each in more)
    await circle.stage.store.commit(changes)
    lines = (await circle.reads("ana", "what i carried")).splitlines()
    assert lines[1] == "2 lines before these; *export* has them too."
    assert lines[2].startswith("3. *The keys*")
    assert lines[-3].startswith(f"{MOST_LINES + 2}. *The keys*")
    assert (await circle.document("ana", "export")).text.count(". *The keys*") == MOST_LINES + 2


async def test_what_ran_on_a_file_that_nobody_has_any_more_is_left_out() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.keeps("ana", "The keys", "Bruno")
    circle.stage.catalogue._by_digest.clear()
    assert "The keys" not in (await circle.reads("ana", "know"))
    assert (await circle.reads("ana", "who holds what")).startswith("Nobody holds")


async def test_my_says_kindly_that_there_is_nothing() -> None:
    circle = await Circle.gather("ana")
    assert await circle.reads("ana", "my") == "Nothing is open with you, and there is nothing you need to do."


async def test_a_private_matter_is_only_counted_whether_its_question_waits_or_it_is_under_way() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.say("ana", "mending")
    named = "Under way with you:\n· 1 private matter"
    plainly = "1 question that stands further up in this chat"
    assert await circle.reads("ana", "my") == f"Open with you:\n· {plainly}"
    assert plainly in await circle.reads("ana", "letter")
    assert "1 question of a private matter is open with you." in await circle.reads("ana", "know")
    await circle.say("ana", "Bruno")
    assert await circle.reads("ana", "my") == "Open with you:\n· 1 private matter; *open* shows it"
    await circle.say("ana", "open", "It was like this.")
    assert await circle.reads("ana", "my") == named
    assert "mend" not in (await circle.reads("ana", "know")).lower()


async def test_what_was_muted_waits_for_nobody_and_what_is_asked_for_a_beginning_says_for_what() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.say("ana", "keeping")
    question = "· Keeping: What is it called? (until"
    for view in ("my", "letter"):
        assert question in await circle.reads("ana", view)
    await circle.lay("ana", muted=("keeping",))
    for view in ("my", "letter"):
        assert "What is it called?" not in await circle.reads("ana", view)


async def test_my_people_are_those_who_said_yes() -> None:
    circle = await Circle.gather("ana", "bruno", "chen")
    await circle.keeps("ana", "The keys", "Bruno", "Chen")
    assert (await circle.reads("bruno", "my people")).startswith("Nobody stands here yet")
    await circle.say("bruno", "gladly")
    learns = "You learn from:\n· Ana, for *The keys*"
    assert await circle.reads("bruno", "my people") == learns
    assert learns in await circle.reads("bruno", "my")
    assert (await circle.reads("chen", "my people")).startswith("Nobody stands here yet")


async def test_a_contact_is_reminded_that_somebody_waits_and_not_who() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.lay("ana", called_by=(circle.id("bruno"),))
    assert await circle.reads("ana", "my") == (
        "Open with you:\n· someone asked to talk with you, and waits to hear from you"
    )


# ── what I carried ───────────────────────────────────────────────────────────


async def carried_two(circle: Circle) -> None:
    await circle.keeps("ana", "The keys", "Bruno")
    await circle.say("ana", "over")
    await circle.stage.pass_time(DAY_MS)
    await circle.keeps("ana", "The garden", "Bruno")
    await circle.say("ana", "over")


async def test_what_i_carried_is_numbered_from_the_oldest_end_and_says_who_sees_each() -> None:
    circle = await Circle.gather("ana", "bruno")
    await carried_two(circle)
    first = next(s.id for s in circle.stage.snapshots())
    await circle.lay("ana", shown=(first,))
    assert (await circle.reads("ana", "what i carried")).splitlines() == [
        "What you carried. A line is seen by you alone, unless you show it.",
        "1. *The keys* · the circle may see it",
        "2. *The garden* · only you see it",
        "",
        "*show 1* lets the circle see line 1, *keep to myself 1* takes that back.",
    ]


async def test_others_read_of_what_somebody_carried_what_they_show_and_no_number() -> None:
    circle = await Circle.gather("ana", "bruno")
    await carried_two(circle)
    nothing = "Ana shows nothing here. That is theirs to choose, and says nothing about them."
    assert await circle.reads_of("bruno", "ana") == nothing
    await circle.lay("ana", shown=(circle.stage.snapshots()[0].id,))
    shown = "What Ana shows of what they carried:\n· *The keys*"
    assert await circle.reads_of("bruno", "ana") == shown
    assert await circle.reads_of("ana", "ana") == shown
    assert await circle.in_room(f"carried by:{circle.id('ana')}") == shown
    assert await circle.reads_of("ana", "bruno") == nothing.replace("Ana", "Bruno")


async def test_nobody_outside_the_circle_reads_what_somebody_shows_in_it() -> None:
    circle = await Circle.gather("ana", "bruno")
    await carried_two(circle)
    await circle.shows("ana")
    await circle.stage.leave("bruno")
    assert "The keys" not in await circle.reads_of("bruno", "ana")


async def test_a_line_whose_words_are_no_longer_kept_says_what_kind_of_thing_it_was() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.keeps("ana", "The keys", "Bruno")
    await circle.say("ana", "over")
    circle.stage.store._texts.clear()
    carried = await circle.reads("ana", "what i carried")
    assert "1. Keeping (its name is no longer kept) · only you see it" in carried


# ── what do you know about me ────────────────────────────────────────────────


async def test_know_says_in_plain_sentences_what_is_kept() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.keeps("ana", "The keys", "Bruno")
    await circle.say("ana", "not from bruno", "pause until 1 February 2027")
    person = circle.id("bruno")
    calls = (Call(person, circle.stage.now_ms),)
    await circle.lay("ana", muted=("keeping",), calls=calls, silent_letters=2)
    assert (await circle.reads("ana", "know")).splitlines() == [
        "What I keep about you:",
        "You are Ana, @ana:hearth.test.",
        "We are both in Circle.",
        "I may write to you.",
        "Quiet for you from 21:00 to 09:00, time in UTC.",
        "Paused until Monday 1 February, 12:00 UTC. Nobody sees that.",
        "I write to you in English.",
        "The weekly letter comes on Monday.",
        "2 letters have come since you last wrote to me. After four I stop them until you write.",
        "Nothing from Keeping; that is how you wanted it.",
        "Nothing started by Bruno reaches you one to one. Nobody is told.",
        "Once in the last 30 days you let me tell a safety contact that you'd like to talk.",
        "",
        "You are part of:",
        "· Keeping: *The keys*",
        "",
        GOES_LATER,
        "There is also a sealed record of what I asked, what you answered, and when; it holds no words of yours.",
        "",
        "What everyone in your circle sees of you here:",
        "· The keys: Ana, until Monday 1 February, 12:00 UTC",
        "",
        "I keep nothing of what you say elsewhere, and no score of anybody.",
        "*export* gives you all of it as a file. *forget me* erases it.",
    ]


@pytest.mark.parametrize(
    ("consent", "says"),
    [
        ("unknown", "You haven't said yet whether I may write to you."),
        ("when_invited", "I write only when someone invites you by name."),
        ("stopped", "I've stopped, so I write nothing unless you write to me."),
    ],
)
async def test_know_says_what_somebody_wished_about_being_written_to(consent: str, says: str) -> None:
    circle = await Circle.gather("ana")
    await circle.lay("ana", consent=consent)
    known = await circle.reads("ana", "know")
    assert says in known
    assert "No weekly letter." in known
    assert "Nobody else sees anything of you here, besides your name in the room." in known


async def test_know_tells_a_steward_and_a_safety_contact_what_they_are_to_everyone() -> None:
    circle = await Circle.gather("chen", "dora")
    assert "· you look after this circle" in await circle.reads("chen", "know")
    assert "· you are a safety contact" in await circle.reads("dora", "know")


async def test_whoever_shares_no_circle_hears_that() -> None:
    circle = await Circle.gather("ana", "bruno")
    await circle.stage.leave("ana")
    assert "We share no circle at the moment." in await circle.reads("ana", "know")
    assert (await circle.reads("ana", "try")).startswith("I don't know of a circle")


# ── the weekly letter ────────────────────────────────────────────────────────


async def test_the_letter_is_short_and_has_nothing_empty() -> None:
    circle = await Circle.gather("ana", "bruno")
    assert await circle.reads("bruno", "letter") == (
        "A quiet week: nothing is on, and nothing is open with you."
    )
    await circle.keeps("ana", "The keys", "Bruno")
    await circle.say("ana", "vacant")
    await circle.stage.settle()
    assert (await circle.reads("bruno", "letter")).splitlines()[:4] == [
        "Your weekly letter. Nothing in it needs a reply.",
        "",
        "Open roles:",
        "· The keys is open",
    ]
    for n in range(7):
        await circle.keeps("ana", f"Thing {n}", "Bruno")
    letter = (await circle.reads("ana", "letter")).splitlines()
    assert letter[-1] == "· and 2 more; *my* shows all"
    assert len(letter) <= 12


@pytest.mark.parametrize(("away_days", "comes"), [(8, True), (11, False)])
async def test_a_letter_is_not_sent_once_all_is_over_that_it_would_have_told_of(
    away_days: int, comes: bool
) -> None:
    circle = await Circle.gather("ana", "bruno", definitions=(picnic,))
    stage, bruno = circle.stage, circle.id("bruno")
    stage.postman.present.discard(bruno)
    await stage.pass_time(3 * DAY_MS)
    await circle.say("ana", "picnic everyone")
    await circle.say("ana", "Bread, and more.")
    await stage.pass_time((away_days - 3) * DAY_MS)
    assert stage.seen("bruno") == []
    await stage.come("bruno")
    await stage.pass_time(DAY_MS)
    letters = [words.splitlines()[0] for words in stage.new("bruno")]
    assert letters == ["Your weekly letter. Nothing in it needs a reply."] * comes


# ── whose own it is ──────────────────────────────────────────────────────────


@pytest.mark.parametrize("view", OWN_VIEWS)
async def test_what_is_somebodys_own_has_no_words_for_a_room(view: str) -> None:
    circle = await Circle.gather("ana")
    with pytest.raises(Unsayable, match="own"):
        await circle.in_room(view)


async def test_an_unknown_view_is_a_bug_and_says_which_there_are() -> None:
    circle = await Circle.gather("ana")
    with pytest.raises(Unsayable, match="who holds what"):
        await circle.reads("ana", "score")
    with pytest.raises(Unsayable, match="score"):
        await circle.document("ana", "score")
