"""The labeling loop in a terminal."""
