"""Nearest neighbors: search, the state that labels update, the graph, and what it covers."""
