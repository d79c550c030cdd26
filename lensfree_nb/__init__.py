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
        "evaluate.density": ["compare_by_density"],
        "evaluate.paper": ["paper_table_1"],
        "evaluate.report": ["compare"],
        "io.acquisition": ["acquisition"],
        "io.export": ["write_cells", "write_dataset", "write_tiff"],
        "io.from_opd": ["from_opd"],
        "io.off_axis": ["from_off_axis"],
        "io.opening": ["open_acquisition"],
        "io.samples": ["sample_path"],
        "run.progress": ["progress"],
        "versions": ["show_versions"],
    },
)
__all__ = [
    "Setup",
    "__version__",
    "acquisition",
    "compare",
    "compare_by_density",
    "from_off_axis",
    "from_opd",
    "open_acquisition",
    "paper_table_1",
    "progress",
    "sample_path",
    "show_versions",
    "write_cells",
    "write_dataset",
    "write_tiff",
]
