"""The settings: one typed table, read from `hearth.toml`, the environment and the files of secrets.

`load_settings(folder, environ)` answers `Settings`, or `Problems` with everything that is wrong.
"""

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
    "COMMAND_VARIABLES",
    "FILE_NAME",
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
    "Problem",
    "Problems",
    "SafetySettings",
    "Secrets",
    "Setting",
    "Settings",
    "Wrong",
    "load_settings",
    "load_values",
    "nearest",
    "settings_page",
    "shipped_workflows",
    "too_open",
    "write_openly",
    "write_privately",
    "write_secrets",
    "write_settings",
]
