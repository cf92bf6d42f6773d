"""The page for stewards and the language say the same."""

import pathlib
import re

import pytest

from engine.core.definition import Definition
from engine.loading.load import load_definition

PAGE = (pathlib.Path(__file__).parents[3] / "docs" / "language.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=[text.splitlines()[0] for text in EXAMPLES])
def test_every_example_on_the_page_is_a_whole_workflow(example: str) -> None:
    loaded = load_definition(example, "docs/language.md")
    assert isinstance(loaded, Definition), "\n".join(map(str, loaded))
