"""`hearth run`: serves until it is told to stop."""

import asyncio
import contextlib
import logging
import os
import random
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping

from bridge.cli.enrol import opened_store, resolve
from bridge.cli.hook import hooks_of
from bridge.cli.lock import only_one
from bridge.cli.planning import plan_of, rooms_named
from bridge.cli.speech import Halt, Status
from bridge.cli.watch import WatchedHomeserver
from bridge.http import Hooks, PortTaken, Pulse, serving
from bridge.matrix.http import Homeserver, MatrixError, RateLimited, ServerTrouble, TokenLost
from bridge.matrix.keys import ForeignDevice
from bridge.settings import Settings
from bridge.wiring import Hearth

LONGEST_WAIT_SECONDS = 60.0

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run the house of these settings until SIGTERM or SIGINT; a second signal does not wait for anything."""
    stop = asyncio.Event()
    _listen_for_signals(stop)
    _listen_for_changes(lambda: None)  # the files are read at the start in any case
    database = settings.database.path
    if not settings.database.url and not database.exists():
        raise Halt(
            f"The database {database} is not there.",
            "Run `hearth init`, or put the database back from a backup.",
            Status.CONFIGURATION,
        )
    # Of several over one PostgreSQL one speaks at a time; over a file there is one at a time.
    alone = contextlib.nullcontext() if settings.database.url else only_one(database)
    with alone, _ends_plainly():
        async with opened_store(
            settings.database.place, settings.database.keys, settings.secrets.master_key
        ) as store:
            pulse = Pulse()
            hooks = Hooks(hooks_of(settings), per_minute=settings.limits.hook_calls_per_minute)
            async with _served(pulse, hooks, settings):
                found = await _rooms_when_reachable(settings, stop)
                if found is None:
                    return
                plan = plan_of(settings, found)
                log.info("serving %d rooms as %s", len(plan.rooms), settings.homeserver.user_id)
                leases = store if settings.database.url else None
                hearth = Hearth(plan, store, pulse=pulse, hooks=hooks, leases=leases, holder=_our_name())
                _listen_for_changes(hearth.look_again)
                await hearth.run(stop, connect=lambda: WatchedHomeserver.watched(plan.session, pulse))
    log.info("stopped in order")


def _our_name() -> str:
    """What this process is called among several: its machine, and its number there."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _listen_for_signals(stop: asyncio.Event) -> None:
    loop, running = asyncio.get_running_loop(), asyncio.current_task()

    def heard(number: signal.Signals) -> None:
        if stop.is_set() and running is not None:
            log.warning("%s again: stopping without waiting", number.name)
            running.cancel()
        else:
            log.info("%s: stopping", number.name)
            stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, heard, number)


def _listen_for_changes(look_again: Callable[[], None]) -> None:
    def heard() -> None:
        log.info("SIGHUP: looking at the workflow files")
        look_again()

    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, heard)


@contextlib.contextmanager
def _ends_plainly() -> Iterator[None]:
    try:
        yield
    except TokenLost as lost:
        raise Halt(
            "The homeserver does not know our access token any more: the bot was logged out.",
            "Run `hearth init --log-in-again`, then start it again. Nothing is lost.",
            Status.CONFIGURATION,
        ) from lost
    except ForeignDevice as foreign:
        raise Halt(
            f"{foreign}.",
            "Run `hearth init --log-in-again`, then start it again.",
            Status.CONFIGURATION,
        ) from foreign
    except MatrixError as error:
        raise Halt(
            f"The homeserver will not serve us: {error}.", "Run `hearth doctor` to see why."
        ) from error


@contextlib.asynccontextmanager
async def _served(pulse: Pulse, hooks: Hooks, settings: Settings) -> AsyncIterator[None]:
    if settings.http.port == 0:
        yield
        return
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(serving(pulse, settings.http.host, settings.http.port, hooks))
        except PortTaken as taken:
            raise Halt(
                f"The address for health cannot be used: {taken}.",
                "Choose another in [http] port, or 0 for none.",
                Status.CONFIGURATION,
            ) from taken
        yield


async def _rooms_when_reachable(settings: Settings, stop: asyncio.Event) -> dict[str, str] | None:
    """Every room that the settings name, and its id; waits while the homeserver does not answer. None if told to stop
    meanwhile.
    """
    chance, failures = random.SystemRandom(), 0
    homeserver = await Homeserver.connect(settings.homeserver.url, access_token=settings.secrets.access_token)
    try:
        while not stop.is_set():
            try:
                await homeserver.request("GET", "/_matrix/client/versions")
                return await _ids(homeserver, rooms_named(settings))
            except (ServerTrouble, RateLimited) as error:
                failures += 1
                seconds = min(LONGEST_WAIT_SECONDS, 2.0 ** min(failures, 6)) * chance.uniform(0.5, 1.0)
                log.warning("the homeserver does not answer (%s); again in %.0f s", error, seconds)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), seconds)
    finally:
        await homeserver.close()
    return None


async def _ids(homeserver: Homeserver, named: Mapping[str, str]) -> dict[str, str]:
    """``named``: room → the setting that names it."""
    found = {room: await resolve(homeserver, room) for room in named}
    ids = {room: room_id for room, room_id in found.items() if room_id is not None}
    unknown = [room for room in named if room not in ids]
    if unknown:
        settings = dict.fromkeys(named[room] for room in unknown)
        raise Halt(
            f"No room is called {' or '.join(unknown)}.",
            f"Check {' and '.join(settings)}, or give the room's id (!…).",
            Status.CONFIGURATION,
        )
    return ids
