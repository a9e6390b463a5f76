"""Measurements of what users wait for, through the public API."""
