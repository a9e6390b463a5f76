"""A look at a pool: its classes, its clusters, its extremes, and a map of it."""
