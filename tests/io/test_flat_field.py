import numpy as np
import pytest

from lensfree_nb.io.flat_field import frame_background, normalise_frame, stack_background
from tests import seeds
from tests.io.scenes import SIZE, cell_hologram, moving, uneven_light


def test_frame_background_keeps_the_cells():
    hologram = cell_hologram([(80, 90), (150, 160), (90, 200), (200, 60)])
    light = uneven_light()
    estimate = frame_background(light * hologram)
    assert np.abs(estimate / light - 1).max() < 0.03
    divided = normalise_frame((light * hologram).astype(np.float32))
    # The fringes, 20 to 80 % high here, come out as they went in.
    assert np.corrcoef(divided.ravel(), hologram.ravel())[0, 1] > 0.995
    gain = np.polyfit(hologram.ravel() - 1, divided.ravel() - 1, 1)[0]
    assert gain == pytest.approx(1, abs=0.02)


def test_frame_background_ignores_unknown_pixels():
    light = uneven_light()
    holed = light.copy()
    holed[100:130, 40:90] = np.nan
    np.testing.assert_allclose(frame_background(holed), light, rtol=1e-3)
    assert np.isnan(frame_background(np.full((8, 8), np.nan))).all()


def test_stack_background_removes_dust_and_keeps_moving_cells():
    rng = np.random.default_rng(seeds.PIXELS)
    dust = cell_hologram([(128, 128)])
    lamp = [1, 1.1, 0.9, 1.05, 1, 0.8, 1.2, 1, 1]  # the brightness drifts
    frames = [
        level * uneven_light() * dust * h for level, h in zip(lamp, moving(9, rng), strict=True)
    ]
    estimate = stack_background(np.asarray(frames), refuse_static=True)
    truth = uneven_light() * dust
    assert np.std(estimate / truth) < 0.03
    assert np.std(frame_background(frames[0]) / truth) > 0.05  # the frame alone cannot


def test_stack_background_refuses_cells_that_stay():
    rng = np.random.default_rng(seeds.PIXELS)
    still = cell_hologram(rng.uniform(20, SIZE - 20, (6, 2)))
    frames = np.asarray([uneven_light() * still + rng.normal(0, 8, still.shape) for _ in range(5)])
    assert np.isnan(stack_background(frames, refuse_static=True)).all()
    assert np.isfinite(stack_background(frames)).all()


def test_given_background_unknown_pixels_and_dark():
    light, dark = uneven_light(), 64.0
    sample = cell_hologram([(128, 128)])
    frame = light * sample + dark
    frame[10, 10] = 16000
    frame[20, 20] = 17000
    dead = np.zeros(frame.shape, bool)
    dead[30, 30] = True
    result = normalise_frame(frame, light + dark, dark=dark, saturation=16000, dead=dead)
    unknown = np.isnan(result)
    assert unknown.sum() == 3
    assert unknown[[10, 20, 30], [10, 20, 30]].all()
    # Scaled to the hologram's own brightness, which is 1.
    np.testing.assert_allclose(result[~unknown], sample[~unknown], rtol=0.005)


def test_a_dense_culture_is_not_divided_out():
    """183 round cells a square millimetre: the worst case for a smooth estimate."""
    size = 512
    rng = np.random.default_rng(seeds.STACK)
    cells = round(183 * (size * 1.67e-3) ** 2)
    hologram = cell_hologram(rng.uniform(0, size, (cells, 2)), size)
    light = uneven_light(size)
    estimate = frame_background(light * hologram)
    assert np.std(estimate / light) < 0.01
    assert np.mean(estimate / light) == pytest.approx(1, abs=0.003)


def test_dust_does_not_bend_the_surface():
    light = uneven_light()
    dusty = light.copy()
    dusty[40:80, 200:240] *= 0.1
    np.testing.assert_allclose(frame_background(dusty), light, rtol=2e-3)
