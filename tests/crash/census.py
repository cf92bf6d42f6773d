"""The census after the play: what people see, what the house remembers and what the homeserver holds must agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from bridge.hall.keeping import CellarKeeper
from bridge.matrix.backup import BackupState
from bridge.matrix.client import MatrixClient
from bridge.matrix.cross_signing import DeviceState
from bridge.matrix.http import Homeserver, path
from bridge.plan import Plan
from engine.core.decide import decide
from engine.core.decide_desk import decide_desk
from engine.core.desk import Desk
from engine.core.effect import Refusal
from engine.core.event import Answered, TookBack
from engine.core.instance import Snapshot
from engine.core.values import InstanceId, PersonId, Words
from engine.runtime.ports import Want
from engine.store import TortoiseStore
from tests.crash.child import Config
from tests.crash.look import Look
from tests.crash.play import HELLO, INTRODUCTION, SHOWN, Play, Round
from tests.world.member import Member
from tests.world.timeline import Message, RawEvent, relation

TRANSACTION = "app.hearth.tx"
LETTER = "Your weekly letter"
FEWEST_KEYS, MOST_KEYS = 40, 50
"""One-time keys on the homeserver: refilled below four fifths, never more than the account can hold."""


Answers = Counter[tuple[str, str]]
"""How often each person (by reference) answered each ask: (ask, who)."""


class Census:
    """Gathers everything that is wrong before it complains, because defects come in company."""

    def __init__(self, play: Play, config: Config, look: Look) -> None:
        self._play = play
        self._config = config
        self._look = look
        self._bot = play.world.bot.user_id
        self.findings: list[str] = []

    def _expect(self, held: object, finding: str) -> None:
        if not held:
            self.findings.append(finding)

    # ── what people see ──────────────────────────────────────────────────────

    def glance(self) -> None:
        """What must hold at any moment, and is looked at after each restart; raises AssertionError."""
        self._of_transactions()
        self._of_private_rooms()
        self.report()

    def of_rooms(self) -> None:
        """Each message exactly once by its id and by its words, none unreadable; one 1:1 room each."""
        self._of_transactions()
        self._of_private_rooms()
        for member, room in self._places():
            self._of_words(member, room)
        for member in self._play.world.members.values():
            self._expect(not member.undecryptable, f"{member.name} cannot read {member.undecryptable}")

    def _of_private_rooms(self) -> None:
        for member in self._play.world.members.values():
            alone = [r for r in member.rooms if member.people(r, invited=True) == {member.user_id, self._bot}]
            self._expect(len(alone) < 2, f"{member.name} has {len(alone)} rooms alone with the bot: {alone}")

    def _of_transactions(self) -> None:
        known = {row.transaction for row in self._look.rows()}
        for member, room in self._places():
            seen = Counter(str(event.content.get(TRANSACTION)) for event in self._of_bot(member, room))
            twice = {transaction: n for transaction, n in seen.items() if n > 1}
            self._expect(not twice, f"{member.name} sees in {room} more than once: {twice}")
            self._expect(seen.keys() <= known, f"{member.name} sees in {room} what was never in the outbox")

    def of_outbox(self) -> None:
        """Everything that was to be sent is in its room under the id that was noted; nothing is given up."""
        for row in self._look.rows():
            self._expect(row.status in ("sent", "dropped", "waiting"), f"{row} was given up")
            if row.status != "sent":
                continue
            for member, room in self._places():
                if room != row.room or row.event in self._gone_from(member, room):
                    continue
                there = [
                    e for e in self._of_bot(member, room) if e.content.get(TRANSACTION) == row.transaction
                ]
                events = [event.event_id for event in there]
                self._expect(events == [row.event], f"{member.name} sees {events} for {row}")

    def of_fading(self, carrying: set[str]) -> None:
        """Whatever held people's words was taken back, each message once, for everybody who is in its room."""
        self._expect(carrying, "nothing of the bot's held anybody's words")
        self._expect(not self._look.carrying(), f"words still stand in {self._look.carrying()}")
        by_row = {row.row: row for row in self._look.rows()}
        for member, room in self._places():
            taken = Counter(e.redacts for e in self._of_bot(member, room) if e.type == "m.room.redaction")
            expected = {by_row[row].event for row in carrying if by_row[row].room == room}
            self._expect(
                set(taken) == expected, f"{member.name} sees {set(taken) ^ expected} otherwise in {room}"
            )
            self._expect(set(taken.values()) <= {1}, f"taken back more than once in {room}: {taken}")

    def _gone_from(self, member: Member, room: str) -> set[str]:
        """What had been taken back before it reached this client."""
        return {event.event_id for event in member.events(room) if event.already_redacted}

    def _places(self) -> Iterator[tuple[Member, str]]:
        for member in self._play.world.members.values():
            for room in sorted(member.rooms):
                yield member, room

    def _of_bot(self, member: Member, room: str) -> list[RawEvent]:
        """What stands there of the bot's, and what takes it back; not what came without its content any more."""
        kinds = ("m.room.message", "m.reaction", "m.room.encrypted", "m.room.redaction")
        mine = [e for e in member.events(room) if e.sender == self._bot and e.type in kinds]
        return [e for e in mine if e.state_key is None and not e.already_redacted]

    def _of_words(self, member: Member, room: str) -> None:
        said = [m for m in member.read(room) if m.sender == self._bot]
        first_words = Counter(str(message.original.get("body", "")) for message in said)
        for words, times in first_words.items():
            once = HELLO in words or INTRODUCTION in words or any(r.title in words for r in self._play.rounds)
            once = once and not words.startswith(LETTER)  # it lists what is open, week after week
            self._expect(
                not once or times == 1, f"{member.name} reads {times} times in {room}: {words[:60]!r}"
            )
        for message in said:
            shown = [message.original.get("body"), *(edit.body for edit in message.edits)]
            same = [new for old, new in pairwise(shown) if old == new]
            self._expect(not same, f"an edit in {room} changed nothing: {same}")
        taps = Counter(
            (relation(e)[1], str(e.content["m.relates_to"]["key"]))
            for e in self._of_bot(member, room)
            if e.type == "m.reaction"
        )
        twice = [tap for tap, n in taps.items() if n > 1]
        self._expect(not twice, f"the bot tapped twice in {room}: {twice}")
        if room == member.find_dm(self._bot):
            helped = sum(n for words, n in first_words.items() if "talk to a human being" in words)
            asked = self._play.helped[member.name.partition("-")[0]]
            self._expect(
                helped == asked, f"{member.name} asked {asked} times for help and got it {helped} times"
            )

    def of_acknowledgements(self) -> None:
        """Each answer was acknowledged once, under the prompt; the last one shows what holds."""
        for round_ in self._play.rounds:
            for guest, prompt in round_.prompts.items():
                member = self._play.world[guest]
                room = member.find_dm(self._bot)
                message = member.message(room, prompt) if room else None
                if message is None:
                    self.findings.append(f"{guest} lost the prompt of {round_.title!r}")
                    continue
                self._of_prompt(round_, guest, message)

    def _of_prompt(self, round_: Round, guest: str, message: Message) -> None:
        times, most = len(message.edits), round_.said_times[guest]
        least = most - round_.unsure_times[guest]
        self._expect(
            least <= times <= most,
            f"{guest} answered {round_.title!r} {most} times (at least {least}) and was thanked {times} times:"
            f" {[edit.body[-70:] for edit in message.edits]}",
        )
        if guest in round_.said and times:
            self._expect(
                SHOWN[round_.said[guest]] in message.body,
                f"{guest} said {round_.said[guest]} to {round_.title!r} and reads {message.body[-90:]!r}",
            )

    # ── what the house remembers ─────────────────────────────────────────────

    async def of_house(self, store: TortoiseStore) -> None:
        """Answers counted once, journals without gaps whose replay is what is stored, nothing set aside."""
        self._expect(not await store.quarantined(), f"set aside: {await store.quarantined()}")
        kinds = {kind for kind, _ in await store.kept()}
        self._expect(not kinds & {"waiting", "wanted_key"}, "the bot waits for keys that never came")
        snapshots = {}
        for actor in self._look.actors():
            lines = await store.journal(actor)
            numbers = [line.n for line in lines]
            self._expect(
                numbers == list(range(1, len(lines) + 1)), f"the journal of {actor} has gaps: {numbers}"
            )
            if actor.startswith("i/"):
                snapshots[actor[2:]] = await self._replayed(store, InstanceId(actor[2:]), lines)
            else:
                await self._replayed_desk(store, PersonId(actor[2:]), lines)
        await self._of_rounds(store, snapshots)

    async def _replayed(
        self, store: TortoiseStore, instance: InstanceId, lines: Sequence[Any]
    ) -> tuple[Snapshot, list[str], Answers]:
        """The stored snapshot, the states on the way to it, and how often each person answered each ask."""
        stored = (await store.load(Want(instances=frozenset({instance})))).snapshots[instance]
        definition = await store.definition(stored.definition)
        assert definition is not None
        snapshot: Snapshot | None = None
        states: list[str] = []
        answers: Answers = Counter()
        for line in lines:
            decided = decide(definition, snapshot, line.event, line.facts)
            result = decided.reason if isinstance(decided, Refusal) else "decided"
            self._expect(
                result == line.result, f"{instance} line {line.n} says {line.result}, replayed {result}"
            )
            if isinstance(decided, Refusal):
                continue
            snapshot = decided.snapshot
            if not states or states[-1] != snapshot.state:
                states.append(snapshot.state)
            if isinstance(line.event, Answered | TookBack):
                answers[line.event.ask, line.event.by] += 1
        self._expect(snapshot == stored, f"the journal of {instance} replayed is not what is stored")
        return stored, states, answers

    async def _replayed_desk(self, store: TortoiseStore, person: PersonId, lines: Sequence[Any]) -> None:
        desk = Desk(person)
        for line in lines:
            desk = decide_desk(desk, line.event, line.facts).desk
        stored = (await store.load(Want(desks=frozenset({person})))).desks[person]
        self._expect(desk == stored, f"the journal of desk {person} replayed is not what is stored")

    async def _of_rounds(
        self, store: TortoiseStore, replayed: dict[str, tuple[Snapshot, list[str], Answers]]
    ) -> None:
        self._expect(len(replayed) == len(self._play.rounds), f"{len(replayed)} invitations were begun")
        in_order = sorted(replayed.values(), key=lambda found: found[0].started_ms)
        for round_, found in zip(self._play.rounds, in_order, strict=False):
            await self._of_round(store, round_, *found)

    async def _of_round(
        self,
        store: TortoiseStore,
        round_: Round,
        stored: Snapshot,
        states: list[str],
        answers: Answers,
    ) -> None:
        self._expect(states == round_.states, f"{round_.title!r} went through {states}, not {round_.states}:")
        if states != round_.states:
            self.findings += [
                f"  {line.n} at {line.facts.now_ms} of {line.facts.occurred_ms}: {line.event} {line.result}"
                for line in await store.journal(f"i/{stored.id}")
            ]
        what = stored.details["what"]
        assert isinstance(what, Words)
        # Words are forgotten in time, but never exchanged.
        self._expect(await store.text(what.text) in (round_.title, None), f"{round_.title!r} has other words")
        names = {
            f"p{n}": await self._name(store, p) for n, p in enumerate(await store.people_of(stored.id), 1)
        }
        said = {names[r]: a.choice for r, a in stored.asks["personal"].answers.items()}
        expected = dict(round_.said)
        self._expect(
            {n: c for n, c in said.items() if c} == {n: c for n, c in expected.items() if c},
            f"{round_.title!r}: the house holds {said}, people said {expected}",
        )
        hands = {names[r] for r, a in stored.asks["open"].answers.items() if a.choice}
        up = {name for name, is_up in round_.in_room.items() if is_up}
        self._expect(
            hands == up, f"{round_.title!r}: the house holds the hands of {hands}, up are those of {up}"
        )
        for ask, times in (("personal", round_.said_times), ("open", round_.in_room_times)):
            for ref, name in names.items():
                counted, most = answers[ask, ref], times[name]
                self._expect(
                    most - round_.unsure_times[name] <= counted <= most,
                    f"{round_.title!r}: {name} answered {ask} {most} times, counted {counted} times",
                )

    async def _name(self, store: TortoiseStore, person: PersonId) -> str:
        user_id = await store.matrix_id(person)
        return next((n for n, m in self._play.world.members.items() if m.user_id == user_id), str(user_id))

    # ── what the homeserver holds ────────────────────────────────────────────

    async def of_homeserver(self, store: TortoiseStore) -> None:
        """The device is signed, its one-time keys are in good number, all room keys are in the backup or about to be,
        and one 1:1 room is marked for each person.
        """
        plan = self._config.plan()
        client = await _client(plan, store)
        try:
            state = await client.cross_signing.device_state()
            self._expect(state is DeviceState.SIGNED, f"the device is {state}")
            await self._of_backup(client)
            await self._of_account(client.homeserver, plan)
        finally:
            await client.close()

    async def _of_backup(self, client: MatrixClient) -> None:
        state = await client.backup.look()
        self._expect(state is BackupState.KEPT, f"the backup is {state}")
        held = len(list(client.cipher.machine.room_key_names()))
        there = (await client.homeserver.request("GET", path("room_keys", "version"))).get("count", 0)
        self._expect(
            there and there + client.backup.due >= held,
            f"of {held} room keys {there} are in the backup and {client.backup.due} about to be",
        )

    async def _of_account(self, homeserver: Homeserver, plan: Plan) -> None:
        answer = await homeserver.request("POST", path("keys", "upload"), body={})
        keys = answer["one_time_key_counts"].get("signed_curve25519", 0)
        self._expect(FEWEST_KEYS <= keys <= MOST_KEYS, f"{keys} one-time keys are on the homeserver")
        where = path("user", plan.session.user_id, "account_data", "m.direct")
        marked = await homeserver.request("GET", where)
        many = {user: rooms for user, rooms in marked.items() if len(rooms) != 1}
        self._expect(not many, f"marked as direct: {many}")
        joined = (await homeserver.request("GET", path("joined_rooms")))["joined_rooms"]
        expected = {self._play.world.room, *(room for rooms in marked.values() for room in rooms)}
        self._expect(set(joined) == expected, f"the bot is in {joined}, expected in {expected}")

    # ── what was written down besides ────────────────────────────────────────

    def of_log(self, log: str) -> None:
        """Nobody's words are in the log."""
        told = [round_.title for round_ in self._play.rounds if round_.title in log]
        self._expect(not told, f"the log tells {told}")
        self._expect("Traceback" not in log, "a traceback was logged")
        self._expect("never awaited" not in log, "something was never awaited")

    def report(self) -> None:
        """Raise AssertionError with everything that was found."""
        assert not self.findings, "\n".join(f"- {finding}" for finding in self.findings)


async def _client(plan: Plan, store: TortoiseStore) -> MatrixClient:
    return await MatrixClient.open(
        plan.session,
        CellarKeeper(store),
        pickle_secret=plan.pickle_secret,
        alias_salt=plan.alias_salt,
        allowed=plan.allowed,
    )
