"""A deterministic simulation: the whole engine, its people and its misfortunes under one seed, on one virtual clock."""
