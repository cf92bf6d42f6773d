"""The demo: one invitation and one role, played by real encrypted Matrix members on a real homeserver."""
