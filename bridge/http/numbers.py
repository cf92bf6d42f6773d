"""The numbers of a running house, as Prometheus reads them; every label comes from a fixed list, never from people."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping

import msgspec
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.core.limits import LimitName
from engine.runtime.ports import Counts

DECIDE_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
SEND_BUCKETS_SECONDS = (0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 60.0)

# When a counter began is of no use to anybody here, and doubles what is read.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Request(enum.StrEnum):
    """What the homeserver is asked for."""

    SYNC = "sync"
    SEND = "send"
    REDACT = "redact"
    TO_DEVICE = "to_device"
    KEYS = "keys"
    CREATE_ROOM = "create_room"
    JOIN = "join"
    INVITE = "invite"
    HISTORY = "history"
    MEDIA = "media"
    OTHER = "other"


class Answer(enum.StrEnum):
    """How it answered; ``failed`` is no answer that could be used, an outage for example."""

    OK = "ok"
    REFUSED = "refused"
    RATE_LIMITED = "rate_limited"
    FAILED = "failed"
    TOKEN_LOST = "token_lost"  # noqa: S105 - a word, no password


class Gauges(msgspec.Struct, frozen=True):
    """What is asked of the house when somebody looks. ``per_second`` and ``done_in_seconds`` say when what is due will
    have left; None where nobody can tell.
    """

    now_ms: int
    counts: Counts = Counts()
    waiting_for_key: int = 0
    """Messages that cannot be read yet."""
    wanted_keys: int = 0
    per_second: float | None = None
    done_in_seconds: float | None = None
    handed_in: int = 0
    """Callers who wait for their events to be decided."""


class Numbers:
    """Counts and measures; ``text`` writes all of it down. One thread only."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "hearth_requests", "Requests to the homeserver.", ("kind", "answer"), registry=self._registry
        )
        self._events = Counter(
            "hearth_events", "Events decided, by what became of them.", ("outcome",), registry=self._registry
        )
        self._unreadable = Counter(
            "hearth_unreadable", "Messages that came without a key to read them.", registry=self._registry
        )
        self._limits = Counter(
            "hearth_limits_reached",
            "How often a limit of the settings was reached, by its name.",
            ("limit",),
            registry=self._registry,
        )
        self._decide = Histogram(
            "hearth_decide_seconds",
            "From handing events in until what follows from them is safely written.",
            buckets=DECIDE_BUCKETS_SECONDS,
            registry=self._registry,
        )
        self._send = Histogram(
            "hearth_send_seconds",
            "How long the homeserver took to take a message.",
            buckets=SEND_BUCKETS_SECONDS,
            registry=self._registry,
        )
        self._plain = {
            name: Gauge(f"hearth_{name}", sentence, registry=self._registry)
            for name, sentence in (
                ("up_seconds", "Since it was started."),
                ("ready", "1 if all is well, as /health/ready says."),
                ("stands_by", "Whether another process speaks, and this one waits to take over: 1 or 0."),
                ("workflow_files_refused", "Workflow files that are not fit as they lie there."),
            )
        }
        self._since_sync = _Latest("hearth_seconds_since_sync", "Since the homeserver last answered a sync.")
        self._registry.register(self._since_sync)
        self._house = _House()
        self._registry.register(self._house)
        ProcessCollector(registry=self._registry)

    def note_request(self, kind: Request, answer: Answer, seconds: float) -> None:
        self._requests.labels(kind.value, answer.value).inc()
        if kind is Request.SEND and answer is Answer.OK:
            self._send.observe(seconds)

    def note_decided(self, seconds: float, outcomes: Mapping[str, int]) -> None:
        """``outcomes``: kind of an `Outcome` → how many."""
        self._decide.observe(seconds)
        for kind, number in outcomes.items():
            self._events.labels(kind).inc(number)

    def note_unreadable(self, number: int) -> None:
        self._unreadable.inc(number)

    def note_limit(self, limit: LimitName, times: int) -> None:
        self._limits.labels(limit).inc(times)

    def text(
        self, plain: Mapping[str, float], since_sync_seconds: float | None, gauges: Gauges | None
    ) -> str:
        """All of it in the text format of Prometheus; what is not known now is left out."""
        for name, value in plain.items():
            self._plain[name].set(value)
        self._since_sync.value = since_sync_seconds
        self._house.gauges = gauges
        return prometheus_client.generate_latest(self._registry).decode()


class _Latest(Collector):
    """One number that may be missing."""

    def __init__(self, name: str, sentence: str) -> None:
        self._name, self._sentence = name, sentence
        self.value: float | None = None

    def collect(self) -> Iterator[Metric]:
        if self.value is not None:
            yield GaugeMetricFamily(self._name, self._sentence, value=self.value)


class _House(Collector):
    """What the house said when it was last asked."""

    def __init__(self) -> None:
        self.gauges: Gauges | None = None

    def collect(self) -> Iterator[Metric]:
        gauges = self.gauges
        if gauges is None:
            return
        yield from _outbox(gauges)
        counts = gauges.counts
        since_ms = counts.timers_due_since_ms
        overdue_seconds = 0.0 if since_ms is None else max(0, gauges.now_ms - since_ms) / 1000
        for name, sentence, value in (
            ("quarantined", "Events set aside because deciding them failed.", counts.set_aside),
            ("given_up", "Messages that could not be delivered.", counts.given_up),
            ("timers", "Moments that somebody or something waits for.", counts.timers),
            ("timers_due", "Of these, those that have come and have not been dealt with.", counts.timers_due),
            ("timers_due_seconds", "How long the first of them has been due.", overdue_seconds),
            ("inbox", "Events on their way from one part of the house to another.", counts.inbox),
            ("handed_in", "Deliveries whose events wait to be decided.", gauges.handed_in),
            ("instances_running", "Workflows that are under way.", counts.running),
            ("waiting_for_key", "Messages that cannot be read yet.", gauges.waiting_for_key),
            ("wanted_keys", "Keys that were asked for and have not come.", gauges.wanted_keys),
            ("outbox_per_second", "How fast messages leave, as learned.", gauges.per_second),
            ("outbox_done_seconds", "Until what is due will have left.", gauges.done_in_seconds),
        ):
            if value is not None:
                yield GaugeMetricFamily(f"hearth_{name}", sentence, value=value)


def _outbox(gauges: Gauges) -> Iterator[Metric]:
    labels = ("urgency",)
    due = GaugeMetricFamily("hearth_outbox_due", "Messages that could leave now.", labels=labels)
    failing = GaugeMetricFamily("hearth_outbox_failing", "Messages tried in vain so far.", labels=labels)
    age = GaugeMetricFamily(
        "hearth_outbox_due_seconds", "How long the first message has been due.", labels=labels
    )
    for urgency, pile in gauges.counts.outbox.items():
        due.add_metric((urgency,), pile.due)
        failing.add_metric((urgency,), pile.failing)
        since_ms = gauges.now_ms if pile.since_ms is None else pile.since_ms
        age.add_metric((urgency,), max(0, gauges.now_ms - since_ms) / 1000)
    yield from (due, failing, age)
