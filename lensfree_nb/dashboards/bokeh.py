"""HoloViews must be told who draws before it can be asked for anything."""

from __future__ import annotations

import holoviews as hv


def draw_by_bokeh() -> None:
    """Load bokeh, unless that was done, and choose it."""
    if "bokeh" not in hv.Store.renderers:
        hv.extension("bokeh", logo=False)
    hv.Store.set_current_backend("bokeh")
