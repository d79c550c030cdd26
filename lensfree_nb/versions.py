"""What is installed here, for a bug report or a record of a run."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

PACKAGES = (
    "lensfree_nb", "numpy", "scipy", "xarray", "dask", "distributed", "torch", "zarr", "tifffile",
    "scikit-image", "pandas", "pyarrow", "matplotlib", "holoviews", "bokeh", "panel", "ipywidgets",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Versions of Python, the machine's kind, and the packages that matter."""
    found = {
        "python": platform.python_version(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
    return {**found, **{name: version_of(name) for name in PACKAGES}}


def version_of(name: str) -> str:
    """Version of an installed package.

    >>> version_of("no-such-package")
    'not installed'
    """
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def show_versions() -> None:
    """Print :func:`versions`, a line each."""
    for name, value in versions().items():
        print(f"{name:14s} {value}")
