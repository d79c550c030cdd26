import _kept
import pytest
import xarray as xr


class Maker:
    """Makes a dataset, and counts how often."""

    def __init__(self):
        self.times = 0

    def __call__(self):
        self.times += 1
        return xr.Dataset({"opd": ("x", [1.0, 2.0], {"units": "nm"})}, attrs={"pixel_um": 1.67})


def test_what_is_kept_is_made_once(tmp_path):
    make = Maker()
    first, again = (_kept.kept(tmp_path, "a/b, c", "as told", make) for _ in range(2))
    assert make.times == 1
    xr.testing.assert_identical(first, again)
    assert [path.parent for path in tmp_path.rglob("*.zarr")] == [tmp_path]


def test_what_is_kept_does_not_outlive_what_it_was_made_of(tmp_path, monkeypatch):
    make = Maker()
    _kept.kept(tmp_path, "a", "as told", make)
    _kept.kept(tmp_path, "a", "in another way", make)
    assert make.times == 2
    source = tmp_path / "another.py"
    source.write_text("as it was")
    monkeypatch.setattr(_kept, "BESIDE", (*_kept.BESIDE, str(source)))
    _kept.kept(tmp_path, "a", "as told", make)
    source.write_text("changed = True")
    _kept.kept(tmp_path, "a", "as told", make)
    assert make.times == 4


def test_what_fails_leaves_nothing_that_looks_whole(tmp_path):
    def fail():
        raise ValueError("no light")

    with pytest.raises(ValueError, match="no light"):
        _kept.kept(tmp_path, "a", "as told", fail)
    make = Maker()
    _kept.kept(tmp_path, "a", "as told", make)
    assert make.times == 1
