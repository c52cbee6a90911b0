"""Pictures of a problem: the public `draw`, and the set that a report holds."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import bind_sizes, name_values, run
from graphc.backends.values import as_value
from graphc.compare.problem import Problem
from graphc.compare.record import Picture as PictureRecord
from graphc.core.calls import guarded
from graphc.core.errors import (
    ArgumentError,
    GradError,
    GraphcError,
    show_value,
)
from graphc.core.graph import Graph, leaves
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import topological_order
from graphc.diff.reverse import ReverseRecord, reverse
from graphc.ops.steps import steps_gathered
from graphc.render.draw import KINDS
from graphc.render.draw import draw as draw_graph
from graphc.render.layout import check_format, inline_svg, render_many
from graphc.render.picture import Picture

#: Graphs up to this many nodes are drawn as a circuit with numbers on every wire.
CIRCUIT_NODES = 40

#: Arrays up to this many elements have their values computed for a picture.
_VALUE_ELEMENTS = 100_000


@guarded("draw")
def draw(
    what: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    kind: str = "forward",
    values: Mapping[Any, Any] | None = None,
    wrt: Any = None,
    learning_rate: float = 0.1,
    format: str | None = None,
    **options: Any,
) -> Picture:
    """Draws a graph; in a notebook the result shows itself.

    Args:
        what: a node, a nest of nodes, a Graph, or a Problem (whose values are then used).
        path: the file to write; its ending (`.svg`, `.png`, `.pdf`, `.dot`) is the format.
        kind: `forward`, `backward` (the gradient graph), `mirrored` (both side by side), `circuit`
            (small graphs: values above the wires, gradients below, as on a blackboard), or `update`
            (forward, backward and the step w - learning_rate * dw).
        values: for each input, by name or node, a number or array to write into the picture.
        wrt: what to differentiate by; every float input unless given.
        learning_rate: of the update step.
        format: `dot`, `svg`, `png` or `pdf`, where the path does not say it.
        options: `direction`, `budget` (drawn nodes before folding), `types`, ...: see
            `graphc.render.draw`.

    Returns:
        The picture: `.svg`, `.png`, `.pdf`, `.dot`, `.save(path)`.

    Raises:
        FormatError, FileError, RenderError: the format is unknown, the file can't be written, or
            the layout took too long.
        GradError: the graph can't be differentiated.
    """
    if format is not None:
        check_format(format)
    if not isinstance(kind, str):
        raise ArgumentError(f"kind={show_value(kind)} is no text", f"use {', '.join(KINDS)}")
    if values is not None and not isinstance(values, Mapping):
        raise ArgumentError(
            f"the values {show_value(values)} are no mapping",
            "write {'x': 1.0}, by name or by node",
        )
    if isinstance(what, Problem):
        values = dict(what.values) if values is None else values
        wrt = list(what.wrt) if wrt is None else wrt
        what = what.plain
    nodes = list(what.outputs) if isinstance(what, Graph) else flatten(what)[0]
    leaves([n for n in nodes if isinstance(n, Node)])  # two inputs of one name are refused
    if kind == "forward":
        numbers = node_values(nodes, values) if values else None
        return draw_graph(what, path, kind=kind, values=numbers, format=format, **options)
    output = _scalar(nodes, kind)
    chosen = _chosen(output, wrt)
    record = quiet_reverse(output, chosen)
    if kind == "backward":
        labelled = {
            f"∂{n.params['name']}": g for n, g in zip(chosen, record.gradients, strict=True)
        }
        numbers = node_values(list(record.gradients), values) if values else None
        return draw_graph(labelled, path, kind=kind, values=numbers, format=format, **options)
    updates = {w: w - g * learning_rate for w, g in zip(chosen, record.gradients, strict=True)}
    everything = [output, *record.adjoints.values(), *[c.value for c in record.contributions]]
    if kind == "update":
        everything += list(updates.values())
        options["updates"] = updates
    numbers = node_values(everything, values) if values else None
    return draw_graph(
        output, path, kind=kind, values=numbers, wrt=chosen, record=record, format=format, **options
    )


def _scalar(nodes: Sequence[Any], kind: str) -> Node:
    """Returns the one float scalar whose derivatives are drawn."""
    if kind not in KINDS:
        raise ArgumentError(f"{str(kind)[:40]!r} is no kind of picture", f"use {', '.join(KINDS)}")
    if len(nodes) != 1 or not isinstance(nodes[0], Node):
        raise ArgumentError(f"a picture of kind {kind!r} needs one node", "draw each by itself")
    node = nodes[0]
    if node.ndim or not node.dtype.is_float:
        raise GradError(
            f"{describe(node, 3)} is {node.type}, not a float scalar: there is no gradient to draw",
            "take gx.sum or gx.mean of it, or draw kind='forward'",
        )
    return node


def _chosen(output: Node, wrt: Any) -> list[Node]:
    """Returns what to differentiate by: nodes of the graph, or names of its inputs."""
    found = leaves([output])
    if wrt is None:
        return [n for n in found if n.dtype.is_float]
    names = {n.params["name"]: n for n in found}
    given = [names.get(w, w) if isinstance(w, str) else w for w in flatten(wrt)[0]]
    reached = set(topological_order([output]))
    chosen: list[Node] = []
    for node in given:
        if not isinstance(node, Node) or node not in reached:
            what = describe(node) if isinstance(node, Node) else repr(node)
            raise GradError(
                f"{describe(output, 3)} does not depend on {what}",
                f"its inputs are {', '.join(names) or 'none'}",
            )
        chosen.append(node)
    return chosen


def quiet_reverse(output: Node, wrt: Sequence[Node]) -> ReverseRecord:
    """Returns the reverse pass without the warning on piecewise constant ops."""
    with steps_gathered():
        return reverse(output, wrt)


def node_values(roots: Sequence[Node], values: Mapping[Any, Any]) -> dict[Node, Any]:
    """Returns the NumPy value of every node that the roots need (and of the roots)."""
    found = leaves(roots)
    given = {
        n: as_value(n, v)
        for n, v in name_values(
            found, {k: v for k, v in values.items() if _is_wanted(k, found)}
        ).items()
    }
    xp = NumpyNamespace(bind_sizes(found, [given[n].shape for n in found]))
    order = [n for n in topological_order(roots) if _is_small(n) and not _is_referee(n)]
    with np.errstate(all="ignore"):
        return dict(zip(order, run(order, given, xp), strict=True))


def _is_wanted(key: Any, found: Sequence[Node]) -> bool:
    return any(key is n or (isinstance(key, str) and key == n.params["name"]) for n in found)


def _is_small(node: Node) -> bool:
    size = getattr(node.type, "size", None)
    return not isinstance(size, int) or size <= _VALUE_ELEMENTS


def _is_referee(node: Node) -> bool:
    return node.op.name in ("jax_vjp", "jax_jvp", "item")


def report_pictures(
    problem: Problem, engines: Mapping[str, Sequence[Node]], prefix: str = ""
) -> tuple[PictureRecord, ...]:
    """Returns a report's pictures: graph, both passes mirrored, update, each engine's graph.

    Args:
        problem: what is drawn.
        engines: for each engine its gradient graphs.
        prefix: put before each file's stem.
    """
    size = problem.node_count()
    values, wrt = problem.values, list(problem.wrt)
    plans: list[tuple[str, str, str, dict[str, Any]]] = []
    if size <= CIRCUIT_NODES and all(n.ndim == 0 for n in topological_order([problem.plain])):
        plans.append((
            "circuit", "The circuit, with values and gradients",
            "Above each wire its value, below it the derivative of the output by it.",
            {"kind": "circuit"},
        ))  # fmt: skip
    plans.append((
        "mirrored", "Forward and backward, mirrored",
        "On the left the graph, on the right its reverse pass: each adjoint stands on the rank of "
        "the value it belongs to.", {"kind": "mirrored"},
    ))  # fmt: skip
    plans.append((
        "forward", "The forward graph",
        "Every node is one operation; inputs at the top, the output at the bottom.",
        {"kind": "forward"},
    ))  # fmt: skip
    plans.append((
        "update", "One step of gradient descent",
        "Forward, backward, and each parameter's new value w - rate * dw, as one graph.",
        {"kind": "update"},
    ))  # fmt: skip
    drawn: list[tuple[str, str, str, str]] = []
    for stem, title, words, options in plans:
        picture = draw(problem.plain, values=values, wrt=wrt, **options)
        drawn.append((prefix + stem, title, words, picture.dot))
    for name, gradients in engines.items():
        drawn.append(_engine_picture(prefix, name, problem, gradients, engines))
    answers = render_many([(dot, "svg") for *_, dot in drawn])
    pictures: list[PictureRecord] = []
    for (stem, title, words, _), answer in zip(drawn, answers, strict=True):
        if isinstance(answer, GraphcError):
            pictures.append(
                PictureRecord(stem=stem, title=title, words=f"{words} Not drawn: {answer}", svg="")
            )
        else:
            pictures.append(
                PictureRecord(stem=stem, title=title, words=words, svg=inline_svg(answer))
            )
    return tuple(pictures)


def _engine_picture(
    prefix: str,
    name: str,
    problem: Problem,
    gradients: Sequence[Node],
    engines: Mapping[str, Sequence[Node]],
) -> tuple[str, str, str, str]:
    others: set[Node] = set()
    for other, graphs in engines.items():
        if other != name:
            others.update(topological_order(graphs))
    alone = [n for n in topological_order(gradients) if n not in others]
    labelled = {f"∂{w.params['name']}": g for w, g in zip(problem.wrt, gradients, strict=True)}
    picture = draw_graph(labelled, kind="backward", alone=alone)
    words = (
        f"The gradient as the engine {name} builds it. Nodes with a heavy border are its own; the "
        "others it shares with another engine."
    )
    return f"{prefix}engine-{name}", f"The graph of the engine {name}", words, picture.dot
