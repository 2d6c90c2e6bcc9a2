"""Fine-tuning: the table of what each strategy trained, needed, moved, kept and cost."""

import pandas

from harness.plots.by_cell import by_cell
from harness.record import Record

ABOUT = (
    "Means over the runs that stand for each cell. Body: outside the head. Drift: ‖W − W0‖/‖W0‖ of "
    "the body; measured: what the process's peak was above what it held before, evaluations and "
    "checkpoints included (not of those trained in a stack); CKA: of the last block's outputs; "
    "source: its task's metric after (and before). Merged and adapted: seconds of a forward pass "
    "of 32 examples; error of merging, relative."
)
COLUMNS = {
    "params/trainable": "params/trainable",
    "params/trainable_body": "of the body",
    "size/trained_bytes": "bytes that trained",
    "memory/peak": "bytes to train",
    "cost/added_memory_bytes": "measured",
    "cost/wall_seconds": "seconds",
    "drift/body": "drift",
    "merge/error": "merge error",
    "cost/forward_seconds": "merged",
    "cost/forward_seconds_adapted": "adapted",
}


def comparison(record: Record) -> pandas.DataFrame:
    """Return one row for each cell of a study of fine-tuning, best first; else nothing."""
    if not record.columns("drift/") or not record.study.scientific:
        return pandas.DataFrame()
    metric = record.shown_metric
    quality = by_cell(record, metric)
    table = quality[["cell", "seeds"]].rename(columns={"seeds": "n"})
    table[metric] = quality["mean"]
    table[f"{metric} low"], table[f"{metric} high"] = quality["low"], quality["high"]
    for column, name in (COLUMNS | _last_block(record) | _source(record)).items():
        if record.column(column).notna().any():
            means = by_cell(record, column).set_index("cell")["mean"]
            table[name] = table["cell"].map(means)
    ascending = not record.larger_is_better(metric)
    return table.sort_values(metric, ascending=ascending).reset_index(drop=True)


def lineage(record: Record) -> pandas.DataFrame:
    """Return from which base each cell's runs started: its hash, its run, how many runs."""
    if "base" not in record.frame or not record.study.scientific:
        return pandas.DataFrame()
    rows = record.frame[record.frame["base"].notna() & (record.frame["base"] != "")]
    groups = rows.groupby(["base", "parent"], sort=False, dropna=False)
    table = groups.agg(runs=("trial", "count"), cells=("cell", "nunique")).reset_index()
    table["base"] = table["base"].str[:16]
    return table


def _last_block(record: Record) -> dict[str, str]:
    blocks = record.columns("cka/")
    return {blocks[-1]: "CKA"} if blocks else {}


def _source(record: Record) -> dict[str, str]:
    known = [name for name in record.columns("source/") if "loss" not in name]
    return {name: name.replace("_before", " before") for name in sorted(known)}
