"""What people hold over the real thing: a homeserver, encrypted clients, a database, a house that is killed.

Everything is played in one house and one circle, one claim after another, with the workflows that come with Hearth.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from tests.bridge.live import HELLO, Town, town_of
from tests.world import Synapse

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = ("ana", "bruno", "chen", "dora", "eli")
CAKE = "Plum cake by the pond, three hours."
WALK = "A walk up to the old mill, two hours."
PRAISE = "Es war schön, nur am Ende zu laut."
MOST_LOOKS = 20
LETTER = "Your weekly letter"
SAID = ("m.room.encrypted", "m.room.message")
AT_START = ("invitation", "role", "gratitude", "thanks")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def town(synapse: Synapse, tmp_path_factory: pytest.TempPathFactory, seed: int) -> AsyncIterator[Town]:
    folder: Path = tmp_path_factory.mktemp("rights")
    async with town_of(synapse, PEOPLE, folder, seed, in_use=AT_START) as here:
        yield here


# ── what a circle takes up ───────────────────────────────────────────────────


async def test_a_new_circle_starts_small_and_has_what_it_agreed_on_after_a_restart_too(town: Town) -> None:
    await town.say("ana", "!hearth try", room=True)
    small = await town.hears("bruno", "In use now", room=True)
    in_use, _, off = small.body.partition("In use now")[2].partition("Off for now")
    assert all(title in in_use for title in ("Invitation", "Role", "Gratitude"))
    assert not [title for title in ("Pulse", "Decision", "Mentorship", "Trust") if title in in_use]
    assert "Trust repair: needs two safety contacts" in off
    assert "*try Pulse*" in small.body.partition("In use now")[0]

    await town.say("ana", "!hearth pulse", room=True)
    await town.hears("ana", "hasn't taken up *Pulse* yet")
    assert town.running() == ["gratitude"] * len(PEOPLE), "it did not begin; what begins for everyone did"

    await town.say("ana", "try pulse")
    others = PEOPLE[1:]
    await town.greet("ana", *others)
    for name in others:
        asked = await town.hears(name, "Shall we try it?")
        if name != "eli":
            await town.tap(name, asked, "🌱")
    await town.until(lambda: town.seen("bruno", "We try it: *Pulse*", room=True), days=8)

    await town.lives.hold()
    town.lives.go_on()
    await town.say("bruno", "pulse")
    await town.private("bruno", "How is it for you here, these days?")
    await town.say("bruno", "enough")
    await town.say("bruno", "enough 2")
    await town.say("bruno", "try")
    assert "Pulse" in (await town.hears("bruno", "In use now")).body.partition("In use now")[2]


async def test_trust_repair_rests_without_safety_contacts_and_is_there_with_two(town: Town) -> None:
    await town.say("chen", "try trust repair")
    await town.hears("chen", "rests until your circle has two safety contacts")
    await town.say("chen", "mend")
    assert not town.running().count("trust_repair")

    contacts = tuple(town[name].user_id for name in ("dora", "eli"))
    await town.settle_anew(contacts=contacts, in_use=(*AT_START, "trust_repair"))
    await town.say("chen", "mend")
    await town.private("chen", "Which of these is nearest?")
    assert town.running().count("trust_repair") == 1


# ── what somebody takes back ─────────────────────────────────────────────────


async def test_hide_takes_both_sides_of_a_private_exchange_back_at_the_homeserver(town: Town) -> None:
    await town.say("bruno", "pulse")
    pulse = await town.private("bruno", "How is it for you here, these days?")
    answered = await town.say("bruno", "The cellar is still under water.", to=pulse)
    noted = await town.hears("bruno", "You can edit or delete your message")
    hide = await town.say("bruno", "hide")
    await _is_taken_back(town, "bruno", pulse.event_id, answered, noted.event_id, hide)

    question = await town.hears("chen", "Which of these is nearest?")
    answered = await town.say("chen", "1", to=question)
    await town.private("chen", "What happened?")
    hide = await town.say("chen", "hide")
    await _is_taken_back(town, "chen", question.event_id, answered, hide)


async def _is_taken_back(town: Town, name: str, *events: str) -> None:
    """The homeserver itself has nothing of these any more; the bot says that it is done."""
    done = await town.hears(name, "I've taken it back from this room")
    await town.all_arrived()
    kept = await town.kept_at_server(name, done.room_id)
    assert not [event for event in events if kept[event]["content"]]
    assert kept[done.event_id]["content"]


async def test_an_export_asks_first_arrives_encrypted_holds_what_was_answered_and_is_taken_back(
    town: Town,
) -> None:
    await town.say("bruno", "export")
    await town.hears("bruno", "Shall I include what you wrote only for yourself?")
    await town.say("bruno", "1")
    file = await town.hears("bruno", "Here is everything I know about you")
    assert file.content["msgtype"] == "m.file"
    assert "url" not in file.content, "what lies at the homeserver is encrypted"
    text = await town["bruno"].open_file(file)
    assert "Shall we try it?" in text
    assert "Let's try it" in text
    await town.say("bruno", "hide")
    await _is_taken_back(town, "bruno", file.event_id)


# ── a human being ────────────────────────────────────────────────────────────


async def test_person_typed_in_the_room_goes_on_alone_and_only_the_chosen_contact_hears(town: Town) -> None:
    await _let_the_bot_take_back(town)
    before = {name: _read(town, name) for name in ("ana", "bruno")}
    room_before = {m.event_id for m in town.seen("ana", room=True)}
    asked = await town.say("chen", "!hearth person", room=True)
    question = await town.hears("chen", "Who may I tell?")
    assert "where only you and I read" in question.body or town.seen("chen", "where only you and I read")
    await town.all_arrived()
    assert not (await town.kept_at_server("ana", town.world.room))[asked]["content"]

    await town.say("chen", "Dora", to=question)
    await town.hears("chen", "I told Dora that you'd like to talk")
    await town.hears("dora", "Chen would like to talk, and chose you")
    assert not town.seen("eli", "Chen would like")
    await town.pass_days(1.1)
    again = await town.private("chen", "Dora hasn't answered yet")
    await town.say("chen", "Eli", to=again)
    called = await town.hears("eli", "Chen would like to talk, and chose you")
    await town.say("eli", "1", to=called)
    await town.hears("chen", "Eli has read it and will write to you")
    await town.all_arrived()
    assert {name: _read(town, name) for name in before} == before, "nobody else hears of it"
    assert {m.event_id for m in town.seen("ana", room=True)} == room_before
    assert not town.seen("dora", "Eli has read"), "nor what became of it"


async def _let_the_bot_take_back(town: Town) -> None:
    """What a steward does in the room's settings: the bot may remove messages."""
    where = f"/rooms/{quote(town.world.room)}/state/m.room.power_levels/"
    levels = await town["ana"].call("GET", where)
    levels["users"] = {**levels.get("users", {}), town.bot: 50}
    await town["ana"].call("PUT", where, levels)


def _read(town: Town, name: str) -> dict[str, str]:
    return {message.event_id: message.body for message in town.seen(name)}


# ── a language of one's own ──────────────────────────────────────────────────


async def test_whoever_chooses_german_reads_and_writes_german(town: Town) -> None:
    await town.say("bruno", "language german")
    await town.hears("bruno", "ab jetzt schreibe ich dir auf Deutsch")
    await town.say("bruno", "hilfe")
    help = await town.hears("bruno", "Hier schreibst du einfach.")
    assert "Mensch" in help.body
    await town.say("bruno", "was weißt du über mich")
    await town.hears("bruno", "Ich schreibe dir auf Deutsch")
    await town.say("bruno", "verbergen")
    await town.say("bruno", "puls")
    await town.hears("bruno", "*Puls* läuft bei dir schon")


# ── an invitation, its words and the letter ──────────────────────────────────


async def test_the_weekly_letter_comes_on_its_day_with_what_is_on(town: Town) -> None:
    await town.monday()
    await town.say("dora", "letter on Thursday")
    await town.hears("dora", "that is your day for the weekly letter")
    letter = (await town.hears("dora", LETTER)).event_id
    await town.begin("ana", f"invite everyone and @bruno, @dora: {CAKE}", "An event", town.day(5), "1")
    asked = await town.hears("bruno", "Ana lädt dich ein.")
    assert "Seen by" not in asked.body
    assert "ein Nein sieht niemand" in asked.body
    await town.say("bruno", "Ich komme", to=asked)
    await town.hears("bruno", "Du hast gesagt: Ich komme")
    await town.say("dora", "Maybe", to=await town.hears("dora", CAKE))
    await town.until(lambda: town.seen("dora", LETTER)[-1].event_id != letter, days=5)
    assert datetime.fromtimestamp(town.now_ms / 1000, UTC).strftime("%A %H") == "Thursday 09"
    assert CAKE in town.seen("dora", LETTER)[-1].body


async def test_words_go_on_their_end_date_with_the_message_that_carried_them(town: Town) -> None:
    await town.until(lambda: town.seen("ana", "I hope it went well"), days=5)
    await town.tap("ana", town.seen("ana", "I hope it went well")[-1], "💬")
    await town.until(lambda: town.seen("bruno", "Danke, dass du da warst"), days=6)
    await town.say("bruno", PRAISE, to=town.seen("bruno", "Danke, dass du da warst")[-1])
    await town.until(lambda: town.seen("ana", PRAISE), days=8)
    carried = town.seen("ana", PRAISE)
    assert [place for place, _, content in town.opened() if content == PRAISE.encode()]

    await town.until(lambda: not [1 for _, _, content in town.opened() if PRAISE.encode() in content], 100)
    await town.all_arrived()
    assert not town.seen("ana", PRAISE)
    kept = await town.kept_at_server("ana", await town.room_of("ana"))
    assert not [message for message in carried if kept[message.event_id]["content"]]


async def test_whoever_wants_nothing_from_invitations_is_like_somebody_silent(town: Town) -> None:
    await town.monday()
    await town.say("bruno", "stopp einladung")
    await town.hears("bruno", "Niemand erfährt davon")
    before = _read(town, "bruno")
    await town.begin("ana", f"invite @bruno, @chen, @dora: {WALK}", "An event", town.day(5), "1")
    await town.say("chen", "I'm coming", to=await town.hears("chen", WALK))
    await town.hears("dora", WALK)
    await town.hears("ana", "Coming: Chen")
    await town.until(lambda: town.seen("ana", "It's on. Not joining: 2."), days=5)
    await town.pass_days(0.1)
    assert {id: body for id, body in _read(town, "bruno").items() if WALK in body} == {}
    assert before.keys() <= _read(town, "bruno").keys()


# ── to be forgotten ──────────────────────────────────────────────────────────


async def test_whoever_is_forgotten_is_gone_though_the_house_was_killed_and_may_come_anew(town: Town) -> None:
    chen, room = town["chen"], await town.room_of("chen")
    (person,) = [scope for place, scope, content in town.opened() if content == chen.user_id.encode()]
    before = {name: _read(town, name) for name in PEOPLE}
    in_room = [m.event_id for m in town.seen("ana", room=True)]
    await town.say("chen", "forget me")
    asked = await town.hears("chen", "Shall I forget you?")
    yes = await chen.say(room, "1", reply_to=asked.event_id)
    await town.lives.until(lambda: not town.look.unseen((yes,)), lambda: "their yes taken in")
    await town.lives.hold()
    town.lives.go_on()
    await town.rest()
    await chen.wait_for(lambda: town.bot not in chen.people(room), what="the bot leaving the room")
    await town.all_arrived()
    heard = {
        n: [b for i, b in _read(town, n).items() if before[n].get(i) != b] for n in PEOPLE if n != "chen"
    }
    assert {name for name, bodies in heard.items() if bodies} == {"ana"}, "only whoever counts on them"
    assert not [body for body in heard["ana"] if "forg" in body.lower()], "and no reason is given"
    assert "Coming: nobody yet" in town.seen("ana", "As it stands for")[-1].body
    assert [m.event_id for m in town.seen("ana", room=True)] == in_room
    await _until_erased(town)

    kept = await town.kept_at_server("chen", room)
    said = [e for e in kept.values() if e["sender"] == town.bot and e["type"] in SAID and e["content"]]
    assert len(said) == 1, "nothing of the bot's is left there but its last word"
    assert "I've forgotten you now" in chen.read(room)[-1].body
    opened = town.opened()
    assert not [place for place, scope, _ in opened if scope == person]
    assert not [place for place, _, content in opened if room.encode() in content], (
        "nor where they had talked"
    )
    ids = {scope for place, scope, content in opened if content == chen.user_id.encode()}
    known = [place for place, scope, _ in opened if scope in ids]
    assert {place.partition("/")[0] for place in known} <= {"people"}, "only that somebody is in the room"

    await town.say("chen", "!hearth my", room=True)
    hello = await town.hears("chen", HELLO)
    assert hello.room_id != room

    called = await town.hears("dora", "Chen would like to talk")
    await town.say("dora", "1", to=called)
    assert not [place for place, scope, _ in town.opened() if scope == person], "a late word finds nobody"


async def _until_erased(town: Town) -> None:
    """Erasing comes after the last thing that is sent, so that nothing but the database shows when it is done."""
    for _ in range(MOST_LOOKS):
        if not town.rows("SELECT person FROM leaving"):
            return
        await town.say("eli", "help")
    raise AssertionError("they are still there")
