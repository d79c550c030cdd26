import numpy as np
import pytest
import tifffile

from tests import seeds
from tests.io.scenes import date_in_order


@pytest.fixture
def write_frames(tmp_path):
    """Write numbered frames of distinct brightness; gives their paths."""

    def write(names, *, shape=(32, 40), dtype=np.uint16, folder=tmp_path, **options):
        rng = np.random.default_rng(seeds.FRAMES)
        paths = []
        for number, name in enumerate(names):
            image = rng.normal(1000 + 100 * number, 5, shape).astype(dtype)
            path = folder / name
            tifffile.imwrite(path, image, **options)
            paths.append(path)
        date_in_order(paths)
        return paths

    return write
