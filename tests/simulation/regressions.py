"""Seeds of histories that broke a promise once. A change of the simulation changes what they are."""

SEEDS: tuple[int, ...] = ()
