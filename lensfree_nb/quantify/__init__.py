"""From optical path difference to a table of cells."""
