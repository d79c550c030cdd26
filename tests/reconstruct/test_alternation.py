import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
import torch

from lensfree_nb.errors import ModelError, ParameterError, QualityWarning
from lensfree_nb.nets.registry import build_network, find_model, save_network
from lensfree_nb.reconstruct.alternation import accelerated, reference
from lensfree_nb.run.tiles import tile_grid
from lensfree_nb.simulate.acquisition import acquire
from lensfree_nb.simulate.dish import culture
from lensfree_nb.simulate.truth import measured
from tests import seeds

CHUNKS = [{"time": 1}, {"y": 100, "x": 90}, {"time": 2, "wavelength": 1}, {"x": 33}]
RAISED_NM = 30.0
BUILT = {
    "kind": "unet", "inputs": 8, "outputs": 2, "features": 4, "depth": 3, "halo_px": 36,
    "task": "reconstruct",
}  # fmt: skip


def saved(path, *, raised_nm=0.0, **options):
    """A network that raises the OPD by a constant and changes nothing else."""
    network = build_network(BUILT | options)
    with torch.no_grad():
        network.last.bias[0] = raised_nm / 100
    save_network(network, BUILT | options, path)
    return str(path)


@pytest.fixture(scope="module")
def idle(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("idle") / "idle.safetensors")


@pytest.fixture(scope="module")
def raising(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("raising") / "raising.safetensors", raised_nm=RAISED_NM)


@pytest.fixture(scope="module")
def wrapped():
    """One ball of 700 nm among flat cells, simulated, and its row."""
    cells = culture((256, 256), 150.0, rng=np.random.default_rng(seeds.CELLS), margin_um=160.0)
    place = np.hypot(cells["y_um"] - 213, cells["x_um"] - 213)
    ball = cells.loc[[place.idxmin()]].assign(
        kind="round", semi_major_um=8.0, semi_minor_um=8.0, height_nm=700.0, y_um=213.0, x_um=213.0
    )
    cells = measured(pd.concat([cells.drop(index=place.idxmin()), ball], ignore_index=True))
    ds = acquire(
        cells, (256, 256), rng=np.random.default_rng(seeds.NOISE), instrument="plain"
    ).assign_coords(distance=((), 1000.0, {"units": "um"}))
    return ds, cells.iloc[-1]


def volume(opd, cell):
    """Sum over a disc around a cell (nm)."""
    y, x = np.mgrid[: opd.shape[0], : opd.shape[1]] * 1.67
    disc = np.hypot(y - cell["y_um"], x - cell["x_um"]) < cell["major_axis_um"] / 2 + 4
    return float(opd.values[disc].sum())


@pytest.mark.parametrize("method", ["reference", "accelerated"])
def test_a_wrapped_cell_is_recovered(wrapped, method):
    ds, cell = wrapped
    found = ds.lf.reconstruct(method)
    right = volume(ds["truth_opd"], cell)
    assert volume(found["opd"], cell) == pytest.approx(right, rel=0.1)
    assert float(found["opd"].max()) > 600
    alone = ds.lf.reconstruct("inverse", iterations=153)
    assert volume(alone["opd"], cell) < 0.8 * right
    assert float(found["residual"]) < float(alone["residual"])


def test_an_idle_network_leaves_the_first_inversion_as_it_was(holograms, idle):
    frame = holograms.isel(time=0)
    found = frame.lf.reconstruct("accelerated", network=idle, iterations=0)
    alone = frame.lf.reconstruct("inverse", iterations=10)
    for name in ("opd", "absorption", "residual"):
        np.testing.assert_allclose(found[name], alone[name], atol=1e-4)


def test_what_the_network_says_comes_out_where_nothing_follows(holograms, idle, raising):
    frame = holograms.isel(time=0)
    calm = frame.lf.reconstruct("accelerated", network=idle, iterations=0)["opd"]
    raised = frame.lf.reconstruct("accelerated", network=raising, iterations=0)["opd"]
    np.testing.assert_allclose(raised - calm, RAISED_NM, atol=0.1)


def test_the_prior_says_how_far_the_network_is_believed(holograms, idle, raising):
    frame = holograms.isel(time=0)

    def error(**parameters):
        found = frame.lf.reconstruct("accelerated", network=raising, **parameters)
        return float(np.abs(found["opd"] - frame["truth_opd"]).mean())

    believed = error(prior=1e4)
    doubted = error(prior=0.0, iterations=60, smoothness=0.01, sparsity=0.001)
    assert believed > 0.8 * RAISED_NM
    assert doubted < 0.2 * RAISED_NM


def test_the_first_inversion_can_be_changed(holograms, idle):
    frame = holograms.isel(time=0)
    options = {"network": idle, "iterations": 0}
    more = frame.lf.reconstruct("accelerated", first_iterations=25, **options)["opd"]
    alone = frame.lf.reconstruct("inverse", iterations=25)["opd"]
    np.testing.assert_allclose(more, alone, atol=1e-3)
    smooth = frame.lf.reconstruct("accelerated", first_smoothness=0.1, **options)["opd"]
    assert float(np.abs(smooth - alone).max()) > 1


def test_each_pass_of_the_network_counts(holograms, idle, raising):
    frame = holograms.isel(time=0)
    still = {"between_prior": 1e4, "between_sparsity": 0.0, "between_smoothness": 0.0}

    def raised(passes):
        options = {"iterations": 0, "passes": passes, **(still if passes > 1 else {})}
        above, calm = (
            frame.lf.reconstruct("accelerated", network=network, **options)["opd"]
            for network in (raising, idle)
        )
        return float((above - calm).mean())

    assert [raised(n) / RAISED_NM for n in (1, 2, 3)] == pytest.approx([1, 2, 3], rel=0.02)


def test_the_order_of_the_colours_does_not_count(holograms):
    frame = holograms.isel(time=0)
    expected = frame.lf.reconstruct("accelerated")["opd"]
    for order in ([2, 1, 0], [1, 2, 0]):
        found = frame.isel(wavelength=order).lf.reconstruct("accelerated")["opd"]
        np.testing.assert_allclose(found, expected, atol=1.0)


@pytest.mark.parametrize("view", range(8))
def test_every_view_is_the_same_in_tiles(view):
    kernel = accelerated(find_model("accelerate"))
    rng = torch.Generator().manual_seed(seeds.PIXELS)
    images = torch.rand(8, 251, 254, generator=rng)
    kernel = dataclasses.replace(kernel, precision="float32")
    whole = kernel._seen(images, view)
    halo = int(kernel.network.options["halo_px"])
    for tile in tile_grid((251, 254), 100, halo):
        part = kernel._seen(images[(..., *tile.padded)], view)[(..., *tile.inner)]
        torch.testing.assert_close(part, whole[(..., *tile.core)], atol=1e-4, rtol=0)


def test_all_views_together_favour_no_orientation(holograms):
    frame = holograms.isel(time=0)
    turned = frame.assign(hologram=frame["hologram"].transpose("wavelength", "x", "y").rename(
        {"x": "y", "y": "x"}))  # fmt: skip
    turned = turned.drop_vars(["truth_opd", "truth_absorption"])
    options = {"iterations": 0, "precision": "float32"}

    def gap(views):
        upright, aside = (
            ds.lf.reconstruct("accelerated", views=views, **options)["opd"].values
            for ds in (frame, turned)
        )
        return float(np.abs(upright - aside.T).max())

    assert gap(8) < 0.05 < gap(1)


def test_the_reference_passes_as_often_as_its_network_learned_to(tmp_path):
    once, twice = (find_model(saved(tmp_path / f"{n}.safetensors", passes=n)) for n in (1, 2))
    assert [reference(network).passes for network in (once, twice)] == [1, 2]
    assert accelerated(twice).passes == 1
    assert reference(twice).reach_px(100) > reference(once).reach_px(100)


@pytest.mark.parametrize("make", [accelerated, reference])
def test_the_first_inversion_is_as_long_as_that_the_network_learned_from(tmp_path, make):
    assert make(find_model(saved(tmp_path / "a.safetensors", iterations=3))).first.iterations == 3
    assert make(find_model(saved(tmp_path / "b.safetensors"))).first.iterations == 10


@pytest.fixture(scope="module")
def at_once(holograms, raising):
    """What any chunking must give, and how it was made."""
    options = {
        "network": raising, "iterations": 2, "first_iterations": 2, "tile_px": 150,
        "residual_map": True,
    }  # fmt: skip
    return holograms.lf.reconstruct("accelerated", **options), options


@pytest.mark.parametrize("chunks", CHUNKS)
def test_any_chunking_gives_the_same_bytes(holograms, at_once, chunks, no_compute):
    expected, options = at_once
    with no_compute():
        lazy = holograms.chunk(chunks).lf.reconstruct("accelerated", **options)
    found = lazy.compute()
    for name in ("opd", "absorption", "residual", "trusted", "defocus", "residual_map"):
        assert found[name].values.tobytes() == expected[name].values.tobytes(), name


def test_provenance_names_the_network(holograms, idle):
    found = holograms.isel(time=0).lf.reconstruct("accelerated", network=idle, iterations=0)
    said = json.loads(found.attrs["provenance"])[-1]["parameters"]
    assert said["method"] == "accelerated"
    assert said["network"]["sha256"] == find_model(idle).sha256
    assert said["first"]["iterations"] == 10


def test_weights_that_are_gone_when_they_are_needed_end_the_run(holograms, tmp_path):
    path = saved(tmp_path / "gone.safetensors")
    lazy = holograms.chunk().lf.reconstruct("accelerated", network=path)
    (tmp_path / "gone.safetensors").unlink()
    with pytest.raises(ModelError, match="not there any more"):
        lazy["opd"].compute()


def test_weights_are_found_from_any_folder(holograms, tmp_path, monkeypatch):
    saved(tmp_path / "mine.safetensors")
    monkeypatch.chdir(tmp_path)
    lazy = holograms.chunk().lf.reconstruct("accelerated", network="mine.safetensors", iterations=1)
    monkeypatch.chdir("/")
    assert np.isfinite(lazy["opd"]).all()


def test_a_frame_that_lacks_a_colour_is_shown_all_the_same(wrapped):
    ds, _ = wrapped
    without = ds.copy(deep=True)
    without["hologram"][2] = np.nan
    found = without.lf.reconstruct("accelerated")
    assert not bool(found["trusted"])
    error = (found["opd"] - ds["truth_opd"]).values
    assert float(np.sqrt((error**2).mean())) < 30


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"network": "nothing"}, ModelError, "no such file"),
        ({"precision": "float16"}, ParameterError, "precision"),
        ({"iterations": -1}, ParameterError, "whole number >= 0"),
        ({"first_iterations": 0}, ParameterError, "first_iterations"),
        ({"between_iterations": 0}, ParameterError, "between_iterations"),
        ({"passes": 0}, ParameterError, "passes"),
        ({"views": 0}, ParameterError, "views"),
        ({"views": 9}, ParameterError, "between 1 and 8"),
        ({"between_nothing": 1}, ParameterError, "nothing"),
        ({"proximal_steps": 0}, ParameterError, "proximal_steps"),
        ({"prior": -1.0}, ParameterError, "prior"),
        ({"relax": 1e300}, ParameterError, "relax"),
        ({"prior": float("nan")}, ParameterError, "prior"),
        ({"first_smoothness": -1.0}, ParameterError, "first_smoothness"),
        ({"first_nothing": 1}, ParameterError, "first_nothing|nothing"),
        ({"nothing": 1}, ParameterError, "nothing"),
    ],
)
def test_bad_parameters(holograms, idle, options, error, words):
    with pytest.raises(error, match=words):
        holograms.lf.reconstruct("accelerated", **({"network": idle} | options))


def test_a_network_for_other_data_is_refused(holograms, tmp_path):
    other = saved(tmp_path / "other.safetensors", task="represent")
    with pytest.raises(ParameterError, match="not for reconstruction"):
        holograms.lf.reconstruct("accelerated", network=other)
    two = holograms.isel(wavelength=[0, 1])
    good = saved(tmp_path / "three.safetensors")
    with pytest.raises(ParameterError, match="takes 3 exposures, the hologram has 2"):
        two.chunk().lf.reconstruct("accelerated", network=good)


@pytest.mark.parametrize(
    ("learned", "words"),
    [
        ({"wavelength_nm": [640.0, 530.0, 400.0]}, "wavelengths"),
        ({"pixel_size_um": 1.0}, "pixel_size_um"),
        ({"distance_um": [2000.0, 3000.0]}, "distance_um"),
    ],
)
def test_a_network_that_learned_on_another_microscope_is_doubted(
    holograms, tmp_path, learned, words
):
    own = {"wavelength_nm": [640.0, 530.0, 450.0], "pixel_size_um": 1.67, "distance_um": [600, 2e3]}
    frame = holograms.isel(time=0, y=slice(0, 64), x=slice(0, 64))
    path = saved(tmp_path / "n.safetensors", trained_on=own | learned)
    with pytest.warns(QualityWarning, match=words):
        frame.lf.reconstruct("accelerated", network=path, iterations=0)
