"""Simulated cultures and microscopes, as ``lf.simulate.culture`` and so on."""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach(
    __name__,
    submod_attrs={
        "acquisition": ["acquire", "example"],
        "camera": ["Camera"],
        "dish": ["culture", "load_culture", "with_debris"],
        "focus_stack": ["CONDITIONS", "Condition", "focus_stack"],
        "instrument": ["PRESETS", "Instrument"],
        "lapse": ["timelapse"],
        "life": ["Habits"],
        "measured_cells": ["MeasuredCells"],
        "objective": ["OBJECTIVES", "Objective"],
        "outlines": ["outlines"],
        "truth": ["within"],
        "standards": ["bar_target", "microspheres", "step"],
    },
)
