"""Nearest neighbors: exact search, labeled neighbors, the neighbor graph, near-duplicates."""
