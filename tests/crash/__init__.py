"""The crash test: a process that is killed at every boundary it crosses, and people who must not notice."""
