"""Where the parameters sit and where the work is: two bars a layer, as SVG."""

import pandas

from harness.plots import svg
from harness.plots.style import COLORS, short

ROW, LABEL, BAR, GAP, TOP = 22, 230, 260, 70, 64
LONGEST, MOST = 34, 60
"""Letters of a label, and rows: the smallest layers beyond are summed up in the last row."""


def numbers(layers: pandas.DataFrame) -> pandas.DataFrame:
    """Return label, parameters and flops (forward) of every layer that has either, in order.

    Beyond 60 the smallest, by their larger share of the two, are one row.
    """
    busy = layers[(layers["parameters"] > 0) | (layers["forward_flops"] > 0)]
    names = busy["name"].where(busy["name"] != "", busy["type"])
    data = pandas.DataFrame(
        {
            "label": (names + " · " + busy["type"]).to_list(),
            "parameters": busy["parameters"].to_list(),
            "flops": busy["forward_flops"].to_list(),
        }
    )
    if len(data) <= MOST:
        return data
    sizes = data[["parameters", "flops"]]
    share = (sizes / sizes.sum().clip(lower=1)).max(axis=1)
    large = share.rank(method="first", ascending=False) < MOST
    rest = data[~large]
    last = {
        "label": f"{len(rest)} smaller layers",
        "parameters": rest["parameters"].sum(),
        "flops": rest["flops"].sum(),
    }
    return pandas.concat([data[large], pandas.DataFrame([last])], ignore_index=True)


def draw(data: pandas.DataFrame, title: str) -> bytes:
    """Return an SVG with a bar of parameters and a bar of FLOPs beside each layer's name."""
    shapes = [svg.text(12, 20, title, "start", size=14)]
    for column, (name, words) in enumerate((("parameters", "parameters"), ("flops", "FLOPs"))):
        left, total = LABEL + column * (BAR + GAP), data[name].sum()
        heading = f"{words}, {short(float(f'{total:.3g}'))} in all" if total else f"no {words}"
        shapes.append(svg.text(left, 46, heading, "start", fill=COLORS[column]))
        scale = svg.Scale(0, max(1, data[name].max()) if len(data) else 1, 0, BAR)
        for row, value in enumerate(data[name]):
            top = TOP + row * ROW
            shapes.append(svg.bar(left, top, scale(value), ROW - 6, COLORS[column]))
            if value:
                share = f"{value / total:.1%}"
                shapes.append(svg.text(left + scale(value) + 5, top + 8, share, "start", size=10))
    for row, label in enumerate(data["label"]):
        words = label if len(label) <= LONGEST else label[: LONGEST - 1] + "…"
        shapes.append(svg.text(LABEL - 8, TOP + row * ROW + 8, words, "end", size=11))
    return svg.document(LABEL + 2 * (BAR + GAP), TOP + len(data) * ROW + 12, shapes)
