"""Words, embedded as their counts of letters."""
