"""Networks in the styles that people write, small, with their depths counted by hand."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm, weight_norm


class Functional(nn.Module):
    """Parameters outside any layer, and functions: 3 weight layers, 2 activations."""

    def __init__(self) -> None:
        super().__init__()
        self.kernel = nn.Parameter(torch.zeros(8, 3, 3, 3))
        self.hidden = nn.Parameter(torch.zeros(8 * 4, 16))
        self.out = nn.Parameter(torch.zeros(16, 5))
        self.bias = nn.Parameter(torch.zeros(5))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.conv2d(x, self.kernel, padding=1))
        x = F.max_pool2d(x, 2).flatten(1)
        return torch.addmm(self.bias, torch.tanh(x @ self.hidden), self.out)


class Shared(nn.Module):
    """One layer applied three times, then another."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.head = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(3):
            x = self.layer(x).relu()
        result: Tensor = self.head(x)
        return result


class Einsum(nn.Module):
    """Attention in einsum, with rotary positions, grouped queries and SwiGLU (Llama's block)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Parameter(torch.zeros(8, 4, 2))
        self.key = nn.Parameter(torch.zeros(8, 2, 2))
        self.value = nn.Parameter(torch.zeros(8, 2, 2))
        self.out = nn.Parameter(torch.zeros(4, 2, 8))
        self.gate, self.up = nn.Linear(8, 16, bias=False), nn.Linear(8, 16, bias=False)
        self.down = nn.Linear(16, 8, bias=False)
        self.gain = nn.Parameter(torch.ones(8))

    def forward(self, x: Tensor) -> Tensor:
        q = rotated(torch.einsum("btd,dhe->bthe", x * self.gain, self.query))
        k = rotated(torch.einsum("btd,dhe->bthe", x, self.key)).repeat_interleave(2, 2)
        v = torch.einsum("btd,dhe->bthe", x, self.value).repeat_interleave(2, 2)
        weights = torch.einsum("bqhe,bkhe->bhqk", q, k).softmax(-1)
        x = x + torch.einsum("bqhe,hed->bqd", torch.einsum("bhqk,bkhe->bqhe", weights, v), self.out)
        result: Tensor = x + self.down(F.silu(self.gate(x)) * self.up(x))
        return result


def rotated(x: Tensor) -> Tensor:
    angles = torch.arange(x.shape[1], device=x.device).to(x.dtype)[:, None, None]
    first, second = x.chunk(2, dim=-1)
    return x * angles.cos() + torch.cat([-second, first], dim=-1) * angles.sin()


class Dense(nn.Module):
    """Every layer reads all before it, concatenated (DenseNet)."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Conv2d(3 + 2 * i, 2, 3, padding=1) for i in range(4))
        self.head = nn.Linear(11, 2)

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, F.relu(layer(x))], dim=1)
        result: Tensor = self.head(x.mean((2, 3)))
        return result


class UNet(nn.Module):
    """Down twice, up twice, with concatenated shortcuts."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.down1, self.down2 = conv(1, 4), conv(4, 8), conv(8, 16)
        self.up2 = nn.ConvTranspose2d(16, 8, 2, stride=2)
        self.merge2 = conv(16, 8)
        self.up1 = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.merge1 = conv(8, 4)
        self.last = nn.Conv2d(4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        one = self.first(x)
        two = self.down1(F.max_pool2d(one, 2))
        three = self.down2(F.max_pool2d(two, 2))
        two = self.merge2(torch.cat([two, self.up2(three)], 1))
        one = self.merge1(torch.cat([one, self.up1(two)], 1))
        result: Tensor = self.last(one)
        return result


def conv(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, padding=1), nn.ReLU(inplace=True))


class Sides(nn.Module):
    """Two inputs, a dict of outputs, a branch whose result is ignored and a layer never run."""

    def __init__(self) -> None:
        super().__init__()
        self.image, self.text = nn.Linear(6, 4), nn.Embedding(10, 4)
        self.deep = nn.Sequential(*(nn.Linear(4, 4) for _ in range(9)))
        self.both = nn.Bilinear(4, 4, 3)
        self.never = nn.Linear(4, 4)

    def forward(self, image: Tensor, words: Tensor) -> dict[str, Tensor | tuple[Tensor, ...]]:
        a, b = self.image(image), self.text(words).mean(1)
        self.deep(a)
        return {"score": self.both(a, b), "embeddings": (a, b)}


class RMSNorm(nn.Module):
    """x / rms(x) · gain, by hand."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, width) to the same shape."""
        return self.gain * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class LayerScale(nn.Module):
    """x + γ · f(x): a gain is no weight layer (Touvron 2021)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm, self.layer = RMSNorm(width), nn.Linear(width, width)
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Map (…, width) to the same shape."""
        result: Tensor = x + self.gamma * F.gelu(self.layer(self.norm(x)))
        return result


class LowRank(nn.Module):
    """W + BA in the weight (one layer), and x·A·B beside it (two layers on that way)."""

    def __init__(self, *, merged: bool) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 4))
        self.down, self.up = nn.Parameter(torch.zeros(1, 4)), nn.Parameter(torch.zeros(4, 1))
        self.merged = merged

    def forward(self, x: Tensor) -> Tensor:
        if self.merged:
            return F.linear(x, self.weight + self.up @ self.down)
        return F.linear(x, self.weight) + x @ self.down.t() @ self.up.t()


class Queries(nn.Module):
    """Learned queries attend to the input (Perceiver): they are data, not weights."""

    def __init__(self) -> None:
        super().__init__()
        self.latents = nn.Parameter(torch.zeros(1, 3, 8))
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        latents = self.latents.expand(len(x), -1, -1)
        result: Tensor = self.attention(latents, x, x)[0]
        return result


class Albert(nn.Module):
    """One block applied again and again, with the sizes of a residual MLP."""

    def __init__(self) -> None:
        super().__init__()
        self.block = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 4))

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(5):
            x = x + self.block(x)
        return x


def lazily_sized() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(4), nn.ReLU(), nn.LazyLinear(2))


def nested() -> nn.Module:
    inner = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Sequential(nn.Linear(4, 4))))
    return nn.Sequential(nn.Sequential(inner), nn.Sequential(nn.Sequential(nn.Linear(4, 2))))


def normalised_weights() -> nn.Module:
    return nn.Sequential(weight_norm(nn.Linear(4, 4)), nn.ReLU(), spectral_norm(nn.Linear(4, 2)))
