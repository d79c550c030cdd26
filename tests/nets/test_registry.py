import json
import math

import pytest
import torch
from dask.base import tokenize
from safetensors.torch import save_file

from lensfree_nb.errors import ModelError
from lensfree_nb.nets.registry import (
    CONTENT,
    HEADER,
    WEIGHTS,
    build_network,
    find_model,
    load_network,
    read_card,
    save_network,
    shipped,
)
from tests import seeds

UNET = {"kind": "unet", "inputs": 8, "outputs": 2, "features": 4, "depth": 2, "task": "reconstruct"}
PLAIN = {"kind": "plain", "inputs": 2, "outputs": 2, "features": 3, "layers": 3}


def grows(**changes):
    """A header's word on errors and residuals, changed."""
    term = {"range": [0.1, 0.2], "typical": 0.1, "power": {}}
    return {"se_grows": {"residual": {**term, **changes}}}


@pytest.fixture(params=[UNET, PLAIN], ids=["unet", "plain"])
def saved(request, tmp_path):
    torch.manual_seed(seeds.CELLS)
    network = build_network(request.param).eval()
    for part in network.parameters():
        torch.nn.init.normal_(part, std=0.2)
    path = tmp_path / "mine.safetensors"
    save_network(network, request.param, path)
    return network, path


def as_loaded(network):
    """In the layout of a loaded network: in another, sums are rounded in another order."""
    return network.to(memory_format=torch.channels_last)


def test_what_is_saved_is_loaded(saved):
    network, path = saved
    spec = find_model(path)
    again = load_network(spec, "cpu")
    images = torch.rand(1, int(spec.options["inputs"]), 20, 24)
    with torch.no_grad():
        assert torch.equal(again(images), as_loaded(network)(images))
    assert again is load_network(spec, "cpu")
    assert not again.training


def test_a_spec_is_small_and_goes_by_what_the_file_holds(saved, tmp_path):
    _, path = saved
    spec = find_model(path)
    assert len(repr(spec)) < 1000
    copy = tmp_path / "other_name.safetensors"
    copy.write_bytes(path.read_bytes())
    assert tokenize(find_model(copy)) == tokenize(spec)
    save_network(build_network(spec.options), spec.options, copy)
    assert tokenize(find_model(copy)) != tokenize(spec)


@pytest.mark.parametrize("kept", [0, 5, 100, -1, -100])
def test_a_file_that_is_cut_off_is_refused(saved, kept):
    _, path = saved
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match=r"mine\.safetensors is damaged"):
        find_model(path)


def test_a_changed_byte_is_seen_by_the_card(saved):
    _, path = saved
    path.with_suffix(".json").write_text(json.dumps({"sha256": find_model(path).sha256}))
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="not the file that its card describes"):
        find_model(path)


def test_a_changed_byte_is_seen_without_a_card(saved):
    _, path = saved
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ModelError, match="its numbers changed"):
        load_network(find_model(path), "cpu")


def test_a_file_that_changes_after_it_was_named_is_refused(saved):
    _, path = saved
    spec = find_model(path)
    save_network(build_network(spec.options), spec.options, path)
    with pytest.raises(ModelError, match="has changed"):
        load_network(spec, "cpu")


def test_weights_that_are_not_finite_are_refused(saved):
    network, path = saved
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)
    options = find_model(path).options
    save_network(network, options, path)
    with pytest.raises(ModelError, match="not finite"):
        load_network(find_model(path), "cpu")


@pytest.mark.parametrize("kind", [torch.float16, torch.float64])
def test_weights_of_another_precision_are_refused(saved, kind):
    network, path = saved
    said = {n: v for n, v in find_model(path).options.items() if n != CONTENT}
    save_file(network.to(kind).state_dict(), path, {HEADER: json.dumps(said)})
    with pytest.raises(ModelError, match="use float32"):
        load_network(find_model(path), "cpu")


def test_weights_of_another_build_are_refused(saved):
    network, path = saved
    options = find_model(path).options
    save_network(network, {**options, "features": 5}, path)
    with pytest.raises(ModelError, match="does not hold the weights"):
        load_network(find_model(path), "cpu")


@pytest.mark.parametrize("kind", ["os.system", None, 3])
def test_an_unknown_kind_is_refused(saved, kind):
    network, path = saved
    save_network(network, {"kind": kind, "inputs": 2, "outputs": 2}, path)
    with pytest.raises(ModelError, match="no network of this package"):
        find_model(path)


def test_a_pickle_is_not_read(tmp_path):
    path = tmp_path / "evil.safetensors"
    torch.save({"a": torch.zeros(2)}, path)
    with pytest.raises(ModelError, match="damaged"):
        find_model(path)


@pytest.mark.parametrize("name", ["nothing", "../accelerate/none", "/tmp/none.safetensors"])
def test_a_missing_network_is_named_with_those_that_there_are(name):
    with pytest.raises(ModelError, match=r"no such file; use .*accelerate"):
        find_model(name)


@pytest.mark.parametrize("name", ["../../weights/accelerate", "mine/accelerate", "/accelerate"])
def test_a_path_is_never_taken_for_a_name(name):
    with pytest.raises(ModelError, match=r"or the path of a \.safetensors file"):
        find_model(name)
    assert find_model("accelerate").path.parent == WEIGHTS


@pytest.mark.parametrize("missing", ["inputs", "outputs", "halo_px"])
def test_a_header_that_lacks_something_is_refused(saved, missing):
    network, path = saved
    said = {n: v for n, v in find_model(path).options.items() if n != missing}
    save_file(network.state_dict(), path, {HEADER: json.dumps(said)})
    with pytest.raises(ModelError, match=f"no network of this package .*{missing}"):
        find_model(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"trained_on": [1]}, "trained_on"), ({"passes": "x"}, "no network of this package"),
     ({"passes": 0}, "passes"), ({"iterations": 0}, "iterations"),
     ({"trained_on": {"wavelength_nm": [None, 1, 2]}}, "no network of this package"),
     ({"trained_on": {"distance_um": [600]}}, "no network of this package"),
     ({"trained_on": {"distance_um": [900, 600]}}, "distance_um"),
     ({"trained_on": {"wavelength_nm": ["640", "530", "450"]}}, "wavelength_nm"),
     ({"trained_on": {"pixel_size_um": 0.0}}, "pixel_size_um"),
     ({"trained_on": {"range": {"area_um2": [1]}}}, "no network of this package"),
     ({"trained_on": {"range": {"area_um2": [900, 600]}}}, "range of area_um2"),
     ({"metrics": [1]}, "metrics"), ({"metrics": 1}, "no network of this package"),
     ({"least": "x"}, "least"), ({"least": None}, "least"), ({"least": 0}, "least"),
     ({"se_factor": [1]}, "no network of this package"),
     ({"se_factor": {"area_um2": -1}}, "se_factor of area_um2"),
     ({"se_factor": {"area_um2": math.nan}}, "se_factor of area_um2"),
     ({"se_factor": []}, "no network of this package"),
     ({"se_grows": []}, "no network of this package"),
     ({"disc_weights": []}, "no network of this package"),
     ({"disc_weights": [["area_um2", [1, 0, 0]]]}, "no network of this package"),
     ({"trained_on": {"range": []}}, "no network of this package"),
     (grows(power=[]), "no network of this package"),
     ({"disc_weights": {"area_um2": [1e300, 0, 0]}}, "disc_weights of area_um2"),
     ({"disc_weights": {"area_um2": [0.5, 0.5]}}, "how many is 2"),
     ({"disc_weights": {"area_um2": [0.5, 0, math.nan]}}, "disc_weights of area_um2"),
     ({"disc_weights": {"area_um2": 1.0}}, "no network of this package"),
     ({"se_grows": [1]}, "no network of this package"),
     ({"se_grows": {"hour": {}}}, "se_grows is 'hour'"),
     (grows(range=[0.1]), "no network of this package"),
     ({"se_grows": {"residual": {"range": [0.1, 0.2], "typical": 0.1}}},
      "no network of this package.*power"),
     (grows(range=[0, 0.2]), "residual: range is 0"),
     (grows(typical=0.3), "typical is 0.3"),
     (grows(power={"area_um2": -1}), "power of area_um2"),
     ({"metrics": ["area_um2"], "se_factor": {"area": 1.0}}, "told of is 'area'"),
     ({"metrics": ["area_um2"], "disc_weights": {"area": [1, 0, 0]}}, "told of is 'area'"),
     ({"metrics": ["area_um2"], **grows(power={"mass": 1.0})}, "told of is 'mass'"),
     ({"trained_on": {"background_nm": math.nan}}, "background_nm"),
     ({"trained_on": {"noise_nm": "x"}}, "noise_nm"),
     ({"depth": 40}, "depth is 40"), ({"inputs": 8.7}, "inputs is 8.7"),
     ({"passes": 10**6}, "passes is 1000000"),
     ({"halo_px": 1}, "it was changed by hand")],
)  # fmt: skip
def test_a_header_that_says_what_cannot_be_is_refused(saved, change, words):
    network, path = saved
    said = {**find_model(path).options, **change}
    save_file(network.state_dict(), path, {HEADER: json.dumps(said)})
    with pytest.raises(ModelError, match=words):
        load_network(find_model(path), "cpu")


@pytest.mark.parametrize("card", ["{", "[]", "\x00"])
def test_a_broken_card_is_told(saved, card):
    _, path = saved
    path.with_suffix(".json").write_text(card)
    with pytest.raises(ModelError, match=r"mine\.json"):
        find_model(path)


@pytest.mark.parametrize("name", shipped())
def test_every_network_that_comes_along_is_whole_and_described(name):
    spec = find_model(name)
    network = load_network(spec, "cpu")
    card = read_card(name)
    assert card["sha256"] == spec.sha256
    assert card["network"] == spec.options
    assert {"purpose", "data", "schedule", "training", "limits", "made_with"} <= set(card)
    every = card["data"].get("real_every")
    real = f"; of one field in {every} a real image in focus" if every else ""
    assert card["training"]["truth"] == f"simulated{real}"
    for seed in (card["data"]["seed"], card["data"]["validation_seed"]):
        assert seed in seeds.TRAIN
    assert network.halo_px <= spec.options["halo_px"]


def test_what_is_written_over_a_loaded_file_does_not_reach_the_network(saved):
    network, path = saved
    spec = find_model(path)
    loaded = load_network(spec, "cpu")
    before = [part.clone() for part in loaded.parameters()]
    with path.open("r+b") as file:
        file.seek(-64, 2)
        file.write(bytes(64))
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), before, strict=True))
    path.write_bytes(b"")
    images = torch.rand(1, int(spec.options["inputs"]), 20, 24)
    with torch.no_grad():
        assert torch.equal(loaded(images), as_loaded(network)(images))
