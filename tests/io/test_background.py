import dask
import numpy as np
import pytest
import xarray as xr

from lensfree_nb.contract import frame_origin_um, pixel_size_of
from lensfree_nb.errors import PerformanceNote, SetupError
from lensfree_nb.io.acquisition import acquisition
from lensfree_nb.io.background import divide_background
from lensfree_nb.io.flat_field import normalise_frame, stack_background
from tests import seeds
from tests.io.scenes import SIZE, cell_hologram, moving, uneven_light


def as_hologram(frames):
    return xr.DataArray(
        np.asarray(frames)[:, None],
        dims=("time", "wavelength", "y", "x"),
        attrs={"units": "counts", "long_name": "hologram intensity"},
    )


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


@pytest.mark.parametrize("background", ["auto", "frame", uneven_light()])
def test_pixels_and_colours_keep_their_places_and_units(background):
    rng = np.random.default_rng(seeds.PIXELS)
    counts = (uneven_light() * cell_hologram(rng.uniform(20, SIZE - 20, (6, 2))))[None, None]
    given = {"wavelength_nm": [530.0], "pixel_size_um": 1.67}
    bare, divided = (acquisition(counts, background=how, **given) for how in (None, background))
    for name, coordinate in bare.coords.items():
        xr.testing.assert_identical(divided[name].reset_coords(drop=True), coordinate)
    cut = divided.isel(y=slice(30, None), x=slice(50, None))
    assert frame_origin_um(cut) == pytest.approx((30 * 1.67, 50 * 1.67))
    with pytest.raises(SetupError, match="after a stride"):
        pixel_size_of(divided.isel(y=slice(None, None, 2)))


def test_chunks_within_a_frame_are_noted():
    hologram = as_hologram([uneven_light()]).chunk(y=100)
    with pytest.warns(PerformanceNote, match="whole frames"):
        divide_background(hologram, "frame")


def test_hot_pixels_are_found_where_asked():
    rng = np.random.default_rng(seeds.LIGHT)
    frame = uneven_light() * cell_hologram([(128, 128)]) + rng.normal(0, 8, (SIZE, SIZE))
    frame[5, 5], frame[200, 30] = 3000, 0
    result = divide_background(as_hologram([frame]), "frame", dead="auto")[0, 0]
    assert np.argwhere(np.isnan(result.values)).tolist() == [[5, 5], [200, 30]]
