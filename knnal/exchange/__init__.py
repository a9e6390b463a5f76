"""Labels in and results out: CSV, TSV, JSON lines, Parquet."""
