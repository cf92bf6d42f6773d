"""How fast a homeserver lets us go: learned from its answers, remembered over restarts.

Homeservers count in buckets: so many requests at once, then one per interval (Synapse: ``burst_count`` and
``per_second``; 429 names the wait until the next one is allowed). Nobody tells us the numbers, and an account may be
exempt. So a bucket begins as the usual defaults say and, once these are used up, sends one request beyond them: if it
is accepted, the bucket was too small and doubles, which brings an exempt account to full speed within a few dozen
messages; if it is refused, the refusal tells the interval, at the latest when one more is sent on top of the next that
is allowed. From then on we keep just below it, and ask once in a while whether there is more to be had.

Times are real milliseconds, given by whoever asks; nothing here waits.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec
from msgspec.structs import replace

from engine.core.values import HOUR_MS, MINUTE_MS, SECOND_MS, Ms

Kind = Literal["messages", "rooms", "joins", "invites"]

KINDS: tuple[Kind, ...] = ("messages", "rooms", "joins", "invites")
RESERVE = 3
"""Of a burst of ten, so many are kept for replies."""
RESERVE_SHARE = 0.3
MARGIN = 1.02
"""We go so much slower than we could, so that two clocks never disagree about whose turn it is."""
STEP = 1.03
"""So much slower at least after a refusal that came by itself."""
ASK_FOR_MORE_MS = 15 * MINUTE_MS
"""How often it is tried, while there is more to send than may leave, whether the limit still holds;"""
ASK_FOR_MORE_REQUESTS = 100
"""and at most once for so many requests."""
STEPS_BEYOND = 8
"""So many in a row beyond what was felt: the limit is another one than it was."""
AT_ONCE_UNFELT = 3
"""While no limit was felt, so many are on their way at once, or an eighth of what has been possible: all of them may be
refused.
"""
ANSWER_MS = 50
"""So long, about, a homeserver takes for an answer."""
LONGEST_INTERVAL_MS = HOUR_MS
SHORTEST_INTERVAL_MS = 0.01
USUAL_WAIT_MS = 5 * SECOND_MS
"""What a refusal that names no wait means."""
MOST_BURST = 1_000_000.0
MOST_REMEMBERED = 4_096


class Limit(msgspec.Struct, frozen=True, array_like=True):
    """What is known of one bucket: one request per ``interval_ms``, ``burst`` at once; ``level`` of them used."""

    interval_ms: float
    burst: float
    level: float = 0.0
    at_ms: Ms = 0
    felt: bool = False
    """Whether a refusal has told it; otherwise it is at least as much."""


USUAL: dict[Kind, Limit] = {
    "messages": Limit(5_000.0, 10.0),
    "rooms": Limit(62_500.0, 10.0),
    "joins": Limit(10_000.0, 10.0),
    "invites": Limit(3_334.0, 10.0),
}
"""Synapse's defaults (``rc_message``, ``rc_room_creation``, ``rc_joins``, ``rc_invites``)."""


class Bucket:
    """One limit as it is used and learned."""

    def __init__(self, limit: Limit, now_ms: Ms) -> None:
        self._interval_ms = limit.interval_ms
        self._burst = limit.burst
        self._level = limit.level
        self._at_ms = limit.at_ms or now_ms
        self._felt = limit.felt
        self._measuring = False
        """We were refused, and do not know the interval yet: one at a time."""
        self._beyond = 0
        self._flying = 0
        self._closed_until_ms: Ms = 0
        self._asks_for_more_ms: Ms = now_ms + ASK_FOR_MORE_MS
        self._accepted: deque[Ms] = deque(maxlen=MOST_REMEMBERED)
        """When requests were accepted, since the bucket was last known to be empty."""
        self._refused: tuple[Ms, Ms] | None = None
        """When we were last refused, and how long we were to wait."""
        self._accepted_since = 0
        self.refusals = 0

    def limit(self, now_ms: Ms) -> Limit:
        """What is known now."""
        return Limit(self._interval_ms, self._burst, self._level_at(now_ms), now_ms, self._felt)

    def spare(self, now_ms: Ms, *, reserve: bool) -> int:
        """How many more may leave now; with ``reserve`` those kept for replies are left out."""
        if now_ms < self._closed_until_ms or (self._measuring and self._flying):
            return 0
        free = self._free(now_ms, reserve=reserve)
        if self._measuring or (free < 1 and self._may_ask_for_more(now_ms, reserve=reserve)):
            return 1
        if self._felt:
            return max(0, int(free))
        at_once = max(AT_ONCE_UNFELT, int(self._burst / 8))
        return max(0, min(int(free), at_once - self._flying))

    def wait_ms(self, now_ms: Ms, *, reserve: bool) -> Ms:
        """How long until one more may leave, if nothing else does meanwhile; 0: now."""
        if self.spare(now_ms, reserve=reserve):
            return 0
        lacking = max(0.0, 1 - self._free(now_ms, reserve=reserve))
        # Where only those that are on their way are in the way, nobody knows how long: whoever asks is not to ask all
        # the time meanwhile.
        least_ms = 1 if lacking else ANSWER_MS
        return max(least_ms, self._closed_until_ms - now_ms, int(lacking * self._interval_ms * MARGIN) + 1)

    @property
    def flying(self) -> int:
        """How many requests are on their way."""
        return self._flying

    def begin(self) -> None:
        """A request is on its way; ``accepted``, ``refused`` or ``failed`` says how it ended."""
        self._flying += 1

    def failed(self) -> None:
        """It ended in a way that tells nothing about limits."""
        self._flying -= 1

    def accepted(self, now_ms: Ms) -> None:
        """It was carried out: if that is more than we thought possible, the bucket is larger than we thought."""
        self._flying -= 1
        self._settle(now_ms)
        if self._level == 0:
            self._accepted.clear()
            self._refused = None  # from here on it tells nothing: the bucket has run empty in between
        self._level += 1
        self._accepted.append(now_ms)
        self._accepted_since += 1
        if self._level <= self._burst or self._measuring:
            return
        self._beyond += 1
        if self._felt and self._beyond < STEPS_BEYOND:
            self._level = self._burst
            return
        self._burst = min(MOST_BURST, 2 * self._burst)
        self._interval_ms = max(SHORTEST_INTERVAL_MS, self._interval_ms / 2)
        self._felt, self._refused = False, None

    def refused(self, now_ms: Ms, retry_after_ms: Ms | None) -> None:
        """It was refused: how long it is until the next one tells how fast we may go."""
        self._flying -= 1
        self.refusals += 1
        self._settle(now_ms)
        wait_ms = USUAL_WAIT_MS if retry_after_ms is None else max(1, retry_after_ms)
        if now_ms >= self._closed_until_ms:  # others that were on their way with it tell nothing new
            self._learn(now_ms, wait_ms)
        self._closed_until_ms = max(self._closed_until_ms, now_ms + wait_ms)
        pause_ms = max(ASK_FOR_MORE_MS, int(ASK_FOR_MORE_REQUESTS * self._interval_ms))
        self._asks_for_more_ms = now_ms + pause_ms

    # ── learning ─────────────────────────────────────────────────────────────

    def _learn(self, now_ms: Ms, wait_ms: Ms) -> None:
        """Take the interval from the refusal.

        The homeserver's bucket is full when the wait ends. So the interval is at least the time since the last accepted
        request and the wait; as the bucket was full at the refusal before too, what was accepted in between tells it.
        """
        last_ms = self._accepted[-1] if self._accepted else now_ms
        interval_ms: float = wait_ms + min(now_ms - last_ms, wait_ms)
        tried, self._beyond, exact = self._beyond, 0, False
        if self._refused is not None and self._accepted_since:
            before_ms, waited_ms = self._refused
            between_ms = (now_ms - before_ms + wait_ms - waited_ms) / self._accepted_since
            interval_ms, exact = max(interval_ms, between_ms), True
        elif self._accepted and now_ms - self._accepted[0] <= wait_ms:
            # All of the burst was quicker than one interval: nothing had run out of the bucket meanwhile.
            interval_ms, exact = wait_ms + now_ms - self._accepted[0], True
        if self._felt and not tried:
            interval_ms = max(
                interval_ms, STEP * self._interval_ms
            )  # what we believed was too quick, if by little
        elif self._felt:
            # At least so much is what this refusal says; what was felt before said how much.
            interval_ms = max(interval_ms, self._interval_ms)
        interval_ms = min(interval_ms, LONGEST_INTERVAL_MS)
        if not self._felt and self._accepted:
            self._burst = max(1.0, round(1 + self._replayed(now_ms, interval_ms) - wait_ms / interval_ms))
        self._interval_ms = interval_ms
        self._level = max(0.0, self._burst - 1 + wait_ms / interval_ms)
        self._felt = self._felt or exact
        self._measuring = not self._felt
        self._refused, self._accepted_since = (now_ms, wait_ms), 0

    def _replayed(self, now_ms: Ms, interval_ms: float) -> float:
        """How full the homeserver's bucket must be, had it this interval."""
        level, at_ms = 0.0, self._accepted[0]
        for each_ms in self._accepted:
            level, at_ms = max(0.0, level - (each_ms - at_ms) / interval_ms) + 1, each_ms
        return max(0.0, level - (now_ms - at_ms) / interval_ms)

    def _may_ask_for_more(self, now_ms: Ms, *, reserve: bool) -> bool:
        if self._flying:
            return False
        # Whoever waits for a reply is not the one to try out with whether a limit that was felt still holds.
        return not self._felt or (reserve and now_ms >= self._asks_for_more_ms)

    def _free(self, now_ms: Ms, *, reserve: bool) -> float:
        kept = min(RESERVE, int(self._burst * RESERVE_SHARE)) if reserve else 0
        return self._burst - self._level_at(now_ms) - self._flying - kept

    def _level_at(self, now_ms: Ms) -> float:
        return max(0.0, self._level - max(0, now_ms - self._at_ms) / (self._interval_ms * MARGIN))

    def _settle(self, now_ms: Ms) -> None:
        self._level, self._at_ms = self._level_at(now_ms), now_ms


class Pace:
    """The limits of one account at one homeserver."""

    def __init__(self, now_ms: Callable[[], Ms], usual: dict[Kind, Limit] | None = None) -> None:
        """``now_ms`` is real time; ``usual`` what is assumed of limits nobody has told of."""
        self._real_now_ms = now_ms
        self._last_ms = now_ms()
        self._put_back_ms: Ms = 0
        known = USUAL if usual is None else usual
        self._buckets = {kind: Bucket(known[kind], self._last_ms) for kind in KINDS}

    def _now_ms(self) -> Ms:
        """Our own time, which never goes back: a wait goes on from where it was if the machine's clock is put back."""
        real_ms = self._real_now_ms()
        self._put_back_ms = max(self._put_back_ms, self._last_ms - real_ms)
        self._last_ms = real_ms + self._put_back_ms
        return self._last_ms

    def recall(self, kept: bytes | None) -> None:
        """Go on with what was remembered, from now on if that was by a clock that ran ahead; None: nothing was."""
        if kept is None:
            return
        now_ms = self._now_ms()
        for kind, limit in msgspec.json.decode(kept, type=dict[Kind, Limit]).items():
            self._buckets[kind] = Bucket(replace(limit, at_ms=min(limit.at_ms, now_ms)), now_ms)

    def remember(self) -> bytes:
        """What ``recall`` takes."""
        now_ms = self._now_ms()
        return msgspec.json.encode({kind: bucket.limit(now_ms) for kind, bucket in self._buckets.items()})

    def limit(self, kind: Kind) -> Limit:
        """What is known of a limit now."""
        return self._buckets[kind].limit(self._now_ms())

    def refusals(self, kind: Kind) -> int:
        """How often we were refused, since the start."""
        return self._buckets[kind].refusals

    def spare(self, kind: Kind, *, reserve: bool = False) -> int:
        """How many more may leave now; with ``reserve`` those kept for replies are left out."""
        return self._buckets[kind].spare(self._now_ms(), reserve=reserve)

    def flying(self, kind: Kind) -> int:
        """How many requests are at the homeserver just now."""
        return self._buckets[kind].flying

    def wait_ms(self, kind: Kind, *, reserve: bool = False) -> Ms:
        """How long until one more may leave, in real time; 0: now."""
        return self._buckets[kind].wait_ms(self._now_ms(), reserve=reserve)

    # ── what requests tell ───────────────────────────────────────────────────

    def begin(self, kind: Kind) -> Ms:
        """Ask for leave to send one request. 0: it may go, and its end is to be told; otherwise how long to wait."""
        if not (self.spare(kind) or self.spare(kind, reserve=True)):
            return self.wait_ms(kind)
        self._buckets[kind].begin()
        return 0

    def accepted(self, kind: Kind) -> None:
        """A request was carried out."""
        self._buckets[kind].accepted(self._now_ms())

    def refused(self, kind: Kind, retry_after_ms: Ms | None) -> None:
        """A request was answered with 429."""
        self._buckets[kind].refused(self._now_ms(), retry_after_ms)

    def failed(self, kind: Kind) -> None:
        """A request ended in any other way."""
        self._buckets[kind].failed()
