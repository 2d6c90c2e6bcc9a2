"""Registration: a study's claims, stored with it in Optuna before its first trial."""

from dataclasses import asdict
from typing import TYPE_CHECKING

from harness.claims import Registration
from harness.search import Search
from harness.store import locked
from harness.tried import ended

if TYPE_CHECKING:
    import optuna

REGISTRATION = "claims"


def register(search: Search) -> None:
    """Store which of the study's claims and seeds are new, and after how many trials they came."""
    with locked(search.directory / "claim.lock"):
        before = registration_of(search.optuna)
        study = search.study
        keys = [each.key for each in study.planned()]
        keys += [each.key for each in study.published]
        now = before.extended(keys, study.seeds, len(ended(search.trials())))
        if now != before:
            search.optuna.set_user_attr(REGISTRATION, asdict(now))


def registration_of(stored: "optuna.Study") -> Registration:
    """Return which claims a stored study made when; empty before its first trial."""
    found = stored.user_attrs.get(REGISTRATION, {"claims": {}, "seeds": []})
    return Registration(claims=found["claims"], seeds=tuple(found["seeds"]))
