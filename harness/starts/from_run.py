"""FromRun: the best weights of a run in the store, or of a study's best run."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import optuna

from harness import study as studies
from harness.groups import merged
from harness.recipe import Recipe, recipe_from_json
from harness.settings import UserError, require_name
from harness.start import Base, Start
from harness.starts.files import Weights, read_files
from harness.store import optuna_url
from harness.tried import RESULT
from harness.weight_files import FULL, TRAINED, restored

RECIPE = "recipe.json"


@dataclass(frozen=True, kw_only=True)
class FromRun(Start):
    """Begin with the weights of the best epoch of `run`, an id or its beginning.

    With `study` instead, of that study's best trial by its first objective, whichever that is when
    a training begins; it goes on from the same one, or refuses to.
    """

    run: str = ""
    study: str = ""

    def __post_init__(self) -> None:
        super().__post_init__()
        if bool(self.run) == bool(self.study):
            got, do = (self.run, self.study), 'say FromRun(run="…") or FromRun(study="…")'
            raise UserError("FromRun", got=got, allowed="one of run and study", do=do)
        require_name(self.run or self.study, "FromRun")

    def base(self) -> Base:
        """Return the run's weights; raise UserError if it is unknown or has none."""
        root = studies.store()
        run = self.run or _best_run(root, self.study)
        directory = _directory(root, run)
        recipe = recipe_from_json(json.loads((directory / RECIPE).read_text(encoding="utf-8")))
        stored, digest = _stored(directory, recipe)
        weights, left = merged(recipe, stored)
        if left is not None:
            got = f"a run with {type(recipe.strategy).__name__}, which stay beside its weights"
            do = "start from the base of that run, or adapt it with LoRA"
            raise UserError("FromRun", got=got, allowed="weights of the model alone", do=do)
        return Base(weights=weights, sha256=digest, run=directory.parent.name, recipe=recipe)


def _stored(directory: Path, recipe: Recipe) -> tuple[Weights, str]:
    """Return the tensors that a run trained and the sha256 of their file; some may be its start's.

    A run keeps what trained alone where its start is large; what is frozen is then read there.
    """
    if (directory / FULL).exists():
        return read_files([directory / FULL])
    _, digest = read_files([directory / TRAINED])
    return restored(recipe, directory / TRAINED).state_dict(), digest


def _directory(root: Path, run: str) -> Path:
    """Return where the artifacts of a run lie that was trained to its end."""
    files = [f"artifacts/*/{run}*/artifacts/{name}" for name in (FULL, TRAINED)]
    found = sorted({path.parent for pattern in files for path in root.glob(pattern)})
    if len(found) != 1:
        allowed = "the id of one run in this store that has weights"
        do = "copy the id of a finished run from the MLflow UI"
        raise UserError("FromRun", got=f"{run}: {len(found)} runs", allowed=allowed, do=do)
    return found[0]


def _best_run(root: Path, name: str) -> str:
    """Return the run of a study's best trial; of equals, the first."""
    try:
        best = optuna.load_study(study_name=name, storage=_storage(root)).best_trial
    except (KeyError, ValueError) as error:
        do = f"run `make study NAME={name}` first"
        raise UserError("FromRun", got=name, allowed="a study with a result", do=do) from error
    return str(best.user_attrs[RESULT]["run_id"])


@lru_cache(maxsize=1)
def _storage(root: Path) -> optuna.storages.RDBStorage:
    if not (root / "optuna.db").is_file():
        do = "run the study that trains the base first"
        raise UserError("FromRun", got=str(root), allowed="a store with studies", do=do)
    return optuna.storages.RDBStorage(optuna_url(root))
