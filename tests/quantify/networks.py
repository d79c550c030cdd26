"""Networks that measure, for tests of what is made of their drawings."""

import torch

from lensfree_nb.nets.registry import build_network, save_network
from tests import seeds


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
