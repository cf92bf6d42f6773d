"""The JSON Schema of workflow files, for editors: it completes, explains and checks while somebody types.

    python -m engine.loading.schema > workflows/schema.json

Draft-07, which yaml-language-server reads best. It knows shapes; what names refer to, only ``hearth check`` knows.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence

from engine.loading.asks import NAMING
from engine.loading.compile import ARRIVALS, CONTACTS
from engine.loading.conditions import CONDITIONS
from engine.loading.draft import IN_WORDS
from engine.loading.grammar import CARRIED, KINDS, SECTIONS, SHELVES, STEPS, Key, Section, Shape
from engine.loading.moments import MOMENTS
from engine.loading.people import SOURCES, TRIGGERS, WHO
from engine.loading.rests import EXAMPLES_OF_WAITS

Json = Mapping[str, object]

_N = "[a-z][a-z0-9_]*"
_COUNT = r"(\d{1,4}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_LENGTH = rf"{_COUNT} +(minute|hour|day|week|month|year)s?"
_MOMENT = rf"(until +)?({_LENGTH} +(before|after) +{_N}|halfway +to +{_N}|{_N})"
_KIND = r"(text|words|date and time|moment|person|people|number|choice|workflow)"
_BOUND = r"(optional|may be past|(and +)?(but +)?not +[a-z][^,]*|\d+ +(to|and|or) +\d+|(at least|at most|exactly) +\d+)"
_HAND = rf"{_N}( +as +{_N})?"


def _text(*examples: str, pattern: str | None = None, title: str | None = None) -> Json:
    found: dict[str, object] = {"type": "string"}
    if pattern is not None:
        found["pattern"] = f"^{pattern}$"
    if examples:
        found["examples"] = list(examples)
    if title is not None:
        found["title"] = title
    return found


def _either(*shapes: Json) -> Json:
    return {"anyOf": list(shapes)}


def _ref(name: str) -> Json:
    return {"$ref": f"#/definitions/{name}"}


def _one_or_list(shape: Json) -> Json:
    return _either(shape, {"type": "array", "items": shape, "minItems": 1})


def _named(shape: Json) -> Json:
    """A map from names that the author chooses."""
    return {"type": "object", "propertyNames": {"pattern": f"^{_N}$"}, "additionalProperties": shape}


_LABEL: Json = {"type": ["string", "number"]}
_NAME = _text(pattern=_N)
_NAMES = _one_or_list(_text(pattern=rf"{_N}( *, *{_N})*"))
_CHOICES = _either({"type": "array", "items": _LABEL, "minItems": 1}, _named(_LABEL), _LABEL)
_DIGITS: Json = {"type": "integer", "minimum": 0}


def _ways(ways: Sequence[tuple[str, str]]) -> list[str]:
    return [way for way, _ in ways]


_SHAPES: dict[Shape, Callable[[], Json]] = {
    "word": _text,
    "line": _text,
    "sentence": _text,
    "name": lambda: _NAME,
    "part": lambda: _NAME,
    "names": lambda: _NAMES,
    "moment": lambda: _text(*_ways(MOMENTS), pattern=_MOMENT),
    "length": lambda: _text("2 weeks", "1 month", pattern=_LENGTH),
    "again": lambda: _text("every 2 weeks", "every 1 month", pattern=rf"((every|after) +)?{_LENGTH}"),
    "days": lambda: _text("30 days", "90 days", pattern=rf"({_LENGTH}|for ever|forever|always)"),
    "kept": lambda: _text(
        "30 days",
        "30 days after answering",
        pattern=rf"({_LENGTH}( +after +(answering|the answer|they are written))?|for ever|forever|always)",
    ),
    "wait": lambda: _text(*EXAMPLES_OF_WAITS),
    "condition": lambda: _text(*_ways(CONDITIONS)),
    "who": lambda: _text(*_ways(WHO)),
    "whos": lambda: _one_or_list(_text(*_ways(WHO))),
    "source": lambda: _one_or_list(_text(*_ways(SOURCES))),
    "trigger": lambda: _text(*_ways(TRIGGERS)),
    "shelf": lambda: {"enum": list(SHELVES)},
    "arrival": lambda: {"enum": list(ARRIVALS)},
    "kind": lambda: _either({"enum": _ways(KINDS)}, _text(pattern=rf"{_KIND}( *, *{_BOUND})*")),
    "default": lambda: _LABEL,
    "choices": lambda: _CHOICES,
    "answers": lambda: _either({"enum": [IN_WORDS, *NAMING]}, _CHOICES),
    "in words": lambda: {"enum": [IN_WORDS]},
    "a poll": lambda: {"enum": ["a poll"]},
    "yes": lambda: {"enum": ["yes", True]},
    "sensitive": lambda: {"enum": ["sensitive"]},
    "audience": lambda: _one_or_list(_text("me", "host", "circle", pattern=rf"{_N}( *, *{_N})*")),
    "hidden": lambda: _either({"enum": ["closed", "shown"]}, _text("closed", "shown", pattern=_MOMENT)),
    "unsigned": lambda: _either(
        _text("from 5 answers", pattern=r"((from|at least) +)?\d{1,3}( +answers)?"), _DIGITS
    ),
    "places": lambda: _either(_DIGITS, _text("8", "seats", pattern=rf"(\d{{1,4}}|{_N})")),
    "needs": lambda: _text("2 Count me in", pattern=rf"(at least +)?(\d{{1,4}}|{_N}) +\S.*"),
    "hands": lambda: _one_or_list(_text("what", "host as proposer", pattern=rf"{_HAND}( *, *{_HAND})*")),
    "people": lambda: _named(_SHAPES["source"]()),
    "details": lambda: _named(_either(_SHAPES["kind"](), _CHOICES_LIST, _ref("detail"))),
    "asks": lambda: _named(_ref("ask")),
    "states": lambda: _named(_ref("state")),
    "steps": lambda: {
        "type": "array",
        "minItems": 1,
        "items": _either(*(_ref(f"step: {step}") for step in STEPS)),
    },
    "tells": lambda: _one_or_list(_ref("tell")),
    "boards": lambda: _one_or_list(_ref("board")),
    "public": lambda: _one_or_list(_either(_text(), _ref("public"))),
    "moves": lambda: _one_or_list(_ref("move")),
    "starts": lambda: _one_or_list(_ref("start")),
    "contacts": lambda: {"enum": [CONTACTS]},
    "carried": lambda: _one_or_list(_ref("carried")),
    "carried as": lambda: {"enum": list(CARRIED)},
}
_CHOICES_LIST: Json = {"type": "array", "items": _LABEL, "minItems": 1}
_EXCLUSIVE = {"head": ("steps", "states"), "move": ("when", "at", "every"), "detail": ("type", "choices")}


def schema() -> Json:
    """The whole schema."""
    definitions = {name: _section(section) for name, section in SECTIONS.items() if name != "head"}
    head = dict(_section(SECTIONS["head"]))
    patterns = dict(_mapping(head.get("patternProperties")))
    leaves = {"description": "The state it goes to when nobody is left in this part.", **_NAME}
    patterns[rf"^if[ _](the[ _])?{_N}[ _]leaves$"] = leaves
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A workflow of Hearth",
        **head,
        "patternProperties": patterns,
        "definitions": definitions,
    }


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _section(section: Section) -> Json:
    found: dict[str, object] = {
        "type": "object",
        "description": section.says,
        "properties": {key.name: _key(key) for key in section.keys},
        "additionalProperties": False,
    }
    spaced = {f"^{key.name.replace(' ', '_')}$": _key(key) for key in section.keys if " " in key.name}
    if spaced:
        found["patternProperties"] = spaced
    required = [name for name in section.needed if " " not in name]
    if required:
        found["required"] = required
    every = [
        _either(*({"required": [each]} for each in (name, name.replace(" ", "_"))))
        for name in section.needed
        if " " in name
    ]
    if every:
        found["allOf"] = every
    if section.name in _EXCLUSIVE:
        found["oneOf"] = [{"required": [key]} for key in _EXCLUSIVE[section.name]]
    if section.name == "head":
        found["dependencies"] = {"steps": {"not": {"required": ["asks"]}}, "public": ["steps"]}
    return found


def _key(key: Key) -> Json:
    shape = dict(_SHAPES[key.shape]())
    if "examples" not in shape and shape.get("type") == "string":
        shape["examples"] = [key.example]
    return {"description": f"{key.says} Example: {key.example}", **shape}


def written() -> str:
    """The schema as it lies in its file."""
    return json.dumps(schema(), ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    sys.stdout.write(written())
