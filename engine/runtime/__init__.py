"""The stair: it carries one event at a time from the door to the cellar, and sees ports only."""
