"""How the log is written: lines for people, or one JSON object a line for machines."""

from __future__ import annotations

import json
import logging
import traceback
from datetime import UTC, datetime

TEXT = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"


class JsonLines(logging.Formatter):
    """One JSON object a line: ``at`` (UTC), ``level``, ``logger``, ``message``; with an error its kind and its places.

    What an error says is left out: it may quote what somebody wrote.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info is not None and record.exc_info[1] is not None:
            error = record.exc_info[1]
            places = traceback.extract_tb(error.__traceback__)
            line["error"] = type(error).__name__
            line["places"] = ", ".join(f"{place.name}:{place.lineno}" for place in places)
        return json.dumps(line, ensure_ascii=False)


def formatter_for(log_format: str) -> logging.Formatter:
    """The formatter that a setting of ``[house] log_format`` stands for."""
    return JsonLines() if log_format == "json" else logging.Formatter(TEXT)
