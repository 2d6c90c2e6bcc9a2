"""Average precision of detections, without the libraries that torchmetrics' own needs.

torchmetrics.detection asks for torchvision and pycocotools. This is COCO's measure for boxes with
one area range: greedy matching by confidence, precision interpolated at 101 recalls.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d
from torchmetrics import Metric

from harness.models.centre_point import STRIDE

MOST = 10
"""Detections of an image that count, the surest ones; canvases hold three pieces at most."""
RECALLS = 101


def detections(output: Tensor) -> Tensor:
    """Return (batch, MOST, 6) of class + 1, left, top, right, bottom and confidence.

    An object is where a logit is the largest of its 3×3 neighbours (Zhou 2019, §3.1). `output` is
    that of CentrePoint.
    """
    chances, boxes = output[:, :-4].sigmoid(), output[:, -4:]
    peaks = chances * (max_pool2d(chances, 3, 1, 1) == chances)
    sure, place = peaks.flatten(1).topk(MOST)
    height, width = output.shape[2:]
    name, cell = place // (height * width), place % (height * width)
    found = boxes.flatten(2).gather(2, cell[:, None].expand(-1, 4, -1)).transpose(1, 2)
    corner = torch.stack([cell % width, cell // width], dim=-1)
    centre, half = corner + found[..., 2:], found[..., :2].clamp_min(0) / 2
    sides = STRIDE * torch.cat([centre - half, centre + half], dim=-1)
    return torch.cat([(name + 1)[..., None].to(sides), sides, sure[..., None]], dim=-1)


class MeanAveragePrecision(Metric):
    """Mean over classes, and over least overlaps, of the area under precision and recall."""

    higher_is_better = True
    full_state_update = False
    found: list[Tensor]
    true: list[Tensor]

    def __init__(self, overlaps: Sequence[float]) -> None:
        super().__init__()
        self.overlaps = overlaps
        self.add_state("found", [], dist_reduce_fx="cat")
        self.add_state("true", [], dist_reduce_fx="cat")

    def update(self, output: Tensor, targets: Tensor) -> None:
        """Add outputs of CentrePoint and boxes (batch, n, 5)."""
        self.found.append(detections(output.detach()))
        self.true.append(targets)

    def compute(self) -> Tensor:
        """Return it, from 0 to 1, over the classes that there are."""
        found, true = torch.cat(list(self.found)).double(), torch.cat(list(self.true)).double()
        overlap = _overlaps(found[..., 1:5], true[..., 1:5])
        values = [
            _average_precision(found, true, overlap, name, least)
            for name in sorted(set(true[..., 0].flatten().tolist()))
            if name > 0
            for least in self.overlaps
        ]
        return torch.tensor(values).mean() if values else torch.tensor(0.0)


def _overlaps(left: Tensor, right: Tensor) -> Tensor:
    """Return intersection over union (images, n, m) of boxes (images, n, 4) and (images, m, 4)."""
    one, two = left[:, :, None], right[:, None]
    sides = torch.minimum(one[..., 2:], two[..., 2:]) - torch.maximum(one[..., :2], two[..., :2])
    shared = sides.clamp_min(0).prod(dim=-1)
    areas = [(each[..., 2:] - each[..., :2]).prod(dim=-1) for each in (one, two)]
    return shared / (areas[0] + areas[1] - shared).clamp_min(1e-9)


def _average_precision(
    found: Tensor, true: Tensor, overlap: Tensor, name: float, least: float
) -> float:
    """Return the average precision of one class at one least overlap."""
    wanted = true[..., 0] == name
    images, places = torch.nonzero(found[..., 0] == name, as_tuple=True)
    order = found[images, places, 5].argsort(descending=True, stable=True)
    free = torch.where(wanted[:, None], overlap, -1.0)[images[order], places[order]].tolist()
    taken: set[tuple[int, int]] = set()
    hits = []
    for image, shares in zip(images[order].tolist(), free, strict=True):
        left = [(s, n) for n, s in enumerate(shares) if s >= least and (image, n) not in taken]
        hits.append(bool(left))
        if left:
            taken.add((image, max(left)[1]))
    return _area(torch.tensor(hits, dtype=torch.float64), int(wanted.sum()))


def _area(hits: Tensor, wanted: int) -> float:
    """Return the mean over 101 recalls of the best precision at that recall or beyond."""
    right = hits.cumsum(dim=0)
    precision = right / torch.arange(1, len(hits) + 1)
    best = precision.flip(0).cummax(dim=0).values.flip(0) if len(hits) else precision
    recalls = torch.linspace(0, 1, RECALLS, dtype=torch.float64)
    first = torch.searchsorted(right / wanted, recalls - 1e-12)
    reached = first < len(hits)
    return float(best[first[reached]].sum() / RECALLS) if len(hits) else 0.0
