"""Networks that measure, for tests of what is made of their drawings."""

import torch

from lensfree_nb.nets.registry import build_network, save_network
from lensfree_nb.quantify.channels import MEASURES, METRICS
from tests import seeds

OPTIONS = {
    "kind": "folded", "features": 4, "depth": 2, "inputs": 1, "outputs": MEASURES.outputs,
    "task": "quantify", "metrics": list(METRICS), "trained_on": {"pixel_size_um": 1.67},
}  # fmt: skip


def rough_network(path, options):
    """A network that learned nothing, whose drawings are rough and high enough to have maxima."""
    torch.manual_seed(seeds.SHAPES)
    network = build_network(options)
    torch.nn.init.normal_(network.last.weight)
    side = 64
    with torch.no_grad():
        drawn = network.eval()(0.6 * torch.randn(1, int(options["inputs"]), side, side))[0]
        wanted = torch.full((len(drawn),), 0.3)
        wanted[0] = 2.0
        scale = drawn.flatten(1).mean(1).sign() * wanted / drawn.flatten(1).std(1)
        scale = scale.repeat_interleave(network.fold**2)
        network.last.weight *= scale[:, None, None, None]
    return save_network(network, options, path)


def saved(path, **changes):
    """One that measures, or draws what the changes say."""
    return rough_network(path, {**OPTIONS, **changes})
