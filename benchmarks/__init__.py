"""Measurements of what is claimed: how few labels, how fast, beside others."""
