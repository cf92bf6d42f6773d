"""The `hearth` command."""

from bridge.cli.commands import main

__all__ = ["main"]
