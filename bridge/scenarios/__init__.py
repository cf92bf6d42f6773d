"""Scenario tests for stewards: how a workflow should go, in its own words, played through with made-up people."""
