"""Lens-free microscopy in a notebook: holograms to phase images to a table of cells."""
