"""Acquisition scores: pure functions over arrays, one formula each, all to be maximized."""
