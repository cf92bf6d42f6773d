"""Whether a weekly letter would have anything to say."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from engine.core.decide import public_line, public_shelf, public_shelves
from engine.core.desk import Desk, Prompt
from engine.core.values import CircleId, Ms, RowId
from engine.runtime.ports import Catalogue, Cellar

SHELF = "on"


class News:
    """Looks for news for one batch: many letters leave on the same morning, and read the same lists."""

    def __init__(self, cellar: Cellar, catalogue: Catalogue) -> None:
        self._cellar = cellar
        self._catalogue = catalogue
        self._is_on: dict[CircleId, bool] = {}

    async def is_there(
        self, desk: Desk, circles: Iterable[CircleId], delivered: Collection[RowId], now_ms: Ms
    ) -> bool:
        """Whether something is on in one of the circles, or a question waits for this person's answer.

        ``delivered``: the rows that stand in their room; what they have not been asked yet is no news.
        """
        wanted = (prompt for prompt in desk.prompts if prompt.workflow not in desk.muted)
        if any(_waits(prompt, delivered, now_ms) for prompt in wanted):
            return True
        for circle in circles:
            if await self._on(circle):
                return True
        return False

    async def _on(self, circle: CircleId) -> bool:
        if circle not in self._is_on:
            self._is_on[circle] = await self._look(circle)
        return self._is_on[circle]

    async def _look(self, circle: CircleId) -> bool:
        running = await self._cellar.running_definitions(circle)
        on = [digest for digest in running if await self._may_be_on(digest)]
        for snapshot in await self._cellar.open_instances(circle, on):
            definition = await self._catalogue.by_digest(snapshot.definition)
            if definition is None or public_shelf(definition, snapshot) != SHELF:
                continue
            if public_line(definition, snapshot) is not None:
                return True
        return False

    async def _may_be_on(self, digest: str) -> bool:
        definition = await self._catalogue.by_digest(digest)
        return definition is not None and SHELF in public_shelves(definition)


def _waits(prompt: Prompt, delivered: Collection[RowId], now_ms: Ms) -> bool:
    if prompt.instance is None or prompt.shared or prompt.sources or prompt.set_aside:
        return False
    if prompt.closes_ms <= now_ms:
        return False
    return prompt.row in delivered or prompt.knock in delivered
