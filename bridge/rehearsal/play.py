"""A play: acts on a stage one after another, that can be taken back by playing the others once more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

from bridge.rehearsal.acts import Act, Hitch, perform
from bridge.rehearsal.playbill import Playbill
from bridge.rehearsal.spectator import Happening, Spectator
from bridge.rehearsal.stage import Stage


class Play:
    """Build with ``await Play.begin(playbill, people)``."""

    def __init__(self, playbill: Playbill, people: Sequence[str], seed: int) -> None:
        self._playbill = playbill
        self._people = tuple(people)
        self._seed = seed
        self.acts: list[Act] = []
        """What has been played so far."""

    @classmethod
    async def begin(cls, playbill: Playbill, people: Sequence[str], seed: int = 1) -> Self:
        """Raise the curtain; everybody on stage may be written to."""
        play = cls(playbill, people, seed)
        await play._raise()
        return play

    async def _raise(self) -> None:
        self.stage = await Stage.set(*self._people, playbill=self._playbill, seed=self._seed)
        self._spectator = Spectator(self.stage)

    async def act(self, act: Act) -> list[Happening] | Hitch:
        """Play an act: everything there is to see of it, or why it could not be played."""
        hitch = await perform(self.stage, act)
        if hitch is not None:
            return hitch
        self.acts.append(act)
        return await self._spectator.look(act)

    async def back(self) -> Act | None:
        """Undo the last act, and give it back; None if there is none."""
        if not self.acts:
            return None
        *kept, undone = self.acts
        await self.end()
        await self._raise()
        self.acts = []
        for act in kept:
            await self.act(act)
        return undone

    async def end(self) -> None:
        """Let the curtain fall."""
        await self.stage.strike()
