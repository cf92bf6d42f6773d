"""Logging in once, and the session that makes it unnecessary ever after."""

from typing import Any

import msgspec

from bridge.matrix.checked import is_user_id
from bridge.matrix.http import Homeserver, Refused, ServerTrouble, path
from bridge.matrix.text import as_dict, as_list, as_text


class Session(msgspec.Struct, frozen=True):
    """Who we are on which homeserver; the access token is as good as the password."""

    homeserver: str
    user_id: str
    device_id: str
    access_token: str

    def __repr__(self) -> str:
        return f"Session({self.homeserver!r}, {self.user_id!r}, {self.device_id!r})"


class LoginRefused(Exception):
    """The homeserver did not let us in; the text says why, without the password."""


async def login(
    homeserver: Homeserver,
    user: str,
    password: str,
    *,
    device_id: str | None = None,
    display_name: str = "Hearth",
) -> Session:
    """Log in with a password (user id or its local part) and return the session to keep.

    Synapse allows about five logins in a row and then one in five minutes: never log in at every start. Raises
    `LoginRefused`, or a `MatrixError`.
    """
    body: dict[str, Any] = {
        "type": "m.login.password",
        "identifier": {"type": "m.id.user", "user": user},
        "password": password,
        "initial_device_display_name": display_name,
    }
    if device_id is not None:
        body["device_id"] = device_id
    await _require_password_login(homeserver)
    try:
        answer = await homeserver.request("POST", path("login"), body=body)
    except Refused as refused:
        raise LoginRefused(f"{homeserver.url}: {refused.status} {refused.errcode}") from refused
    user_id, device, token = (as_text(answer.get(name)) for name in ("user_id", "device_id", "access_token"))
    if not (is_user_id(user_id) and device and token):
        raise ServerTrouble("POST login: the answer lacks user_id, device_id or access_token")
    return Session(homeserver.url, str(user_id), device, token)


async def _require_password_login(homeserver: Homeserver) -> None:
    answer = await homeserver.request("GET", path("login"))
    kinds = [as_text(as_dict(flow).get("type")) for flow in as_list(answer.get("flows"))]
    if "m.login.password" not in kinds:
        raise LoginRefused(
            f"{homeserver.url}: no login by password here, only {', '.join(filter(None, kinds))}"
        )


async def session_of(homeserver: Homeserver, access_token: str) -> Session:
    """The session an access token belongs to; raises `TokenLost` if it is not valid."""
    answer = await whoami(homeserver.authorised(access_token))
    user_id, device_id = as_text(answer.get("user_id")), as_text(answer.get("device_id"))
    if not (is_user_id(user_id) and device_id):
        raise LoginRefused(f"{homeserver.url}: this token belongs to no device, so it cannot hold keys")
    return Session(homeserver.url, str(user_id), device_id, access_token)


async def whoami(homeserver: Homeserver) -> dict[str, Any]:
    """`user_id` and `device_id` of the token in use; raises `TokenLost` if it is not valid any more."""
    return await homeserver.request("GET", path("account", "whoami"))


async def logout(homeserver: Homeserver) -> None:
    """End the session: the token and the device's keys are gone for good."""
    await homeserver.request("POST", path("logout"))
