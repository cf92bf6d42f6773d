"""The workflow files that stand in the documents, ready to be loaded."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from engine.core.definition import Definition
from engine.loading.load import load_definition

LANGUAGE = Path(__file__).parents[2] / "docs" / "language.md"
_YAML = re.compile(r"^```yaml\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page: Path = LANGUAGE) -> list[str]:
    """Every whole workflow file of a page."""
    return [block for block in _YAML.findall(page.read_text("utf-8")) if block.startswith("name:")]


def example_text(name: str) -> str:
    """The text of the example with this name."""
    return next(text for text in examples() if text.startswith(f"name: {name}\n"))


@functools.cache
def example(name: str) -> Definition:
    """The definition of the example with this name."""
    loaded = load_definition(example_text(name), f"{LANGUAGE.name}: {name}")
    assert isinstance(loaded, Definition), [str(problem) for problem in loaded]
    return loaded
