"""The play: who does what, and how the days go by."""

from __future__ import annotations

from engine.core.values import DAY_MS, HOUR_MS, Ms
from tests.demo.transcript import Transcript
from tests.world import Member, Message, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

ROOM = "In the room, everyone together"


class Play:
    """Actors, stage and clock. Every step waits for what it expects to see."""

    def __init__(self, world: World, house: RunningHouse, clock: JumpingClock) -> None:
        self._world = world
        self._house = house
        self._clock = clock
        names = {member.user_id: name.capitalize() for name, member in world.members.items()}
        self._transcript = Transcript(world.bot.user_id, clock.at_real, names)
        self._answered: set[tuple[str, str]] = set()
        self._midnight_ms = clock.now_ms() // DAY_MS * DAY_MS

    # ── what actors do ───────────────────────────────────────────────────────

    async def invitation(self) -> None:
        """Open in the room and personal; a yes, a yes that becomes a no, a silence with its one reminder."""
        self._transcript.chapter("An invitation")
        await self._hears("ana", "Hello, I'm Hearth", room=True)
        await self.say(
            "ana",
            "!hearth invite everyone and @chen, @dora: Soup and songs at my place, "
            "two hours, bring nothing but a bowl.",
            room=True,
        )
        await self.tap("ana", "May I write to you", "👋")
        await self.tap("ana", "What is it?", "📅")
        await self.answer("ana", "When does it start?", "Friday 19:00")
        await self.answer("ana", "How many need to say yes", "1")
        await self._hears("ana", "Your invitation is out")
        await self.tap("bruno", "Ana invites everyone", "🙋", room=True)
        await self.tap("chen", "May I write to you", "✉️")
        await self.tap("chen", "Ana invites you", "✅")
        await self._hears("chen", "You said: I'm coming")
        await self.tap("dora", "May I write to you", "👋")
        await self._hears("dora", "Ana invites you")
        await self._hears("ana", "Coming: Chen and Bruno")
        await self.show()
        await self.until(1, 15, "Chen finds she cannot come after all")
        await self.tap("chen", "Ana invites you", "✖️", again=True)
        await self._hears("ana", "Coming: Bruno\n")
        await self.until(2, 20, "Dora has not answered; she gets one reminder, and no more")
        await self._hears("dora", "no reply is fine")
        await self.until(3, 20, "Thursday evening: whatever was not said is one number")
        await self._hears("ana", "Not joining: 2")
        await self.tap("bruno", "May I write to you", "👋")
        await self._hears("bruno", "It's on, and you're coming")
        await self.until(5, 10, "Friday has been; the next morning, Ana may ask those who came")
        await self.tap("ana", "I hope it went well", "💬")
        await self.until(6, 12, "")
        await self.answer(
            "bruno", "Thank you for being there", "I loved the second song. And yes, I felt free to say no."
        )
        await self.until(13, 10, "A week later it closes by itself")
        await self._hears("ana", "I loved the second song")
        await self.show()

    async def role(self) -> None:
        """Described, shared with an understudy, term ending, handed over."""
        self._transcript.chapter("A role")
        await self.say("bruno", "role Keeper of the calendar")
        await self.answer("bruno", "for? One sentence", "So that nobody plans two things for one evening.")
        await self.answer("bruno", "decide alone", "Dates and rooms. Nothing that costs money.")
        await self.answer("bruno", "Whom shall I ask to hold it", "me")
        await self.answer("bruno", "as understudy", "Dora")
        await self.answer("bruno", "Until when", "in 3 months")
        await self.tap("bruno", "Would you hold this role", "🌿")
        await self._hears("bruno", "holds a role now", room=True)
        await self.until(14, 12, "The day after")
        await self.tap("dora", "Would you be understudy", "🌱")
        await self.say("chen", "who holds what")
        await self._hears("chen", "Keeper of the calendar: Bruno")
        await self.show()
        await self.until(60, 12, "Weeks go by; once a month Bruno is asked how it is, for himself")
        await self.show()
        await self.until(76, 12, "The last month of the term begins")
        await self.tap("bruno", "Renew, hand over, or let it rest", "🤝")
        await self.until(78, 12, "")
        await self.answer(
            "bruno",
            "small things only you hold",
            "The key to the hall hangs at Mira's. The choir has every second Tuesday. Ask Jon before Easter.",
        )
        await self.until(83, 12, "")
        await self.tap("dora", "say so here", "✅")
        await self.until(90, 12, "A week side by side")
        await self._hears("ana", "has passed from Bruno to Dora", room=True)
        await self.show()

    async def another(self) -> None:
        """Leave something open with everybody, for whoever logs in to answer it."""
        self._transcript.chapter("Something is open, for you to answer")
        names = ", ".join(f"@{name}" for name in self._world.members if name != "ana")
        await self.say("ana", f"invite everyone and {names}: A walk along the river, about two hours.")
        await self.tap("ana", "What is it?", "📅")
        await self.answer("ana", "When does it start?", "in 5 days")
        await self.answer("ana", "How many need to say yes", "1")
        for name in self._world.members:
            await self._hears(name, "A walk along the river", room=name == "ana")
        await self.show()

    # ── steps ────────────────────────────────────────────────────────────────

    async def say(self, name: str, text: str, *, room: bool = False) -> None:
        """Write something, in one's room with Hearth or in everybody's."""
        member = self._world[name]
        await member.say(await self._place(name, room=room), text)
        await self._house.quiet()
        await self.show()

    async def answer(self, name: str, question: str, text: str) -> None:
        """Answer a question in words."""
        message = await self._hears(name, question, unanswered=True)
        await self.show()
        await self.say(name, text)
        self._answered.add((name, message.event_id))

    async def tap(self, name: str, text: str, emoji: str, *, room: bool = False, again: bool = False) -> None:
        """Answer with one tap; with ``again``, a question that was answered before."""
        member, room_id = self._world[name], await self._place(name, room=room)
        message = await self._hears(name, text, room=room, unanswered=not again)
        await self.show()
        self._transcript.act(name.capitalize(), f"taps {emoji}", self._where(name, room=room))
        await member.react(room_id, message.event_id, emoji)
        self._answered.add((name, message.event_id))
        await self._house.quiet()
        await self.show()

    async def until(self, day: int, hour: int, why: str) -> None:
        """Let time go by until an hour of a day (0 is the Monday it all began), stopping where anything is due."""
        if why:
            self._transcript.chapter(why)
        target_ms = self._midnight_ms + day * DAY_MS + hour * HOUR_MS
        while True:
            await self._house.quiet()
            next_ms = await self._house.next_moment_ms()
            if next_ms is None or next_ms > target_ms:
                break
            self._clock.jump_to(next_ms)
        self._clock.jump_to(target_ms)
        await self._house.quiet()
        await self.show()

    async def show(self) -> None:
        """Print whatever is new to anybody."""
        first = next(iter(self._world.members.values()))
        self._transcript.show(first, self._world.room, ROOM)
        for name, member in self._world.members.items():
            room_id = member.find_dm(self._world.bot.user_id)
            if room_id is not None:
                self._transcript.show(member, room_id, self._where(name))

    async def _hears(self, name: str, text: str, *, room: bool = False, unanswered: bool = False) -> Message:
        member, room_id = self._world[name], await self._place(name, room=room)

        def heard() -> Message | None:
            for message in reversed(member.read(room_id)):
                old = unanswered and (name, message.event_id) in self._answered
                if text in message.body and message.sender == self._world.bot.user_id and not old:
                    return message
            return None

        found: Message = await member.wait_for(heard, what=f"{name} reading {text!r}")
        return found

    async def _place(self, name: str, *, room: bool) -> str:
        member: Member = self._world[name]
        if room:
            return self._world.room
        found: str = await member.wait_for(
            lambda: member.find_dm(self._world.bot.user_id), what=f"a 1:1 room of {name} with Hearth"
        )
        return found

    def _where(self, name: str, *, room: bool = False) -> str:
        return ROOM if room else f"{name.capitalize()}, alone with Hearth"


def monday_morning(real_now_ms: Ms) -> Ms:
    """Ten o'clock UTC on the Monday after a moment."""
    day = real_now_ms // DAY_MS
    # 1970-01-01 was a Thursday: day 4 of the epoch was a Monday.
    to_monday = (4 - day) % 7 or 7
    return (day + to_monday) * DAY_MS + 10 * HOUR_MS
