"""Every strategy: what a label costs it, and what its questions are worth."""
