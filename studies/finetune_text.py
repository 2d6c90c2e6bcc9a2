"""How much of a pretrained text encoder should be trained, given 400 labelled reviews?

Command:  make data; make study NAME=finetune_text
Cost:     about 2,000 s of CPU, 17 minutes on two free cores (full 76 s a trial, LoRA 55, biases
          57, probe 9, the test set 20); 2 GB a process. Run beside other work: 64 minutes.
Published: Hu et al. 2021 (arXiv:2106.09685): LoRA is as good as full; Ben Zaken et al. 2021
          (arXiv:2106.10199): biases alone are competitive where data are few.
Expected, written before the run: full ≈ LoRA > biases > probe; accuracy .83, .82, .80, .76.
Found:    LoRA .792, biases .786, full .785: no telling them apart; the probe .755, −3.0 ± 2.3
          points to full (2026-11-28, 5 seeds: intervals, no claim).
"""

from optuna.trial import BaseTrial

from harness.claims import Claim
from harness.data.movie_review_pieces import MovieReviewPieces
from harness.models.bert import MINILM as ARCHITECTURE
from harness.recipe import Recipe, Strategy
from harness.starts.from_package import MINILM
from harness.strategies.bit_fit import BitFit
from harness.strategies.full import Full
from harness.strategies.linear_probe import LinearProbe
from harness.strategies.lora import LoRA
from harness.study import Study
from harness.tasks.classify import Classify

QUERY_AND_VALUE = ("name:*.query", "name:*.value")
STRATEGIES: dict[str, Strategy] = {
    "full": Full(),
    "LoRA": LoRA(rank=8, targets=QUERY_AND_VALUE),
    "biases": BitFit(),
    "probe": LinearProbe(),
}
RATES = {"full": (1e-5, 3e-4), "LoRA": (3e-4, 1e-2), "biases": (3e-4, 1e-2), "probe": (1e-3, 1e-1)}
"""Ranges of one size each, about what the papers use: three trials cannot search four decades."""


def space(trial: BaseTrial, *, strategy: str) -> Recipe:
    """Return one recipe: the strategy is compared, its learning rate tuned."""
    low, high = RATES[strategy]
    return Recipe(
        model=ARCHITECTURE,
        data=MovieReviewPieces(limit=400),
        task=Classify(),
        strategy=STRATEGIES[strategy],
        start=MINILM,
        lr=trial.suggest_float(f"lr, {strategy}", low, high, log=True),
        batch_size=16,
        epochs=4,
        warmup=0.1,
    )


study = Study(
    question="How much of a pretrained text encoder should be trained, given 400 labelled reviews?",
    space=space,
    scientific={"strategy": tuple(STRATEGIES)},
    claims=(
        Claim(a="LoRA", b="full", expect="equal", margin=0.02),
        Claim(a="biases", b="full", expect="worse"),
        Claim(a="probe", b="full", expect="worse"),
    ),
    metrics=("val/accuracy",),
    trials_per_cell=3,
    seeds=5,
)
