"""Which network reads a film review best: recurrent with attention, or a transformer encoder?

Command:  make study NAME=text_classifiers
Cost:     6 minutes on two CPU cores (32 trials of about 20 s of CPU; an estimate).
Expected: no answer yet: it was not run. The encoder has .784 ± .005 on the test set (3 seeds),
          TF-IDF with logistic regression, no part of the study, .791 ± .010 (5 seeds; `make zoo`),
          and the recurrent network .785 on validation, once (2026-11-28, torch 2.13).
"""

from optuna.trial import BaseTrial

from harness.data.movie_reviews import MovieReviews
from harness.models.attentive_birnn import AttentiveBiRNN
from harness.models.encoder import Encoder
from harness.recipe import Model, Recipe
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify


def reader(kind: str, dropout: float) -> Model:
    """Return a network of about 570,000 parameters, 512,000 of them word embeddings."""
    if kind == "birnn":
        return AttentiveBiRNN(width=64, dropout=dropout)
    return Encoder(depth=1, width=64, dropout=dropout)


def space(trial: BaseTrial, *, kind: str) -> Recipe:
    """Return one recipe: the kind of network is compared, the rest is tuned for each."""
    return Recipe(
        model=reader(kind, trial.suggest_float("dropout", 0.1, 0.6)),
        data=MovieReviews(),
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 5e-4, 2e-2, log=True),
        batch_size=64,
        epochs=4,
        warmup=0.1,
        clip=1.0,
    )


study = Study(
    question="Which network reads a film review best: recurrent with attention, or an encoder?",
    space=space,
    scientific={"kind": ("birnn", "encoder")},
    compare="kind",
    objective="val/loss",
    metrics=("val/accuracy",),
    answer="test/accuracy",
    trials_per_cell=6,
    seeds=10,
)
