"""What the bot takes back, hands over as a file, and lets go of: held against a real Synapse and a real client."""

from __future__ import annotations

import msgspec

from bridge.matrix.direct import DIRECT
from bridge.matrix.http import path
from bridge.matrix.postman import Enclosure, MatrixPostman, Written
from engine.core.message import Message
from engine.core.parcel import Direct, Parcel
from engine.core.values import CircleId, PersonId, RowId
from tests.world.clock import JumpingClock

ANA = PersonId("ana")
SECRET = "Everything about Ana.\n\nÄnderungen, señales: all of it.\n"


class Notes:
    """The registry of one person, and a writer of one file."""

    def __init__(self, user_id: str, room: str) -> None:
        self.user_id = user_id
        self.room = room
        self.more: tuple[str, ...] = ()
        """Further rooms of the circle."""
        self.sent: dict[RowId, tuple[str, str]] = {}

    async def matrix_id(self, person: PersonId) -> str | None:
        return self.user_id if person == ANA else None

    async def room_of(self, circle: CircleId) -> str:
        return self.room

    async def rooms_of(self, circle: CircleId) -> tuple[str, ...]:
        return (self.room, *self.more)

    async def sent_event(self, row: RowId) -> tuple[str, str] | None:
        return self.sent.get(row)

    async def write(self, parcel: Parcel) -> Written:
        return Written("Here it is.", "<p>Here it is.</p>")

    async def enclose(self, parcel: Parcel) -> Enclosure:
        return Enclosure("hearth.txt", SECRET)


async def scene(world, listen, here=None):
    here = here or await world("ana", invite_bot=True)
    bot = await listen(here.bot)
    ana = here["ana"]
    notes = Notes(ana.user_id, here.room)
    client = bot.client
    postman = MatrixPostman(
        client.sender,
        client.rooms,
        client.direct,
        notes,
        notes,
        client.homeserver,
        JumpingClock(0),
        client.patience,
        here.bot.device_id,
    )
    return here, bot, ana, notes, postman


async def carry(postman: MatrixPostman, notes: Notes, parcel: Parcel) -> str:
    room = await postman.room_for(parcel)
    transaction = f"t-{parcel.row}"
    sealed = await postman.seal(parcel, room, transaction)
    sent = await postman.put(room, sealed.content, transaction)
    notes.sent[parcel.row] = (room, sent.event)
    return room


def parcel(row: str, **fields: object) -> Parcel:
    return msgspec.structs.replace(Parcel(RowId(row), Direct(ANA), "reply", Message()), **fields)


async def test_a_message_of_the_bot_and_one_of_the_member_are_taken_back(world, listen) -> None:
    here, _bot, ana, notes, postman = await scene(world, listen)
    room = await carry(postman, notes, parcel("r1"))
    await ana.wait_for(lambda: ana.find_dm(here.bot.user_id) == room)
    said = await ana.hears(room, "Here it is.")
    mine = await ana.say(room, "what I would rather not leave standing")
    await carry(postman, notes, parcel("r2", redacts=RowId("r1")))
    await carry(postman, notes, parcel("r3", redacts_event=mine))
    for event_id in (said.event_id, mine):
        await ana.wait_for(lambda event_id=event_id: ana.message(room, event_id).redacted)
    # Brought a second time, as after a kill: nothing more happens.
    again = parcel("r2", redacts=RowId("r1"))
    sealed = await postman.seal(again, room, "t-r2")
    assert (await postman.put(room, sealed.content, "t-r2")).event == notes.sent[RowId("r2")][1]


async def test_a_file_arrives_encrypted_and_reads_as_it_was_written(world, listen) -> None:
    here, _bot, ana, notes, postman = await scene(world, listen)
    room = await carry(postman, notes, parcel("r1", document="export"))
    await ana.wait_for(lambda: ana.find_dm(here.bot.user_id) == room)
    message = await ana.hears(room, "Here it is.")
    assert (message.msgtype, message.content["filename"]) == ("m.file", "hearth.txt")
    assert await ana.open_file(message) == SECRET
    at_the_server = path("rooms", room, "event", message.event_id).removeprefix("/_matrix/client/v3")
    assert (await ana.call("GET", at_the_server))["type"] == "m.room.encrypted"


async def test_a_person_let_go_of_leaves_no_trace_and_begins_anew(world, listen) -> None:
    here, bot, ana, notes, postman = await scene(world, listen)
    room = await carry(postman, notes, parcel("r1"))
    await ana.wait_for(lambda: ana.find_dm(here.bot.user_id) == room)
    await postman.let_go(ANA)
    await ana.wait_for(lambda: here.bot.user_id not in ana.people(room))
    assert ana.user_id not in bot.client.direct.known().values()
    assert (DIRECT, ana.user_id) not in bot.keeper.rows
    data = path("user", here.bot.user_id, "account_data", "m.direct")
    assert ana.user_id not in await bot.client.homeserver.request("GET", data)
    await postman.let_go(ANA)  # doing it again does nothing
    await postman.let_go(PersonId("somebody who was forgotten"))
    new_room = await carry(postman, notes, parcel("r2"))
    assert new_room != room
    await ana.hears(new_room, "Here it is.")
