"""Reconstructions kept from one run of a benchmark to the next: of full frames they take longest.

One counts for as long as what was asked, all sources that it comes from, the weights and all
versions are the same. How the work is carried out (the rest of ``run``) is not looked at: it must
not matter.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import xarray as xr

import lensfree_nb
from lensfree_nb.versions import versions

PACKAGE = Path(lensfree_nb.__file__).parent
MADE_BY = (
    "contract.py", "microscope.py", "optics", "nets", "io", "simulate", "reconstruct",
    "run/frame_values.py",
)  # fmt: skip
BESIDE = ("_scenes.py", "_seeds.py")
WEIGHTS = ("accelerate", "unwrap")


def kept(
    folder: Path | None, name: str, asked: object, make: Callable[[], xr.Dataset]
) -> xr.Dataset:
    """What was made once, from `folder` if it lies there; else made, and put there.

    `asked` is all that the answer depends on beside the sources, of a telling ``repr``.
    """
    if folder is None:
        return make()
    path = folder / f"{re.sub(r'[^0-9a-z]+', '-', name.lower())}-{_origin(asked)}.zarr"
    if not path.exists():
        # A run that is killed leaves nothing that looks whole.
        beside = path.with_suffix(".part")
        shutil.rmtree(beside, ignore_errors=True)
        make().drop_encoding().to_zarr(beside, mode="w", consolidated=False)
        beside.rename(path)
    return xr.open_zarr(path, consolidated=False).load()


def _origin(asked: object) -> str:
    """Changes with what reconstructions come from."""
    sources = [Path(__file__).parent / name for name in BESIDE]
    for part in (PACKAGE / name for name in MADE_BY):
        sources += sorted(part.rglob("*.py")) if part.is_dir() else [part]
    sources += [PACKAGE / "weights" / f"{name}.safetensors" for name in WEIGHTS]
    told = hashlib.sha256(repr((asked, sorted(versions().items()))).encode())
    for source in sources:
        told.update(source.read_bytes())
    return told.hexdigest()[:16]
