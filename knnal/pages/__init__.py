"""One palette, one set of charts and one set of web assets for every picture, report and page."""
