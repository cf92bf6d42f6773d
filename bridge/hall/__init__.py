"""The hall between the doors and the stair: what comes in becomes arrivals, what goes out becomes words."""
