"""How commands speak: lines on the terminal, an exit status, and an end that is not a crash."""

import enum
import sys


class Status(enum.IntEnum):
    """Exit statuses; those above 2 as sysexits.h has them."""

    OK = 0
    PROBLEMS = 1
    USAGE = 2
    UNKNOWN = 70
    CONFIGURATION = 78
    STOPPED_BY_HAND = 130


class Halt(Exception):
    """A command cannot go on: `found` says what is the matter, `helps` what to do; both are for the operator."""

    def __init__(self, found: str, helps: str = "", status: Status = Status.PROBLEMS) -> None:
        super().__init__(found)
        self.found = found
        self.helps = helps
        self.status = status


def say(text: str = "") -> None:
    """Write a line where results go."""
    print(text, flush=True)


def warn(text: str) -> None:
    """Write a line where errors go."""
    print(text, file=sys.stderr, flush=True)
