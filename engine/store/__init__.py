"""The cellar: keeps things, decides nothing."""

from engine.store.database import NewerSchema, Unfinished
from engine.store.sealing import Unreadable, WrongMasterKey
from engine.store.store import TortoiseStore

__all__ = ["NewerSchema", "TortoiseStore", "Unfinished", "Unreadable", "WrongMasterKey"]
