"""Asking the operator: one question after another on a terminal, or all answers at once from the environment."""

import getpass
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from bridge.cli.speech import Halt, say
from bridge.settings import Setting, Wrong

T = TypeVar("T")

MOST_TRIES = 5


class Asker(Protocol):
    """Where answers come from."""

    patient: bool
    """Whether there is someone who can be asked again."""

    def ask(self, question: str, *, variable: str, default: str = "", secret: bool = False) -> str:
        """An answer, "" if there is none and no default."""
        ...

    def confirm(self, question: str) -> bool:
        """Whether the answer is yes; without a person it is no."""
        ...

    def pause(self, text: str) -> None:
        """Wait until the person has seen what was shown."""
        ...


class Terminal:
    """Asks a person; what the environment says already is offered as the answer, a secret is taken without asking."""

    patient = True

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = dict(environ)

    def ask(self, question: str, *, variable: str, default: str = "", secret: bool = False) -> str:
        # Taken once only, so that a wrong one is asked for instead of being tried again.
        if secret and (given := self._environ.pop(variable, "").strip()):
            return given
        default = self._environ.get(variable, "").strip() or default
        shown = (
            f"{question} [{default}]: " if default else f"{question}{'' if question[-1] in '?!' else ':'} "
        )
        try:
            answer = getpass.getpass(shown) if secret else input(shown)
        except EOFError:
            raise Halt("Nobody answers here.", "Run `hearth init` again; it goes on from here.") from None
        return answer.strip() or default

    def confirm(self, question: str) -> bool:
        return self.ask(f"{question} (yes/no)", variable="", default="no").lower() in {"yes", "y"}

    def pause(self, text: str) -> None:
        self.ask(text, variable="")


class Environment:
    """Takes answers from environment variables and never waits."""

    patient = False

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def ask(self, question: str, *, variable: str, default: str = "", secret: bool = False) -> str:
        return self._environ.get(variable, "").strip() or default

    def confirm(self, question: str) -> bool:
        return False

    def pause(self, text: str) -> None:
        """Nobody is there to wait for."""


def asker_for(unattended: bool, environ: Mapping[str, str]) -> Asker:
    """The terminal, unless nobody is to be asked."""
    if unattended:
        return Environment(environ)
    if not sys.stdin.isatty():
        raise Halt(
            "There is no terminal to ask on.", "Add --unattended to take the answers from the environment."
        )
    return Terminal(environ)


def ask_until(
    asker: Asker, question: str, take: Callable[[str], T], *, variable: str, default: str = ""
) -> T:
    """Ask until `take` accepts the answer; `take` raises `Wrong`. Without a person the first refusal is the last."""
    for _ in range(MOST_TRIES):
        answer = asker.ask(question, variable=variable, default=default)
        try:
            return take(answer)
        except Wrong as wrong:
            if not asker.patient:
                raise Halt(f"{variable}: {wrong.found}.", f"{wrong.helps}.") from wrong
            say(f"   {wrong.found}; {wrong.helps}.")
    raise Halt("That did not work out.", "Run `hearth init` again when you have it at hand.")


def ask_setting(asker: Asker, question: str, row: Setting, default: object = None) -> Any:
    """Ask for the value of a setting; answers it as TOML would give it."""

    def take(answer: str) -> object:
        if not answer and row.needed:
            raise Wrong("this is needed", "please write something")
        value = row.kind.from_text(answer)
        return row.kind.write(row.kind.read(value, Path()))

    shown = ", ".join(map(str, default)) if isinstance(default, list | tuple) else str(default or "")
    return ask_until(asker, question, take, variable=row.variable, default=shown)
