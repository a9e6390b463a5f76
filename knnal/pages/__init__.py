"""HTML pages and charts that need nothing else, and the assets that they share."""
