"""The web door: health and counters, for whoever runs the bot; nothing about people passes through it."""

from bridge.http.pulse import Counter, Pulse
from bridge.http.server import PortTaken, serving

__all__ = ["Counter", "PortTaken", "Pulse", "serving"]
