"""The data sets of the benchmarks: from raw files to embeddings, and how they are split."""
