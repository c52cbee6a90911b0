"""`draw`: one call for every kind of picture."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from graphc.core.errors import ArgumentError
from graphc.core.node import Node
from graphc.render.circuit import circuit_dot
from graphc.render.forward import backward_dot, forward_dot, named_outputs
from graphc.render.layout import TIME_LIMIT, format_of
from graphc.render.mirrored import mirrored_dot
from graphc.render.picture import Picture
from graphc.render.record import Record
from graphc.render.update import update_dot

#: The kinds of pictures.
KINDS = ("forward", "backward", "mirrored", "circuit", "update")


def draw(
    what: Any,
    path: str | os.PathLike[str] | None = None,
    *,
    kind: str = "forward",
    values: Mapping[Node, Any] | None = None,
    wrt: Sequence[Node] | None = None,
    record: Record | None = None,
    updates: Mapping[Node, Node] | None = None,
    format: str | None = None,
    limit: float = TIME_LIMIT,
    **options: Any,
) -> Picture:
    """Draws a graph, and writes the picture where a path is given.

    Args:
        what: a node, a Graph, or a list or dict of nodes (a dict's keys name the outputs).
        path: the file to write; its ending is the format.
        kind: `forward`, `backward` (gradients), `mirrored` (both, side by side), `circuit` (small
            graphs, values above the wires and gradients below) or `update` (a training step).
        values: values by node, written into the picture.
        wrt: the nodes whose gradients are drawn; by default every input and parameter.
        record: the record of the reverse pass, which the last three kinds need.
        updates: for `update`, each parameter's new value.
        format: dot, svg, png or pdf, where the path does not say it.
        limit: seconds that the layout may take.
        **options: `types` (write shapes and dtypes), `direction` (TB, LR, BT, RL), `budget` (drawn
            nodes above which the rest folds), `repeats` (False to fold nothing), `title`, `alone`
            (nodes to set apart); for the first two kinds `open_blocks` (True to draw each call's
            body in its place), `bodies` (False to draw none) and `parameters`
            (False to leave them out); for the other three `name` (of the
            output).

    Returns:
        The picture; `.svg`, `.png`, `.pdf` and `.dot` give it in any format.

    Raises:
        ArgumentError: an unknown kind or option, or nothing to draw.
        FormatError: an unknown format.
        FileError: the file can't be written.
        RenderError: the layout failed or took too long.
    """
    if path is not None:
        format_of(path, format)
    _check_options(kind, options)
    if kind == "forward":
        dot = forward_dot(what, values, **options)
    elif kind == "backward":
        dot = backward_dot(what, values, **options)
    elif record is None:
        raise ArgumentError(f"a picture of kind {kind!r} needs the reverse pass", "give record=")
    else:
        labels = [label for label, _ in named_outputs(what)]
        if labels[0]:
            options.setdefault("name", labels[0])
        if kind == "mirrored":
            dot = mirrored_dot(record, values, wrt=wrt, **options)
        elif kind == "circuit":
            dot = circuit_dot(record, values, **options)
        else:
            dot = update_dot(record, updates or {}, values, wrt=wrt, **options)
    picture = Picture(dot, limit)
    if path is not None:
        picture.save(path, format)
    return picture


_OPTIONS = ("types", "direction", "budget", "repeats", "title", "alone")


def _check_options(kind: str, options: Mapping[str, Any]) -> None:
    if kind not in KINDS:
        raise ArgumentError(f"{str(kind)[:40]!r} is no kind of picture", f"use {', '.join(KINDS)}")
    # A reverse pass has gone through the blocks as calls, so they can't be opened afterwards.
    plain = kind in ("forward", "backward")
    known = (*_OPTIONS, *(("open_blocks", "bodies", "parameters") if plain else ("name",)))
    for name in options:
        if name not in known:
            raise ArgumentError(
                f"{name!r} is no option of a {kind} picture", f"the options are {', '.join(known)}"
            )
    if options.get("direction", "TB") not in ("TB", "LR", "BT", "RL"):
        raise ArgumentError(f"{options['direction']!r} is no direction", "use TB, LR, BT or RL")
    budget = options.get("budget", 1)
    if not isinstance(budget, int) or budget < 1:
        raise ArgumentError(f"budget={budget!r} is no number of nodes", "for example budget=400")


def show_node(node: Node) -> str:
    """Returns a node's graph as SVG, for notebooks."""
    # The name is IPython's.
    return draw(node)._repr_svg_()  # pyright: ignore[reportPrivateUsage]
