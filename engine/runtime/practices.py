"""Practices: which workflows a circle has taken up, and which it could (right 17: start small, agree to the rest)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from msgspec.structs import replace

from engine.core.definition import Definition
from engine.core.desk import DeskFacts
from engine.core.desk_commands import OWN_WORDS
from engine.core.values import CircleId
from engine.runtime.ports import Adoption, Catalogue, Cellar, Surroundings

AGREEING = "practice"
"""The workflow by which a circle agrees on what it takes up: it is always in use, or nothing could ever be."""
EVERYTHING = "*"
"""Among the names that a circle has at its start: whatever lies in the folder."""
LEAST_CONTACTS = 2
NOWHERE = CircleId("")
"""Whose folder is read where somebody is in no circle: that of a house with only one."""


class Practices:
    """What each circle has in use: what it starts with, and what it has agreed to take up or to leave off since.

    What was agreed counts for every later version of a workflow, and comes back with its file. Told of each
    commit by ``take_in``, so that it never knows more than the store does.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        surroundings: Surroundings,
        at_start: frozenset[str] | None = None,
        *,
        at_start_in: Mapping[CircleId, frozenset[str] | None] | None = None,
        rehearsed: bool = False,
    ) -> None:
        """``at_start``: what a new circle has in use, by name; None: whatever lies in the folder. ``at_start_in``:
        circles that have something else.

        ``rehearsed``: nobody here is real, so that nothing waits for safety contacts.
        """
        self._catalogue = catalogue
        self._surroundings = surroundings
        self._at_start = at_start
        self._at_start_in = dict(at_start_in or {})
        self._rehearsed = rehearsed
        self._agreed: dict[CircleId, dict[str, bool]] = {}

    def beside(self, surroundings: Surroundings) -> Practices:
        """The same practices in a world of its own, which goes its own way from here."""
        other = Practices(
            self._catalogue,
            surroundings,
            self._at_start,
            at_start_in=self._at_start_in,
            rehearsed=self._rehearsed,
        )
        other._agreed = {circle: dict(agreed) for circle, agreed in self._agreed.items()}
        return other

    async def recall(self, cellar: Cellar) -> None:
        """Bring to mind what the circles have agreed on before."""
        self._agreed = {circle: dict(agreed) for circle, agreed in (await cellar.adopted()).items()}

    def take_in(self, adoptions: Iterable[Adoption]) -> None:
        """Take note of what was just committed."""
        for adoption in adoptions:
            self._agreed.setdefault(adoption.circle, {})[adoption.workflow] = adoption.in_use

    def in_use(self, circle: CircleId) -> tuple[str, ...]:
        """The workflows that a circle has in use, in the order of the catalogue."""
        return tuple(name for name in self.served(circle) if self.uses(circle, name))

    def uses(self, circle: CircleId, workflow: str) -> bool:
        """Whether a circle has a workflow in use."""
        definition = self._catalogue.in_service(workflow, circle)
        return definition is not None and self._is_wanted(circle, workflow) and self._can(circle, definition)

    def offered(self, circle: CircleId) -> tuple[str, ...]:
        """The workflows in the folder that a circle does not use, and could."""
        return tuple(
            name
            for name, definition in self.served(circle).items()
            if not self._is_wanted(circle, name) and self._can(circle, definition)
        )

    def begins(self, circle: CircleId, workflows: Collection[str]) -> dict[str, str]:
        """Command word → which of these workflows it begins in a circle."""
        return {word: name for word, name in self._catalogue.begins(circle).items() if name in workflows}

    def served(self, circle: CircleId) -> Mapping[str, Definition]:
        """Every workflow that lies in a circle's folder and is in service, by its name."""
        names = dict.fromkeys(self._catalogue.begins(circle).values())
        found = ((name, self._catalogue.in_service(name, circle)) for name in names)
        return {name: definition for name, definition in found if definition is not None}

    def _is_wanted(self, circle: CircleId, workflow: str) -> bool:
        if workflow == AGREEING:
            return True
        agreed = self._agreed.get(circle, {}).get(workflow)
        if agreed is not None:
            return agreed
        at_start = self._at_start_in.get(circle, self._at_start)
        return at_start is None or workflow in at_start or EVERYTHING in at_start

    def _can(self, circle: CircleId, definition: Definition) -> bool:
        """Whether what it needs is there: trust repair stays off without its contacts."""
        if not definition.needs_contacts or self._rehearsed:
            return True
        contacts = self._surroundings.contacts(circle)
        return len(contacts) >= LEAST_CONTACTS and self._surroundings.has_outside_help(circle)


def facts_of_practices(
    facts: DeskFacts, word: str, circle: CircleId | None, practices: Practices
) -> DeskFacts:
    """What somebody's command word may mean in their circles, or in the one where they wrote it.

    What could be taken up, or waits for something, is looked for only where the word begins nothing as things are.
    Where circles with different folders differ, the first one's meaning stands, and ``begins_in`` tells them apart.
    """
    meant = facts.circles if circle is None else (circle,)
    uses = {each: practices.in_use(each) for each in dict.fromkeys((*facts.circles, *meant))}
    served = {each: practices.served(each) for each in meant or (NOWHERE,)}
    private = {name for here in served.values() for name, each in here.items() if is_private(each)}
    begun = {each: practices.begins(each, uses[each]) for each in meant}
    facts = replace(
        facts,
        uses=uses,
        begins=_first(begun.values()),
        begins_in={each: here[word] for each, here in begun.items() if word in here},
        discreet=frozenset(private),
    )
    if word in facts.begins and word not in OWN_WORDS:
        return facts
    offers = {each: practices.offered(each) for each in meant}
    waiting = {
        each: here.keys() - uses.get(each, ()) - set(offers.get(each, ())) for each, here in served.items()
    }
    digests = {each: {name: d.digest for name, d in here.items()} for each, here in served.items()}
    return replace(
        facts,
        offers=_first({name: digests[each][name] for name in here} for each, here in offers.items()),
        offers_in=offers,
        could_begin=_first(practices.begins(each, here) for each, here in offers.items()),
        resting=_first(practices.begins(each, here) for each, here in waiting.items()),
        titles=_first(digests.values()),
    )


def _first(several: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """All of them together; of what several have, the first."""
    found: dict[str, str] = {}
    for each in several:
        found = {**each, **found}
    return found


def is_private(definition: Definition) -> bool:
    """Whether a workflow asks something that knocks first."""
    return any(ask.sensitive for ask in definition.asks.values())
