import numpy as np
import pytest
import torch

from lensfree_nb.simulate.instrument import PRESETS
from lensfree_nb.simulate.light import Stage, surface
from lensfree_nb.simulate.substrate import grain
from tests import seeds


@pytest.mark.parametrize("length_um", [0.3, 1.0, 5.0, (12.0, 1.0)])
@pytest.mark.parametrize("angle_rad", [0.0, 0.6])
def test_grain_has_unit_variance_and_is_alike_over_its_length(length_um, angle_rad):
    rng = torch.Generator().manual_seed(seeds.LIGHT)
    image = grain((1000, 900), 0.5, length_um, rng, angle_rad).double()
    assert float(image.std()) == pytest.approx(1, rel=0.06)
    assert abs(float(image.mean())) < 1e-6
    if length_um == 5.0:
        # Correlation over a distance d: exp(-d^2 / 2 length^2).
        for points in (4, 10, 16):
            found = float((image[points:] * image[:-points]).mean())
            assert found == pytest.approx(np.exp(-((0.5 * points / 5) ** 2) / 2), abs=0.06)


def test_a_dish_is_the_same_in_every_frame_and_smooth_where_asked():
    paper = PRESETS["paper"]
    stage = Stage.around((96, 96), paper)
    first, again = (surface(paper, stage, torch.device("cpu")) for _ in range(2))
    assert torch.equal(first, again)
    assert float(first.std()) == pytest.approx(paper.surface_nm, rel=0.1)
    assert surface(PRESETS["ideal"], stage, torch.device("cpu")) == 0.0
