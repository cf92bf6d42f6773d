"""What `hearth init` does on the homeserver: log in once, sign the device, join the rooms. Each may be repeated."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.cli.database import shown
from bridge.cli.questions import Asker
from bridge.cli.speech import Halt, Status, say
from bridge.hall.keeping import CellarKeeper
from bridge.matrix.backup import BackupState
from bridge.matrix.client import MatrixClient
from bridge.matrix.cross_signing import (
    AlreadyHasIdentity,
    BackupOpened,
    DeviceState,
    NoStoredIdentity,
    PasswordNeeded,
)
from bridge.matrix.crypto_store import ACCOUNT, KEY_REQUEST, OLM
from bridge.matrix.http import Homeserver, MatrixError, RateLimited, Refused, ServerTrouble, TokenLost, path
from bridge.matrix.keep import Row
from bridge.matrix.keys import ForeignDevice
from bridge.matrix.megolm import ROOM_SESSION
from bridge.matrix.secret_storage import RecoveryKey, WrongRecoveryKey
from bridge.matrix.session import LoginRefused, Session, login, logout, session_of
from bridge.matrix.text import as_text
from engine.core.values import MINUTE_MS, Ms
from engine.runtime.ports import Leases, Unavailable
from engine.store import NewerSchema, TortoiseStore, Unfinished, WrongMasterKey

MOST_TRIES = 4
INIT_LEASE_MS: Ms = 5 * MINUTE_MS
"""How long, at most, nobody may begin to speak after a `hearth init` that was killed."""
OF_A_DEVICE = frozenset({ACCOUNT, OLM, ROOM_SESSION, KEY_REQUEST})
"""Kinds of rows that belong to one device and must never be used by another one."""


class TokenRefused(Halt):
    """The access token is not valid (any more); with `soft_logout` its device lives on after a new login."""

    def __init__(self, soft_logout: bool) -> None:
        super().__init__(
            "The access token is not valid (any more).",
            "Run `hearth init --log-in-again`; it asks for the password once.",
            Status.CONFIGURATION,
        )
        self.soft_logout = soft_logout


@dataclass(frozen=True)
class Keys:
    """The keys of this house, 32 random bytes each."""

    pickle_key: bytes
    alias_salt: bytes
    master_key: bytes

    def __repr__(self) -> str:
        return "Keys(…)"


@dataclass(frozen=True)
class Joined:
    """A room we are in now."""

    room: str
    room_id: str


@dataclass(frozen=True)
class NotJoined:
    """A room we could not join: why, and what helps."""

    room: str
    found: str
    helps: str


@contextlib.asynccontextmanager
async def spoken_plainly(url: str) -> AsyncIterator[None]:
    """Turn what a homeserver may answer into an end the operator understands."""
    try:
        yield
    except RateLimited as limited:
        seconds = (limited.retry_after_ms or 300_000) // 1000
        raise Halt(
            f"{url} asks us to wait (too many requests in a short time).",
            f"Wait about {max(1, round(seconds / 60))} minutes, then run the same command again; it goes on from here.",
        ) from limited
    except TokenLost as lost:
        raise TokenRefused(lost.soft_logout) from lost
    except ServerTrouble as trouble:
        raise Halt(
            f"{url} did not answer as it should ({trouble}).",
            "Look at the homeserver's log, then run the same command again; it goes on from here.",
        ) from trouble
    except Refused as refused:
        raise Halt(
            f"{url} refused something we need ({refused}).",
            "The homeserver's log says why. Then run the same command again; it goes on from here.",
        ) from refused


async def log_in(asker: Asker, url: str, user: str, token: str, device_id: str | None = None) -> Session:
    """Log in with a token, or with a password that is asked for and kept nowhere."""
    homeserver = await Homeserver.connect(url)
    try:
        async with spoken_plainly(url):
            if token:
                return await _session_of_token(homeserver, user, token)
            return await _log_in_with_password(asker, homeserver, user, device_id)
    finally:
        await homeserver.close()


async def _session_of_token(homeserver: Homeserver, user: str, token: str) -> Session:
    try:
        session = await session_of(homeserver, token)
    except LoginRefused as refused:
        raise Halt(
            f"{refused}.", "Give the account's password instead: Hearth then makes a device of its own."
        ) from refused
    if not is_same_account(session.user_id, user):
        raise Halt(
            f"This access token belongs to {session.user_id}, not to {user}.",
            "Give the token of the bot's own account.",
        )
    return session


async def _log_in_with_password(
    asker: Asker, homeserver: Homeserver, user: str, device_id: str | None
) -> Session:
    question = "   Its password (not shown while you type, not kept; leave it empty to give an access token)"
    for _ in range(MOST_TRIES):
        password = asker.ask(question, variable="HEARTH_INIT_PASSWORD", secret=True)
        if not password:
            token = asker.ask("   Its access token", variable="HEARTH_SECRETS_ACCESS_TOKEN", secret=True)
            if token:
                return await _session_of_token(homeserver, user, token)
            raise Halt(
                f"There is no password for {user}.",
                "Give one (HEARTH_INIT_PASSWORD), or an access token (HEARTH_SECRETS_ACCESS_TOKEN).",
            )
        try:
            session = await login(homeserver, user, password, device_id=device_id)
        except LoginRefused as refused:
            found = _why_refused(refused)
            if not asker.patient:
                raise Halt(found, "Check HEARTH_HOMESERVER_USER_ID and HEARTH_INIT_PASSWORD.") from refused
            say(f"   {found} Please try again.")
            continue
        if is_same_account(session.user_id, user):
            return session
        raise Halt(f"This logged in {session.user_id}, not {user}.", "Check the account's name.")
    raise Halt(
        "The homeserver did not let us in.", "Check account and password, then run `hearth init` again."
    )


async def log_out(session: Session) -> None:
    """End an older session whose device is no longer used; if that fails it is only a line in the account's list."""
    homeserver = await Homeserver.connect(session.homeserver, access_token=session.access_token)
    try:
        await logout(homeserver)
    except MatrixError as error:
        say(
            f"   The old device {session.device_id} could not be logged out ({error}); you may remove it in an app."
        )
    finally:
        await homeserver.close()


def _why_refused(refused: LoginRefused) -> str:
    cause = refused.__cause__
    if isinstance(cause, Refused) and cause.errcode == "M_FORBIDDEN":
        return "Account or password is not right."
    if isinstance(cause, Refused) and cause.errcode == "M_USER_DEACTIVATED":
        return "This account has been deactivated."
    return f"The homeserver did not let us in ({refused})."


def is_same_account(user_id: str, user: str) -> bool:
    """Whether a full Matrix id is the one meant by `user`, an id or the name in front of the colon."""
    return user.lower() in {user_id.lower(), user_id[1:].partition(":")[0].lower()}


@contextlib.asynccontextmanager
async def while_nobody_speaks(leases: Leases, account: str) -> AsyncIterator[None]:
    """Use the bot's device, as long as no running Hearth does; whoever begins to run meanwhile stands by."""
    lease = await leases.take_lease(account, "hearth init", INIT_LEASE_MS)
    if lease is None:
        held = await leases.lease_of(account)
        raise Halt(
            f"Another Hearth is at work for {account}" + ("." if held is None else f": {held.holder}."),
            "Stop it first (or wait until `hearth init` has finished): two at once would ruin the encryption.",
        )
    try:
        yield
    finally:
        await leases.end_lease(lease)


@contextlib.asynccontextmanager
async def opened_store(database: Path | str, keys: Path, master_key: bytes) -> AsyncIterator[TortoiseStore]:
    """The database, open; what may be wrong with it is said plainly."""
    try:
        if isinstance(database, Path):
            keys.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        store = await TortoiseStore.open(database, master_key, keys=keys)
    except OSError as error:
        raise Halt(
            f"{error.filename} cannot be made ({error.strerror}).", "See who owns the folder."
        ) from error
    except WrongMasterKey as wrong:
        raise Halt(
            f"Master key, {keys.name if isinstance(database, Path) else 'keys'} and {shown(database)}"
            f" do not belong together: {wrong}.",
            "Put back the files that were made together.",
            Status.CONFIGURATION,
        ) from wrong
    except NewerSchema as newer:
        raise Halt(f"{newer}.", "", Status.CONFIGURATION) from newer
    except Unfinished as unfinished:
        raise Halt(
            f"{unfinished}.",
            "Empty it and copy, or restore, once more; or go on with the database of before.",
            Status.CONFIGURATION,
        ) from unfinished
    except Unavailable as unavailable:
        helps = "Check that the folder is there, writable for Hearth, and not full."
        if isinstance(database, str):
            helps = "Is it running, does it know us, and is [database] url right?"
        raise Halt(f"{unavailable}.", helps) from unavailable
    except ValueError as unreadable:
        raise Halt(f"{unreadable}.", "See [database] url.", Status.CONFIGURATION) from unreadable
    try:
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def opened_client(session: Session, store: TortoiseStore, keys: Keys) -> AsyncIterator[MatrixClient]:
    """This device with its keys on the homeserver; what belonged to an earlier device is left behind first."""
    keeper = CellarKeeper(store)
    rows = await keeper.load()
    left_behind = rows_of_another_device(rows, session.device_id)
    if left_behind:
        await keeper.commit(left_behind)
    try:
        client = await MatrixClient.open(
            session, keeper, pickle_secret=keys.pickle_key, alias_salt=keys.alias_salt
        )
    except ForeignDevice as foreign:
        raise Halt(
            f"The homeserver knows the device {session.device_id} with other keys than ours: the token is in use"
            " by another app, or the database was lost.",
            "Run `hearth init --log-in-again` with the password, so that Hearth has a device of its own.",
            Status.CONFIGURATION,
        ) from foreign
    try:
        yield client
    finally:
        await client.close()


def rows_of_another_device(rows: Mapping[tuple[str, str], bytes], device_id: str) -> list[Row]:
    """What deletes the sessions of another device; nothing if this device has an account here, or none has.

    Old Olm and outbound Megolm state is never taken over by a new device; keys that read old messages are kept.
    """
    accounts = {key for kind, key in rows if kind == ACCOUNT}
    if not accounts or device_id in accounts:
        return []
    return [Row(kind, key, None) for kind, key in rows if kind in OF_A_DEVICE]


async def sign_device(
    asker: Asker, client: MatrixClient, password: str | None, reveal: Callable[[RecoveryKey], Awaitable[None]]
) -> str:
    """See to it that the owner's identity signs this device; answers what was done. Replaces nothing, ever."""
    signing, user_id = client.cross_signing, client.session.user_id
    if await signing.device_state() is DeviceState.IDENTITY_CHANGED:
        await _accept_new_identity(asker, client)
    try:
        done = await signing.bootstrap(password=password, reveal=reveal)
    except PasswordNeeded:
        again = asker.ask(
            "   The homeserver wants the account's password once more",
            variable="HEARTH_INIT_PASSWORD",
            secret=True,
        )
        if not again:
            raise Halt(
                "The homeserver wants the account's password before it takes signing keys.",
                "Give it as HEARTH_INIT_PASSWORD and run `hearth init` again; it is not kept.",
            ) from None
        done = await signing.bootstrap(password=again, reveal=reveal)
    if not isinstance(done, AlreadyHasIdentity):
        return f"{user_id} has an identity now, and the bot's device is signed with it."
    if done.device is DeviceState.SIGNED:
        return "The bot's device is signed already."
    await _restore(asker, client)
    return "The bot's device is signed with the account's identity."


async def _accept_new_identity(asker: Asker, client: MatrixClient) -> None:
    user_id = client.session.user_id
    if not asker.confirm(f"   The identity of {user_id} was replaced since the last time. Was that you?"):
        raise Halt(
            f"The identity of {user_id} was replaced since the last time, and nobody said that this was meant.",
            "If it was, run `hearth init` on a terminal and say so. If not, change the account's password first.",
        )
    await client.acknowledge_identity(user_id)


async def back_up_keys(asker: Asker, client: MatrixClient) -> str:
    """See to it that room keys are backed up, or say what that would need; answers how it stands."""
    if client.backup.is_set_up:
        return _told_of_backup(BackupOpened(await client.backup.make()))
    if await client.backup.is_there():
        question = (
            "   There is a backup of room keys. The recovery key opens it (not kept; empty to go without)"
        )
    else:
        question = (
            "   Room keys are not backed up yet. The recovery key begins it (not kept; empty to go without)"
        )
    for _ in range(MOST_TRIES):
        words = asker.ask(question, variable="HEARTH_INIT_RECOVERY_KEY", secret=True)
        if not words:
            break
        try:
            return _told_of_backup(await client.cross_signing.open_backup(RecoveryKey.read(words)))
        except WrongRecoveryKey as wrong:
            if not asker.patient:
                break
            say(f"   That does not fit: {wrong}. Please try again.")
    return (
        "Room keys are not backed up: a device after this one could not read what was said before it. Run"
        " `hearth init` again with the recovery key (HEARTH_INIT_RECOVERY_KEY) to change that."
    )


def _told_of_backup(opened: BackupOpened) -> str:
    """How the backup stands, in a sentence."""
    if opened.state is not BackupState.KEPT:
        return (
            f"Room keys are not backed up: the account's backup is {opened.state}. Hearth writes into no backup but its"
            " own; delete that one in the app it was made with, or let it be."
        )
    came = f"; {opened.restored} came out of the backup" if opened.restored else ""
    return f"Room keys are backed up under the recovery key{came}."


async def _restore(asker: Asker, client: MatrixClient) -> None:
    user_id = client.session.user_id
    say(
        f"   {user_id} has an identity already, made in another app or an earlier set-up. I never replace it."
    )
    for _ in range(MOST_TRIES):
        words = asker.ask(
            "   Its recovery key, so that the bot's device can be signed (not kept)",
            variable="HEARTH_INIT_RECOVERY_KEY",
            secret=True,
        )
        if not words:
            raise Halt(
                f"{user_id} has an identity already, and its recovery key is needed to sign the bot's device.",
                "Give it (HEARTH_INIT_RECOVERY_KEY). If it is lost: log in as the bot in a Matrix app, reset the"
                " identity there, keep the new recovery key, and run `hearth init` again.",
            )
        try:
            key = RecoveryKey.read(words)
            state = await client.cross_signing.restore(key)
        except WrongRecoveryKey as wrong:
            if not asker.patient:
                raise Halt(
                    f"The recovery key does not fit: {wrong}.", "Check it and run `hearth init` again."
                ) from wrong
            say(f"   That does not fit: {wrong}. Please try again.")
            continue
        except NoStoredIdentity as none:
            raise Halt(
                f"The recovery key fits, but it does not hold the identity of {user_id}: {none}.",
                "Verify the bot's session from another session of the account, or reset the identity in a Matrix app.",
            ) from none
        if state is DeviceState.SIGNED:
            # Also where the database knows of a backup: an old one that was put back lacks what came since.
            opened = await client.cross_signing.open_backup(key)
            say(f"   {opened.restored} room keys came out of the account's backup.")
            return
        raise Halt(f"The device is still {state.value}.", "Run `hearth doctor` to see more.")
    raise Halt("The recovery key did not fit.", "Run `hearth init` again when you have it at hand.")


async def join(homeserver: Homeserver, room: str) -> Joined | NotJoined:
    """Join a room or space by id or alias; being in it already is fine."""
    try:
        answer = await homeserver.request("POST", path("join", room))
    except Refused as refused:
        if refused.status == 404 or refused.errcode == "M_NOT_FOUND":
            return NotJoined(room, "no such room is known here", "check its spelling, or give its id (!…)")
        if refused.status == 403:
            return NotJoined(
                room, "the bot is not invited", "invite it there; it joins by itself when it runs"
            )
        return NotJoined(room, f"the homeserver refused ({refused.errcode})", "invite the bot there")
    except ServerTrouble as trouble:
        return NotJoined(room, f"the homeserver could not do it ({trouble})", "try again later")
    return Joined(room, as_text(answer.get("room_id")) or room)


async def resolve(homeserver: Homeserver, room: str) -> str | None:
    """The room id meant by an id or alias; None if no room has this alias."""
    if not room.startswith("#"):
        return room
    try:
        answer = await homeserver.request("GET", path("directory", "room", room))
    except Refused as refused:
        if refused.status == 404:
            return None
        raise
    return as_text(answer.get("room_id"))
