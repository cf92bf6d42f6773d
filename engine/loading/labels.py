"""Answers by what they are called: a label (``Count me in``) is as good as the id that was made of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from engine.core.definition import NO
from engine.core.finding import did_you_mean
from engine.loading.moments import FOLLOWS, Unreadable

_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"'})
_ENDS = re.compile(r"(?=$|[\s,.)>+=<])")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)


def plain(label: str) -> str:
    """A label as it is compared: one space, small letters, straight quotes, nothing at its end."""
    return _SPACES.sub(" ", label.translate(_QUOTES)).strip().strip(".!,").casefold()


class Labels(msgspec.Struct, frozen=True):
    """The answers on offer: ask → (label or id, as compared → id), in the order of the file."""

    asks: Mapping[str, Mapping[str, str]] = {}
    details: Mapping[str, Mapping[str, str]] = {}
    """The same for the choices of details."""
    latest: bool = False
    """True where a label alone means the last ask that offers it; otherwise it has to be the only one."""

    @property
    def unsure(self) -> bool:
        """Whether an ask here has no answers at all, which is a slip of its own: any label may be one of them."""
        return any(not known for known in self.asks.values())

    def before(self, count: int) -> Labels:
        """Only the first ``count`` asks."""
        return Labels(dict(list(self.asks.items())[:count]), self.details, self.latest)

    def id_of(self, ask: str, written: str) -> str:
        """The id of an answer; whatever it is not is left for the checker to find."""
        known = self.asks.get(ask, {})
        return known.get(plain(written)) or written.strip()

    def ask_of(self, written: str, offset: int = 0) -> str:
        """The ask that offers an answer.

        Raises:
            Unreadable: none does, or several do and it cannot be told which is meant.
        """
        wanted = plain(written)
        offering = [name for name, known in self.asks.items() if wanted in known]
        if not offering and self.unsure:
            raise Unreadable(FOLLOWS, f"no ask offers `{written}`")
        if not offering:
            labels = dict.fromkeys(label for known in self.asks.values() for label in known)
            offered = ", ".join(f"`{label}`" for label in labels if "_" not in label)
            known = f"known here: {offered}" if offered else "no ask before this offers any"
            hint = did_you_mean(wanted, labels, known)
            raise Unreadable("unknown-answer", f"no ask offers `{written}`", hint, offset, written)
        if len(offering) > 1 and not self.latest:
            message = f"{len(offering)} asks offer `{written}`"
            raise Unreadable("which-ask", message, f"write `{written} to {offering[-1]}`", offset)
        return offering[-1]

    def at(self, text: str, offset: int, ask: str | None = None) -> str | None:
        """The longest label or id that begins at this place of a text, as written there; None if none does."""
        asks = [self.asks.get(ask, {})] if ask is not None else list(self.asks.values())
        return _longest({label for known in asks for label in known} | {NO}, text[offset:])

    def choice(self, text: str, offset: int, detail: str) -> tuple[str, str] | None:
        """The choice of a detail that begins at this place: as it is written there, and its id."""
        known = self.details.get(detail, {})
        written = _longest(known, text[offset:])
        return (written, known[plain(written)]) if written is not None else None

    def named_in(self, text: str, offset: int) -> str:
        """What is written as an answer at this place: a label, or else a word, or else all up to a joint."""
        known = self.at(text, offset)
        if known is not None:
            return known
        end = min(
            (at for joint in (" or ", " to ", ",") if (at := text.find(joint, offset)) >= 0),
            default=len(text),
        )
        return text[offset:end]


def _longest(labels: Iterable[str], here: str) -> str | None:
    found = ""
    for label in labels:
        pattern = r"\s+".join(re.escape(word) for word in label.split())
        matched = re.match(pattern.replace("'", "['’‘]") + r"[.!]?", here, re.IGNORECASE)
        if matched and _ENDS.match(here, matched.end()) and matched.end() > len(found):
            found = matched[0]
    return found or None


NO_LABELS = Labels()


def in_gap(labels: Labels, gap: str) -> str:
    """A placeholder with its answer by id: ``invited.Count me in`` → ``invited.count_me_in``."""
    head = "number of " if gap.startswith("number of ") else ""
    rest = gap.removeprefix(head)
    ask, dot, choice = rest.partition(".")
    if dot and ask in labels.asks:
        return f"{head}{ask}.{labels.id_of(ask, choice)}"
    if not dot and (head or not _IDENTIFIER.fullmatch(rest)) and any(True for _ in _offering(labels, rest)):
        ask = labels.ask_of(rest)
        return f"{head}{ask}.{labels.id_of(ask, rest)}"
    return gap


def _offering(labels: Labels, written: str) -> Iterator[str]:
    return (name for name, known in labels.asks.items() if plain(written) in known)
