"""The caretaker: tells the stewards what needs a human being, and does what they order in their room.

What is told, and that it is told, is written in one transaction: nothing is told twice, however often the house is
stopped in between. Of each kind at most one message an hour leaves; what comes meanwhile goes with the next.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence

import msgspec

from bridge.folders.librarian import HELLO, Stewards, hello_id
from bridge.operations.orders import Order, order_in
from bridge.operations.report import (
    ASIDE,
    GAP,
    GIVEN_UP,
    KINDS,
    PUT_OUT,
    Standing,
    Untold,
    orders_known,
    report,
    status,
)
from engine.core.desk import Told
from engine.core.limits import LimitName
from engine.core.message import Count, Message, Phrase, Plain
from engine.core.values import DAY_MS, HOUR_MS, MINUTE_MS, CircleId, InstanceId, Ms, PersonId
from engine.runtime.blame import where
from engine.runtime.line import LineEnded, StraightLine
from engine.runtime.ports import (
    AnyArrival,
    Cellar,
    Clock,
    KeptRow,
    Noticed,
    Superseded,
    ToDesk,
    Trouble,
    Unavailable,
)
from engine.runtime.waking import wake_or

log = logging.getLogger(__name__)

LOOK_EVERY_MS = 30_000
BETWEEN_MS = HOUR_MS
SURE_WITHIN_MS = 10 * MINUTE_MS
USEFUL_MS = DAY_MS
MOST_LOOKED_AT = 200
MOST_ROOMS_NOTED = 200
GIVEN_UP_BY: tuple[LimitName, ...] = ("tries_per_message", "waiting_per_room")
"""Limits at which a message is given up, of which the stewards hear in any case."""
KIND, KEY = "operations", "register"


class Register(msgspec.Struct, frozen=True):
    """What the stewards know already, and what is noted for them; kept."""

    aside: int = 0
    """The number of the newest event that they were told of; so with messages below."""
    given_up: int = 0
    gaps: tuple[str, ...] = ()
    """Matrix ids of rooms in which not everything could be read back, and nobody was told yet."""
    put_out: tuple[str, ...] = ()
    """Matrix ids of circles' rooms that the bot was put out of, and nobody was told yet."""
    last_ms: dict[str, Ms] = {}
    """Kind → when it was told last."""
    told: int = 0
    introduced: str = ""
    restored_ms: Ms | None = None
    """Of which moment the database is, where a backup was put back and nobody was told yet."""
    limits_ms: dict[LimitName, Ms] = {}
    """Limit → when it was last told that it was reached; of each at most once a day."""


class Heard(msgspec.Struct, frozen=True):
    """What somebody wrote in the stewards' room. ``id``: of the event."""

    id: str
    person: PersonId
    body: str
    in_clear: bool = False
    """Written without encryption, though the room is encrypted."""

    def __repr__(self) -> str:
        return f"Heard(id={self.id!r})"


class Caretaker:
    """Looks after what needs a human being. ``again`` set from outside means: look now."""

    def __init__(
        self,
        cellar: Cellar,
        clock: Clock,
        stewards: Stewards,
        *,
        language: str,
        standing: Callable[[], Awaitable[Standing]],
        look_again: Callable[[], None],
        in_office: Callable[[], Iterable[PersonId]] = tuple,
    ) -> None:
        """``language``: of the stewards' room. ``look_again``: look at the workflow files. ``in_office``: who looks
        after a circle at present, by a role too; where there is no room they are told as those of the settings are.
        """
        self.again = asyncio.Event()
        self._cellar = cellar
        self._clock = clock
        self._stewards = stewards
        self._language = language
        self._standing = standing
        self._look_again = look_again
        self._in_office = in_office
        self._register = Register()
        self._limits: tuple[LimitName, ...] = ()
        """Limits that were reached, and nobody was told yet; should the house stop before, the next time tells."""
        self._sure: tuple[str, str, Ms] | None = None
        """What was to be let go of, the event that asked for it, and until when saying it again does it."""
        self._refused: dict[PersonId, Ms] = {}
        """Whom it told lately that it takes orders from stewards only, and when."""

    @property
    def room(self) -> str | None:
        """The room in which orders are taken; None if there is none of the stewards' own."""
        return None if self._stewards.is_circle else self._stewards.room

    async def open(self) -> None:
        """Bring to mind what has been told before."""
        kept = (await self._cellar.kept()).get((KIND, KEY))
        if kept is not None:
            self._register = msgspec.json.decode(kept, type=Register)

    async def run(self, line: StraightLine, stop: asyncio.Event) -> None:
        """Look again and again, and tell, until ``stop``."""
        while not stop.is_set():
            self.again.clear()
            try:
                await self.look(line)
            except Unavailable as error:
                log.warning("the store cannot be reached (%s); what needs a human being is told later", error)
            except LineEnded:
                return
            except Superseded:
                raise
            except Exception as error:  # noqa: BLE001 - a defect here must not keep the house from its work
                log.error("what needs a human being could not be told: %s", where(error))  # noqa: TRY400 - no words
            await wake_or(stop, self.again, clock=self._clock, at_ms=self._clock.after(LOOK_EVERY_MS))

    # ── noting ───────────────────────────────────────────────────────────────

    def note(self, *, gaps: Collection[str] = (), put_out: Collection[str] = ()) -> list[KeptRow]:
        """Note rooms for the next report; the rows are to be committed with what made them known."""
        register = msgspec.structs.replace(
            self._register,
            gaps=_with(self._register.gaps, gaps),
            put_out=_with(self._register.put_out, put_out),
        )
        if register == self._register:
            return []
        self._register = register
        self.again.set()
        return [_row(register)]

    def note_limit(self, limit: LimitName) -> None:
        """A limit was reached: it is told with the next report, if it was not told within a day."""
        last_ms = self._register.limits_ms.get(limit)
        if limit in GIVEN_UP_BY or (last_ms is not None and self._clock.now_ms() < last_ms + DAY_MS):
            return
        self._limits = tuple(dict.fromkeys((*self._limits, limit)))
        self.again.set()

    # ── telling ──────────────────────────────────────────────────────────────

    async def look(self, line: StraightLine) -> None:
        """Look once, and tell what may be told now."""
        now_ms = self._clock.now_ms()
        untold = self._due(await self._untold(), now_ms)
        message = report(untold, self._language if self.room is not None else None)
        if message is None:
            return
        notices = await self._notices(message)
        # From here to handing it in nothing is waited for: what was noted meanwhile is in the register.
        before = self._register
        self._register = after = _told(before, untold, now_ms, self._stewards.room or "")
        try:
            await line.submit(notices, [_row(after)])
        except BaseException:
            self._register = msgspec.structs.replace(
                before,
                gaps=_with(before.gaps, self._register.gaps),
                put_out=_with(before.put_out, self._register.put_out),
            )
            raise
        self._limits = tuple(limit for limit in self._limits if limit not in untold.limits)

    async def _untold(self) -> Untold:
        ours = await self._own_circle()
        found = [t for t in await self._cellar.troubles(MOST_LOOKED_AT) if ours is None or t.circle != ours]
        register = self._register
        return Untold(
            aside=tuple(t for t in found if t.id.startswith("e") and _number(t) > register.aside),
            given_up=tuple(t for t in found if t.id.startswith("m") and _number(t) > register.given_up),
            gaps=register.gaps,
            put_out=register.put_out,
            restored_ms=register.restored_ms,
            limits=self._limits,
        )

    def _due(self, untold: Untold, now_ms: Ms) -> Untold:
        """What of it may be told now: of a kind that was told within the hour nothing."""
        last_ms = self._register.last_ms
        rests = {kind for kind in KINDS if kind in last_ms and now_ms < last_ms[kind] + BETWEEN_MS}
        return Untold(
            aside=() if ASIDE in rests else untold.aside,
            given_up=() if GIVEN_UP in rests else untold.given_up,
            gaps=() if GAP in rests else untold.gaps,
            put_out=() if PUT_OUT in rests else untold.put_out,
            restored_ms=untold.restored_ms,
            limits=untold.limits,
        )

    async def _own_circle(self) -> CircleId | None:
        """Under what the stewards' room is known to the store: what cannot be told there is not told there."""
        return None if self._stewards.room is None else await self._cellar.circle(self._stewards.room)

    async def _notices(self, message: Message) -> list[AnyArrival]:
        now_ms, room, number = self._clock.now_ms(), self._stewards.room, self._register.told + 1
        if room is None:
            told = Told(InstanceId(""), PersonId(""), message, "quiet", now_ms + USEFUL_MS)
            named = [await self._cellar.person(user_id) for user_id in self._stewards.user_ids]
            return [
                ToDesk(id=f"ops:{number}:{n}", occurred_ms=now_ms, person=person, event=told)
                for n, person in enumerate(dict.fromkeys((*named, *self._in_office())))
            ]
        known = self._register.introduced == room or self._stewards.is_circle
        said = await self._noticed(f"ops:{number}", message)
        hello = [] if known else [await self._noticed(hello_id(said.circle), HELLO)]
        return [*hello, said]

    async def _noticed(self, id: str, message: Message, *, asked: bool = False) -> Noticed:
        room, now_ms = self._stewards.room or "", self._clock.now_ms()
        return Noticed(
            id=id,
            occurred_ms=now_ms,
            circle=await self._cellar.ensure_circle(room, room),
            message=message,
            useful_until_ms=now_ms + USEFUL_MS,
            urgency="reply" if asked else "post",
        )

    # ── obeying ──────────────────────────────────────────────────────────────

    async def obey(self, heard: Heard, line: StraightLine, *, is_steward: bool) -> None:
        """Do what somebody ordered in the stewards' room, and answer there. The same event again does nothing more.

        Raises:
            Unavailable: the store cannot be used at present.
        """
        if is_steward and heard.in_clear:
            # Whoever runs the homeserver can write in a steward's name, but not with their keys.
            answer = Message(lines=(Phrase("ops.in_clear"),))
        elif is_steward:
            answer = await self._answer(order_in(heard.body), heard.id)
        elif self._says_no_to(heard.person):
            answer = Message(lines=(Phrase("ops.stewards_only"),))
        else:
            return
        await line.submit([await self._noticed(f"order:{heard.id}", answer, asked=True)])

    def _says_no_to(self, person: PersonId) -> bool:
        """Whether somebody who is no steward gets an answer: once an hour, so that nobody makes the bot chatter."""
        now_ms = self._clock.now_ms()
        self._refused = {who: ms for who, ms in self._refused.items() if now_ms < ms + BETWEEN_MS}
        if person in self._refused:
            return False
        self._refused[person] = now_ms
        return True

    async def _answer(self, order: Order | None, event: str) -> Message:
        if order is None:
            return orders_known(self._language)
        log.info("a steward ordered %s %s", order.word, order.trouble or "")
        match order.word:
            case "status":
                return status(await self._standing(), self._language)
            case "retry":
                return await self._retry(order.trouble)
            case "drop":
                return await self._drop(order.trouble, event)
            case "reload":
                self._look_again()
                return Message(lines=(Phrase("ops.reload"),))
            case "help":
                return orders_known(self._language)

    async def _retry(self, trouble: str | None) -> Message:
        if trouble is not None:
            done = await self._cellar.retry(trouble)
            key = {"again": "ops.again", "lost": "ops.lost", "unknown": "ops.unknown"}[done]
            return _about(key, trouble)
        found = await self._cellar.troubles(MOST_LOOKED_AT)
        ends = [await self._cellar.retry(each.id) for each in found]
        if not ends:
            return Message(lines=(Phrase("ops.nothing"),))
        lines = [Phrase("ops.again_all", slots={"n": Count(ends.count("again"))})]
        if "lost" in ends:
            lines.append(Phrase("ops.lost_some", slots={"n": Count(ends.count("lost"))}))
        return Message(lines=tuple(lines))

    async def _drop(self, trouble: str | None, event: str) -> Message:
        if trouble is None:
            return Message(lines=(Phrase("ops.drop_which"),))
        if not any(each.id == trouble for each in await self._cellar.troubles(MOST_LOOKED_AT)):
            return _about("ops.unknown", trouble)
        now_ms, sure = self._clock.now_ms(), self._sure
        if sure is None or sure[0] != trouble or sure[1] == event or now_ms > sure[2]:
            self._sure = (trouble, event, now_ms + SURE_WITHIN_MS)
            return _about("ops.drop_sure", trouble)
        self._sure = None
        return _about("ops.dropped" if await self._cellar.drop(trouble) else "ops.unknown", trouble)


def _about(key: str, trouble: str) -> Message:
    return Message(lines=(Phrase(key, slots={"id": Plain(trouble)}),))


def _number(trouble: Trouble) -> int:
    return int(trouble.id[1:])


def _newest(told: Sequence[Trouble], before: int) -> int:
    return max((_number(trouble) for trouble in told), default=before)


def _told(register: Register, untold: Untold, now_ms: Ms, room: str) -> Register:
    """The register once this has been told."""
    kinds = (untold.aside, untold.given_up, untold.gaps, untold.put_out)
    return msgspec.structs.replace(
        register,
        aside=_newest(untold.aside, register.aside),
        given_up=_newest(untold.given_up, register.given_up),
        gaps=tuple(noted for noted in register.gaps if noted not in untold.gaps),
        put_out=tuple(noted for noted in register.put_out if noted not in untold.put_out),
        last_ms={**register.last_ms, **{k: now_ms for k, told in zip(KINDS, kinds, strict=True) if told}},
        told=register.told + 1,
        introduced=room,
        restored_ms=None,
        limits_ms={**register.limits_ms, **dict.fromkeys(untold.limits, now_ms)},
    )


def _with(noted: tuple[str, ...], more: Collection[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*noted, *more)))[:MOST_ROOMS_NOTED]


def restored(kept: bytes | None, made_ms: Ms) -> KeptRow:
    """The row from which the stewards learn, once the house runs, that it was put back as it was at a moment.

    ``kept``: the row that there is.
    """
    register = Register() if kept is None else msgspec.json.decode(kept, type=Register)
    return _row(msgspec.structs.replace(register, restored_ms=made_ms))


def _row(register: Register) -> KeptRow:
    return KeptRow(KIND, KEY, msgspec.json.encode(register))
