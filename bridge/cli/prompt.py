"""The prompt of a preview: whoever sits there answers as any of the people, moves time on, and undoes."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import sys
import textwrap
from collections.abc import Iterator

from bridge.cli.chat import WIDTH, Viewer, day, listed
from bridge.cli.speech import Status, say
from bridge.rehearsal.acts import Act, Hitch
from bridge.rehearsal.casting import beginning, people_for
from bridge.rehearsal.play import Play
from bridge.rehearsal.playbill import Playbill
from bridge.rehearsal.script import read_line
from bridge.telling.lexis import is_made
from engine.core.definition import Definition
from engine.core.desk import Desk
from engine.core.instance import Snapshot
from engine.core.turn import DETAIL, QUESTION
from engine.core.view import people_now
from engine.loading.moments import Unreadable
from engine.runtime.localize import Cast as Casting
from engine.runtime.ports import Want

HELP = """\
  bruno: coming           Bruno writes to Hearth: a number, an emoji, or words
  room ana: invite        Ana writes in the circle's room, or taps what is there
  bruno to personal: …    an answer to one question, when several are open
  bruno takes it back     he removes the last thing he wrote or tapped
  chen leaves             and `chen comes back`; `hana comes` brings a new one
  skip                    on to the next moment at which there is something to see
  skip 3 days             also `skip to reply_by`, `skip to Friday 19:00`
  back                    undo the last thing
  who, state              who is asked what; where it stands
  quit                    end; nothing of this is kept"""
GOODBYE = "The rehearsal is over. Nobody was written to, and nothing of it is kept."


def talk(runner: asyncio.Runner, definition: Definition, playbill: Playbill, viewer: Viewer) -> Status:
    """Play what is written at the prompt until it ends."""
    if sys.stdin.isatty() and importlib.util.find_spec("readline"):
        importlib.import_module("readline")  # lines can be edited, and the arrow keys bring them back
    people = people_for(definition)
    play = runner.run(Play.begin(playbill, people))
    prompt = _Prompt(runner, play, viewer)
    try:
        viewer.open(play)
        prompt.act(beginning(definition, people, playbill.definitions()))
        if viewer.output == "text":
            say()
        viewer.tell("Write for example `ana: …` or `skip`; `help` says what else there is.")
        while prompt.obey(prompt.ask()):
            pass
        status = Status.OK
    except EOFError:
        status = Status.OK  # Ctrl-D, or the end of what was piped in
    except KeyboardInterrupt:
        status = Status.STOPPED_BY_HAND
    if viewer.output == "text":
        say()
    viewer.tell(GOODBYE)
    viewer.close()
    runner.run(play.end())
    return status


class _Prompt:
    """What is written at the prompt, and what comes of it."""

    def __init__(self, runner: asyncio.Runner, play: Play, viewer: Viewer) -> None:
        self._runner = runner
        self._play = play
        self._viewer = viewer
        self._shown: list[int] = []
        """How many happenings each act came to."""

    def ask(self) -> str:
        """The next line; raises EOFError at the end."""
        if self._viewer.output == "json":
            return input()
        say()
        stage = self._play.stage
        states = [stage.called(s) for s in stage.snapshots() if s.finished_ms is None]
        at = day(stage.now_ms).split(" ")
        line = input(f"{at[0][:3]} {at[1]} {at[2][:3]} {at[4]} · {', '.join(states) or 'nothing is open'} > ")
        if not sys.stdin.isatty():
            say(line)  # nobody has typed it here, so it does not stand there yet
        return line

    def obey(self, line: str) -> bool:
        """Do what a line says; False if it says to end."""
        match line.strip().lower():
            case "":
                pass
            case "quit" | "exit":
                return False
            case "help" | "?":
                self._print(HELP.split("\n"))
            case "back" | "undo":
                self._back()
            case "who":
                self._print(self._runner.run(_who(self._play)))
            case "state":
                self._print(self._runner.run(_state(self._play)))
            case _:
                try:
                    self.act(read_line(line.strip()))
                except Unreadable as error:
                    self._viewer.tell(
                        f"I can't read that: {error.message}; {error.hint}. `help` says what I can."
                    )
        return True

    def act(self, act: Act) -> None:
        """Play an act and show what comes of it."""
        result = self._runner.run(self._play.act(act))
        if isinstance(result, Hitch):
            self._viewer.tell(f"That can't be played: {result.at_the_prompt}.")
            return
        self._shown.append(len(result))
        self._viewer.show(self._play, result)
        if all(each.kind == "said" for each in result):
            self._viewer.tell(
                "Nothing else is to be seen of it." if result else "Time passes; there is nothing to see."
            )

    def _back(self) -> None:
        undone = self._runner.run(self._play.back())
        if undone is None:
            self._viewer.tell("There is nothing left to undo.")
            return
        self._viewer.undo(self._play, self._shown.pop())
        self._viewer.tell(f"Undone. It is {day(self._play.stage.now_ms)} again.")

    def _print(self, lines: list[str]) -> None:
        if self._viewer.output == "text":
            for line in lines:
                say(line)


# ── who is asked what, and where it stands ───────────────────────────────────


async def _who(play: Play) -> list[str]:
    lines: list[str] = []
    stage = play.stage
    loaded = await stage.store.load(Want(desks=frozenset(stage.cast.persons.values())))
    casts = {s.id: Casting(await stage.store.people_of(s.id)) for s in stage.snapshots()}
    for name, person in stage.cast.persons.items():
        desk = loaded.desks.get(person) or Desk(person)
        parts = dict.fromkeys(p for s in stage.snapshots() for p in _parts(play, s, casts[s.id], person))
        about = [listed(tuple(parts))]
        here = "" if name in stage.cast.here else "not in the circle"
        about += [here, *_before(desk)]
        lines += _row(name.capitalize(), "; ".join(filter(None, about)) or "nothing lies before them")
    return lines


def _parts(play: Play, snapshot: Snapshot, casting: Casting, person: str) -> Iterator[str]:
    definition = play.stage.catalogue.held(snapshot.definition)
    if definition is None or snapshot.finished_ms is not None:
        return
    for part in definition.parts:
        if is_made(part.name):
            continue
        if any(casting.person(ref) == person for ref in people_now(definition, snapshot, part.name)):
            yield part.name


def _before(desk: Desk) -> Iterator[str]:
    """What lies before somebody: what they are asked, and the words they may write."""
    asked = [
        _called(p.ask) for p in desk.prompts if p.instance is not None and not p.settled and not p.sources
    ]
    answered = [_called(p.ask) for p in desk.prompts if not p.settled and p.sources]
    words = tuple(dict.fromkeys(word for power in desk.powers.values() for word in power.words))
    if asked:
        yield f"is asked {listed(asked)}"
    if answered:
        yield f"has answered {listed(answered)}"
    if words:
        yield f"may write {listed(words)}"


def _called(ask: str) -> str:
    if ask.startswith(QUESTION):
        return "a question"
    return ask.removeprefix(DETAIL)


async def _state(play: Play) -> list[str]:
    lines: list[str] = []
    stage = play.stage
    for snapshot in stage.snapshots():
        definition = stage.catalogue.held(snapshot.definition)
        if definition is None:
            continue
        casting = Casting(await stage.store.people_of(snapshot.id))
        over = snapshot.finished_ms is not None
        lines.append(f"{definition.title}: {stage.called(snapshot)}{', and over' if over else ''}")
        for name, ask in snapshot.asks.items():
            if ask.settled or name not in definition.asks:
                continue
            said = {ref: answer.choice or "words" for ref, answer in ask.answers.items()}
            who = dict.fromkeys((*ask.asked, *said))
            people = [
                f"{(stage.cast.name_of(casting.person(ref)) or '')} {said.get(ref, '–')}" for ref in who
            ]
            until = f"until {day(ask.closes_ms)}" if ask.open else "closed"
            lines += _row(f"  {name}", f"{until}: {', '.join(people) or 'nobody yet'}")
        if snapshot.timers:
            lines += _row("  next", day(min(timer.due_ms for timer in snapshot.timers.values())))
    return lines or ["Nothing has been begun."]


def _row(head: str, text: str) -> list[str]:
    return textwrap.wrap(f"{head:10} {text}", WIDTH, subsequent_indent=" " * 11)
