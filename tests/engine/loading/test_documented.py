"""The page for stewards and the language say the same."""

import pathlib
import re

import pytest

from engine.core.definition import Definition
from engine.loading import compile as compiling
from engine.loading.load import load_definition

PAGE = (pathlib.Path(__file__).parents[3] / "docs" / "language.md").read_text()


def test_the_example_on_the_page_is_a_whole_workflow() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    loaded = load_definition(example[1], "docs/language.md")
    assert isinstance(loaded, Definition), "\n".join(map(str, loaded))


@pytest.mark.parametrize(
    "keys", ["FILE_KEYS", "DETAIL_KEYS", "ASK_KEYS", "STATE_KEYS", "MOVE_KEYS", "SHELVES"]
)
def test_every_key_is_on_the_page(keys: str) -> None:
    missing = [key for key in getattr(compiling, keys) if f"`{key}`" not in PAGE and f"{key}:" not in PAGE]
    assert missing == []


def test_every_type_is_on_the_page() -> None:
    missing = [
        kind for kind in compiling.KINDS if f"`{kind}`" not in PAGE and kind not in ("moment", "choice")
    ]
    assert missing == []
