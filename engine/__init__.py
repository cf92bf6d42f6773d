"""Hearth's engine: it decides, carries and remembers; it knows nothing of Matrix."""
