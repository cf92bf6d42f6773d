"""The bridge's own rows, kept by the cellar: account, sessions, keys, rooms and the sync cursor."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.matrix.keep import NotCommitted, Row
from engine.runtime.ports import Cellar, Changes, KeptRow, Unavailable


class CellarKeeper:
    """Keeps the bridge's rows in the same database as everything else."""

    def __init__(self, cellar: Cellar) -> None:
        self._cellar = cellar

    async def load(self) -> dict[tuple[str, str], bytes]:
        return dict(await self._cellar.kept())

    async def commit(self, rows: Sequence[Row]) -> None:
        try:
            await self._cellar.commit(Changes(kept=kept_rows(rows)))
        except Unavailable as error:
            raise NotCommitted(str(error)) from error


def kept_rows(rows: Sequence[Row]) -> list[KeptRow]:
    """Rows as the cellar takes them."""
    return [KeptRow(row.kind, row.key, row.value) for row in rows]
