import numpy as np
import pytest
import torch
from skimage.restoration import denoise_tv_chambolle

from lensfree_nb.errors import DataError
from lensfree_nb.microscope import Setup
from lensfree_nb.reconstruct.methods import Backpropagation, Inverse
from lensfree_nb.reconstruct.misfit import Misfit
from lensfree_nb.reconstruct.proximal import TotalVariation
from lensfree_nb.reconstruct.solver import Weights, minimise

SETUP = Setup((640.0, 450.0), 1.67, (300.0, 300.0))


def blobs(seed=0, size=64):
    generator = torch.Generator().manual_seed(seed)
    hologram = 1 + 0.1 * torch.randn(2, size, size, generator=generator)
    return hologram.clamp(min=0.1)


def test_gradient_is_that_of_the_value():
    misfit = Misfit(blobs(), SETUP)
    generator = torch.Generator().manual_seed(1)
    phase, absorption, direction, other = (
        0.3 * torch.rand(misfit.shape, generator=generator) for _ in range(4)
    )
    _, by_phase, by_absorption = misfit.value_and_gradient(phase, absorption)
    slope = float((by_phase * direction).sum() + (by_absorption * other).sum())
    step = 1e-2
    up = misfit.value_and_gradient(phase + step * direction, absorption + step * other)[0]
    down = misfit.value_and_gradient(phase - step * direction, absorption - step * other)[0]
    assert slope == pytest.approx((up - down) / (2 * step), rel=1e-2)


def predicted(misfit, phase, absorption):
    """What autograd can follow: the forward model written out in one line an exposure."""
    return torch.stack(
        [
            misfit.crop(
                torch.fft.ifft2(
                    torch.fft.fft2(torch.exp(-absorption + 1j * ratio * phase)) * transfer
                )
            ).abs()
            for ratio, transfer in zip(misfit.ratios, misfit._transfer, strict=True)
        ]
    )


def test_gradient_is_that_of_autograd_where_pixels_are_unknown():
    hologram = blobs()
    hologram[0, 5:9, 20:30] = torch.nan
    misfit = Misfit(hologram, SETUP)
    generator = torch.Generator().manual_seed(3)
    phase, absorption = (
        (0.5 * torch.rand(misfit.shape, generator=generator)).requires_grad_() for _ in range(2)
    )
    known = torch.isfinite(hologram)
    data = torch.where(known, hologram, 0).sqrt() / misfit.background
    gap = torch.where(known, predicted(misfit, phase, absorption) - data, 0)
    half = 0.5 * gap.square().sum() / 2
    half.backward()
    value, by_phase, by_absorption = misfit.value_and_gradient(phase.detach(), absorption.detach())
    assert value == pytest.approx(half.item(), rel=1e-4)
    torch.testing.assert_close(by_phase, phase.grad, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(by_absorption, absorption.grad, atol=1e-4, rtol=1e-3)


def test_unknown_pixels_carry_no_weight():
    hologram = blobs()
    masked = hologram.clone()
    masked[:, 10:20, 30:40] = torch.nan
    poisoned = hologram.clone()
    poisoned[:, 10:20, 30:40] = 7.0
    zero = Misfit(masked, SETUP, background_px=None)
    value, by_phase, _ = zero.value_and_gradient(zero.zeros(), zero.zeros())
    other = Misfit(poisoned, SETUP, background_px=None)
    assert torch.isfinite(by_phase).all()
    assert value < other.value_and_gradient(other.zeros(), other.zeros())[0]
    with pytest.raises(DataError, match="known pixel"):
        Misfit(torch.full((2, 32, 32), torch.nan), SETUP)


@pytest.mark.parametrize("background_px", [40.0, None])
def test_the_scale_of_the_counts_does_not_matter(background_px):
    method = Inverse(iterations=5, background_px=background_px)
    one, many = method(blobs(), SETUP), method(1000 * blobs(), SETUP)
    torch.testing.assert_close(one.opd_nm, many.opd_nm, atol=1e-2, rtol=1e-3)


def test_total_variation_against_scikit_image():
    rng = np.random.default_rng(2)
    image = np.zeros((48, 48))
    image[12:36, 12:36] = 1
    noisy = image + rng.normal(0, 0.2, image.shape)
    ours = TotalVariation([torch.zeros(48, 48, dtype=torch.float64)], steps=400)(
        [torch.tensor(noisy)], 0.2, positive=[False]
    )[0]
    theirs = denoise_tv_chambolle(noisy, weight=0.2, eps=1e-9, max_num_iter=4000)
    np.testing.assert_allclose(ours, theirs, atol=0.02)


def test_bounds_of_the_proximal_point():
    image = torch.tensor([[-1.0, 0.05], [0.5, 2.0]])
    prox = TotalVariation([image])
    assert prox([image.clone()], 0.0, shrink=0.1, positive=[True])[0].tolist() == [
        [0, 0],
        [pytest.approx(0.4), pytest.approx(1.9)],
    ]
    soft = prox([image.clone()], 0.0, shrink=0.1, positive=[False])[0]
    assert soft[0].tolist() == [pytest.approx(-0.9), 0.0]
    assert prox([image], 0.1, positive=[True])[0].min() >= 0


def test_the_solver_descends_and_starts_where_told():
    misfit, values = Misfit(blobs(), SETUP), []
    phase, absorption = minimise(
        misfit, Weights(0.0, 0.0), iterations=15, callback=lambda i, value: values.append(value)
    )
    assert values[-1] < 0.5 * values[0]
    resumed = []
    minimise(
        misfit, Weights(0.0, 0.0), iterations=1, start=(phase, absorption),
        callback=lambda i, value: resumed.append(value),
    )  # fmt: skip
    assert resumed[0] <= values[-1]


def test_back_propagation_is_exact_for_a_weak_absorber_up_to_its_twin():
    hologram = torch.ones(1, 64, 64)
    flat = Backpropagation()(hologram, Setup((530.0,), 1.67, (300.0,)))
    assert float(flat.opd_nm.abs().max()) < 1e-2
    assert float(flat.absorption.abs().max()) < 1e-4


def test_a_periodic_frame_is_the_middle_of_its_copies():
    setup = Setup((530.0,), 1.67, (300.0,))
    y, x = (torch.arange(64) - 32.0 for _ in range(2))
    spot = 0.8 * torch.exp(-(y[:, None] ** 2 + x[None] ** 2) / 25)
    alone = Misfit(torch.ones(1, 64, 64), setup, background_px=None, periodic=True)
    assert alone.shape == (64, 64)
    many = Misfit(torch.ones(1, 320, 320), setup, background_px=None)
    dark = torch.zeros(64, 64)
    one = alone.predict(spot, dark)[0]
    tiled = many.predict(many.spread(spot.repeat(5, 5)), many.zeros())[0]
    torch.testing.assert_close(one, tiled[128:192, 128:192], atol=3e-3, rtol=0)
