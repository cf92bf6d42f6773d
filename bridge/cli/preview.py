"""`hearth preview`: a workflow played as a chat with made-up people, before anyone real is asked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from bridge.cli.chat import Viewer
from bridge.cli.check import line_of
from bridge.cli.one_file import examined_file
from bridge.cli.speech import Halt, Status, say, warn
from bridge.rehearsal.acts import Come, Hitch, Leave, Say, TakeBack
from bridge.rehearsal.casting import people_for
from bridge.rehearsal.play import Play
from bridge.rehearsal.playbill import Playbill
from bridge.rehearsal.script import Script, read_script
from bridge.settings import shipped_workflows
from engine.core.definition import Definition
from engine.loading.load import read_text
from engine.loading.problem import Problem


def preview(
    file: Path, output: str, environ: Mapping[str, str], *, script: Path | None = None, explore: bool = False
) -> Status:
    """Play a workflow file: at the prompt, by a script, or along every branch."""
    if script is not None and explore:
        raise Halt("--script plays one way and --explore all of them.", "Choose one.", Status.USAGE)
    examined = examined_file(file)
    _print_problems(examined.problems, output, fatal=examined.definition is None)
    if examined.definition is None:
        return Status.PROBLEMS
    playbill = Playbill.around(examined.definition, file.parent, shipped_workflows())
    if explore:
        from bridge.cli.explore import explore_and_tell  # noqa: PLC0415 - only where it is asked for

        return explore_and_tell(examined.definition, playbill, output)
    viewer = Viewer(examined.definition, output, environ)
    with asyncio.Runner() as runner:
        if script is not None:
            return runner.run(_follow(script, examined.definition, playbill, viewer))
        from bridge.cli.prompt import talk  # noqa: PLC0415 - the same

        return talk(runner, examined.definition, playbill, viewer)


def _print_problems(problems: tuple[Problem, ...], output: str, *, fatal: bool) -> None:
    if output == "json" and fatal:
        say(msgspec.json.format(msgspec.json.encode(problems)).decode())
        return
    for problem in problems:
        warn(line_of(problem))


async def _follow(path: Path, definition: Definition, playbill: Playbill, viewer: Viewer) -> Status:
    """Play a script to its end, or to where it cannot go on."""
    script = _script_in(path)
    if not isinstance(script, Script):
        _print_problems(script, viewer.output, fatal=True)
        return Status.PROBLEMS
    play = await Play.begin(playbill, _people_of(script, definition))
    viewer.open(play)
    status = Status.OK
    for scripted in script.acts:
        result = await play.act(scripted.act)
        if isinstance(result, Hitch):
            warn(f"{path}:{scripted.place.line}:{scripted.place.column} {result}")
            status = Status.PROBLEMS
            break
        viewer.show(play, result)
    viewer.end(play)
    viewer.close()
    await play.end()
    return status


def _script_in(path: Path) -> Script | tuple[Problem, ...]:
    text = read_text(path, str(path))
    return read_script(text, str(path)) if isinstance(text, str) else (text,)


def _people_of(script: Script, definition: Definition) -> tuple[str, ...]:
    """Those whom a script names, or as many as the workflow needs and all who act."""
    if script.people:
        return script.people
    newcomers = {scripted.act.who for scripted in script.acts if isinstance(scripted.act, Come)}
    acting = [s.act.who for s in script.acts if isinstance(s.act, Say | TakeBack | Leave)]
    return tuple(
        dict.fromkeys((*people_for(definition), *(name for name in acting if name not in newcomers)))
    )
