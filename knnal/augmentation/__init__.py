"""Views of an item: seeded changes to a picture or a text that leave its class as it is."""
