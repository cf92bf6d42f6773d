"""The settings: one typed table, read from `hearth.toml`, the environment and the files of secrets.

`load_settings(folder, environ)` answers `Settings`, or `Problems` with everything that is wrong.
"""

from bridge.settings.circles import (
    CIRCLES,
    MOST_CIRCLES,
    OwnSettings,
    Served,
    circles_in,
    own_rows,
    served_by,
)
from bridge.settings.kinds import Contact, Wrong, shipped_workflows
from bridge.settings.problem import Problem, Problems, nearest
from bridge.settings.reading import COMMAND_VARIABLES, FILE_NAME, load_settings, load_values, too_open
from bridge.settings.table import (
    SECRETS,
    TABLE,
    CircleSettings,
    DatabaseSettings,
    FilesSettings,
    HomeserverSettings,
    HouseSettings,
    HttpSettings,
    JoiningSettings,
    SafetySettings,
    Secrets,
    Setting,
    Settings,
)
from bridge.settings.writing import (
    settings_page,
    write_openly,
    write_privately,
    write_secrets,
    write_settings,
)

__all__ = [
    "CIRCLES",
    "COMMAND_VARIABLES",
    "FILE_NAME",
    "MOST_CIRCLES",
    "SECRETS",
    "TABLE",
    "CircleSettings",
    "Contact",
    "DatabaseSettings",
    "FilesSettings",
    "HomeserverSettings",
    "HouseSettings",
    "HttpSettings",
    "JoiningSettings",
    "OwnSettings",
    "Problem",
    "Problems",
    "SafetySettings",
    "Secrets",
    "Served",
    "Setting",
    "Settings",
    "Wrong",
    "circles_in",
    "load_settings",
    "load_values",
    "nearest",
    "own_rows",
    "served_by",
    "settings_page",
    "shipped_workflows",
    "too_open",
    "write_openly",
    "write_privately",
    "write_secrets",
    "write_settings",
]
