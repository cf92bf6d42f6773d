"""The settings: one table, read strictly, with every problem said at once and no secret in any of them."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.cli.planning import mark_of, plan_of, rooms_named
from bridge.settings import (
    FILE_NAME,
    MOST_CIRCLES,
    SECRETS,
    TABLE,
    Contact,
    Problem,
    Problems,
    Settings,
    load_settings,
    load_values,
    served_by,
    shipped_workflows,
    write_privately,
    write_secrets,
    write_settings,
)
from bridge.settings.circles import meant_otherwise, own_rows
from bridge.settings.notation import toml
from tests.bridge.command import PROJECT_FOLDER

NEEDED = {
    ("homeserver", "url"): "https://matrix.example.org",
    ("homeserver", "user_id"): "@hearth:example.org",
    ("circle", "rooms"): ["#circle:example.org"],
    ("circle", "stewards"): ["@ana:example.org"],
    ("house", "operator"): "Ana",
    ("safety", "outside_help"): "112",
}
KEY = "0f" * 32
KEPT = {"access_token": "syt_token", "device_id": "DEVICE", "pickle_key": KEY, "alias_salt": KEY}


def furnish(folder: Path, settings: str | None = None) -> Path:
    """Put settings and secrets into a folder."""
    text = write_settings(NEEDED) if settings is None else settings
    (folder / FILE_NAME).write_text(text, encoding="utf-8")
    (folder / "secrets").mkdir(mode=0o700)
    write_privately(folder / "secrets" / "hearth.secrets.toml", write_secrets(KEPT))
    write_privately(folder / "secrets" / "master.key", KEY + "\n")
    return folder


def load(folder: Path, **environ: str) -> Settings:
    settings = load_settings(folder, environ)
    assert isinstance(settings, Settings), str(settings)
    return settings


def problems(folder: Path, **environ: str) -> list[str]:
    found = load_settings(folder, environ)
    assert isinstance(found, Problems)
    return [str(problem).replace(f"{folder}/", "") for problem in found]


# ── what is read ─────────────────────────────────────────────────────────────


def test_what_init_writes_is_what_run_reads(tmp_path: Path) -> None:
    settings = load(furnish(tmp_path))
    assert settings.homeserver.url == "https://matrix.example.org"
    assert settings.circle.rooms == ("#circle:example.org",)
    assert settings.house.operator == "Ana"
    assert settings.secrets.device_id == "DEVICE"
    assert settings.secrets.master_key == bytes.fromhex(KEY)


def test_every_default_holds_when_only_the_needed_is_written(tmp_path: Path) -> None:
    settings = load(furnish(tmp_path))
    assert settings.database.path == tmp_path / "data" / "hearth.db"
    assert settings.house.workflow_folder == shipped_workflows()
    assert (settings.house.quiet_from_hour, settings.house.quiet_to_hour) == (21, 9)
    assert (settings.http.host, settings.http.port) == ("127.0.0.1", 8780)
    assert settings.joining.invited_by_users == settings.joining.invited_by_servers == ()


def test_the_written_file_has_every_setting_under_a_comment_of_its_own(tmp_path: Path) -> None:
    text = write_settings(NEEDED)
    lines = text.splitlines()
    for row in (row for row in TABLE if not row.secret):
        written = [n for n, line in enumerate(lines) if line.removeprefix("# ").startswith(f"{row.name} = ")]
        assert written, row.name
        assert row.sentence[:30] in text, row.name
        assert lines[written[0] - 1].startswith("# "), row.name
    assert set(tomllib.loads(text)) == {row.section for row in TABLE if not row.secret}


def test_a_default_taken_out_of_its_comment_changes_nothing(tmp_path: Path) -> None:
    text = write_settings(NEEDED)
    for row in (row for row in TABLE if not row.secret and not row.needed):
        text = text.replace(f"# {row.name} = ", f"{row.name} = ")
    with_defaults = load(furnish(tmp_path, text))
    (tmp_path / FILE_NAME).write_text(write_settings(NEEDED))
    assert with_defaults == load(tmp_path)


def test_the_environment_goes_before_the_file_and_an_empty_variable_does_not_count(tmp_path: Path) -> None:
    furnish(tmp_path)
    settings = load(
        tmp_path,
        HEARTH_HTTP_PORT="9000",
        HEARTH_CIRCLE_STEWARDS="@ben:example.org, @cleo:example.org",
        HEARTH_HOUSE_OPERATOR="",
        HEARTH_SECRETS_ACCESS_TOKEN="another",
    )
    assert settings.http.port == 9000
    assert settings.circle.stewards == ("@ben:example.org", "@cleo:example.org")
    assert settings.house.operator == "Ana"
    assert settings.secrets.access_token == "another"


def test_with_all_secrets_in_the_environment_no_file_of_secrets_is_needed(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(write_settings(NEEDED))
    given = {f"HEARTH_SECRETS_{name.upper()}": value for name, value in KEPT.items()}
    assert load(tmp_path, **given, HEARTH_SECRETS_MASTER_KEY=KEY).secrets.access_token == "syt_token"


def test_contacts_are_ids_names_with_ids_or_names(tmp_path: Path) -> None:
    text = write_settings(
        {**NEEDED, ("safety", "contacts"): ["@ana:a.org", "Ben <@ben:b.org>", "Cleo @cleo:c.org", "Dora"]}
    )
    assert load(furnish(tmp_path, text)).safety.contacts == (
        Contact("@ana:a.org", "@ana:a.org"),
        Contact("Ben", "@ben:b.org"),
        Contact("Cleo", "@cleo:c.org"),
        Contact("Dora"),
    )


# ── what is refused ──────────────────────────────────────────────────────────


FULL_OF_MISTAKES = """\
log_level = 'debug'
[homserver]
url = 'x'
[homeserver]
url = 5
usr_id = '@hearth:example.org'
[circle]
port = 4
rooms = '#circle:example.org'
stewards = ['ana']
time_zone = 'Europe/Berlinn'
[http]
port = '80'
[database]
path = 'postgres://hearth@db/hearth'
[secrets]
access_token = 'syt_hidden'
"""
SAID_OF_THEM = """\
hearth.toml:1 "log_level" stands outside of any section; it belongs under [house]
hearth.toml:2 unknown section [homserver]; did you mean [homeserver]?
hearth.toml:6 unknown setting "usr_id" under [homeserver]; did you mean "user_id"?
hearth.toml:8 unknown setting "port" under [circle]; it belongs under [http]
hearth.toml:16 unknown section [secrets]; secrets have a file of their own, so that this one can be shown to others
hearth.toml:5 url: 5 is no text; put it in quotes
hearth.toml lacks user_id under [homeserver]; write user_id = "@hearth:example.org" there, with your own value
hearth.toml:9 rooms: "#circle:example.org" is no list; write a list, for example ["#circle:example.org"]
hearth.toml:10 stewards: "ana" is no Matrix id; for example @hearth:example.org
hearth.toml:11 time_zone: "Europe/Berlinn" is no time zone that is known here; did you mean "Europe/Berlin"?
hearth.toml lacks operator under [house]; write operator = "Ana" there, with your own value
hearth.toml lacks outside_help under [safety]; write outside_help = "112" there, with your own value
hearth.toml:15 path: a PostgreSQL database is no file; name it in [database] url instead
hearth.toml:13 port: "80" is no whole number; write one from 0 to 65535, without quotes
"""


def test_all_problems_are_said_at_once_with_file_line_and_what_helps(tmp_path: Path) -> None:
    furnish(tmp_path, FULL_OF_MISTAKES)
    assert problems(tmp_path) == SAID_OF_THEM.splitlines()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[house]\noperator = "Ana', "hearth.toml:2 a text whose quotes are never closed"),
        ("[house]\noperator", "hearth.toml:2 a name without ="),
        ("[house]\noperator = Ana", "hearth.toml:2 a value that is no text in quotes, number or list"),
        ("[house]\nbot_name = 'a'\nbot_name = 'b'", "hearth.toml:3 a setting that is written twice"),
        ("[house]\n[house]\n", "hearth.toml:2 a section that is written twice"),
        ("[circle]\nrooms = ['#a:b'", "hearth.toml:2 a list that is never closed"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_at_its_line_in_plain_words(
    tmp_path: Path, text: str, said: str
) -> None:
    found = problems(furnish(tmp_path, text))
    assert len(found) == 1
    assert found[0].startswith(said)


def test_a_missing_folder_is_one_problem_and_not_a_heap_of_them(tmp_path: Path) -> None:
    found = problems(tmp_path / "nowhere")
    assert len(found) == 1
    assert "hearth.toml is not there; run `hearth init`" in found[0]


def test_lost_secrets_are_said_together_with_what_else_is_wrong(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(write_settings({**NEEDED, ("circle", "rooms"): []}) + "\n[htp]\n")
    found = problems(tmp_path)
    assert any("unknown section [htp]; did you mean [http]?" in line for line in found)
    assert any("hearth.secrets.toml is not there" in line for line in found)
    assert any("master.key is not there" in line for line in found)


@pytest.mark.parametrize("name", ["hearth.secrets.toml", "master.key"])
def test_secrets_that_others_can_open_are_refused_with_the_command_that_mends_it(
    tmp_path: Path, name: str
) -> None:
    (furnish(tmp_path) / "secrets" / name).chmod(0o640)
    assert problems(tmp_path) == [
        f"secrets/{name} can be opened by others (mode 0640); run: chmod 600 {tmp_path}/secrets/{name}"
    ] or problems(tmp_path) == [
        f"secrets/{name} can be opened by others (mode 0640); run: chmod 600 secrets/{name}"
    ]


def test_no_secret_shows_in_a_problem_or_a_repr(tmp_path: Path) -> None:
    furnish(tmp_path)
    secret = "correct-horse-battery"
    (tmp_path / "secrets" / "hearth.secrets.toml").write_text(
        f'[secrets]\naccess_token = 5\npickle_key = "{secret}"\nalias_salt = ["{secret}"]\ndevice_id = "D"\n'
    )
    (tmp_path / "secrets" / "master.key").write_text(secret)
    found = "\n".join(problems(tmp_path))
    assert "pickle_key" in found
    assert secret not in found
    other = tmp_path / "other"
    other.mkdir()
    settings = load(furnish(other))
    assert "syt_token" not in repr(settings)
    assert KEY not in repr(settings)


def test_a_mistyped_variable_is_found_and_one_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    furnish(tmp_path)
    assert problems(tmp_path, HEARTH_HOMESEVER_URL="https://x.org") == [
        "HEARTH_HOMESEVER_URL is no setting; did you mean HEARTH_HOMESERVER_URL?"
    ]
    assert problems(tmp_path, HEARTH_HTTP_COLOUR="red") == [
        "HEARTH_HTTP_COLOUR is no setting; [http] knows host, port, hooks"
    ]
    load(tmp_path, HEARTH_PORT="tcp://10.0.0.1:80", HEARTH_SERVICE_HOST="10.0.0.1", HEARTH_FOLDER="/x")


def test_settings_that_are_no_text_file_are_refused(tmp_path: Path) -> None:
    furnish(tmp_path)
    (tmp_path / FILE_NAME).write_bytes(b"\xff\xfe[house]")
    assert problems(tmp_path)[0].startswith("hearth.toml is not UTF-8 text")
    (tmp_path / FILE_NAME).write_bytes(b"#" * 300_000)
    assert problems(tmp_path)[0].startswith("hearth.toml is larger than 256 kB")
    (tmp_path / FILE_NAME).unlink()
    (tmp_path / FILE_NAME).mkdir()
    assert problems(tmp_path)[0].startswith("hearth.toml cannot be read")


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("homeserver", "url", "matrix.example.org"),
        ("homeserver", "url", "ftp://example.org"),
        ("homeserver", "url", "https://user:password@example.org"),
        ("homeserver", "user_id", "hearth"),
        ("house", "quiet_from_hour", 24),
        ("house", "operator", "two\nlines"),
        ("house", "operator", "x" * 300),
        ("house", "log_level", "loud"),
        ("circle", "language", "English"),
        ("circle", "rooms", ["circle"]),
        ("safety", "contacts", ["Ana <ana@example.org>"]),
        ("joining", "invited_by_servers", ["https://example.org"]),
        ("http", "host", "not an address"),
        ("http", "port", 70_000),
        ("database", "path", "mysql://x/y"),
        ("database", "url", "mysql://x/y"),
        ("database", "url", "postgresql://x/" + "y" * 1_000),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_where_it_stands(
    tmp_path: Path, section: str, name: str, value: object
) -> None:
    found = load_settings(furnish(tmp_path, write_settings({**NEEDED, (section, name): value})), {})
    assert isinstance(found, Problems)
    assert [problem.found.partition(":")[0] for problem in found] == [name]
    assert all(problem.where.startswith("hearth.toml:") and problem.helps for problem in found)


# ── the table itself ─────────────────────────────────────────────────────────


def test_every_row_has_a_sentence_and_a_default_or_an_example_that_can_be_read() -> None:
    for row in TABLE:
        assert row.sentence.endswith("."), row.name
        if not row.secret:
            row.kind.read(row.example if row.needed else row.default, Path("/x"))


def test_writing_a_value_back_and_reading_it_again_changes_nothing() -> None:
    for row in (row for row in TABLE if not row.secret):
        value = row.kind.read(row.example if row.needed else row.default, Path("/x"))
        assert row.kind.read(row.kind.write(value), Path("/x")) == value


@given(st.text())
def test_any_text_survives_being_written_as_toml(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    assert tomllib.loads(f"x = {toml(text)}")["x"] == text


def test_the_documentation_has_every_setting_and_is_up_to_date() -> None:
    from bridge.cli.page import page

    written = (PROJECT_FOLDER / "docs" / "settings.md").read_text(encoding="utf-8")
    for row in TABLE:
        assert f"`{row.name}`" in written, f"{row.name} is not documented"
        assert row.variable in written, f"{row.variable} is not documented"
    assert written == page(), "run: python -m bridge.cli.page > docs/settings.md"


def test_settings_are_frozen(tmp_path: Path) -> None:
    settings = load(furnish(tmp_path))
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.http.port = 1  # type: ignore[misc]
    assert str(Problem("a", "b", "")) == "a b"
    assert SECRETS == "secrets"


# ── circles with settings of their own ───────────────────────────────────────

GARDEN = """
[circles.garden]
room = "#garden:example.org"
workflow_folder = "garden"
language = "de"
contacts = ["Ana <@ana:example.org>", "Dora <@dora:example.org>"]
stewards_room = "#garden-stewards:example.org"
"""


def with_circles(folder: Path, more: str, **left_out: object) -> Path:
    said = {key: value for key, value in NEEDED.items() if key[1] not in left_out}
    return furnish(folder, write_settings(said) + more)


def test_a_circle_says_what_is_different_and_the_rest_is_as_in_all_others(tmp_path: Path) -> None:
    settings = load(with_circles(tmp_path, GARDEN))
    common, garden = served_by(settings)
    assert (common.name, common.room, common.language) == ("", "#circle:example.org", "en")
    assert (garden.name, garden.room, garden.language) == ("garden", "#garden:example.org", "de")
    assert garden.workflow_folder == tmp_path / "garden"
    assert [contact.user_id for contact in garden.contacts] == ["@ana:example.org", "@dora:example.org"]
    assert garden.stewards_room == "#garden-stewards:example.org"
    for name in ("stewards", "outside_help", "time_zone", "workflows_at_start", "quiet_from_hour"):
        assert getattr(garden, name) == getattr(common, name)


def test_where_every_circle_has_its_own_section_nothing_need_be_said_of_others(tmp_path: Path) -> None:
    own = GARDEN + 'stewards = ["@dora:example.org"]\n'
    settings = load(with_circles(tmp_path, own, rooms=None, stewards=None))
    (garden,) = served_by(settings)
    assert (garden.room, garden.stewards) == ("#garden:example.org", ("@dora:example.org",))


def test_without_any_circle_something_is_missing(tmp_path: Path) -> None:
    (lack,) = problems(with_circles(tmp_path, "", rooms=None))
    assert "lacks rooms under [circle]" in lack
    other = tmp_path / "other"
    other.mkdir()
    (lack,) = problems(with_circles(other, GARDEN, stewards=None))
    assert "lacks stewards under [circle]" in lack


def test_the_environment_goes_before_what_a_circle_says_and_may_name_a_circle(tmp_path: Path) -> None:
    settings = load(
        with_circles(tmp_path, GARDEN),
        HEARTH_CIRCLES_GARDEN_LANGUAGE="es",
        HEARTH_CIRCLES_SHED_ROOM="#shed:example.org",
        HEARTH_CIRCLES_SHED_STEWARDS="@rosa:example.org, @ana:example.org",
    )
    _, garden, shed = served_by(settings)
    assert garden.language == "es"
    assert (shed.name, shed.room, shed.stewards) == (
        "shed",
        "#shed:example.org",
        ("@rosa:example.org", "@ana:example.org"),
    )


def test_what_is_wrong_with_a_circle_is_said_with_its_place(tmp_path: Path) -> None:
    text = write_settings(NEEDED)
    text += '\n[circles.garden]\nroom = "#circle:example.org"\nlangauge = "de"\n'
    text += '\n[circles.shed]\nlanguage = "es"\n\n[circles."My Shed"]\nroom = "#a:example.org"\n'
    line = text.splitlines().index('room = "#circle:example.org"') + 1
    found = "\n".join(problems(furnish(tmp_path, text), HEARTH_CIRCLES_GARDEN_ROOMS="#a:example.org"))
    assert f"hearth.toml:{line} #circle:example.org is named in [circle] rooms too" in found
    assert (
        f'hearth.toml:{line + 1} unknown setting "langauge" under [circles.garden]; did you mean "language"?'
        in found
    )
    assert "lacks room under [circles.shed]" in found
    assert '"My Shed" is no name for a circle' in found
    assert "HEARTH_CIRCLES_GARDEN_ROOMS is no setting" in found


def test_a_name_that_would_share_its_variables_with_another_circle_is_refused(tmp_path: Path) -> None:
    own = '\n[circles.garden-stewards]\nroom = "#shed:example.org"\n'
    (refused,) = problems(with_circles(tmp_path, GARDEN + own))
    assert (
        "[circles.garden-stewards]: HEARTH_CIRCLES_GARDEN_STEWARDS_ROOM would name its room, "
        "and is the stewards_room of [circles.garden]; give the circle a name that ends otherwise"
    ) in refused


@pytest.mark.parametrize("name", ["a", "a-b", "stewards", "a-room", "a-stewards-b", "a-quiet-from"])
def test_no_two_circles_with_fit_names_share_a_variable(name: str) -> None:
    ours = {row.variable for row in own_rows(name)}
    for other in ("a", "a-b", "stewards", "a-room", "a-stewards-b", "a-quiet", "a-stewards"):
        if other != name and meant_otherwise(other) is None:
            assert ours.isdisjoint(row.variable for row in own_rows(other)), other


def test_rooms_that_are_listed_need_stewards_also_where_other_circles_name_their_own(tmp_path: Path) -> None:
    own = GARDEN + 'stewards = ["@dora:example.org"]\n'
    (lack,) = problems(with_circles(tmp_path, own, stewards=None))
    assert "lacks stewards under [circle]" in lack


def test_there_is_a_most_of_circles(tmp_path: Path) -> None:
    many = "".join(f'\n[circles.c{n}]\nroom = "#c{n}:example.org"\n' for n in range(MOST_CIRCLES + 1))
    assert f"at most {MOST_CIRCLES} are served" in "\n".join(problems(with_circles(tmp_path, many)))


def test_circles_are_written_down_as_they_were_read(tmp_path: Path) -> None:
    before = load_values(with_circles(tmp_path, GARDEN) / FILE_NAME)
    assert not isinstance(before, Problems)
    (tmp_path / FILE_NAME).write_text(write_settings(before), encoding="utf-8")
    assert load_values(tmp_path / FILE_NAME) == before


def test_the_plan_has_every_circle_and_what_sets_its_folder_apart(tmp_path: Path) -> None:
    settings = load(with_circles(tmp_path, GARDEN))
    named = rooms_named(settings)
    assert named == {
        "#circle:example.org": "[circle] rooms",
        "#garden:example.org": "[circles.garden] room",
        "#garden-stewards:example.org": "[circles.garden] stewards_room",
    }
    plan = plan_of(settings, {room: f"!{n}" for n, room in enumerate(named)})
    assert [(circle.room, circle.stewards_room) for circle in plan.circles] == [("!0", None), ("!1", "!2")]
    assert [(shelf.folder, shelf.mark) for shelf in plan.shelves] == [
        (shipped_workflows(), ""),
        (tmp_path / "garden", "garden"),
    ]
    assert mark_of(settings, tmp_path / "garden") == "garden"
    assert mark_of(settings, shipped_workflows()) == mark_of(settings, tmp_path) == ""
