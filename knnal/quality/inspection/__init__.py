"""An inspection of a pool: its classes, clusters, duplicates and outliers, and a map of it."""
