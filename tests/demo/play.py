"""The play: who does what, and how the days go by."""

from __future__ import annotations

from engine.core.values import DAY_MS, HOUR_MS, Ms
from tests.demo.transcript import Transcript
from tests.world import Member, Message, World
from tests.world.clock import JumpingClock
from tests.world.house import RunningHouse

KNOCK = "Something private is waiting"
LETTER = "Your weekly letter"
"""It repeats what is open, and takes no answers."""
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

    async def season(self) -> None:
        """Three things side by side over a term: a role, a round of feedback, and something that is to be mended."""
        await self._role_begins()
        await self._mending_begins()
        await self._feedback_is_asked()
        await self._two_meet()
        await self._feedback_is_read()
        await self._how_it_is_two_weeks_on()
        await self._role_is_handed_over()
        await self._mending_is_closed()

    async def _role_begins(self) -> None:
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

    async def _mending_begins(self) -> None:
        await self.until(
            16, 12, "Something private: Chen would like to mend something. It knocks, and begins alone"
        )
        await self.say("chen", "mend")
        await self.open("chen", "Which of these is nearest", "1")
        await self.open(
            "chen", "What happened?", "I left without a word. I felt overlooked, and I needed to be asked."
        )
        await self.open("chen", "Who is it?", "Ana")
        await self.open("chen", "How would you like to go about it", "2")
        await self.until(17, 12, "Ana is asked, once and privately; a no would look like silence")
        await self.open("ana", "would like to mend something between you", "1")
        await self.open(
            "chen",
            "Apart, and only for yourself",
            "That I left because I was tired and didn't know how to say so. I'd like to hear how it was for her.",
        )

    async def _feedback_is_asked(self) -> None:
        await self.until(
            18, 12, "A round of feedback: Bruno looks at it himself first, and asks a mentor to be beside him"
        )
        await self.say("bruno", "feedback How I keep the calendar")
        await self.answer("bruno", "your own question", "Do you hear of changes early enough?")
        await self.answer(
            "bruno", "what do you think yourself", "I like order. I may be too quick to move things."
        )
        await self.answer("bruno", "Whom shall I ask?", "Ana, Chen and Dora")
        await self.answer("bruno", "somebody beside you", "Eli")
        await self.answer("bruno", "Until when may they write", "in 12 days")
        await self.tap("eli", "May I write to you", "👋")
        await self.tap("eli", "would like you beside them", "🌿")
        await self.until(23, 12, "A few days later")
        await self.answer(
            "dora", "asks you for feedback", "Keep the colours. Try asking before you move a Friday."
        )
        await self.answer("ana", "asks you for feedback", "Keep being so clear. Try a day more of notice.")

    async def _two_meet(self) -> None:
        await self.until(24, 12, "Chen and Ana find a time")
        await self.open("chen", "Would you propose a time", "1")
        await self.answer("chen", "When could you meet", "in 6 days")
        await self.answer("chen", "And where", "The bench by the pond")
        await self.until(26, 12, "")
        await self.open("ana", "Does that suit you", "1")

    async def _feedback_is_read(self) -> None:
        await self.until(33, 12, "The replies wait until Bruno wants them")
        await self.open("bruno", "Replies are here when you want them", "1")
        await self._hears("bruno", "Try asking before you move a Friday")
        await self.until(
            34, 12, "They have slept on it: Bruno about what he read, Chen and Ana about how they met"
        )
        await self.open(
            "bruno", "What did you hear", "That moving things costs others more than me. I'll ask first."
        )
        await self.open("chen", "should stand in words", "2")

    async def _how_it_is_two_weeks_on(self) -> None:
        await self.until(
            54, 12, "Two weeks on, each of them is asked how it is, alone; nobody lays it side by side"
        )
        await self.open("chen", "Is it enough?", "1")
        await self.open("ana", "Is it enough?", "1")
        await self.show()

    async def _role_is_handed_over(self) -> None:
        await self.until(77, 12, "Weeks later, the last month of the term begins")
        await self.tap("dora", "You know it from the side", "🌳")
        await self._hears("dora", "You said: I'd take it on")
        await self.tap("bruno", "Renew, hand over, or let it rest", "🤝")
        await self.until(79, 12, "")
        await self.answer(
            "bruno",
            "small things only you hold",
            "The key to the hall hangs at Mira's. The choir has every second Tuesday. Ask Jon before Easter.",
        )
        await self.until(83, 12, "")
        await self.tap("dora", "say so here", "✅")
        await self.open("chen", "Is it enough?", "1")
        await self.open("ana", "Is it enough?", "1")
        await self.until(90, 12, "A week side by side")
        await self._hears("ana", "has passed from Bruno to Dora", room=True)
        await self.answer("dora", "Who might learn it alongside", "none")
        await self.answer("dora", "Every role has an end", "in 6 months")
        await self.show()

    async def _mending_is_closed(self) -> None:
        await self.until(95, 12, "The last question: one word from each")
        await self.open("chen", "With which word would you leave it", "1")
        await self.open("ana", "With which word would you leave it", "1")
        await self.until(101, 12, "")
        await self._hears("chen", "You both said the same word")
        await self._hears("ana", "You both said the same word")
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

    async def say(self, name: str, text: str, *, room: bool = False, to: Message | None = None) -> None:
        """Write something, in one's room with Hearth or in everybody's; ``to``: as a reply."""
        member = self._world[name]
        await member.say(await self._place(name, room=room), text, reply_to=to.event_id if to else None)
        await self._house.quiet()
        await self.show()

    async def answer(self, name: str, question: str, text: str) -> None:
        """Answer a question in words."""
        message = await self._hears(name, question, unanswered=True)
        await self.show()
        await self.say(name, text, to=message)
        self._answered.add((name, message.event_id))

    async def open(self, name: str, question: str, text: str) -> None:
        """Answer something private: where it has knocked, it is shown when somebody asks to see it."""
        shown = await self._hears(name, question, KNOCK, unanswered=True)
        if question not in shown.body:
            self._answered.add((name, shown.event_id))
            await self.show()
            await self.say(name, "open")
        await self.answer(name, question, text)

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

    async def _hears(self, name: str, *texts: str, room: bool = False, unanswered: bool = False) -> Message:
        """The newest message of the bot's with one of these texts in it."""
        member, room_id = self._world[name], await self._place(name, room=room)

        def heard() -> Message | None:
            for message in reversed(member.read(room_id)):
                old = unanswered and (name, message.event_id) in self._answered
                found = any(text in message.body for text in texts) and LETTER not in message.body
                if found and message.sender == self._world.bot.user_id and not old:
                    return message
            return None

        found: Message = await member.wait_for(heard, what=f"{name} reading {texts!r}")
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
