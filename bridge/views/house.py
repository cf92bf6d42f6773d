"""All views by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from bridge.views.export import EXPORT, WITH_REFLECTIONS, Exporter
from bridge.views.known import Portrait
from bridge.views.own import Drawer
from bridge.views.public import Commons
from bridge.views.settings import settings_view
from bridge.views.sight import Around, Everything, InUse, Sources
from bridge.views.trust import Mirror, trust_view
from bridge.wording.render import Chapter, Hearer, Unsayable
from engine.core.desk import Rhythm
from engine.core.desk_usual import EVERYBODY
from engine.core.message import Phrase
from engine.core.values import CircleId, Ms, PersonId
from engine.runtime.ports import Catalogue, Cellar

PUBLIC = ("who holds what", "what's on", "help", "try", "trust")
OWN = ("my", "my people", "what i carried", "know", "letter", "settings")
CARRIED_BY = "carried by:"
"""Before a person's id: what they show of what they carried."""


def _as_kept(_circle: CircleId) -> str | None:
    return None


async def _as_everybody(_person: PersonId) -> Rhythm:
    return EVERYBODY


class HouseViews:
    """Implements ``bridge.wording.render.Views``."""

    def __init__(
        self,
        cellar: Cellar,
        catalogue: Catalogue,
        around: Around,
        in_use: InUse | None = None,
        circle_name: Callable[[CircleId], str | None] = _as_kept,
        mirror: Mirror | None = None,
        usual: Callable[[PersonId], Awaitable[Rhythm]] = _as_everybody,
    ) -> None:
        """``in_use``: what each circle has taken up (`Practices`); None: everything.

        ``circle_name``: what the people of a circle call it at present. ``mirror``: the bot's own device; None where
        there is none. ``usual``: when somebody is written to who has not chosen otherwise.
        """
        self._mirror = mirror
        self._sources = sources = Sources(
            cellar, catalogue, around, in_use or Everything(catalogue), circle_name, usual
        )
        self._commons = Commons(sources)
        self._drawer = Drawer(sources, self._commons)
        self._portrait = Portrait(sources, self._commons)
        self._exporter = Exporter(sources, self._commons, self._portrait)

    async def paragraphs(self, view: str, hearer: Hearer, now_ms: Ms) -> Sequence[Sequence[Phrase]]:
        """What a view shows this reader now; what is somebody's own is shown to nobody but them."""
        if view.startswith(CARRIED_BY):
            return await self._drawer.carried_by(PersonId(view.removeprefix(CARRIED_BY)), hearer)
        if view in PUBLIC:
            return await self._public(view, hearer)
        if view not in OWN:
            known = (*PUBLIC, *OWN, f"{CARRIED_BY}…")
            raise Unsayable(f"no view is called {view!r}; there are {', '.join(known)}")
        if hearer.person is None:
            raise Unsayable(f"{view!r} is one person's own, and has no words for a whole room")
        return await self._own(view, hearer, hearer.person, now_ms)

    async def _public(self, view: str, hearer: Hearer) -> Sequence[Sequence[Phrase]]:
        match view:
            case "who holds what":
                return await self._commons.holds(hearer)
            case "what's on":
                return await self._commons.on(hearer)
            case "help":
                return await self._commons.help(hearer)
            case "trust":
                return trust_view(self._mirror)
            case _:
                return await self._commons.trying(hearer)

    async def _own(
        self, view: str, hearer: Hearer, person: PersonId, now_ms: Ms
    ) -> Sequence[Sequence[Phrase]]:
        match view:
            case "my":
                return await self._drawer.my(person, now_ms)
            case "my people":
                return await self._drawer.people(person)
            case "what i carried":
                return await self._drawer.carried(person)
            case "know":
                return await self._portrait.know(hearer, person, now_ms)
            case "settings":
                return await settings_view(self._sources, hearer, person, now_ms)
            case _:
                return await self._drawer.letter(hearer, person, now_ms)

    async def chapters(self, document: str, hearer: Hearer, now_ms: Ms) -> Sequence[Chapter]:
        """``export`` or ``export with reflections``, for the person it is about."""
        if document not in (EXPORT, WITH_REFLECTIONS) or hearer.person is None:
            raise Unsayable(f"no document is called {document!r} for this reader")
        reflections = document == WITH_REFLECTIONS
        return await self._exporter.chapters(hearer, hearer.person, now_ms, reflections=reflections)
