import tracemalloc
from dataclasses import dataclass

import numpy as np
import pytest
import torch
import xarray as xr
from scipy.ndimage import gaussian_filter

from lensfree_nb.errors import (
    DataError,
    ExecutionError,
    ParameterError,
    PerformanceNote,
    QualityWarning,
)
from lensfree_nb.reconstruct.reconstruct import reconstruct
from lensfree_nb.run.frames import Output, map_tiles
from lensfree_nb.run.tiles import tile_grid
from tests import seeds

OUTPUTS = {"smooth": Output(attrs={"units": "1"}), "sum": Output("float64", sums=2)}
CHUNKS = [
    {"time": 1, "exposure": -1, "y": -1, "x": -1},
    {"y": 110, "x": 75},
    {"time": 2, "y": 97, "x": 130},
    {"exposure": 1},
]


@dataclass(frozen=True)
class Blur:
    sigma: float

    def __call__(self, image, *arguments, tile):
        if np.isnan(image).all():
            raise DataError("nothing known")
        blurred = gaussian_filter(image.sum(0) * float(arguments[0]), self.sigma, truncate=4)
        core = blurred[tile.inner]
        return {"smooth": core, "sum": np.array([core.sum(dtype=np.float64), core.size])}


@pytest.fixture
def frames():
    rng = np.random.default_rng(seeds.STACK)
    return xr.DataArray(
        rng.normal(1, 0.1, (2, 3, 220, 150)).astype(np.float32),
        dims=("time", "exposure", "y", "x"),
        coords={
            "time": np.array(["2024-01-01", "2024-01-02"], "M8[ns]"),
            "y": ("y", np.arange(220.0), {"units": "um"}),
        },
    )


def run(frames, tile_px=64, **options):
    factor = xr.DataArray([1.0, 2.0], dims="time") if "time" in frames.dims else xr.DataArray(1.0)
    grid = tile_grid((frames.sizes["y"], frames.sizes["x"]), tile_px, 12)
    return map_tiles(Blur(3.0), frames, [factor], outputs=OUTPUTS, grid=grid, **options)


def test_tiled_equals_whole(frames):
    tiled, whole = run(frames), run(frames, None)
    np.testing.assert_allclose(tiled["smooth"], whole["smooth"], rtol=1e-6)
    np.testing.assert_allclose(tiled["sum"], whole["sum"], rtol=1e-6)
    assert tiled["y"].attrs == {"units": "um"}
    assert tiled["smooth"].attrs == {"units": "1"}


@pytest.mark.parametrize("chunks", CHUNKS)
def test_every_chunking_gives_the_same_bytes(frames, chunks, no_compute):
    expected = run(frames)
    with no_compute():
        lazy = run(frames.chunk(chunks))
    found = lazy.compute()
    for name in OUTPUTS:
        assert found[name].values.tobytes() == expected[name].values.tobytes()
        assert lazy[name].dtype == found[name].dtype
        assert lazy[name].shape == found[name].shape


def test_a_distributed_client_gives_the_same_bytes(frames):
    distributed = pytest.importorskip("distributed")
    expected = run(frames)
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster),
    ):
        found = run(frames.chunk({"time": 1})).compute()
    assert found["smooth"].values.tobytes() == expected["smooth"].values.tobytes()


def test_a_bad_frame_is_flagged_or_raised(frames):
    frames[1] = np.nan
    with pytest.raises(DataError, match="nothing known"):
        run(frames)
    with pytest.warns(QualityWarning, match="frame 1 is flagged"):
        found = run(frames, on_error="flag")
    assert found["smooth"][1].isnull().all()
    assert found["sum"][1].isnull().all()
    assert found["smooth"][0].notnull().all()


@dataclass(frozen=True)
class Failing:
    """Raises where the tile's core begins at (0, 0) of the second frame."""

    error: Exception

    def __call__(self, image, *arguments, tile):
        if image.mean() > 2 and tile.core[0].start == tile.core[1].start == 0:
            raise self.error
        core = image.sum(0)[tile.inner]
        return {"smooth": core, "sum": np.array([core.sum(), core.size])}


def fail_with(error, frames, **options):
    frames[1] += 9
    grid = tile_grid((220, 150), 64, 12)
    return map_tiles(Failing(error), frames, [], outputs=OUTPUTS, grid=grid, **options)


@pytest.mark.parametrize("lazy", [False, True])
@pytest.mark.parametrize(
    "error", [OSError("cut off"), RuntimeError("singular"), ValueError("odd"), ZeroDivisionError()]
)
def test_a_failed_tile_is_nan_and_its_frame_has_no_sums(frames, error, lazy):
    frames = frames.chunk(time=1) if lazy else frames
    with pytest.warns(QualityWarning, match=f"frame 1 is flagged: {type(error).__name__}"):
        found = fail_with(error, frames, on_error="flag").compute(scheduler="sync")
    rows, columns = tile_grid((220, 150), 64, 12)[0].core
    unknown = np.zeros((220, 150), bool)
    unknown[rows, columns] = True
    np.testing.assert_array_equal(found["smooth"][1].isnull(), unknown)
    assert found["sum"][1].isnull().all()
    assert found["smooth"][0].notnull().all()
    assert found["sum"][0].notnull().all()


@pytest.mark.parametrize("error", [TypeError("bug"), ParameterError("sigma"), MemoryError()])
def test_what_is_no_fault_of_the_frame_is_raised(frames, error):
    with pytest.raises(type(error)):
        fail_with(error, frames, on_error="flag")


@dataclass(frozen=True)
class Crowded(Blur):
    """Runs out of memory where the core is longer than `most_px`."""

    most_px: int = 1000

    def __call__(self, image, *arguments, tile):
        if max(tile.size) > self.most_px:
            raise torch.OutOfMemoryError(f"{tile.size}")
        return super().__call__(image, *arguments, tile=tile)


@pytest.mark.parametrize("chunks", [None, *CHUNKS])
def test_smaller_tiles_where_memory_runs_out(frames, chunks):
    large = xr.concat([frames, frames], "y").drop_vars("y")
    whole, halves = (tile_grid((440, 150), tile_px, 12) for tile_px in (None, 220))
    factor = [xr.DataArray(1.0)]
    expected = map_tiles(Blur(3.0), large, factor, outputs=OUTPUTS, grid=halves)
    crowded = Crowded(3.0, most_px=300)
    large = large if chunks is None else large.chunk(chunks)
    with pytest.warns(PerformanceNote, match="tiles of 440 px do not fit"):
        found = map_tiles(crowded, large, factor, outputs=OUTPUTS, grid=whole).compute()
    for name in OUTPUTS:
        assert found[name].values.tobytes() == expected[name].values.tobytes()


def test_a_device_that_holds_no_tile_at_all_is_no_fault_of_the_frame(frames):
    grid = tile_grid((220, 150), None, 12)
    crowded = Crowded(3.0, most_px=10)
    with pytest.raises(ExecutionError, match="not even tiles of 220 px"):
        map_tiles(crowded, frames, [xr.DataArray(1.0)], outputs=OUTPUTS, grid=grid, on_error="flag")


def test_a_frame_with_a_failed_tile_is_not_trusted(holograms):
    holograms = holograms.copy(deep=True).isel(y=slice(128), x=slice(128))
    holograms["hologram"][0, 1, :64, :64] = 0.0
    with pytest.warns(QualityWarning, match="frame 0 is flagged.*exposure 1 .* is dark"):
        found = reconstruct(
            holograms, "backpropagation", tile_px=64, halo_px=0, trust_residual=10.0
        )
    assert found["trusted"].values.tolist() == [False, True]
    assert found["opd"].isnull().sum(("y", "x")).values.tolist() == [64 * 64, 0]


def test_only_what_can_be_nan_can_be_flagged(frames):
    outputs = {"sum": Output("int64", sums=2)}
    with pytest.raises(ParameterError, match="sum is int64"):
        map_tiles(Blur(3.0), frames, [], outputs=outputs, grid=(), on_error="flag")


def test_one_frame_without_time(frames):
    found = run(frames.isel(time=0, drop=True))
    assert found["smooth"].dims == ("y", "x")
    assert found["sum"].dims == ("sum_sum",)


@pytest.mark.parametrize("chunks", CHUNKS)
def test_the_same_work_has_the_same_name(frames, chunks):
    lazy = frames.chunk(chunks)
    once, again = run(lazy), run(lazy)
    other = run(lazy, tile_px=100)
    for name in OUTPUTS:
        assert once[name].data.name == again[name].data.name
        assert once[name].data.name != other[name].data.name


@dataclass(frozen=True)
class Square:
    """Needs four times the padded tile in float64, and nothing of the frame."""

    def __call__(self, image, *arguments, tile):
        work = np.stack([image[0].astype(np.float64)] * 4)
        return {"square": work.sum(0)[tile.inner].astype(np.float32)}


@pytest.mark.parametrize("lazy", [False, True])
def test_memory_is_bounded_by_the_tile(lazy):
    pixels = np.ones((1, 1024, 1024), np.float32)
    frame = xr.DataArray(pixels, dims=("exposure", "y", "x"))
    frame = frame.chunk() if lazy else frame
    peaks = {}
    for tile_px in (None, 128):
        grid = tile_grid((1024, 1024), tile_px, 16)
        tracemalloc.start()
        try:
            found = map_tiles(Square(), frame, [], outputs={"square": Output()}, grid=grid)
            found = found.compute(scheduler="sync")
            peaks[tile_px] = tracemalloc.get_traced_memory()[1] - found["square"].nbytes
        finally:
            tracemalloc.stop()
    padded_bytes = 160 * 160 * 8
    assert peaks[None] > 4 * pixels.size * 8
    # Lazily, the chunk that is read (the frame, as recorded) comes on top.
    assert peaks[128] < 8 * padded_bytes + lazy * pixels.nbytes + 2**20
