"""A pool on disk: embeddings, the catalog of items, and the log of labels."""
