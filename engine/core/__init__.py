"""The study: pure values and decisions. No clock, chance, file, log or await lives here."""
