"""A batch: some arrivals, decided together in memory, against one reading of the store.

``routing`` says which arrival goes where, and ``held`` what was loaded for them. ``hearing`` makes of what
somebody wrote what their desk hears; ``desks`` and ``instances`` decide; ``welcoming`` begins what
begins by itself; ``ledger`` gathers what is to be written.
"""

from __future__ import annotations

from engine.runtime.batch.breaking import Broke
from engine.runtime.batch.desks import SAID_TWICE_MS
from engine.runtime.batch.instances import SEED_BITS
from engine.runtime.batch.ledger import LINK
from engine.runtime.batch.routing import Batch

__all__ = ["LINK", "SAID_TWICE_MS", "SEED_BITS", "Batch", "Broke"]
