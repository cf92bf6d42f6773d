"""`hearth run`: serves until it is told to stop."""

import asyncio
import contextlib
import logging
import random
import signal
from collections.abc import AsyncIterator, Callable, Iterator

from bridge.cli.enrol import opened_store, resolve
from bridge.cli.lock import only_one
from bridge.cli.speech import Halt, Status
from bridge.cli.watch import WatchedHomeserver
from bridge.http import PortTaken, Pulse, serving
from bridge.matrix.http import Homeserver, MatrixError, RateLimited, ServerTrouble, TokenLost
from bridge.matrix.keys import ForeignDevice
from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.settings import Settings
from bridge.wiring import Hearth, Plan

LONGEST_WAIT_SECONDS = 60.0

log = logging.getLogger(__name__)


async def run(settings: Settings) -> None:
    """Run the house of these settings until SIGTERM or SIGINT; a second signal does not wait for anything."""
    stop = asyncio.Event()
    _listen_for_signals(stop)
    _listen_for_changes(lambda: None)  # the files are read at the start in any case
    database = settings.database.path
    if not database.exists():
        raise Halt(
            f"The database {database} is not there.",
            "Run `hearth init`, or put the database back from a backup.",
            Status.CONFIGURATION,
        )
    with only_one(database), _ends_plainly():
        async with opened_store(database, settings.database.keys, settings.secrets.master_key) as store:
            found = await _rooms_when_reachable(settings, stop)
            if found is None:
                return
            pulse = Pulse()
            async with _health(pulse, settings):
                plan = plan_of(settings, *found)
                homeserver = await WatchedHomeserver.watched(plan.session, pulse)
                log.info("serving %d rooms as %s", len(plan.rooms), settings.homeserver.user_id)
                hearth = Hearth(plan, store, note_refused=pulse.note_refused_files)
                _listen_for_changes(hearth.look_again)
                await hearth.run(stop, homeserver=homeserver)
    log.info("stopped in order")


def plan_of(settings: Settings, rooms: tuple[str, ...], stewards_room: str | None = None) -> Plan:
    """The settings as the wiring wants them; rooms are given by their ids, aliases resolved."""
    secrets, house, circle = settings.secrets, settings.house, settings.circle
    return Plan(
        session=Session(
            settings.homeserver.url, settings.homeserver.user_id, secrets.device_id, secrets.access_token
        ),
        rooms=rooms,
        contacts=tuple(contact.user_id for contact in settings.safety.contacts if contact.user_id),
        operator=house.operator,
        outside_help=settings.safety.outside_help,
        allowed=allowed_by(settings),
        workflows=house.workflow_folder,
        pickle_secret=secrets.pickle_key,
        alias_salt=secrets.alias_salt,
        time_zone=circle.time_zone,
        language=circle.language,
        quiet_from_hour=house.quiet_from_hour,
        quiet_to_hour=house.quiet_to_hour,
        bot=house.bot_name,
        stewards=circle.stewards,
        workflows_at_start=None if "*" in circle.workflows_at_start else frozenset(circle.workflows_at_start),
        stewards_room=stewards_room,
    )


def allowed_by(settings: Settings) -> Allowed:
    """Whose invitations are accepted: the stewards', and those of whom [joining] names."""
    users = (*settings.circle.stewards, *settings.joining.invited_by_users)
    return Allowed(users=frozenset(users), servers=frozenset(settings.joining.invited_by_servers))


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
async def _health(pulse: Pulse, settings: Settings) -> AsyncIterator[None]:
    if settings.http.port == 0:
        yield
        return
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(serving(pulse, settings.http.host, settings.http.port))
        except PortTaken as taken:
            raise Halt(
                f"The address for health cannot be used: {taken}.",
                "Choose another in [http] port, or 0 for none.",
                Status.CONFIGURATION,
            ) from taken
        yield


async def _rooms_when_reachable(
    settings: Settings, stop: asyncio.Event
) -> tuple[tuple[str, ...], str | None] | None:
    """The ids of the rooms served, and of the stewards'; waits while the homeserver does not answer. None if told to
    stop meanwhile.
    """
    chance, failures = random.SystemRandom(), 0
    stewards_room = settings.house.stewards_room
    homeserver = await Homeserver.connect(settings.homeserver.url, access_token=settings.secrets.access_token)
    try:
        while not stop.is_set():
            try:
                await homeserver.request("GET", "/_matrix/client/versions")
                stewards = (
                    await _ids(homeserver, (stewards_room,), "[house] stewards_room") if stewards_room else ()
                )
                return await _ids(homeserver, settings.circle.rooms, "[circle] rooms"), next(
                    iter(stewards), None
                )
            except (ServerTrouble, RateLimited) as error:
                failures += 1
                seconds = min(LONGEST_WAIT_SECONDS, 2.0 ** min(failures, 6)) * chance.uniform(0.5, 1.0)
                log.warning("the homeserver does not answer (%s); again in %.0f s", error, seconds)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), seconds)
    finally:
        await homeserver.close()
    return None


async def _ids(homeserver: Homeserver, named: tuple[str, ...], setting: str) -> tuple[str, ...]:
    ids = {room: await resolve(homeserver, room) for room in named}
    unknown = [room for room, room_id in ids.items() if room_id is None]
    if unknown:
        raise Halt(
            f"No room is called {' or '.join(unknown)}.",
            f"Check {setting}, or give the room's id (!…).",
            Status.CONFIGURATION,
        )
    return tuple(dict.fromkeys(room_id for room_id in ids.values() if room_id is not None))
