"""The labeling session in a browser, and the JSON API behind its page."""
