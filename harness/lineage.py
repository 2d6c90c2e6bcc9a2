"""Lineage: which run a training started from, what it changed, and the family tree of a run."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.tree import Tree

from harness import store
from harness.recipe import Recipe
from harness.settings import flat
from harness.study import store as store_root
from harness.tracked import StoredRun
from harness.tracking import client, find_run, search

BASE, PARENT, DIFFERS = "harness.base", "harness.parent", "harness.differs"
STUDY = "harness.study"
SHOWN = 12
"""Children of a run that are all shown; a study that tunes begins hundreds from one base."""
COST = "cost/wall_seconds"


def origin_tags(recipe: Recipe) -> dict[str, str]:
    """Return the tags that say what a recipe starts from: base hash, parent run, what differs."""
    if recipe.start is None:
        return {}
    base = recipe.start.base()
    tags = {BASE: base.sha256}
    if base.recipe is not None:
        tags |= {PARENT: base.run, DIFFERS: difference(flat(base.recipe), flat(recipe))}
    return tags


def difference(before: Mapping[str, object], after: Mapping[str, object]) -> str:
    """Return the settings that differ as "name: before → after; …", the start itself left out."""
    names = [n for n in dict.fromkeys([*before, *after]) if n.partition(".")[0] != "start"]
    changed = [n for n in names if before.get(n) != after.get(n)]
    text = "; ".join(f"{n}: {before.get(n, '–')} → {after.get(n, '–')}" for n in changed)
    return text[:5000] or "nothing"


def print_lineage(run_id: str, console: Console) -> None:
    """Print the family tree that a run belongs to, from its base to the latest child.

    Of many children those on the way to the run are shown; the others are counted by study.

    Raises:
        UserError: there is no such run.
    """
    root = store_root()
    store.prepare(root)
    run = find_run(root, run_id)
    way = [*ancestors(root, run)]
    ancestor = way[-1]
    children: dict[str, list[StoredRun]] = {}
    for each in search(client(root), f"tags.`{PARENT}` LIKE '%'"):
        children.setdefault(each.data.tags[PARENT], []).append(each)
    base = ancestor.data.tags.get(BASE)
    top = f"base {base[:12]}, from outside" if base else "random weights"
    tree = Tree(top, highlight=False)
    _grow(tree, ancestor, children, 0.0, way=[each.info.run_id for each in way])
    console.print(tree)


def ancestors(root: Path, run: StoredRun) -> Iterator[StoredRun]:
    """Yield the run, its parent, and so on; each once, should tags go in a circle.

    Raises UserError if a parent is no longer in the store.
    """
    seen: set[str] = set()
    while run.info.run_id not in seen:
        yield run
        seen.add(run.info.run_id)
        parent = run.data.tags.get(PARENT)
        if parent:
            run = find_run(root, parent)


def _grow(
    tree: Tree,
    run: StoredRun,
    children: Mapping[str, list[StoredRun]],
    spent: float,
    *,
    way: Sequence[str],
) -> None:
    """Add a run and what came of it; `spent` is what its ancestors cost, in seconds.

    `way` are the run that was asked for and its ancestors, by id.
    """
    total = spent + run.data.metrics.get(COST, 0.0)
    branch = tree.add(_text(run, total, mark="← " if run.info.run_id == way[0] else ""))
    young = sorted(children.get(run.info.run_id, []), key=lambda each: each.info.start_time)
    shown = young if len(young) <= SHOWN else [c for c in young if c.info.run_id in way]
    for child in shown:
        _grow(branch, child, children, total, way=way)
    ids = {child.info.run_id for child in shown}
    others = Counter(c.data.tags.get(STUDY, "") for c in young if c.info.run_id not in ids)
    for study, count in others.items():
        branch.add(f"{count} more of {study}")


def _text(run: StoredRun, total: float, *, mark: str) -> str:
    """Return a run in two lines, its name and its numbers."""
    tags, metrics = run.data.tags, run.data.metrics
    trainable, every = metrics.get("params/trainable", 0), metrics.get("params/total", 0)
    status = tags.get("harness.status", run.info.status.lower())
    differs = f"\n{tags[DIFFERS]}" if DIFFERS in tags else ""
    name = f"{tags.get(STUDY, '')} {run.info.run_name}"
    return (
        f"{mark}{run.info.run_id[:8]} {name} ({status})\n"
        f"{trainable:,.0f} of {every:,.0f} parameters train · {total:.1f} s in all{differs}"
    )
