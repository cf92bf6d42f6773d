"""A workflow told to a human being: in words, as a story, as a picture. Nothing here runs a workflow."""
