"""`hearth hook NAME`: what an outside tool needs to call."""

from collections.abc import Sequence

from bridge.cli.speech import Halt, Status, say
from bridge.http.hooks import DESCRIPTION, PATH, SIGNATURE, TIMESTAMP, Hook, secret_of
from bridge.settings import Settings

HOW = """\
address    http://{host}:{port}{path}
           {reach}
acts for   {acts_for}
may write  {may}
secret     {secret}
           Whoever has it can do the above. Another one: put ` key {next}` at the end of the hook in [http] hooks.

Sign each request: {timestamp} is the time in seconds since 1970, {signature} is sha256= and, in
hexadecimal, HMAC-SHA256 of that time, a full stop and the body, with the secret as it stands here.
What the body holds is described at {description}."""

LOOPBACK = ("127.0.0.1", "::1", "localhost")
ONLY_HERE = (
    "Only this machine reaches it there. Let a web server with TLS pass it on if the tool runs elsewhere."
)
WIDER = (
    "Others may reach it there, in the clear: let a web server with TLS pass on what comes from elsewhere."
)


def hooks_of(settings: Settings) -> tuple[Hook, ...]:
    """The hooks that the settings name, each with its secret."""
    master_key = settings.secrets.master_key
    return tuple(
        Hook(caller.name, caller.acts_for, caller.may, secret_of(master_key, caller.name, caller.number))
        for caller in settings.http.hooks
    )


def show_hook(settings: Settings, name: str) -> Status:
    """Print what the tool behind a hook has to know. Raises `Halt` for one that the settings do not name."""
    found = next((hook for hook in hooks_of(settings) if hook.name == name), None)
    if found is None:
        known: Sequence[str] = [hook.name for hook in hooks_of(settings)]
        helps = f"Known are {', '.join(known)}." if known else "Name one in [http] hooks."
        raise Halt(f"There is no hook called {name}.", helps, Status.CONFIGURATION)
    if settings.http.port == 0:
        raise Halt("Nothing can call: [http] port is 0.", "Choose a port.", Status.CONFIGURATION)
    (number,) = (caller.number for caller in settings.http.hooks if caller.name == name)
    say(
        HOW.format(
            host=settings.http.host,
            reach=ONLY_HERE if settings.http.host in LOOPBACK else WIDER,
            port=settings.http.port,
            path=PATH.replace("{name}", name),
            acts_for=found.acts_for,
            may=", ".join(found.may),
            secret=found.secret,
            next=number + 1,
            timestamp=TIMESTAMP,
            signature=SIGNATURE,
            description=DESCRIPTION,
        )
    )
    return Status.OK
