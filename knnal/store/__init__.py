"""A pool on disk: embeddings, the catalogue of items, and the log of labels."""
