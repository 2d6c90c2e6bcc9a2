"""Networks of the literature, each with what is known of it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from harness.anatomy import known
from harness.anatomy.known import classic


@dataclass(frozen=True, kw_only=True)
class Published(known.Known):
    """A network, an example, and its counts."""

    parameters: int
    counts: tuple[int, ...]


PUBLISHED: dict[str, tuple[int, tuple[int, ...]]] = {
    "LeNet-5": (61_706, (5, 5, 7, 5, 5, 4)),
    "AlexNet": (61_100_840, (8, 8, 12, 8, 8, 7)),
    "VGG-11": (132_863_336, (11, 11, 17, 11, 11, 10)),
    "VGG-16": (138_357_544, (16, 16, 22, 16, 16, 15)),
    "VGG-19": (143_667_240, (19, 19, 25, 19, 19, 18)),
    "ResNet-18": (11_689_512, (18, 5, 20, 21, 35, 17)),
    "ResNet-34": (21_797_672, (34, 5, 36, 37, 67, 33)),
    "ResNet-50": (25_557_032, (50, 6, 52, 54, 99, 49)),
    "ResNet-101": (44_549_160, (101, 6, 103, 105, 201, 100)),
    "ResNet-152": (60_192_808, (152, 6, 154, 156, 303, 151)),
    "GoogLeNet": (6_624_904, (22, 13, 27, 58, 43, 21)),
    "ResNet-20-A": (269_722, (20, 2, 21, 20, 39, 19)),
    "ResNet-56-A": (853_018, (56, 2, 57, 56, 111, 55)),
    "ResNet-110-A": (1_727_962, (110, 2, 111, 110, 219, 109)),
    "ResNet-20-B": (272_474, (20, 4, 21, 22, 39, 19)),
    "ResNet-56-B": (855_770, (56, 4, 57, 58, 111, 55)),
    "ResNet-110-B": (1_730_714, (110, 4, 111, 112, 219, 109)),
    "plain-20": (269_722, (20, 20, 21, 20, 39, 19)),
    "plain-56": (853_018, (56, 56, 57, 56, 111, 55)),
    "plain-110": (1_727_962, (110, 110, 111, 110, 219, 109)),
    "WRN-28-10": (36_479_194, (26, 5, 27, 29, 51, 25)),
    "WRN-16-4": (2_748_890, (14, 5, 15, 17, 27, 13)),
    "WRN-40-4": (8_949_210, (38, 5, 39, 41, 75, 37)),
    "CNN with two layers": (693_962, (3, 3, 4, 3, 3, 2)),
    "MLP 2-64-64-3": (4_547, (3, 3, 3, 3, 3, 2)),
    "ViT-B/16": (86_567_656, (50, 2, 50, 50, 75, 12)),
    "GPT-2": (124_439_808, (50, 2, 50, 51, 75, 12)),
    "BERT-base": (109_482_240, (50, 2, 50, 52, 75, 13)),
}
"""Parameters; longest, shortest, longest with pooling, total, longest with norms, nonlinearities.

Of transformers the totals and nonlinearities are counted by hand: BERT's three embeddings, 12
blocks of 4, and a pooler with tanh; GPT-2's two embeddings and a head that is tied to one."""

TEXTBOOK: dict[str, tuple[Callable[[], nn.Module], Callable[[], Any]]] = {
    "CNN with two layers": (classic.two_layer_cnn, lambda: torch.zeros(2, 1, 28, 28)),
    "MLP 2-64-64-3": (lambda: classic.mlp(2, 64, 64, 3), lambda: torch.zeros(2, 2)),
}

BUILT = {name: (each.build, each.example) for name, each in known.KNOWN.items()} | TEXTBOOK
KNOWN = {
    name: Published(
        build=BUILT[name][0], example=BUILT[name][1], parameters=parameters, counts=counts
    )
    for name, (parameters, counts) in PUBLISHED.items()
}
