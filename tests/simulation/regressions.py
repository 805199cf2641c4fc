"""Seeds of histories that broke a promise once. A change of the simulation changes what they are."""

SEEDS: tuple[int, ...] = (
    225,  # a worker took itself for dead when the clock was set ahead, and drew twice at once
    493,  # one that stood still took a job up that had been delivered meanwhile
)
