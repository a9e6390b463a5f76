"""The full-screen application: the same session as the plain loop, drawn and driven otherwise."""
