"""Well-made doubles for what the engine needs of the world; public, so that others can test with them."""

from engine.testing.clock import ManualClock
from engine.testing.faults import Faults, Gate, faulty
from engine.testing.memory_store import MemoryStore
from engine.testing.postman import Brought, RecordingPostman

__all__ = ["Brought", "Faults", "Gate", "ManualClock", "MemoryStore", "RecordingPostman", "faulty"]
