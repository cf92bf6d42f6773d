"""The cellar: keeps things, decides nothing."""

from engine.store.opening import NewerSchema
from engine.store.sealing import Unreadable, WrongMasterKey
from engine.store.store import TortoiseStore

__all__ = ["NewerSchema", "TortoiseStore", "Unreadable", "WrongMasterKey"]
