import numpy as np
import pytest

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate import culture, outlines
from tests import seeds

SHAPE = (300, 320)


@pytest.fixture(scope="module")
def cells():
    return culture(SHAPE, 250, rng=np.random.default_rng(seeds.SHAPES), kinds={"round": 0.1})


def test_each_cell_has_its_area_at_its_place(cells):
    labels = outlines(cells, SHAPE)
    assert labels.dtype == np.int32
    size_um = [n * 1.67 for n in SHAPE]
    inner = cells[cells["y_um"].between(40, size_um[0] - 40)]
    inner = inner[inner["x_um"].between(40, size_um[1] - 40) & (inner["contact"] > 0)]
    area = np.bincount(labels.values.ravel(), minlength=len(cells) + 1)[inner.index + 1] * 1.67**2
    ratio = area / inner["area_um2"]
    assert abs(float(ratio.median()) - 1) < 0.02
    assert (ratio.between(0.8, 1.1)).mean() > 0.95
    for number in inner.index[:20]:
        y, x = np.nonzero(labels.values == number + 1)
        assert y.mean() * 1.67 == pytest.approx(cells["y_um"][number], abs=2.5)
        assert x.mean() * 1.67 == pytest.approx(cells["x_um"][number], abs=2.5)


def test_nobody_is_nowhere(cells):
    assert not outlines(cells.iloc[:0], (20, 30)).any()
    with pytest.raises(ParameterError, match="pixel_size_um"):
        outlines(cells, SHAPE, pixel_size_um=0.0)
