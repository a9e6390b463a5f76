"""Acquisition: score terms, their combination, coverage, and query strategies."""
