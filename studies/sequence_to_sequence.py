"""At equal parameters, should a translator be deep where it reads or where it writes?

Command:  make data && make study NAME=sequence_to_sequence
Cost:     20 minutes with WORKERS=2 on 2 CPU cores (27 trials; an estimate).
Expected: no answer yet: it was not run to its end. Deep encoders with shallow decoders lose nothing
          in machine translation (Kasai 2020, arXiv:2006.10369), and write faster.
"""

from optuna.trial import BaseTrial

from harness.data.pronunciations import Pronunciations
from harness.models.transformer import Transformer
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.translate import Translate

BLOCKS = {"3 + 1": (3, 1), "2 + 2": (2, 2), "1 + 3": (1, 3)}
"""Blocks that read and blocks that write; one of the latter has a third more weights."""
DATA = Pronunciations(limit=16_000)
PARAMETERS = 100_000


def space(trial: BaseTrial, *, blocks: str) -> Recipe:
    """Return one recipe: where the blocks are is compared, the rest is tuned for each."""
    reading, writing = BLOCKS[blocks]
    dropout = trial.suggest_float("dropout", 0.0, 0.2)
    shape = Transformer(depth=reading, decoder_depth=writing, dropout=dropout)
    return Recipe(
        model=Transformer(
            depth=reading,
            decoder_depth=writing,
            width=width_for(shape, DATA, parameters=PARAMETERS, tolerance=0.05),
            dropout=dropout,
        ),
        data=DATA,
        task=Translate(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-2, log=True),
        batch_size=64,
        epochs=6,
        warmup=0.1,
        clip=1.0,
    )


study = Study(
    question="At equal parameters, should a translator be deep where it reads or where it writes?",
    space=space,
    scientific={"blocks": tuple(BLOCKS)},
    compare="blocks",
    objective="val/loss",
    answer="test/token_error_rate",
    trials_per_cell=4,
    seeds=5,
)
