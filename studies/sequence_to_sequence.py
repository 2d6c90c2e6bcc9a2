"""At equal parameters, should a translator be deep where it reads or where it writes?

Command:  make data && make study NAME=sequence_to_sequence
Cost:     8 minutes on two CPU cores (42 trials of about 24 s of CPU; an estimate).
Expected: no answer yet: it was not run. One training with blocks 2 + 2 has a phoneme error of .194
          (2026-11-28, torch 2.13). Deep encoders with shallow decoders lose nothing in machine
          translation (Kasai 2020, arXiv:2006.10369), and write faster.
"""

from dataclasses import replace

from optuna.trial import BaseTrial

from harness.claims import Claim
from harness.data.pronunciations import Pronunciations
from harness.models.transformer import Transformer
from harness.recipe import Recipe
from harness.sizing import width_for
from harness.strategies.full import Full
from harness.study import Study
from harness.tasks.translate import Translate

BLOCKS = {"3 + 1": (3, 1), "2 + 2": (2, 2), "1 + 3": (1, 3)}
"""Blocks that read and blocks that write; one of the latter has a third more weights."""
DATA = Pronunciations(limit=8_000)
PARAMETERS = 100_000


def space(trial: BaseTrial, *, blocks: str) -> Recipe:
    """Return one recipe: where the blocks are is compared, the rate is tuned."""
    reading, writing = BLOCKS[blocks]
    model = Transformer(depth=reading, decoder_depth=writing)
    width = width_for(model, DATA, parameters=PARAMETERS, tolerance=0.05)
    return Recipe(
        model=replace(model, width=width),
        data=DATA,
        task=Translate(),
        strategy=Full(),
        lr=trial.suggest_float("lr", 1e-3, 1e-2, log=True),
        batch_size=32,
        epochs=4,
        warmup=0.1,
        clip=1.0,
    )


study = Study(
    question="At equal parameters, should a translator be deep where it reads or where it writes?",
    space=space,
    scientific={"blocks": tuple(BLOCKS)},
    compare="blocks",
    claims=(
        Claim(a="3 + 1", b="1 + 3"),
        Claim(a="3 + 1", b="2 + 2", expect="equal", margin=0.01),
    ),
    objective="val/loss",
    answer="test/token_error_rate",
    trials_per_cell=4,
    seeds=10,
)
