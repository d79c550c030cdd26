"""Scores: pairing, regression, similarity."""
