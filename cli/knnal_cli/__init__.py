"""The command line of knnal."""
