"""Query strategies: which unlabelled item to ask about next. One file each, one protocol."""
