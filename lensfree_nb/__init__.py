"""Lens-free microscopy in a notebook: holograms to phase images to a table of cells.

``import lensfree_nb as lf`` registers the accessor ``ds.lf`` and loads nothing heavy.
"""

import lazy_loader as _lazy

import lensfree_nb.accessor  # noqa: F401 - registers ds.lf

__version__ = "0.1.0"

__getattr__, __dir__, _names = _lazy.attach(
    __name__,
    submodules=["contract", "errors", "evaluate", "io", "optics", "quantify", "simulate"],
    submod_attrs={
        "microscope": ["Setup"],
        "io.write_images": ["write_images"],
        "pipeline.validate": ["validate"],
        "dashboards.density": ["density_panel"],
        "dashboards.validation_page": ["write_validation_page"],
        "dashboards.focus_panel": ["focus_panel"],
        "evaluate.density": ["compare_by_density"],
        "evaluate.paper": ["paper_table_1"],
        "evaluate.report": ["compare"],
        "io.acquisition": ["acquisition"],
        "io.export": ["write_cells", "write_dataset", "write_tiff"],
        "io.foreign_cells": ["read_cells"],
        "io.from_opd": ["from_opd"],
        "io.images": ["open_images"],
        "io.off_axis": ["from_off_axis"],
        "io.opening": ["open_acquisition"],
        "io.samples": ["sample_path"],
        "run.progress": ["progress"],
        "train.fine_tune": ["fine_tune"],
        "train.train_sorter": ["train_sorter"],
        "versions": ["show_versions"],
    },
)
__all__ = [
    "Setup",
    "__version__",
    "acquisition",
    "compare",
    "compare_by_density",
    "density_panel",
    "fine_tune",
    "focus_panel",
    "from_off_axis",
    "from_opd",
    "open_acquisition",
    "open_images",
    "paper_table_1",
    "progress",
    "read_cells",
    "sample_path",
    "show_versions",
    "train_sorter",
    "validate",
    "write_cells",
    "write_dataset",
    "write_images",
    "write_tiff",
    "write_validation_page",
]
