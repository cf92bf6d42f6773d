"""From settings to the plan of a house."""

from collections.abc import Mapping
from pathlib import Path

from bridge.matrix.rooms import Allowed
from bridge.matrix.session import Session
from bridge.plan import CirclePlan, Plan
from bridge.settings import Served, Settings, served_by

EVERYTHING = "*"


def rooms_named(settings: Settings) -> dict[str, str]:
    """Every room that the settings name, the circles' and the stewards', and where."""
    named: dict[str, str] = {}
    for circle in served_by(settings):
        own = f"[circles.{circle.name}]"
        named.setdefault(circle.room, f"{own} room" if circle.name else "[circle] rooms")
        if circle.stewards_room:
            common = circle.stewards_room == settings.house.stewards_room
            named.setdefault(circle.stewards_room, f"{'[house]' if common else own} stewards_room")
    return named


def stewards_named(settings: Settings) -> tuple[str, ...]:
    """The stewards of all circles, by their Matrix ids."""
    return tuple(
        dict.fromkeys(
            (*settings.circle.stewards, *(user for each in served_by(settings) for user in each.stewards))
        )
    )


def mark_of(settings: Settings, folder: Path) -> str:
    """What sets the definitions of this folder apart (`bridge.plan.Shelf`); empty for one that no circle has."""
    wanted = folder.resolve()
    circles = [each for each in served_by(settings) if each.workflow_folder.resolve() == wanted]
    is_own = settings.house.workflow_folder.resolve() == wanted
    return "" if is_own else min((each.name for each in circles), default="")


def plan_of(settings: Settings, ids: Mapping[str, str]) -> Plan:
    """The settings as the wiring wants them. ``ids``: room as it is named → its id; a room named twice, by alias and
    by id, is one circle, which goes by what is said of it first.
    """
    secrets, house, common = settings.secrets, settings.house, settings.circle
    circles = {ids[each.room]: each for each in reversed(tuple(served_by(settings)))}
    return Plan(
        session=Session(
            settings.homeserver.url, settings.homeserver.user_id, secrets.device_id, secrets.access_token
        ),
        circles=tuple(_circle(each, room, ids) for room, each in reversed(circles.items())),
        operator=house.operator,
        allowed=_allowed(settings),
        pickle_secret=secrets.pickle_key,
        alias_salt=secrets.alias_salt,
        bot=house.bot_name,
        language=common.language,
        time_zone=common.time_zone,
        quiet_from_hour=house.quiet_from_hour,
        quiet_to_hour=house.quiet_to_hour,
        workflows=house.workflow_folder,
        limits=settings.limits.all,
    )


def _circle(served: Served, room: str, ids: Mapping[str, str]) -> CirclePlan:
    everything = EVERYTHING in served.workflows_at_start
    return CirclePlan(
        room=room,
        workflows=served.workflow_folder,
        name=served.name,
        stewards=served.stewards,
        contacts=tuple(contact.user_id for contact in served.contacts if contact.user_id),
        outside_help=served.outside_help,
        language=served.language,
        time_zone=served.time_zone,
        at_start=None if everything else frozenset(served.workflows_at_start),
        stewards_room=ids[served.stewards_room] if served.stewards_room else None,
        quiet_from_hour=served.quiet_from_hour,
        quiet_to_hour=served.quiet_to_hour,
    )


def _allowed(settings: Settings) -> Allowed:
    """Whose invitations are accepted: the stewards', and those of whom [joining] names."""
    users = (*stewards_named(settings), *settings.joining.invited_by_users)
    return Allowed(users=frozenset(users), servers=frozenset(settings.joining.invited_by_servers))
