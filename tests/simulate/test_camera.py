import numpy as np
import pytest

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.camera import Counts


def test_dark_bare_and_saturated():
    camera = Counts(background=1000.0, offset=64.0, full_well=1500)
    found = camera.record(np.array([0.0, 0.5, 1.0, 1.436, 3.0]))
    assert found.dtype == np.uint16
    assert found.tolist() == [64, 564, 1064, 1500, 1500]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"full_well": 70_000}, "full_well 70000"),
        ({"offset": -1.0}, "offset is -1"),
        ({"background": 0.0}, "background is 0"),
    ],
)
def test_impossible_cameras(options, words):
    with pytest.raises(ParameterError, match=words):
        Counts(**options)
