"""What may be given to a cellar to keep: every cellar refuses the same."""

from __future__ import annotations

from engine.runtime.ports import BadData, TextRow

LARGEST_TEXT_BYTES = 64 * 1024


def check_text(text: TextRow) -> None:
    """Refuse a text that cannot be kept; its words stay out of the message.

    Raises:
        BadData: it is too long, or holds half a character.
    """
    try:
        size_bytes = len(text.body.encode())
    except UnicodeEncodeError:
        raise BadData(f"texts: {text.id} holds characters that are not Unicode text") from None
    if size_bytes > LARGEST_TEXT_BYTES:
        raise BadData(f"texts: {text.id} has {size_bytes} bytes; at most {LARGEST_TEXT_BYTES} are kept")
