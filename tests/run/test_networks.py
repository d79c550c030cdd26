import pytest
import torch

from lensfree_nb.errors import ParameterError
from lensfree_nb.nets import bands
from lensfree_nb.nets.registry import build_network, find_model, load_network, save_network
from lensfree_nb.run import networks
from lensfree_nb.run.networks import apply_network, check_precision
from tests import seeds

BUILDS = {
    "unet": {"kind": "unet", "inputs": 3, "outputs": 2, "features": 4, "depth": 3},
    "plain": {"kind": "plain", "inputs": 3, "outputs": 2, "features": 4, "layers": 4},
    "folded": {"kind": "folded", "inputs": 3, "outputs": 2, "features": 4, "depth": 2, "adds": 1},
    "octaves": {"kind": "octaves", "inputs": 3, "outputs": 2, "features": 4, "depth": 2},
}


@pytest.fixture(params=BUILDS)
def spec(request, tmp_path):
    torch.manual_seed(seeds.CELLS)
    network = build_network(BUILDS[request.param])
    for part in network.parameters():
        torch.nn.init.normal_(part, std=0.1)
    path = tmp_path / "mine.safetensors"
    save_network(network, BUILDS[request.param], path)
    return find_model(path)


@pytest.mark.parametrize("shape", [(150, 203), (64, 64), (33, 170)])
@pytest.mark.parametrize("at_once", [2**22, 2**11])
def test_tiles_give_what_the_whole_gives(spec, shape, at_once, monkeypatch):
    images = torch.rand(3, *shape)
    with torch.inference_mode():
        whole = load_network(spec, "cpu")(images[None])[0]
        monkeypatch.setattr(bands, "AT_ONCE", at_once)
        for tile_px in (32, 50, 512):
            tiled = apply_network(spec, images, precision="float32", tile_px=tile_px)
            torch.testing.assert_close(tiled, whole, rtol=1e-4, atol=1e-5)
    assert float(whole.std()) > 0.01


@pytest.mark.parametrize(
    ("name", "side"), [("measure", 2816), ("restore", 2816), ("paper-four", 512)]
)
def test_tiles_are_those_that_suit_the_network(name, side, monkeypatch):
    asked = []
    grid = networks.tile_grid
    monkeypatch.setattr(networks, "tile_grid", lambda *said: asked.append(said[1]) or grid(*said))
    spec = find_model(name)
    images = torch.rand(int(spec.options["inputs"]), 64, 64)
    apply_network(spec, images)
    apply_network(spec, images, tile_px=48)
    assert asked == [side, 48]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_any_number_of_threads_gives_the_same(precision):
    # Of a size at which threads that share a convolution do sum in another order.
    spec = find_model("accelerate")
    images = torch.rand(8, 210, 190)
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(apply_network(spec, images, precision=precision, tile_px=64))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[0], found[2])


def test_half_precision_stays_close(spec):
    images = torch.rand(3, 80, 96)
    with torch.inference_mode():
        exact = apply_network(spec, images, precision="float32")
        close = apply_network(spec, images, precision="bfloat16")
    assert close.dtype == torch.float32
    assert not torch.equal(exact, close)
    assert float((exact - close).abs().max()) < 0.05 * float(exact.abs().max())


def test_processors_are_exact_also_where_half_precision_is_quicker(spec, monkeypatch):
    images = torch.rand(3, 80, 96)
    monkeypatch.setattr(networks, "has_bfloat16", lambda device: True)
    with torch.inference_mode():
        exact = apply_network(spec, images, precision="float32")
        assert torch.equal(apply_network(spec, images), exact)


def test_an_unknown_precision_is_refused():
    with pytest.raises(ParameterError, match="use auto, float32, bfloat16"):
        check_precision("float16")


@pytest.mark.parametrize(
    ("tiles", "vectors", "maker", "quicker"),
    [
        (True, True, "GenuineIntel", True),
        (False, True, "GenuineIntel", False),
        (False, True, "AuthenticAMD", True),
        (False, False, "AuthenticAMD", False),
        (False, True, None, False),
    ],
)
def test_half_precision_is_chosen_where_it_is_quicker(
    monkeypatch, tmp_path, tiles, vectors, maker, quicker
):
    told = tmp_path / "cpuinfo"
    if maker:
        told.write_text(f"vendor_id\t: {maker}\n")
    monkeypatch.setattr(networks, "CPUINFO", told)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: tiles)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: vectors)
    networks._is_of_amd.cache_clear()
    try:
        assert networks.has_bfloat16(torch.device("cpu")) is quicker
    finally:
        networks._is_of_amd.cache_clear()
