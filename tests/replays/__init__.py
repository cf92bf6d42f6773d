"""Recorded histories: what happened to made-up people, so that it goes on happening as it did.

``python -m tests.replays.record`` records what is not recorded yet; see there.
"""
