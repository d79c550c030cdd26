import dask
import numpy as np
import pytest
import torch
import xarray as xr

from lensfree_nb.errors import PerformanceNote
from lensfree_nb.io.background import divide_background
from lensfree_nb.io.flat_field import frame_background, normalise_frame, stack_background
from lensfree_nb.optics.propagation import propagate
from tests import seeds

SIZE = 256


def uneven_light(size=SIZE):
    y, x = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    return 800 * (1 + 0.2 * x - 0.1 * y - 0.15 * (x**2 + y**2))


def cell_hologram(centres, size=SIZE):
    """In-line hologram of round cells of 300 nm OPD, 1 mm from the sensor (periodic field)."""
    y, x = np.mgrid[:size, :size]
    opd = sum(300 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 5.0**2)) for cy, cx in centres)
    field = torch.polar(torch.ones(size, size).double(), torch.tensor(2 * np.pi * opd / 530))
    return propagate(field, 1.67, 0.53, 1000.0).abs().numpy() ** 2


def moving(frames, rng, cells=6):
    return [cell_hologram(rng.uniform(20, SIZE - 20, (cells, 2))) for _ in range(frames)]


def as_hologram(frames):
    return xr.DataArray(
        np.asarray(frames)[:, None],
        dims=("time", "wavelength", "y", "x"),
        attrs={"units": "counts", "long_name": "hologram intensity"},
    )


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


def test_auto_equals_the_kernels():
    rng = np.random.default_rng(seeds.PIXELS)
    still = cell_hologram(rng.uniform(20, SIZE - 20, (6, 2)))
    frames = [uneven_light() * still + rng.normal(0, 8, still.shape) for _ in range(5)]
    for stack, background in (
        (frames, None),
        ([uneven_light() * h for h in moving(5, rng)], "stack"),
    ):
        hologram = as_hologram(stack)
        result = divide_background(hologram, "auto")
        given = None if background is None else stack_background(np.asarray(stack))
        expected = [normalise_frame(frame, given) for frame in np.asarray(stack)]
        np.testing.assert_allclose(result[:, 0], expected, rtol=1e-5)
        assert result.attrs == {"units": "1", "long_name": "hologram intensity"}
        assert result.dtype == np.float32


def test_lazy_gives_the_same_and_computes_nothing_early():
    rng = np.random.default_rng(seeds.PIXELS)
    hologram = as_hologram([uneven_light() * h for h in moving(6, rng)])

    def fail(*args, **kwargs):
        raise AssertionError("computed while the graph was built")

    for background in ("auto", "stack", "frame", uneven_light()):
        with dask.config.set(scheduler=fail):
            lazy = divide_background(hologram.chunk(time=1), background, dead="auto")
        assert lazy.chunks[0] == (1,) * 6
        eager = divide_background(hologram, background, dead="auto")
        xr.testing.assert_identical(lazy.compute(scheduler="synchronous"), eager)


def test_chunks_within_a_frame_are_noted():
    hologram = as_hologram([uneven_light()]).chunk(y=100)
    with pytest.warns(PerformanceNote, match="whole frames"):
        divide_background(hologram, "frame")


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


def test_hot_pixels_are_found_where_asked():
    rng = np.random.default_rng(seeds.LIGHT)
    frame = uneven_light() * cell_hologram([(128, 128)]) + rng.normal(0, 8, (SIZE, SIZE))
    frame[5, 5], frame[200, 30] = 3000, 0
    result = divide_background(as_hologram([frame]), "frame", dead="auto")[0, 0]
    assert np.argwhere(np.isnan(result.values)).tolist() == [[5, 5], [200, 30]]


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
