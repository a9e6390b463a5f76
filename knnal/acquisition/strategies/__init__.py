"""Query strategies: which unlabeled item to ask about next. One file each, one protocol."""
