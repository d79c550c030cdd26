"""Figures, pages, dashboards and widgets."""
