"""docker-compose.yml and Dockerfile, checked without a container engine: their shape, and what they say of Hearth."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest
import yaml

from bridge.cli.commands import commands_of, parser
from bridge.settings import COMMAND_VARIABLES, TABLE
from tests.bridge.command import PROJECT_FOLDER

COMPOSE = PROJECT_FOLDER / "docker-compose.yml"
DOCKERFILE = PROJECT_FOLDER / "Dockerfile"

# The part of the Compose specification (compose-spec, schema/compose-spec.json) that this file uses: what may stand
# where, and of which kind it is. Anything else in the file fails the test, so that a slip does not pass unread.
TOP = {"name": str, "services": dict, "volumes": dict, "configs": dict}
SERVICE: dict[str, type | tuple[type, ...]] = {
    "image": str,
    "build": (str, dict),
    "command": list,
    "restart": str,
    "environment": dict,
    "depends_on": dict,
    "volumes": list,
    "configs": list,
    "ports": list,
    "healthcheck": dict,
    "stop_grace_period": str,
    "security_opt": list,
    "cap_drop": list,
    "read_only": bool,
    "tmpfs": list,
}
HEALTHCHECK = {"test": list, "interval": str, "timeout": str, "retries": int}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
RESTARTS = {"no", "always", "unless-stopped", "on-failure"}
DURATION = re.compile(r"(\d+(us|ms|s|m|h))+")
VARIABLE = re.compile(r"\$\{(?P<name>[A-Z_]+)(?P<more>:[?-][^}]*)?\}")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))
    return loaded


@pytest.fixture(scope="module")
def hearth(compose: dict[str, Any]) -> dict[str, Any]:
    service: dict[str, Any] = compose["services"]["hearth"]
    return service


def instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, continued lines joined."""
    text = DOCKERFILE.read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in lines)]


def instruction(name: str) -> str:
    return [rest for word, rest in instructions() if word == name][-1]


# ── the shape ────────────────────────────────────────────────────────────────


def test_the_compose_file_has_the_shape_of_the_specification(compose: dict[str, Any]) -> None:
    fits(compose, TOP, "docker-compose.yml")
    for name, service in compose["services"].items():
        fits(service, SERVICE, name)
        assert "image" in service or "build" in service, name
        assert service["restart"] in RESTARTS
        for other, condition in service.get("depends_on", {}).items():
            assert other in compose["services"], f"{name} depends on {other}"
            assert condition["condition"] in CONDITIONS
        if health := service.get("healthcheck"):
            fits(health, HEALTHCHECK, f"{name}.healthcheck")
            assert health["test"][0] in {"CMD", "CMD-SHELL", "NONE"}
            assert all(DURATION.fullmatch(health[key]) for key in ("interval", "timeout"))
        for value in service.get("environment", {}).values():
            assert isinstance(value, str), f"{name}: {value!r} would not reach the container as it is written"


def fits(found: dict[str, Any], allowed: dict[str, Any], where: str) -> None:
    assert found.keys() <= allowed.keys(), f"{where}: {found.keys() - allowed.keys()}"
    for key, value in found.items():
        assert isinstance(value, allowed[key]), f"{where}.{key}: {value!r}"


def test_every_volume_and_config_that_is_used_is_declared_and_the_other_way_round(
    compose: dict[str, Any],
) -> None:
    services = compose["services"].values()
    volumes = {volume.partition(":")[0] for service in services for volume in service.get("volumes", [])}
    assert volumes == compose["volumes"].keys()
    configs = {config["source"] for service in services for config in service.get("configs", [])}
    assert configs == compose["configs"].keys()


def test_every_variable_that_must_be_given_says_where_and_is_explained_at_the_top() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    head = text[: text.index("services:")]
    names = {found["name"] for found in VARIABLE.finditer(text)}
    insisted = {found["name"] for found in VARIABLE.finditer(text) if (found["more"] or "").startswith(":?")}
    assert names == insisted == {"SERVER_NAME", "POSTGRES_PASSWORD"}
    assert all(f"{name}=" in head for name in names)


def test_nothing_is_published_beyond_this_machine(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


# ── what it says of Hearth ───────────────────────────────────────────────────


def test_its_variables_are_ones_that_hearth_knows_and_can_read(hearth: dict[str, Any]) -> None:
    rows = {row.variable: row for row in TABLE}
    for name, value in hearth["environment"].items():
        assert name in rows or name in COMMAND_VARIABLES, name
        if name in rows:
            rows[name].kind.read(rows[name].kind.from_text(value), PROJECT_FOLDER)


def test_the_image_sets_only_variables_that_hearth_or_python_know() -> None:
    given = dict(
        pair.split("=", 1) for word, rest in instructions() if word == "ENV" for pair in rest.split()
    )
    known = {row.variable for row in TABLE} | COMMAND_VARIABLES | {"PYTHONUNBUFFERED"}
    assert given.keys() <= known
    assert given["HEARTH_FOLDER"] == "/hearth"


def test_every_command_it_names_is_one_that_hearth_has() -> None:
    known = commands_of(parser()).keys()
    assert yaml.safe_load(instruction("ENTRYPOINT")) == ["hearth"]
    assert yaml.safe_load(instruction("CMD"))[0] in known
    health = shlex.split(
        instruction("HEALTHCHECK").partition("CMD")[2].strip("[] ").replace('", "', " ").replace('"', "")
    )
    assert health[0] == "hearth"
    assert health[1] in known
    text = COMPOSE.read_text(encoding="utf-8")
    named = re.findall(r"docker compose (?:run --rm|exec) hearth(?: hearth)? (\w+)", text)
    assert {"init", "doctor"} <= set(named) <= set(known)


def test_what_hearth_writes_by_default_lands_on_volumes_of_their_own(hearth: dict[str, Any]) -> None:
    mounted = {volume.partition(":")[2] for volume in hearth["volumes"]}
    assert mounted == set(yaml.safe_load(instruction("VOLUME")))
    defaults = {(row.section, row.name): row.default for row in TABLE}
    for key in (("database", "path"), ("database", "keys"), ("files", "secrets"), ("files", "master_key")):
        folder = str(defaults[key]).partition("/")[0]
        assert f"/hearth/{folder}" in mounted, key
    assert hearth["read_only"], "nothing is written anywhere else"


def test_health_is_asked_where_hearth_listens(hearth: dict[str, Any]) -> None:
    assert hearth["environment"]["HEARTH_HTTP_HOST"] == "127.0.0.1"
    assert int(hearth["environment"]["HEARTH_HTTP_PORT"]) > 0


def test_the_bot_finds_the_homeserver_where_it_listens(compose: dict[str, Any]) -> None:
    address = compose["services"]["hearth"]["environment"]["HEARTH_INIT_SERVER"]
    host, _, port = address.removeprefix("http://").partition(":")
    assert host in compose["services"]
    assert any(published.endswith(f":{port}") for published in compose["services"][host]["ports"])


def test_synapse_is_told_of_the_database_that_is_there(compose: dict[str, Any]) -> None:
    written = yaml.safe_load(compose["configs"]["synapse-database"]["content"])
    arguments, postgres = written["database"]["args"], compose["services"]["postgres"]["environment"]
    assert written["database"]["name"] == "psycopg2"
    assert arguments["host"] in compose["services"]
    assert (arguments["user"], arguments["dbname"]) == (postgres["POSTGRES_USER"], postgres["POSTGRES_DB"])
    mounted = {config["target"] for config in compose["services"]["synapse"]["configs"]}
    assert mounted <= set(compose["services"]["synapse"]["command"])


# ── the image ────────────────────────────────────────────────────────────────


def test_the_image_runs_as_nobody_in_particular_and_holds_only_what_it_needs() -> None:
    assert instruction("USER") == "hearth"
    assert instruction("FROM") == "python:3.12-slim"
    copied = [word for name, rest in instructions() if name == "COPY" for word in rest.split()[:-1]]
    for path in copied:
        assert (PROJECT_FOLDER / path).exists(), path
    ignored = (PROJECT_FOLDER / ".dockerignore").read_text(encoding="utf-8").split()
    assert "*" in ignored
    assert {word.removeprefix("!") for word in ignored if word.startswith("!")} == set(copied)
