"""What may be said about an error where others read it: its kind and its place, never its message."""

from __future__ import annotations


def where(error: BaseException) -> str:
    """The kind of an error and where it happened; its message may hold somebody's words."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}" if trace is not None else "?"
    return f"{type(error).__name__} in {place}"
