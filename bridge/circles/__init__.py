"""The circles as they are now: their rooms, who is there, who carries what, and what is customary in each."""
