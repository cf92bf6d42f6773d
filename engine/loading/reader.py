"""Reading a tree key by key: what is there, what is missing, and what nobody knows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import msgspec

from engine.core.definition import Choice
from engine.core.finding import Path, nearest, surely_meant
from engine.loading.moments import FOLLOWS, Unreadable
from engine.loading.people import NAME
from engine.loading.problem import Ledger, Place, Severity
from engine.loading.signs import CURLY, ODD, WIDTHLESS, curly_quote, odd_space
from engine.loading.tree import Entry, Items, Map, Node, Text

T = TypeVar("T")

NUMBERS = ("1️⃣", "2️⃣", "3️⃣", "4️⃣", "5️⃣", "6️⃣", "7️⃣", "8️⃣", "9️⃣")
"""The signs of choices whose label begins with no emoji, in their order."""

MAY_STAND_ALONE = ("tell", "board", "public", "moves", "starts", "carried")
"""Keys of lists under which one thing alone may stand without a dash."""

GAP = re.compile(r"<([^<>\n]*)>")
_BRACED = re.compile(r"\{ *([a-z][\w ]*(?:\.[\w ]+)?) *\}")
_CURLY = " \u201c\u201d\u201e\u201f\u2018\u2019\u201a\u00ab\u00bb"
_GLUED = re.compile(r"([a-z][a-z0-9_]*):\S")
_SPACES = re.compile(r"\s+")
_KEYCAP = "\u20e3"


class Fields(msgspec.Struct, frozen=True):
    """The keys of one map."""

    by_key: Mapping[str, Entry]
    place: Place

    def node(self, key: str) -> Node | None:
        """What stands under a key."""
        entry = self.by_key.get(key)
        return entry.node if entry is not None else None


class Reader:
    """Reads nodes of one file into plain values; whatever does not fit goes into the ledger."""

    def __init__(self, ledger: Ledger, gap: Callable[[str], str] = str) -> None:
        self._ledger = ledger
        self._gap = gap
        self.texts: dict[str, str] = {}
        self.gaps: dict[str, tuple[str, ...]] = {}
        self.said_at: dict[str, Place] = {}
        """Text key → where its sentence stands."""

    def note(
        self, place: Place, code: str, message: str, hint: str = "", severity: Severity = "error"
    ) -> None:
        """Note a problem."""
        self._ledger.note(place, code, message, hint, severity)

    def misname(self, *names: str) -> None:
        """Remember names that are known to be wrong, so that nothing more is said of them."""
        self._ledger.misname(*names)

    # ── maps, lists, texts ───────────────────────────────────────────────────

    def fields(
        self, node: Node | None, known: Sequence[str], place: Place, needed: Sequence[str] = ()
    ) -> Fields:
        """The keys of a map of which only ``known`` ones make sense.

        A misspelt key is noted and read as what was surely meant; what only follows from its absence is not said.
        """
        if not isinstance(node, Map):
            if node is not None:
                self.note(node.place, "not-a-map", "keys should stand here", f"for example `{known[0]}: …`")
            return Fields({}, place)
        found: dict[str, Entry] = {}
        misspelt: list[Entry] = []
        for entry in node.entries:
            key = spelled(entry.key.value)
            if key not in known:
                misspelt.append(entry)
            elif key in found:
                self.note(entry.key.place, "twice", f"`{key}` is written twice", "keep one of them")
            else:
                found[key] = entry
        near = {self._misspelt(entry, known) for entry in misspelt}
        for entry in misspelt:
            meant = surely_meant(spelled(entry.key.value), known)
            if meant is not None:
                found.setdefault(meant, entry)
        for key in needed:
            if key not in found and key not in near:
                self.note(place, "missing", f"`{key}` is missing here", f"add `{key}: …`")
        return Fields(found, place)

    def _misspelt(self, entry: Entry, known: Sequence[str]) -> str | None:
        """Note a key that nobody knows; returns the one that it comes near."""
        written, place = entry.key.value, entry.key.place
        odd = ODD.search(written)
        if odd is not None:
            self.note(entry.key.at(odd.start()), "unknown-key", *odd_space(odd[0]))
            return surely_meant(spelled(written), known)
        begins, colon, _ = written.partition(":")
        if colon and spelled(begins) in known:
            at = entry.key.at(len(begins))
            self.note(at, "unknown-key", "a space is missing after the colon", f"write `{begins}: …`")
            return spelled(begins)
        near = nearest(spelled(written), known)
        hint = f"did you mean `{near}`?" if near else f"known here: {', '.join(f'`{k}`' for k in known)}"
        self.note(place, "unknown-key", f"unknown key `{written}`", hint)
        return near

    def named(self, node: Node | None, what: str, reserved: Sequence[str] = ()) -> list[Entry]:
        """The entries of a map whose keys are names that the author chose."""
        if node is None:
            return []
        glued = _GLUED.match(node.value) if isinstance(node, Text) else None
        if isinstance(node, Text) and glued is not None:
            at = node.at(glued.end(1))
            self.note(at, "not-a-map", "a space is missing after the colon", f"write `{glued[1]}: …`")
            self._ledger.misname(glued[1])
            return []
        if not isinstance(node, Map):
            self.note(
                node.place,
                "not-a-map",
                f"each {what} has a name and stands on a line of its own",
                "write `name: …`",
            )
            return []
        found: list[Entry] = []
        for entry in node.entries:
            name = entry.key.value
            if not NAME.fullmatch(name):
                hint = f"write `{slug(name)}`" if slug(name) else "use small letters, digits and `_`"
                self.note(entry.key.place, "name", f"`{name}` cannot be the name of a {what}", hint)
                self._ledger.misname(name, *((slug(name),) if slug(name) else ()))
            elif name in reserved:
                self.note(entry.key.place, "name", f"`{name}` already means something", "choose another name")
                self._ledger.misname(name)
            else:
                found.append(entry)
        return found

    def items(self, node: Node | None) -> tuple[Node, ...]:
        """The items of a list; one thing alone is a list of one."""
        if node is None:
            return ()
        return node.items if isinstance(node, Items) else (node,)

    def text(self, node: Node | None) -> Text | None:
        """A text that says something."""
        if node is None:
            return None
        if not isinstance(node, Text):
            hint = "put quotes around it if it contains colons"
            if isinstance(node, Map) and all(_is_empty(entry.node) for entry in node.entries):
                hint = "gaps are written `<name>`, and a text with `{` in it needs quotes"
            self.note(node.place, "not-a-text", "a text should stand here", hint)
            return None
        if not node.value.strip():
            self.note(node.place, "empty", "nothing is written here", "write something, or leave the key out")
            return None
        return node

    def names(self, node: Node | None) -> tuple[str, ...]:
        """A list of names: ``[a, b]``, one per line with a dash, or ``a, b``."""
        found: list[str] = []
        for item in self.items(node):
            text = self.word(item)
            if text is not None:
                found += [piece.strip() for piece in text.value.split(",") if piece.strip()]
        return tuple(found)

    def word(self, node: Node | None) -> Text | None:
        """A text that means something to the bot: odd spaces and curly quotes in it are noted, and read past."""
        text = self.text(node)
        if text is None:
            return None
        value = text.value
        odd, curly = ODD.search(value), CURLY.match(value)
        if odd is not None:
            self.note(text.at(odd.start()), "odd-space", *odd_space(odd[0]))
        elif curly is not None:
            self.note(text.place, "curly-quote", *curly_quote(curly[0]))
        else:
            return text
        plain = WIDTHLESS.sub("", value)
        return msgspec.structs.replace(text, value=ODD.sub(" ", plain).strip(_CURLY))

    def parse(self, node: Node | None, read: Callable[[str], T]) -> T | None:
        """Read a small sentence; what cannot be read is noted at its place."""
        text = self.word(node)
        if text is None:
            return None
        value = text.value.strip()
        indent = len(text.value) - len(text.value.lstrip())
        try:
            return read(value)
        except Unreadable as error:
            if error.code == FOLLOWS:
                return None
            self.note(text.at(indent + error.offset), error.code, error.message, error.hint)
            if error.word:
                self._ledger.misname(error.word)
            return None

    # ── sentences and choices ────────────────────────────────────────────────

    def sentence(self, key: str, node: Node | None) -> str | None:
        """Keep a sentence under its key, with its placeholders; returns the key."""
        text = self.text(node)
        if text is None:
            return None
        self.keep(key, text.value, text)
        return key

    def keep(self, key: str, value: str, text: Text) -> None:
        """Keep a sentence whose words have been found already."""
        said = GAP.sub(lambda found: f"<{self._gap(spaced(found[1]))}>", value.strip())
        gaps = [found[1] for found in GAP.finditer(said)]
        self.texts[key] = said
        self.said_at[key] = text.place
        if gaps:
            self.gaps[key] = tuple(dict.fromkeys(gaps))
        bare = GAP.sub("", value)
        if "<" in bare or ">" in bare:
            self.note(text.place, "bracket", "a lone `<` or `>`", "write a placeholder as `<name>`")
        braced = _BRACED.search(value)
        if braced is not None:
            self.note(
                text.at(braced.start()),
                "bracket",
                f"`{braced[0]}` is no gap",
                f"gaps are written `<{braced[1]}>`",
            )

    def choices(self, owner: str, node: Node | None, path: str) -> tuple[Choice, ...]:
        """Choices: a map from name to label, or a list of labels."""
        found: list[Choice] = []
        if isinstance(node, Text) and node.plain and "," in node.value:
            self._listed_without_brackets(node)
            node = Items(split_labels(node), node.place)
        if isinstance(node, Items | Text):
            labels = [text for item in self.items(node) if (text := self.text(item)) is not None]
            pairs = [(choice_id(text.value, n), text) for n, text in enumerate(labels)]
        else:
            entries = self.named(node, path)
            pairs = [(e.key.value, text) for e in entries if (text := self.text(e.node)) is not None]
        for index, (name, text) in enumerate(pairs):
            if not name or name in [c.id for c in found]:
                self.note(text.place, "name", "this answer needs a name of its own", "write `name: label`")
                continue
            emoji, label = split_emoji(text.value.strip())
            self.keep(f"{owner}.{name}", label, text)
            found.append(Choice(name, emoji or NUMBERS[min(index, len(NUMBERS) - 1)]))
        return tuple(found)

    def _listed_without_brackets(self, text: Text) -> None:
        message = "several answers stand here as one text"
        hint = f"write `[{text.value.strip()}]`; or put quotes around it if it is one answer"
        self.note(text.place, "not-a-list", message, hint)


def split_labels(text: Text) -> tuple[Text, ...]:
    """The labels of a list that was written without brackets."""
    pieces = [piece for piece in text.value.split(",") if piece.strip()]
    return tuple(msgspec.structs.replace(text, value=piece.strip()) for piece in pieces)


def spelled(key: str) -> str:
    """A key as it is compared: single spaces in place of underscores."""
    return _SPACES.sub(" ", key.replace("_", " ").strip())


def under(node: Node | None, key: str, known: Sequence[str]) -> Node | None:
    """What stands under a key of a map that knows these, be it misspelt."""
    entries = node.entries if isinstance(node, Map) else ()
    written = {spelled(entry.key.value): entry.node for entry in reversed(entries)}
    if key in written:
        return written[key]
    return next(
        (each for name, each in written.items() if name not in known and surely_meant(name, known) == key),
        None,
    )


def _is_empty(node: Node) -> bool:
    return isinstance(node, Text) and not node.value.strip()


def spaced(written: str) -> str:
    """The same with one space where there were several."""
    return _SPACES.sub(" ", written.strip())


def slug(text: str) -> str:
    """A name made of a label: ``Count me in`` → ``count_me_in``; empty if nothing is left."""
    plain = (
        unicodedata.normalize("NFKD", text.replace("'", "").replace("’", ""))
        .encode("ascii", "ignore")
        .decode()
    )
    found = re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")
    return found if NAME.fullmatch(found) else ""


def choice_id(label: str, index: int) -> str:
    """The id of the answer that stands at this place of a list: its label's name, or ``answer_1`` if it has none."""
    return slug(split_emoji(label)[1]) or f"answer_{index + 1}"


def split_emoji(label: str) -> tuple[str, str]:
    """Take the emoji off the beginning of a label: ``✅ I'm coming`` → (``✅``, ``I'm coming``)."""
    first, _, rest = label.strip().partition(" ")
    is_sign = _KEYCAP in first or (
        any(unicodedata.category(c) == "So" for c in first) and not any(c.isalnum() for c in first)
    )
    return (first, rest.strip()) if is_sign and rest.strip() else ("", label.strip())


def places_of(root: Map) -> dict[Path, Place]:
    """The place of everything in a file, by its path of keys and list positions."""
    found: dict[Path, Place] = {(): root.place}
    _walk(root, (), found)
    return found


def _walk(node: Node, path: Path, found: dict[Path, Place]) -> None:
    match node:
        case Map(entries=entries):
            for entry in entries:
                here = (*path, _SPACES.sub(" ", entry.key.value.strip()))
                found[here] = entry.node.place if isinstance(entry.node, Text) else entry.key.place
                _walk(entry.node, here, found)
                if here[-1] in MAY_STAND_ALONE and isinstance(entry.node, Map):
                    _walk(entry.node, (*here, "0"), found)
        case Items(items=items):
            for index, item in enumerate(items):
                found[(*path, str(index))] = item.place
                _walk(item, (*path, str(index)), found)
        case Text():
            pass


def place_of(path: Path, places: Mapping[Path, Place]) -> Place:
    """The place of a path, or of the nearest thing around it."""
    for length in range(len(path), -1, -1):
        found = places.get(path[:length])
        if found is not None:
            return found
    return Place()


def path_at(place: Place, places: Mapping[Path, Place]) -> Path:
    """The path of what stands at a place: the last thing that begins there or before."""
    before = [
        ((at.line, at.column), path)
        for path, at in places.items()
        if (at.line, at.column) <= (place.line, place.column)
    ]
    return max(before)[1] if before else ()
