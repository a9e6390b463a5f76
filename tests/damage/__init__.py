"""Damage to files: what is damaged, how, and what commands of ``knnal`` do about it."""
