"""The labeling session: what to ask, what was decided, and the projection that follows the log."""
