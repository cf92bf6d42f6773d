"""`hearth check --story`: good workflow files told back in plain sentences, and how much they write to anyone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from bridge.cli.check import in_order, is_fit, line_of, problems_in, workflow_files
from bridge.cli.speech import Halt, Status, say, warn
from bridge.telling.story import Story, story_as_text, tell_story
from engine.loading.load import examine_file

BETWEEN = "\n\n\n"


def tell(paths: Sequence[Path], output: str) -> Status:
    """Print the story of each file; if one of them is not fit for service, only what is wrong, as `check` does."""
    if not paths:
        raise Halt("No file is named.", "For example: hearth check --story workflows/", Status.USAGE)
    problems = in_order(problem for path in paths for problem in problems_in(path))
    for problem in problems:
        warn(line_of(problem))
    if not is_fit(problems):
        warn("A story can be told once these are mended.")
        return Status.PROBLEMS
    stories = _stories(paths)
    if output == "json":
        say(msgspec.json.format(msgspec.json.encode(stories)).decode())
    else:
        say(BETWEEN.join(story_as_text(story) for story in stories))
    return Status.PROBLEMS if problems else Status.OK


def _stories(paths: Sequence[Path]) -> list[Story]:
    files = dict.fromkeys(file for path in paths for file in workflow_files(path))
    examined = (examine_file(file) for file in files)
    return [tell_story(each.definition) for each in examined if each.definition is not None]
