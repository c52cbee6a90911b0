"""What is inside a network: weights, activations and gradients of each layer, as numbers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphc.backends.compile import compile
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.walk import topological_order
from graphc.diff.reverse import reverse
from graphc.train.axes import Panel, Series
from graphc.train.charts import chart
from graphc.train.model import KEY, flat, read_model
from graphc.train.scales import number

#: Ops whose results are activations, where nobody says which nodes are.
ACTIVATIONS = frozenset(
    "relu sigmoid tanh leaky_relu elu selu gelu silu softplus softmax log_softmax softsign celu "
    "threshold hard_sigmoid hard_tanh relu6 mish swish isru prelu".split()
)


@dataclass(frozen=True, slots=True, eq=False)
class Distribution:
    """How the elements of one array are spread.

    Attributes:
        name: what the array is called.
        what: "weights", "activations", "weight gradients" or "activation gradients".
        size: its elements.
        mean: their mean, over those that are finite, like all that follows.
        deviation: their standard deviation.
        low: the smallest.
        high: the largest.
        zeros: the share that is exactly 0: of relu's activations, those of units that are off.
        not_finite: how many are infinite or NaN.
        counts: how many fall into each bin.
        edges: the bins' edges, one more than counts.
    """

    name: str
    what: str
    size: int
    mean: float
    deviation: float
    low: float
    high: float
    zeros: float
    not_finite: int
    counts: Any
    edges: Any


def distribution(name: str, what: str, array: Any, bins: int) -> Distribution:
    """Returns how an array's elements are spread."""
    values = np.asarray(array).astype(np.float64).ravel()
    good = values[np.isfinite(values)]
    if not len(good):
        nan = float("nan")
        return Distribution(
            name, what, len(values), nan, nan, nan, nan, 0.0, len(values),
            np.zeros(bins, np.int64), np.linspace(0, 1, bins + 1),
        )  # fmt: skip
    low, high = float(good.min()), float(good.max())
    wide = max(high - low, abs(low) * 1e-6, 1e-300)
    counts, edges = np.histogram(good, bins, (low, low + wide) if high - low < wide else None)
    return Distribution(
        name, what, len(values), float(good.mean()), float(good.std()), low, high,
        float(np.mean(good == 0)), len(values) - len(good), counts, edges,
    )  # fmt: skip


@guarded("train.distributions")
def distributions(
    loss: Node,
    values: Mapping[str, Any],
    data: Mapping[str, Any],
    *,
    activations: Mapping[str, Node] | None = None,
    bins: int = 40,
    key: int = 0,
) -> list[Distribution]:
    """Returns how weights, activations and their gradients are spread, layer by layer.

    Args:
        loss: the loss the gradients are of.
        values: of parameters and state: `Run.values`, or a nest.
        data: a batch: values of all inputs by name.
        activations: nodes of the loss by name; by default the results of activation functions, in
            the order of the forward pass.
        bins: of the histograms.
        key: the seed of the key, where the loss has one.

    Returns:
        One record each: for each parameter its weights and its gradient, for each activation its
        values and its gradient.

    Raises:
        ArgumentError: a value is missing or unknown, or an activation is no part of the loss.
        PrecisionError: the graph is float64, and JAX's 64-bit types are turned off.
    """
    if isinstance(bins, bool) or not isinstance(bins, int) or not 1 <= bins <= 10_000:
        raise ArgumentError(f"bins={show_value(bins)} is no count", "for example bins=40")
    if isinstance(key, bool) or not isinstance(key, int) or not 0 <= key < 2**32:
        raise ArgumentError(f"key={show_value(key)} is no seed", "give an integer from 0 on")
    model = read_model(loss, {})
    order = topological_order([loss])
    chosen = _named_activations(order) if activations is None else _given(order, activations)
    targets = [*model.parameters.values(), *chosen.values()]
    slopes = reverse(loss, targets).gradients
    given = dict(flat(values, list(model.leaves), "values"))
    if not isinstance(data, Mapping):
        raise ArgumentError(f"data={show_value(data)} is no dict", 'write {"x": rows}')
    for name, value in data.items():
        given[str(name.name) if isinstance(name, Node) else name] = value
    if model.keyed and KEY not in given:
        given[KEY] = np.array([0, key], np.uint32)
    found = compile({"values": targets, "slopes": list(slopes)})(given)
    names = [*model.parameters, *chosen]
    words = ["weights"] * len(model.parameters) + ["activations"] * len(chosen)
    made: list[Distribution] = []
    for name, what, value in zip(names, words, found["values"], strict=True):
        made.append(distribution(name, what, value, bins))
    for name, what, slope in zip(names, words, found["slopes"], strict=True):
        kind = "weight gradients" if what == "weights" else "activation gradients"
        made.append(distribution(name, kind, slope, bins))
    return made


def _named_activations(order: list[Node]) -> dict[str, Node]:
    found = [n for n in order if n.op.name in ACTIVATIONS and n.dtype.is_float]
    return {f"{n.op.name} {place}": n for place, n in enumerate(found, 1)}


def _given(order: list[Node], activations: Any) -> dict[str, Node]:
    if not isinstance(activations, Mapping):
        raise ArgumentError(
            f"activations={show_value(activations)} is no dict", 'write {"hidden": node}'
        )
    known = set(order)
    for name, node in activations.items():
        if not isinstance(node, Node) or node not in known or not node.dtype.is_float:
            words = describe(node, 3) if isinstance(node, Node) else show_value(node)
            raise ArgumentError(
                f"{words}, named {show_value(name)}, is no float value in the loss",
                "pass nodes the loss is made of",
            )
    return {str(k): v for k, v in activations.items()}


#: The columns of the picture.
_COLUMNS = ("weights", "weight gradients", "activations", "activation gradients")


@guarded("train.histograms")
def histograms(found: list[Distribution], path: str | os.PathLike[str], *, title: str = "") -> Path:
    """Draws the histograms of `train.distributions`, a row for each parameter or activation.

    Args:
        found: what `train.distributions` gave.
        path: the file: `.svg`, or `.html`.
        title: what stands above.

    Returns:
        The path.
    """
    listed = list(found) if isinstance(found, (list, tuple)) else []
    if not listed or not all(isinstance(d, Distribution) for d in listed):
        raise ArgumentError(
            f"{show_value(found)} is no list of distributions", "pass train.distributions(...)"
        )
    panels: list[Panel] = []
    for pair in (_COLUMNS[:2], _COLUMNS[2:]):
        first = [d for d in listed if d.what == pair[0]]
        second = {d.name: d for d in listed if d.what == pair[1]}
        for own in first:
            panels.append(_panel(own, 0))
            if own.name in second:
                panels.append(_panel(second[own.name], 1))
    return chart(path, panels, title=title, columns=2, height=190)


def _panel(d: Distribution, style: int) -> Panel:
    mean, deviation = (number(float(f"{v:.3g}")) for v in (d.mean, d.deviation))
    words = f"mean {mean}, deviation {deviation}"
    if d.zeros >= 0.005:
        words += f", zero {d.zeros:.0%}"
    if d.not_finite:
        words += f", not finite {d.not_finite}"
    title = f"{d.name}: gradient" if d.what.endswith("gradients") else f"{d.name}: {d.what}"
    return Panel(title, [Series("", d.edges, d.counts, "bars", style=style)], words)
