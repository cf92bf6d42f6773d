"""From a long play that breaks a promise to a short one that breaks the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.simulation.script import Item, Script
from tests.simulation.world import Played, play

MOST_TRIES = 150


def promise_of(finding: str) -> str:
    """Which promise a finding is about."""
    return finding.partition(":")[0].split(" ")[0] if ":" in finding else finding


def shrink(script: Script, *, tries: int = MOST_TRIES, play: Callable[[Script], Played] = play) -> Played:
    """Leave out of a play whatever can be left out while the same promise is still broken (delta debugging).

    ``tries`` bounds how often it is played again. The script given must break something.
    """
    best = play(script)
    promise = promise_of(best.broken[0])
    parts = 2
    while tries > 0 and len(best.script.items) > 1:
        items = best.script.items
        size = max(1, len(items) // parts)
        shorter = None
        for start in range(0, len(items), size):
            if tries <= 0:
                break
            tries -= 1
            left = items[:start] + items[start + size :]
            tried = play(best.script._replace(items=left))
            is_shorter = len(tried.script.items) < len(items)  # of a pair, not everything can be left out
            if is_shorter and any(promise_of(finding) == promise for finding in tried.broken):
                shorter = tried
                break
        if shorter is not None:
            best, parts = shorter, max(2, parts - 1)
        elif size == 1:
            break
        else:
            parts = min(len(items), parts * 2)
    return best


def told(played: Played, whole: int, command: str) -> str:
    """A broken promise as its finder reads it: what broke, the shortest play that shows it, and how to see it again."""
    findings = "\n".join(f"  ! {finding}" for finding in played.broken[:5])
    return (
        f"seed {played.script.seed}: a promise is broken\n{findings}\n\n"
        f"the shortest play found ({len(played.script.items)} of {whole} things happen):\n{played.script}\n\n"
        f"what happened:\n"
        + "\n".join(f"  {line}" for line in played.story[-60:])
        + f"\n\nonce more: {command}"
    )


def kept(items: Sequence[Item]) -> str:
    """The numbers of what is left of a script, for the command that repeats it."""
    return ",".join(str(item.n) for item in items)
