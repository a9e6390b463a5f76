"""One file a group of commands; each parses, calls the library, and prints."""
