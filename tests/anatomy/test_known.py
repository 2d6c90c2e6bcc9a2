"""Networks of the literature: published parameters, FLOPs as torch's counter reads them on meta."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from harness.anatomy.describe import describe
from harness.anatomy.given import Given
from harness.anatomy.known import residual, sequence
from tests.anatomy.networks.known import KNOWN

QUICK = [name for name in KNOWN if "110" not in name and "152" not in name and "101" not in name]


def counted(network: nn.Module, example: object) -> int:
    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        Given.of(example).to(network)
    return int(counter.get_total_flops())


@pytest.mark.parametrize("name", QUICK)
def test_counts_of_the_literature(name: str) -> None:
    known = KNOWN[name]
    with torch.device("meta"):
        network, example = known.build(), known.example()
    anatomy = describe(network, example)
    rows = anatomy.layers
    assert anatomy.counts.total == known.parameters
    assert anatomy.counts.total == sum(row.parameters for row in rows)
    assert anatomy.flops.forward == sum(row.forward_flops for row in rows)
    assert anatomy.flops.forward == counted(network, example)
    assert {row.method for row in rows if row.type in ("Linear", "Conv2d")} == {"formula"}
    own = {"parameters of ViT: no formula, counted from its tensors"}
    assert set(anatomy.notes) <= own  # its class token and positions


def test_the_parameters_of_gpt2_by_type() -> None:
    with torch.device("meta"):
        network, example = sequence.gpt2_small(), torch.zeros(1, 1024, dtype=torch.long)
    anatomy = describe(network, example)
    counts = anatomy.counts
    assert counts.by_type == {
        "Embedding": 38_597_376 + 786_432,
        "LayerNorm": 38_400,
        "Linear": 85_017_600,
    }
    assert counts.non_embedding == 85_056_000
    assert counts.shared == (("tokens.weight", "head.weight"),)
    # 2·N·T for the matrices, and 4·L·T²·d for attention.
    matrices = 2 * 1024 * (12 * 12 * 768**2 + 768 * 50257)
    assert anatomy.flops.forward == matrices + 4 * 12 * 1024**2 * 768
    masked = 4 * 12 * 768 * (1024**2 - 1024 * 1025 // 2)
    assert anatomy.flops.forward_causal == anatomy.flops.forward - masked


def test_a_network_larger_than_this_machine() -> None:
    """GPT-3 175B (Brown 2020, arXiv:2005.14165, table 2.1): 174.6 billion."""
    with torch.device("meta"):
        network = sequence.GPT(blocks=96, width=12288, heads=96, context=2048)
        example = torch.zeros(1, 2048, dtype=torch.long)
    anatomy = describe(network, example)
    assert anatomy.counts.total == 174_604_259_328
    assert anatomy.memory.weights == 4 * anatomy.counts.total
    assert anatomy.memory.activations > 1e11


def test_multiply_accumulates_of_resnet_50_are_those_that_papers_call_flops() -> None:
    with torch.device("meta"):
        network, example = residual.resnet(50), torch.zeros(1, 3, 224, 224)
    assert describe(network, example).flops.forward == 2 * 4_089_184_256
