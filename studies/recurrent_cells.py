"""At equal parameters, which recurrent cell classifies series best: RNN, LSTM or GRU?

Command:  make data && make study NAME=recurrent_cells
Cost:     8 minutes with WORKERS=2 on 2 CPU cores (108 trials of 8 s in the mean).
Expected: on speech GRU beats the RNN by 1.3 ± .8 points of accuracy (p = .016 after Holm), LSTM's
          1.3 ± 1.0 is no claim (p = .052); on power demand nothing can be told: 1.0 ± 2.3 and
          1.0 ± 1.9. Three best learning rates lie at the high edge (2026-11-22, torch 2.13,
          10 seeds).
"""

from dataclasses import replace

from optuna.trial import BaseTrial

from harness.data.italy_power_demand import ItalyPowerDemand
from harness.data.japanese_vowels import JapaneseVowels
from harness.models.recurrent import GRU, LSTM, RNN
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.classify import Classify

CELLS = {"rnn": RNN(), "lstm": LSTM(), "gru": GRU()}
SERIES = {"vowels": JapaneseVowels(), "power": ItalyPowerDemand()}
"""Speech, 12 channels and 7 to 29 steps; electricity, one channel and 24 steps."""
PARAMETERS = 5_000


def space(trial: BaseTrial, *, cell: str, series: str) -> Recipe:
    """Return one recipe: cell and series are compared, the rest is tuned in each cell."""
    model, data = CELLS[cell], SERIES[series]
    return Recipe(
        model=replace(model, width=width_for(model, data, parameters=PARAMETERS, tolerance=0.05)),
        data=data,
        task=Classify(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 3e-4, 3e-2, log=True),
        weight_decay=trial.suggest_float("weight_decay", 1e-4, 1.0, log=True),
        batch_size=16,
        epochs=40,
        warmup=0.1,
        clip=1.0,
    )


study = Study(
    question="At equal parameters, which recurrent cell classifies series best: RNN, LSTM or GRU?",
    space=space,
    scientific={"cell": tuple(CELLS), "series": tuple(SERIES)},
    compare="cell",
    objective="val/loss",
    answer="test/accuracy",
    trials_per_cell=8,
    seeds=10,
)
