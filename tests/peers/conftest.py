"""What every test with the independent client stands on."""

from __future__ import annotations

import pytest

from tests.peers.js_peer import require_js_peer


@pytest.fixture
def js_peer_runs() -> None:
    """Skips where the independent client cannot run."""
    require_js_peer()
