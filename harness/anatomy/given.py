"""Given: an example input as a network's forward takes it, with a batch of any size."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map


@dataclass(frozen=True)
class Given:
    """Positional and named arguments of a forward: tensors, or any nesting of them."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    @classmethod
    def of(cls, example: Any) -> "Given":
        """Return a tensor as the one argument, a tuple or list as several, a mapping as named."""
        if isinstance(example, Given):
            return example
        if isinstance(example, Mapping):
            return cls((), dict(example))
        return cls(tuple(example) if isinstance(example, tuple | list) else (example,), {})

    def to(self, network: nn.Module) -> Any:
        """Call the network."""
        return network(*self.args, **self.kwargs)

    def tensors(self) -> list[Tensor]:
        """Return all tensors in order."""
        return [each for each in tree_leaves((self.args, self.kwargs)) if isinstance(each, Tensor)]

    def map(self, change: Callable[[Tensor], Tensor]) -> "Given":
        """Return the same arguments with every tensor changed."""
        args, kwargs = tree_map(
            lambda each: change(each) if isinstance(each, Tensor) else each,
            (self.args, self.kwargs),
        )
        return Given(args, kwargs)

    def on_meta(self) -> "Given":
        """Return the same shapes on the meta device; what needs a gradient still does."""
        return self.map(lambda each: each.detach().to("meta").requires_grad_(each.requires_grad))

    @property
    def examples(self) -> int:
        """Length of the first tensor's first dimension: the batch, unless it is the time."""
        first = next(iter(self.tensors()), None)
        return first.shape[0] if first is not None and first.dim() else 1

    def batch(self, size: int) -> "Given":
        """Return a batch of `size` copies of the first example, along the first dimension.

        Tensors of another length than the first one's, a mask over positions for instance, stay.
        """
        before = self.examples

        def change(each: Tensor) -> Tensor:
            if not each.dim() or each.shape[0] != before:
                return each
            return each[:1].expand(size, *each.shape[1:]).contiguous()

        return self if size == before else self.map(change)
