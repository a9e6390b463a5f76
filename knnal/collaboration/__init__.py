"""Several people who label one pool: who has which item, and who is asked what."""
