"""The label log, and the ledger that says what it amounts to."""
