import math
from dataclasses import replace

import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.simulate.objective import OBJECTIVES, Objective, images, objective_of

SIDE, PITCH, PERIODS = 240, 0.2, 8
FREQUENCY = PERIODS / (SIDE * PITCH)
# One plane wave and one line: what textbooks solve in closed form.
AXIAL = Objective(
    "axial", 0.3, 0.2, "brightfield", bandwidth_nm=0.0, illumination=(0.0, 0.01), source_points=1
)
GREY_UM = AXIAL.wavelength_nm[0] * 1e-3


def grating(phase_rad):
    x = torch.arange(SIDE, dtype=torch.float64) * PITCH
    wave = phase_rad * torch.cos(2 * math.pi * FREQUENCY * x)
    return (wave * GREY_UM * 1e3 / (2 * math.pi)).float().expand(SIDE, SIDE).contiguous()


def amplitude(image):
    """Of the grating's own harmonic, with its sign."""
    return 2 * float(torch.fft.fft2(image)[0, PERIODS].real) / SIDE**2


def pixel():
    return math.sin(math.pi * FREQUENCY * PITCH) / (math.pi * FREQUENCY * PITCH)


def seen(opd, objective, *planes, absorption=None):
    dark = torch.zeros_like(opd) if absorption is None else absorption
    return images(opd, dark, objective, 0, planes, PITCH)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("seeing", ["phase", "brightfield"])
def test_an_empty_field_is_one_at_every_defocus(name, seeing):
    objective = OBJECTIVES[name]
    chosen = objective if seeing == "phase" else objective.brightfield()
    found = seen(torch.zeros(64, 64), chosen, -20.0, 0.0, 20.0)
    torch.testing.assert_close(found, torch.ones(3, 64, 64), atol=1e-5, rtol=0)


@pytest.mark.parametrize("defocus_um", [-30.0, 0.0, 12.0, 30.0])
def test_a_weak_phase_grating_follows_the_contrast_transfer_of_defocus(defocus_um):
    # Fresnel's: contrast 2 phi sin(pi lambda z f^2 / n), 0 in focus, its sign that of z.
    found = amplitude(seen(grating(0.02), AXIAL, defocus_um)[0])
    expected = 0.04 * math.sin(math.pi * GREY_UM / AXIAL.medium_index * defocus_um * FREQUENCY**2)
    assert found == pytest.approx(expected * pixel(), abs=2e-4)


def test_zernikes_plate_makes_retarding_places_dark_and_weakened_light_shows_more():
    for transmission in (1.0, 0.5, 0.25):
        zernike = replace(AXIAL, contrast="phase", plate=(0.0, 0.05), transmission=transmission)
        found = amplitude(seen(grating(0.01), zernike, 0.0)[0])
        assert found == pytest.approx(-0.02 / transmission * pixel(), rel=0.01)


def test_absorption_shows_in_focus_and_nothing_finer_than_the_aperture_passes():
    dark = (grating(0.02) * 2 * math.pi / (GREY_UM * 1e3)).abs()
    empty = torch.zeros_like(dark)
    assert float(seen(empty, AXIAL, 0.0, absorption=dark)[0].std()) > 0.005
    blind = replace(AXIAL, aperture=0.9 * FREQUENCY * GREY_UM)
    assert abs(amplitude(seen(grating(0.02), blind, 10.0)[0])) < 1e-5


def test_an_open_condenser_blurs_out_of_focus_more_than_a_point():
    def harmonic(objective):
        return abs(amplitude(seen(grating(0.02), objective, 40.0)[0]))

    wide = replace(AXIAL, illumination=(0.0, 0.7), source_points=60)
    assert harmonic(wide) < 0.5 * harmonic(AXIAL)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aperture": 0.0}, {"aperture": 1.4}, {"pixel_size_um": -1.0}, {"contrast": "dic"},
        {"plate": (0.5, 0.4)}, {"illumination": (0.0, 1.2)}, {"transmission": 0.0},
        {"wavelength_nm": ()}, {"bandwidth_nm": -1.0}, {"source_points": 0},
        {"spherical_waves": 6.0},
    ],
)  # fmt: skip
def test_what_no_microscope_can_be_is_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        replace(OBJECTIVES["10x/0.30"], **wrong)


def test_an_unknown_name_is_refused():
    assert objective_of(AXIAL) is AXIAL
    with pytest.raises(ParameterError, match="20x"):
        objective_of("40x")
