"""Classifiers over the pool that a label updates and nothing ever fits."""
