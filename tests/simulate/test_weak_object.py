"""Weak phase objects: against Abbe's theory point by point, and images taken out of focus."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from lensfree_nb.simulate import CONDITIONS, focus_stack
from lensfree_nb.simulate.objective import OBJECTIVES, images
from lensfree_nb.simulate.substrate import grain
from lensfree_nb.simulate.weak_object import defocused, phase_transfer, weak_image
from tests import seeds

# Of few points a condenser is not quite symmetric.
OBJECTIVE = replace(OBJECTIVES["20x/0.45"], source_points=120)
SHAPE, PITCH = (160, 192), OBJECTIVE.pixel_size_um / 2
PLANES = (0.0, 5.0, -10.0)


def alike(first, second):
    return float(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1])


@pytest.fixture(scope="module")
def weak():
    """OPD (nm) of a faint grain, and its images by Abbe's theory."""
    opd = grain(SHAPE, PITCH, 1.5, torch.Generator().manual_seed(seeds.STACK))
    return opd, images(opd, torch.zeros_like(opd), OBJECTIVE, 0, PLANES, PITCH)


@pytest.mark.parametrize("number", range(len(PLANES)))
def test_faint_objects_are_imaged_as_the_transfer_function_says(weak, number):
    opd, seen = weak
    phase = 2 * np.pi * opd.double() / OBJECTIVE.wavelength_nm[0]
    transfer = phase_transfer(SHAPE, PITCH, OBJECTIVE, 0, PLANES[number])
    told = torch.fft.ifft2(torch.fft.fft2(phase) * transfer).real
    contrast = seen[number].double() - 1
    assert alike(told, contrast) > 0.98
    assert float(told.std() / contrast.std()) == pytest.approx(1, abs=0.05)


def test_weak_objects_are_imaged_by_radius_as_by_every_frequency(weak):
    opd, seen = weak
    phase = 2 * np.pi * opd.double() / OBJECTIVE.wavelength_nm[0]
    for number, z in enumerate(PLANES):
        made = weak_image(phase, PITCH, OBJECTIVE, 0, z)
        assert alike(made, seen[number]) > 0.98


def test_spherical_aberration_parts_the_two_sides_of_the_focus_and_blurs():
    phase = grain(SHAPE, PITCH, 1.5, torch.Generator().manual_seed(seeds.STACK)).double() * 1e-3
    far = OBJECTIVE.depth_of_field_um
    sides, sharpest = [], []
    for waves in (0.0, 0.3):
        seen = replace(OBJECTIVE, spherical_waves=waves)
        above, within, below = (weak_image(phase, PITCH, seen, 0, z) - 1 for z in (-far, 0.0, far))
        sides.append(float((above - below).std() / within.std()))
        sharpest.append(float(within.std()))
    assert sides[1] > 2 * sides[0]
    assert sharpest[1] < sharpest[0]


def test_an_image_in_focus_becomes_the_one_out_of_focus(weak):
    _, seen = weak
    made = defocused(seen[0], PITCH, OBJECTIVE, 0, PLANES[1])
    assert alike(made, seen[1]) > 0.98 > alike(seen[0], seen[1])
    assert float(made.mean()) == pytest.approx(float(seen[0].mean()), rel=1e-4)


def test_no_defocus_changes_hardly_anything_and_more_blurs_more():
    rng = np.random.default_rng(seeds.CELLS)
    condition = CONDITIONS[-1]
    shape = (96, 112)
    ds = focus_stack(
        condition.cells(shape, rng=rng), shape, (0.0, 10.0), rng=rng,
        objective=condition.objective, surface=condition.substrate,
    )  # fmt: skip
    sharp = torch.from_numpy(ds["truth_image"].values)
    pitch = ds.attrs["pixel_size_um"]
    same, near, far = (defocused(sharp, pitch, OBJECTIVE, 0, z) for z in (0.0, 3.0, 10.0))
    torch.testing.assert_close(same, sharp)
    assert alike(near, sharp) > alike(far, sharp)
    # Cells are no weak objects: much of the image out of focus is told all the same.
    assert alike(far, ds["image"][1]) > alike(sharp, ds["image"][1])
