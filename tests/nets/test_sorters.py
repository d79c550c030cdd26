"""SDCNN, ResNet50V2 and the grader: counted, and what their parts do."""

import pytest
import torch

from lensfree_nb.nets.grader import Grader
from lensfree_nb.nets.resnet import ResNet50V2
from lensfree_nb.nets.sdcnn import LEAST_PX, SDCNN
from tests import seeds

SORTERS = (SDCNN, ResNet50V2, Grader)


def counted(net):
    return sum(p.numel() for p in net.parameters())


def test_the_sorters_are_as_large_as_the_published_ones():
    assert counted(SDCNN()) == 1_278_018
    net = ResNet50V2()
    # Keras counts running means and variances, too.
    running = sum(b.numel() for name, b in net.named_buffers() if "running" in name)
    assert running == 45_440
    assert counted(net) + running == 23_568_898


@pytest.mark.parametrize("sorter", SORTERS)
def test_grey_and_colour_images_of_any_size_are_classed(sorter):
    torch.manual_seed(seeds.PIXELS)
    for channels, size in ((1, (134, 134)), (3, (LEAST_PX, 90))):
        net = sorter(channels, 2, features=8).eval()
        assert net(torch.rand(2, channels, *size)).shape == (2, 2)


@pytest.mark.parametrize("sorter", SORTERS)
def test_a_few_steps_tell_smooth_from_rough(sorter):
    torch.manual_seed(seeds.PIXELS)
    rough = torch.randn(8, 1, 64, 64)
    smooth = torch.nn.functional.avg_pool2d(rough, 5, 1, 2)
    images = torch.cat([rough, smooth / smooth.std()])
    truth = torch.tensor([0] * 8 + [1] * 8)
    net = sorter(1, 2, features=8).train()
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    for _ in range(30):
        loss = torch.nn.functional.cross_entropy(net(images), truth)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert bool((net(images).argmax(1) == truth).all())


def test_resnet_strides_where_keras_does():
    net = ResNet50V2(features=8)
    sizes = []
    for block in net.blocks:
        block.register_forward_hook(lambda *parts: sizes.append(parts[-1].shape[-1]))
    net.eval()(torch.zeros(1, 3, 224, 224))
    assert sizes == [56, 56, 28, 28, 28, 28, 14, *[14] * 5, 7, 7, 7, 7]


@torch.no_grad()
def test_before_training_all_places_are_as_loud_and_later_parts_add_up():
    torch.manual_seed(seeds.PIXELS)
    net = Grader(1, 5, features=4, depth=2).double().eval()
    image = torch.rand(1, 1, 64, 96, dtype=torch.float64)
    said, loud = net.places(image)
    assert said.shape == (1, 5, 16, 24)
    torch.testing.assert_close(loud, torch.ones_like(loud))
    torch.nn.init.normal_(net.voice.weight)
    said, loud = net.places(image)
    assert float(loud.max()) > 1.5 * float(loud.min())
    halves = [
        (s * v).sum((-2, -1))
        for s, v in ((said[..., :12], loud[..., :12]), (said[..., 12:], loud[..., 12:]))
    ]
    torch.testing.assert_close(sum(halves), net.votes(image)[0])
    torch.testing.assert_close(net(image), net.votes(image)[0] / net.votes(image)[1])
