import numpy as np
import pytest
import torch

from lensfree_nb.microscope import Setup
from lensfree_nb.optics.sensor import expose
from lensfree_nb.reconstruct.sharpness import find_sharpest, window_sharpness

SETUP = Setup((530.0,), 1.67, (1000.0,))


def dust(absorbing=True):
    """Hologram of a few points: black, or of 60 nm OPD."""
    rng = np.random.default_rng(41)
    places = torch.tensor(rng.integers(30, 162, (12, 2)))
    spots = torch.zeros(192, 192)
    spots[places[:, 0], places[:, 1]] = 1.0
    zero = torch.zeros_like(spots)
    opd, absorption = (zero, 3 * spots) if absorbing else (0.06 * spots, zero)
    return expose(opd, absorption, SETUP, 0, margin_px=120)[None]


def test_absorbing_dust_has_most_contrast_in_focus():
    found = find_sharpest(dust(), SETUP, (700.0, 1400.0), "amplitude_contrast")
    assert found.found
    assert found.distance_um == pytest.approx(1000, abs=20)


def test_a_criterion_fails_where_its_documentation_says():
    # Transparent objects have least, not most, amplitude contrast in focus.
    curve = window_sharpness(
        dust(absorbing=False), SETUP, np.linspace(800, 1200, 9).tolist(), "amplitude_contrast"
    )
    assert int(np.argmax(curve)) != 4


def test_a_flat_field_has_no_peak():
    generator = torch.Generator().manual_seed(42)
    empty = 1 + 1e-3 * torch.rand(1, 192, 192, generator=generator)
    slope = find_sharpest(dust(), SETUP, (1200.0, 1300.0), "amplitude_contrast")
    assert not slope.found
    assert "no clear peak" in slope.reason
    assert len(find_sharpest(empty, SETUP, (900.0, 1100.0), "brenner").objective) >= 5
