"""Simulated labeling of known items: learning curves, and what active learning saves."""
