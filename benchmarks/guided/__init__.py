"""Guided labeling's two experiments, with a vote of neighbors in the place of its network."""
