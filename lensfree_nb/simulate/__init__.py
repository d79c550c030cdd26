"""Simulated cultures and acquisitions, with their truth."""
