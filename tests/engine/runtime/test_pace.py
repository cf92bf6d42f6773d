"""Limits are learned with hardly a refusal, kept, and found to be gone when they are."""

from __future__ import annotations

import heapq
from random import Random

import pytest

from engine.core.values import HOUR_MS, MINUTE_MS, SECOND_MS, Ms
from engine.runtime.pace import ANSWER_MS, ASK_FOR_MORE_MS, RESERVE, Pace
from tests.fakes.limits import LeakyBucket

AT_ONCE = 7
EXEMPT = (0.0, 0)
SYNAPSE = (0.2, 10)


class Account:
    """Somebody who sends as fast as the pace lets them, over a network with a delay, in virtual time."""

    def __init__(
        self,
        per_second: float,
        burst: int,
        *,
        seed: int = 1,
        kept: bytes | None = None,
        now_ms: Ms = 1_000_000,
    ) -> None:
        self.now_ms: Ms = now_ms
        self.server = LeakyBucket(per_second, burst)
        self.pace = Pace(lambda: self.now_ms)
        self.pace.recall(kept)
        self.random = Random(seed)
        self.sent: list[Ms] = []
        self.refused: list[Ms] = []
        self._answers: list[tuple[Ms, int, int | None]] = []
        self._n = 0

    def send(self, messages: int, *, until_ms: Ms | None = None) -> None:
        """Send so many that nobody waits for, or as many as there is time for."""
        wanted = len(self.sent) + messages
        while len(self.sent) < wanted and (until_ms is None or self.now_ms < until_ms):
            spare = self.pace.spare("messages", reserve=True) - len(self._answers)
            for _ in range(min(spare, AT_ONCE - len(self._answers), wanted - len(self.sent))):
                self.ask()
            self.pass_time(self.pace.wait_ms("messages", reserve=True))

    def ask(self) -> None:
        """One request, answered a moment later."""
        assert self.pace.begin("messages") == 0
        self._n += 1
        there_ms = self.now_ms + self.random.randint(3, 15)
        answer = (there_ms + self.random.randint(3, 15), self._n, self.server.ask(there_ms))
        heapq.heappush(self._answers, answer)

    def pass_time(self, wait_ms: Ms) -> None:
        """Until the next answer, or for so long."""
        if not self._answers:
            self.now_ms += max(1, wait_ms)
            return
        at_ms, _, retry_ms = heapq.heappop(self._answers)
        self.now_ms = max(self.now_ms, at_ms)
        if retry_ms is None:
            self.sent.append(self.now_ms)
            self.pace.accepted("messages")
        else:
            self.refused.append(self.now_ms)
            self.pace.refused("messages", retry_ms)


@pytest.mark.parametrize(
    ("per_second", "burst"), [SYNAPSE, (10.0, 10), (1.0, 5), (0.2, 30), (3.0, 100), (0.05, 3), (0.016, 10)]
)
@pytest.mark.parametrize("nth", range(3))
def test_a_limit_is_found_with_hardly_a_refusal_and_used_nearly_all_the_way(
    per_second: float, burst: int, nth: int, seed: int
) -> None:
    account = Account(per_second, burst, seed=seed + nth)
    account.send(400)
    seconds = (account.sent[-1] - account.sent[0]) / 1000
    possible_seconds = (400 - burst) / per_second
    seen = f"seed {seed + nth}: {len(account.refused)} refused, {seconds:.0f} s instead of {possible_seconds:.0f}"
    # One for each time it may ask for more, and those that it took to learn.
    assert len(account.refused) <= max(0.02 * 400, 3 + seconds * 1000 / ASK_FOR_MORE_MS), seen
    assert seconds <= 1.2 * possible_seconds + 10, seen


def test_the_usual_limit_costs_few_refusals_in_a_long_run(seed: int) -> None:
    account = Account(*SYNAPSE, seed=seed)
    account.send(800)
    assert len(account.refused) <= 0.02 * 800, f"seed {seed}: {len(account.refused)} refused"


def test_an_exempt_account_is_soon_at_full_speed_and_never_refused(seed: int) -> None:
    account = Account(*EXEMPT, seed=seed)
    account.send(1_000)
    seconds = (account.sent[-1] - account.sent[0]) / 1000
    assert account.refused == []
    at_full_speed_seconds = 1_000 / AT_ONCE * 0.018
    assert seconds <= 1.5 * at_full_speed_seconds + 1, f"seed {seed}: {seconds:.1f} s"


def test_once_a_limit_is_known_a_share_is_left_for_replies(seed: int) -> None:
    account = Account(*SYNAPSE, seed=seed)
    account.send(100)
    known = len(account.refused)
    account.send(30)
    assert account.pace.spare("messages") >= RESERVE - 1, account.pace.limit("messages")
    for _ in range(RESERVE - 1):
        account.ask()
        account.pass_time(0)
    assert len(account.refused) == known


def test_what_was_learned_is_remembered(seed: int) -> None:
    account = Account(*SYNAPSE, seed=seed)
    account.send(100)
    again = Account(*SYNAPSE, seed=seed, kept=account.pace.remember(), now_ms=account.now_ms)
    assert again.pace.limit("messages").felt
    again.server = account.server
    again.send(100, until_ms=account.now_ms + 10 * MINUTE_MS)
    assert len(again.refused) <= 1


def test_what_nobody_remembers_begins_as_usual() -> None:
    account = Account(*SYNAPSE)
    account.pace.recall(None)
    for _ in range(10 - RESERVE):
        assert account.pace.spare("messages", reserve=True)
        account.ask()
        account.pass_time(0)
    limit = account.pace.limit("messages")
    assert (limit.interval_ms, limit.burst, limit.felt) == (5_000, 10, False)
    assert account.pace.wait_ms("rooms") == 0


def test_a_limit_that_was_lifted_is_noticed(seed: int) -> None:
    account = Account(*SYNAPSE, seed=seed)
    account.send(100)
    account.server = LeakyBucket(*EXEMPT)
    account.send(10_000, until_ms=account.now_ms + ASK_FOR_MORE_MS + MINUTE_MS)
    assert account.sent[-1] - account.sent[-1_000] < 10 * SECOND_MS
    assert not account.pace.limit("messages").felt


def test_a_limit_that_became_stricter_is_kept_to(seed: int) -> None:
    account = Account(*EXEMPT, seed=seed)
    account.send(2_000)
    account.server = LeakyBucket(*SYNAPSE)
    account.send(200)
    assert len(account.refused) <= AT_ONCE + 6, f"seed {seed}"


def test_nothing_is_asked_before_the_wait_that_was_named_is_over() -> None:
    account = Account(*EXEMPT)
    account.ask()
    account.pass_time(0)
    account.pace.begin("messages")
    account.pace.refused("messages", 7 * SECOND_MS)
    assert account.pace.spare("messages") == 0
    assert account.pace.begin("messages") >= 7 * SECOND_MS
    account.now_ms += 7 * SECOND_MS + 200
    assert account.pace.spare("messages") == 1


def test_a_clock_that_is_put_back_lengthens_no_wait() -> None:
    account = Account(*SYNAPSE)
    account.ask()
    account.pass_time(0)
    assert account.pace.begin("messages") == 0
    account.pace.refused("messages", 5 * SECOND_MS)
    account.now_ms -= HOUR_MS // 2
    assert account.pace.wait_ms("messages") <= 6 * SECOND_MS
    account.now_ms += 6 * SECOND_MS
    assert account.pace.begin("messages") == 0


def test_what_a_clock_that_ran_ahead_remembered_counts_from_the_start_on() -> None:
    ahead = Account(*SYNAPSE, now_ms=1_000_000 + HOUR_MS)
    for _ in range(10):
        ahead.ask()
        ahead.pass_time(0)
    again = Account(*SYNAPSE, kept=ahead.pace.remember())
    again.now_ms += MINUTE_MS
    limit = again.pace.limit("messages")
    assert limit.level <= limit.burst - 10, limit
    assert again.pace.spare("messages") > 0


def test_a_refusal_that_names_no_wait_is_heeded_too() -> None:
    account = Account(*EXEMPT)
    account.pace.begin("rooms")
    account.pace.refused("rooms", None)
    assert account.pace.refusals("rooms") == 1
    assert account.pace.wait_ms("rooms") >= SECOND_MS
    assert account.pace.wait_ms("messages") == 0
    account.now_ms += HOUR_MS
    assert account.pace.wait_ms("rooms") == 0


def test_a_request_that_failed_counts_for_nothing() -> None:
    account = Account(*EXEMPT)
    for _ in range(50):
        assert account.pace.begin("messages") == 0
        account.pace.failed("messages")
    assert account.pace.limit("messages").level == 0
    assert account.pace.spare("messages") > 0


def test_whoever_waits_for_answers_alone_is_not_told_to_ask_all_the_time() -> None:
    pace = Pace(lambda: 0)
    while pace.spare("messages"):
        assert pace.begin("messages") == 0
    assert pace.limit("messages").level == 0, "nothing is used up: all of them may still be refused"
    assert pace.wait_ms("messages") == pace.begin("messages") == ANSWER_MS
    pace.accepted("messages")
    assert pace.wait_ms("messages") == 0
