"""Kernels: what attention and recurrent layers cost and keep when one kernel does them whole.

On the meta device torch takes both apart: it would keep every matrix of scores, and run every time
step by itself.
"""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.overrides import TorchFunctionMode

from harness.anatomy.compute import Work, attention_work, causal_share, recurrent_work
from harness.anatomy.formulas import GATES

ATTENTION = functional.scaled_dot_product_attention
KEPT = {"rnn_tanh": 0.0, "rnn_relu": 0.0, "gru": 6.0, "lstm": 15.5}
"""Numbers kept besides input and output for each hidden unit, example and time step, in each layer
and direction: saved_tensors_hooks on the CPU, torch 2.13, 64 to 128 units, 20 to 128 steps."""
Report = Callable[[Work, int], None]
"""Takes an operator's work and how much of its forward a causal mask leaves out."""


class Kernels(TorchFunctionMode):
    """Replaces attention and recurrent layers on the meta device, and reports their work."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self.report = report

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        if function is ATTENTION:
            return self.attend(*args, **(kwargs or {}))
        if function is functional.multi_head_attention_forward:
            # It calls attention by this name, where the mode that called it is switched off.
            with patch.object(functional, "scaled_dot_product_attention", self.attend):
                return function(*args, **(kwargs or {}))
        kind = getattr(function, "__name__", "")
        if kind in KEPT and args[0].device.type == "meta":
            return self.recur(kind, *args)
        return function(*args, **(kwargs or {}))

    def attend(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        **options: Any,
    ) -> Tensor:
        """Return a result of the right shape; taken apart with dropout, as it is on a CPU."""
        done = attention_work(query, key, value)
        seen, pairs = causal_share(query.shape[-2], key.shape[-2]) if is_causal else (1, 1)
        masked = done.forward - done.forward * seen // pairs
        if dropout_p or query.device.type != "meta":
            self.report(Work(0, 0), masked)
            with sdpa_kernel(SDPBackend.MATH):
                return ATTENTION(query, key, value, attn_mask, dropout_p, is_causal, **options)
        self.report(done, masked)
        fused: Tensor = FusedAttention.apply(query, key, value)  # type: ignore[no-untyped-call]
        return fused

    def recur(self, kind: str, data: Tensor, *args: Any) -> tuple[Tensor, ...]:
        """Return results of the right shapes: output, and last hidden (and cell) states."""
        if isinstance(args[2], list | tuple):  # a packed sequence: the sizes of its batches first
            args = args[1:]
        states, weights, _, layers, _, _, both = args[:7]
        states = states if isinstance(states, tuple | list) else (states,)
        self.report(recurrent_work(data, states[0], weights, layers, both), 0)
        directions = 2 if both else 1
        rows = data.numel() // data.shape[-1]
        hidden = weights[1].shape[0] // GATES.get(kind.upper(), 1)
        kept = int(KEPT[kind] * rows * layers * directions * hidden)
        wide = (*data.shape[:-1], directions * states[0].shape[-1])
        shapes = [wide, *(tuple(state.shape) for state in states)]
        results = FusedRecurrent.apply(kept, shapes, data, *states, *weights)  # type: ignore[no-untyped-call]
        return tuple(results)


class FusedAttention(torch.autograd.Function):
    """Shapes of softmax(QKᵀ)V on the meta device; keeps what flash attention keeps.

    That is Q, K, V, the result and one number a query, the logarithm of its sum (Dao 2022,
    arXiv:2205.14135, algorithm 1). Q is (…, heads, queries, e), K and V alike with keys.
    """

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return an empty (…, heads, queries, v) tensor."""
        # Laid out in memory as the query, so that joining the heads again copies nothing.
        same = query.shape[-1] == value.shape[-1]
        shape = (*query.shape[:-1], value.shape[-1])
        result = torch.empty_like(query) if same else query.new_empty(shape)
        sums = query.new_empty(query.shape[:-1], dtype=torch.float32)
        ctx.save_for_backward(query, key, value, result, sums)
        return result

    @staticmethod
    def backward(ctx: Any, _gradient: Tensor) -> tuple[Tensor, ...]:
        """Return empty gradients of the three."""
        query, key, value, _, _ = ctx.saved_tensors
        return torch.empty_like(query), torch.empty_like(key), torch.empty_like(value)


class FusedRecurrent(torch.autograd.Function):
    """Shapes of a recurrent layer on the meta device, which keeps so many numbers besides."""

    @staticmethod
    def forward(
        ctx: Any, kept: int, shapes: list[tuple[int, ...]], data: Tensor, *others: Tensor
    ) -> tuple[Tensor, ...]:
        """Return empty tensors of the given shapes."""
        results = [data.new_empty(shape) for shape in shapes]
        ctx.save_for_backward(data, *others, results[0], data.new_empty(kept))
        return tuple(results)

    @staticmethod
    def backward(ctx: Any, *_gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return empty gradients of the data, the states and the weights that need one."""
        given = ctx.saved_tensors[:-2]
        wanted = zip(given, ctx.needs_input_grad[2:], strict=True)
        return (None, None, *(torch.empty_like(each) if need else None for each, need in wanted))
