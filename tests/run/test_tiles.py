import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lensfree_nb.errors import TilingError
from lensfree_nb.run.tiles import grid_chunks, tile_grid

sizes = st.integers(1, 400)


@given(sizes, sizes, st.integers(32, 200), st.integers(0, 50), st.randoms())
def test_cores_cover_the_frame_once_and_own_every_point_once(height, width, tile, halo, random):
    grid = tile_grid((height, width), tile, halo)
    count = np.zeros((height, width), int)
    for one in grid:
        count[one.core] += 1
        padded = np.arange(height * width).reshape(height, width)[one.padded]
        core = np.arange(height * width).reshape(height, width)[one.core]
        assert (padded[one.inner] == core).all()
    assert (count == 1).all()
    y, x = random.uniform(-0.5, height - 0.51), random.uniform(-0.5, width - 0.51)
    assert sum(one.owns(y, x) for one in grid) == 1
    assert [sum(c) for c in grid_chunks(grid)] == [height, width]


@given(sizes, sizes, st.integers(0, 50), st.integers(20, 100))
def test_parts_cover_their_tile_and_read_what_it_reads(height, width, halo, part_px):
    for tile in tile_grid((height, width), 128, halo):
        frame = np.arange(height * width).reshape(height, width)
        count = np.zeros(tile.size, int)
        for part in tile.split(part_px):
            count[part.core_in(tile)] += 1
            assert max(part.size) <= part_px
            read = frame[tile.padded][part.padded_in(tile)]
            assert (read == frame[part.padded]).all()
        assert (count == 1).all()


def test_no_slivers():
    rows = {t.core[0].stop - t.core[0].start for t in tile_grid((1025, 64), 512, 0)}
    assert rows == {341, 342}


@pytest.mark.parametrize("bad", [((10, 10), 8, 0), ((10, 10), None, -1), ((0, 10), None, 0)])
def test_impossible_grids(bad):
    with pytest.raises(TilingError, match="px"):
        tile_grid(*bad)
