"""Hearth's bridge: the doors, the voice and the command line between the engine and the people."""
