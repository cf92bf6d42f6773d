"""Independent Matrix clients that the tests hold against the bot."""
