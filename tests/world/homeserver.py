"""The child process of `tests.world.synapse`: Synapse itself, with two habits that suit a test.

Usage: python -m tests.world.homeserver [--while-stdin-is-open] -c homeserver.yaml

- SQLite does not wait for the disk (`synchronous = OFF`): the data live for minutes, and a machine that
  loses power loses the test too.
- With `--while-stdin-is-open` it ends when the process that started it is gone, also when that one was
  killed.
"""

import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from synapse.app.homeserver import main
from synapse.storage import engines
from synapse.storage.database import LoggingDatabaseConnection
from synapse.storage.engines.sqlite import Sqlite3Engine

WHILE_STDIN_IS_OPEN = "--while-stdin-is-open"


class CarelessSqlite(Sqlite3Engine):
    """Synapse's own SQLite engine, which never waits for the disk."""

    def on_new_connection(self, db_conn: LoggingDatabaseConnection) -> None:
        """Prepare a connection as Synapse does, then let go of the disk."""
        super().on_new_connection(db_conn)
        # The pragma is silently ignored inside a transaction.
        db_conn.commit()
        db_conn.execute("PRAGMA synchronous = OFF")


def end_with_the_parent(alone: threading.Event) -> None:
    """Wait until the other end of standard input is closed, then say so and ask this process to stop."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    alone.set()
    os.kill(os.getpid(), signal.SIGTERM)


def run() -> None:
    """Run Synapse as the command line asks; whoever is left alone clears away the folder of the configuration."""
    alone = threading.Event()
    if WHILE_STDIN_IS_OPEN in sys.argv:
        sys.argv.remove(WHILE_STDIN_IS_OPEN)
        threading.Thread(target=end_with_the_parent, args=(alone,), daemon=True).start()
    try:
        main()
    finally:
        if alone.is_set():
            shutil.rmtree(Path(sys.argv[sys.argv.index("-c") + 1]).parent, ignore_errors=True)


if __name__ == "__main__":
    engines.Sqlite3Engine = CarelessSqlite  # type: ignore[misc]
    run()
