"""The first names of made-up people: one cast for what is told and for what is played."""

FIRST_NAMES = (
    *("Ana", "Bruno", "Chen", "Dora", "Eli", "Fay", "Goran", "Hana"),
    *("Ivo", "Juno", "Kim", "Lior", "Mona", "Nadia", "Omar", "Petra"),
)
"""The starter comes first; the others in the order in which they are needed."""
