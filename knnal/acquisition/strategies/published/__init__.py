"""Published query strategies, kept for comparison. One file each."""
