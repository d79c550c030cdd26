import os
from pathlib import Path

import numpy as np
import pytest
import tifffile


@pytest.fixture
def data_folder():
    """Folder of the real data; the test is skipped where it is absent."""
    default = Path(__file__).parents[2].parent / "shared" / "data"
    folder = Path(os.environ.get("LENSFREE_DATA", default))
    if not folder.is_dir():
        pytest.skip("the real data are not here; set LENSFREE_DATA to their folder")
    return folder


@pytest.fixture
def write_frames(tmp_path):
    """Write numbered frames of distinct brightness; gives their paths."""

    def write(names, *, shape=(32, 40), dtype=np.uint16, folder=tmp_path, **options):
        rng = np.random.default_rng(1)
        paths = []
        for number, name in enumerate(names):
            image = rng.normal(1000 + 100 * number, 5, shape).astype(dtype)
            path = folder / name
            tifffile.imwrite(path, image, **options)
            paths.append(path)
        return paths

    return write
