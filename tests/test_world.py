"""The world the other tests stand on is itself true."""

import asyncio
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import HomeserverRefusal, Member, OpenWorld, Synapse, World
from tests.world.synapse import PROJECT_FOLDER

START_AND_WAIT = """
import time
from tests.world import Synapse
homeserver = Synapse()
homeserver.start()
print(homeserver.pid, homeserver.folder, flush=True)
time.sleep(60)
"""


async def test_two_members_of_an_encrypted_room_read_each_other(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]

    question = await ana.say(here.room, "Who waters the garden?")
    heard = await bruno.sees(here.room, question)
    answer = await bruno.say(here.room, "I do.", reply_to=question)
    reply = await ana.hears(here.room, "I do.", sender=bruno.user_id)

    assert (heard.body, heard.sender, heard.decrypted) == ("Who waters the garden?", ana.user_id, True)
    assert (reply.event_id, reply.reply_to) == (answer, question)
    raw = await ana.call("GET", f"/rooms/{here.room}/event/{question}")
    assert raw["type"] == "m.room.encrypted"


async def test_a_reaction_is_seen_until_it_is_taken_back(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]
    message = await ana.say(here.room, "Soup at seven?")
    await bruno.sees(here.room, message)

    tap = await bruno.react(here.room, message, "👍")
    await ana.wait_for(lambda: ana.reactions(here.room, message) == {"👍": [bruno.user_id]})
    await bruno.unreact(tap)
    await ana.wait_for(lambda: ana.reactions(here.room, message) == {})


async def test_an_edit_replaces_the_text_and_only_its_author_can(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]
    message = await ana.say(here.room, "Soup at seven")
    await bruno.sees(here.room, message)

    await bruno.edit(here.room, message, "Soup at midnight")
    await ana.edit(here.room, message, "Soup at eight")

    seen = await bruno.hears(here.room, "Soup at eight")
    assert seen.event_id == message
    assert seen.original["body"] == "Soup at seven"
    assert [edit.body for edit in seen.edits] == ["Soup at eight"]
    assert [shown.body for shown in bruno.read(here.room)] == ["Soup at eight"]


async def test_a_redacted_message_keeps_its_place_without_its_text(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]
    message = await ana.say(here.room, "Forget this")
    await bruno.sees(here.room, message)

    await ana.redact(here.room, message)

    await bruno.wait_for(lambda: bruno.message(here.room, message).redacted)
    assert [shown.body for shown in bruno.read(here.room)] == [""]


async def test_a_vote_in_a_poll_is_encrypted_and_arrives(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]
    poll = {
        "org.matrix.msc1767.text": "Which day?\n1. Saturday\n2. Sunday",
        "org.matrix.msc3381.poll.start": {"kind": "org.matrix.msc3381.poll.disclosed", "answers": []},
    }
    question = await ana.send(here.room, "org.matrix.msc3381.poll.start", poll)
    assert "Saturday" in (await bruno.sees(here.room, question)).body

    vote = await bruno.vote(here.room, question, "sunday")

    await ana.wait_for(
        lambda: any(
            event.event_id == vote
            and event.content["org.matrix.msc3381.poll.response"] == {"answers": ["sunday"]}
            for event in ana.events(here.room)
        )
    )


async def test_wait_for_that_is_in_vain_says_what_it_waited_for_and_what_is_there(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana = here["ana"]
    await ana.sees(here.room, await ana.say(here.room, "Nothing but this"))

    with pytest.raises(TimeoutError) as failure:
        await ana.hears(here.room, "something else", timeout_seconds=0.1)

    said = str(failure.value)
    assert "0.1 s for a message with 'something else'" in said
    assert here.room in said
    assert "Nothing but this" in said


async def test_a_private_room_is_made_once_and_both_find_it(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]

    private = await ana.dm_with(bruno.user_id)
    await bruno.wait_for(lambda: bruno.find_dm(ana.user_id) == private)
    await ana.wait_for(lambda: bruno.user_id in ana.people(private))
    whispered = await bruno.say(private, "Only for you")

    assert (await ana.sees(private, whispered)).body == "Only for you"
    assert await ana.dm_with(bruno.user_id) == await bruno.dm_with(ana.user_id) == private


async def test_an_invitation_by_hand_waits_for_its_person(synapse: Synapse) -> None:
    host, guest = await synapse.register("host"), await synapse.register("guest")
    async with Member(host) as ana, Member(guest, invites_are="by hand") as bruno:
        room = await ana.create_room(name="Porch", invite=[bruno.user_id])
        invitation = await bruno.wait_for(lambda: bruno.invites.get(room))
        assert (invitation.sender, invitation.is_direct) == (ana.user_id, False)
        assert room not in bruno.rooms

        await bruno.join(room)
        await ana.wait_for(lambda: bruno.user_id in ana.people(room))
        await bruno.leave(room)
        await ana.wait_for(lambda: bruno.user_id not in ana.people(room))


async def test_an_app_that_was_closed_reads_all_that_was_said_meanwhile(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]
    await bruno.sees(here.room, await ana.say(here.room, "before"))

    await bruno.stop()
    said = [await ana.say(here.room, f"line {number}") for number in range(130)]
    await bruno.start()

    await bruno.sees(here.room, said[-1])
    assert [message.event_id for message in bruno.read(here.room)][1:] == said
    assert bruno.undecryptable == []
    await ana.sees(here.room, await bruno.say(here.room, "I read it all"))


async def test_a_device_made_a_moment_ago_reads_the_next_message_but_not_the_last(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]
    await bruno.sees(here.room, await ana.say(here.room, "too early"))

    other = await here.add("tablet", new_device_of="bruno")
    later = await ana.say(here.room, "in time")

    assert (await other.sees(here.room, later)).body == "in time"
    assert other.device_id != bruno.device_id
    assert len(other.undecryptable) == 1


async def test_a_message_that_names_neither_device_nor_sender_key_is_read(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]
    await bruno.sees(here.room, await ana.say(here.room, "as nio sends it"))

    text = {"msgtype": "m.text", "body": "as newer clients send it"}
    event_type, sealed = ana.client.encrypt(here.room, "m.room.message", text)
    del sealed["sender_key"], sealed["device_id"]
    answer = await ana.call("PUT", f"/rooms/{here.room}/send/{event_type}/bare", sealed)

    assert (await bruno.sees(here.room, answer["event_id"])).body == "as newer clients send it"


async def test_many_messages_said_at_once_arrive_each_once(world: OpenWorld) -> None:
    here = await world("ana", "bruno", "chen")

    said = await asyncio.gather(
        *(
            member.say(here.room, f"{member.name} {number}")
            for member in here.members.values()
            for number in range(40)
        )
    )

    for member in here.members.values():
        await member.wait_for(lambda member=member: len(member.read(here.room)) >= len(said), 30)
        assert sorted(message.event_id for message in member.read(here.room)) == sorted(said)
        assert member.undecryptable == []


async def test_a_sender_that_is_cancelled_does_not_stop_later_messages(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    ana, bruno = here["ana"], here["bruno"]

    cancelled = asyncio.create_task(ana.say(here.room, "first"))
    await asyncio.sleep(0)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    await ana.say(here.room, "second")

    await bruno.hears(here.room, "second")


async def test_the_bots_account_is_there_and_nobody_uses_it(world: OpenWorld) -> None:
    here = await world("ana", invite_bot=True)
    ana = here["ana"]

    await ana.wait_for(lambda: ana.people(here.room, invited=True) == {ana.user_id, here.bot.user_id})
    assert ana.people(here.room) == {ana.user_id}
    async with Member(here.bot) as bot:
        await bot.wait_for(lambda: here.room in bot.rooms)


async def test_a_client_that_is_logged_out_says_so(world: OpenWorld) -> None:
    here = await world("ana", "bruno")
    bruno = here["bruno"]

    await bruno.call("POST", "/logout", {})

    with pytest.raises(Exception, match="the client of bruno"):
        await bruno.hears(here.room, "never")


async def test_two_homeservers_run_at_once_and_leave_nothing_behind() -> None:
    async with Synapse() as one, Synapse(limits="default") as two:
        accounts = await asyncio.gather(one.register("ana"), two.register("ana"))
        folders, pids = (one.folder, two.folder), (one.pid, two.pid)
        assert one.port != two.port
        assert accounts[0].user_id == accounts[1].user_id
        await two.exempt(accounts[1].user_id)

    for folder, pid in zip(folders, pids, strict=True):
        assert not folder.exists()
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_world_of_its_own_has_plain_names_and_default_limits_do_not_slow_its_members() -> None:
    async with Synapse(limits="default") as synapse, World(["ana", "bruno"], synapse=synapse) as here:
        ana, bruno = here["ana"], here["bruno"]
        for number in range(15):
            await ana.say(here.room, f"line {number}")
        await bruno.hears(here.room, "line 14")

    async with World(["ana"]) as alone:
        assert alone["ana"].name == "ana"
        assert alone.bot.localpart == "hearth"


def test_a_name_that_is_taken_is_refused_with_the_homeservers_reason(synapse: Synapse) -> None:
    asyncio.run(synapse.register("taken"))

    with pytest.raises(HomeserverRefusal) as refusal:
        asyncio.run(synapse.register("taken"))

    assert (refusal.value.status, refusal.value.errcode) == (400, "M_USER_IN_USE")


@pytest.mark.skipif(
    not hasattr(os, "pidfd_open"), reason="needs Linux to watch a process that is not a child"
)
def test_synapse_and_its_folder_end_with_a_process_that_is_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", START_AND_WAIT], cwd=PROJECT_FOLDER, stdout=subprocess.PIPE, text=True
    )
    pid, folder = parent.stdout.readline().split()
    alive = os.pidfd_open(int(pid))

    parent.kill()
    parent.communicate()

    ended, _, _ = select.select([alive], [], [], 15)
    os.close(alive)
    assert ended, f"Synapse {pid} outlived the process that started it"
    assert not Path(folder).exists()
