"""Several people at one pool: who is at which item, and what is asked of whom."""
