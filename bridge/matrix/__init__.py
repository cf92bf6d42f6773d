"""The door to Matrix: session, sync, encryption, sending; nothing here knows what a workflow is."""
