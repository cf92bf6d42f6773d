"""What is wrong with the settings: where, what was found, what helps; always all of it at once."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One problem; `where` is `hearth.toml:12`, a file or the name of an environment variable."""

    where: str
    found: str
    helps: str

    def __str__(self) -> str:
        return f"{self.where} {self.found}; {self.helps}" if self.helps else f"{self.where} {self.found}"


@dataclass(frozen=True)
class Problems:
    """Why the settings cannot be used; never empty."""

    items: tuple[Problem, ...]

    def __iter__(self) -> Iterator[Problem]:
        return iter(self.items)

    def __str__(self) -> str:
        return "\n".join(map(str, self.items))


def nearest(word: str, known: Iterable[str], cutoff: float = 0.6) -> str | None:
    """The known word that `word` is most likely meant to be; None if none comes near."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)
