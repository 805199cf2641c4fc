"""`make bench-load`: many people at once, and what goes wrong meanwhile. See `scenarios`."""
