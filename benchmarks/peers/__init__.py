"""knnal beside other libraries for active learning: the same embeddings, splits and judges."""
