"""The table of keys as it came to be, step by step."""
