"""The web door: health and numbers for whoever runs the bot, with nothing about people in them; and webhooks."""

from bridge.http.hooks import Hooks
from bridge.http.numbers import Answer, Gauges, Request
from bridge.http.pulse import Pulse, Readiness, Reason, Vitals
from bridge.http.server import LIVE, METRICS, READY, PortTaken, serving

__all__ = [
    "LIVE",
    "METRICS",
    "READY",
    "Answer",
    "Gauges",
    "Hooks",
    "PortTaken",
    "Pulse",
    "Readiness",
    "Reason",
    "Request",
    "Vitals",
    "serving",
]
