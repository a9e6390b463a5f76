"""Guided labeling's two experiments, with a vote of neighbours in the place of its network."""
