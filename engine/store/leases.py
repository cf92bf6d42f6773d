"""Leases on bot accounts, and the fence they are; in SQL written by hand, in the thread of ``engine.store.hot_path``.

The clock is the database's (``now_ms()``), so that processes on machines that disagree about the time agree about it.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.core.values import Ms
from engine.runtime.ports import Held, Lease, Superseded
from engine.store import statements as sql
from engine.store.database import Database


def refuse_superseded(db: Database, lease: Lease | None, *, moves: bool = False) -> None:
    """Inside a transaction: hold the lease until it is over, so that nobody can take it in between. ``moves``: and let
    those who wait know that what they have seen of the bridge's rows has changed.

    Raises Superseded if somebody has taken it already. Without a lease there is nothing to hold.
    """
    asking_for(db, lease, moves=moves)()


def asking_for(db: Database, lease: Lease | None, *, moves: bool = False) -> Callable[[], None]:
    """See ``refuse_superseded``: hold the lease; what comes back looks at the answer, which may wait until then."""
    if lease is None:
        return lambda: None
    held = db.ask(sql.MOVE if moves else sql.HOLD_LEASE, (lease.account, lease.epoch))

    def refuse() -> None:
        if held.fetchone() is None:
            raise Superseded(f"{lease.account}: another process has taken over from epoch {lease.epoch}")

    return refuse


class LeaseBook:
    """Implements ``engine.runtime.ports.Leases`` on the writer's connection, except for ``under``."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def take(self, account: str, holder: str, lease_ms: Ms) -> Lease | None:
        """See ``Leases.take_lease``."""
        with self._db.transaction("write"):
            taken = self._db.execute(sql.TAKE_LEASE, (account, holder, lease_ms)).fetchone()
        return None if taken is None else Lease(account, holder, taken[0])

    def renew(self, lease: Lease, lease_ms: Ms, heard: bool) -> bool:
        """See ``Leases.renew_lease``."""
        with self._db.transaction("write"):
            return (
                self._db.execute(sql.RENEW_LEASE, (lease.account, lease.epoch, lease_ms, heard)).fetchone()
                is not None
            )

    def end(self, lease: Lease) -> None:
        """See ``Leases.end_lease``."""
        with self._db.transaction("write"):
            self._db.execute(sql.END_LEASE, (lease.account, lease.epoch))

    def of(self, account: str) -> Held | None:
        """See ``Leases.lease_of``."""
        found = self._db.execute(sql.LEASE_OF, (account,)).fetchone()
        if found is None:
            return None
        holder, epoch, held_ms, left_ms, moves, heard = found
        return Held(holder, epoch, held_ms, left_ms, moves, bool(heard))
