"""Cells and wires of a picture, and their DOT text; every drawing is put together with these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import graphviz

from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.ops.flow.inner import is_running
from graphc.render.glyphs import Glyph, glyph, number_text
from graphc.render.labels import clean, font, html, plain, value_of
from graphc.render.labels import times as times_text
from graphc.render.style import EDGE, FAINT, GRADIENT, GRAPH, INK, LOOKS, NODE, VALUE
from graphc.render.text import text

#: Characters of the formula that a cell shows when pointed at.
TIP_LIMIT = 160


@dataclass(frozen=True, slots=True)
class Settings:
    """What all drawings can be asked for.

    Attributes:
        values: known values (and adjoints' values) by node; arrays of any kind.
        types: write shapes and dtypes; None writes them unless every node is a scalar.
        direction: `TB` (top to bottom), `LR` (left to right), `BT`, `RL`.
        budget: drawn nodes above which the remainder folds.
        repeats: fold repeated structure.
        open_blocks: draw the body of each call in its place, instead of once.
        bodies: draw the bodies of blocks beside the graph.
        parameters: draw `gx.param` nodes; large networks read better without.
        title: a line below the picture.
        alone: nodes drawn as one engine's own.
    """

    values: Mapping[Node, Any] | None = None
    types: bool | None = None
    direction: str = "TB"
    budget: int = 400
    repeats: bool = True
    open_blocks: bool = False
    bodies: bool = True
    parameters: bool = True
    title: str = ""
    alone: frozenset[Node] = frozenset()


def settings_of(values: Mapping[Node, Any] | None, options: Mapping[str, Any]) -> Settings:
    """Returns the settings that a caller's options ask for."""
    alone = frozenset(options.get("alone", ()))  # a list of nodes can't be searched with `in`
    found: dict[str, Any] = {**options, "values": values, "alone": alone}
    return Settings(**found)


@dataclass(slots=True)
class Sketch:
    """A picture while it is put together; `source` gives its DOT text."""

    settings: Settings
    digraph: graphviz.Digraph
    types: bool
    wires: dict[tuple[str, str, int], dict[str, str]] = field(default_factory=dict[Any, Any])
    joined: set[tuple[str, str]] = field(default_factory=set[Any])
    clusters: dict[str, tuple[str, graphviz.Digraph]] = field(default_factory=dict[Any, Any])
    count: int = 0

    def node(self, name: str, cluster: str = "", **attributes: str) -> None:
        """Adds a cell, inside a cluster where one is named."""
        home = self.clusters[cluster][1] if cluster else self.digraph
        home.node(name, **attributes)

    def cluster(self, name: str, label: str, look: Mapping[str, str], parent: str = "") -> None:
        """Opens a frame with a label, markup, around cells, unless it is open."""
        if name not in self.clusters:
            frame = graphviz.Digraph(name=f"cluster_{name}")
            frame.attr("graph", label=f"<{label}>", **look)
            self.clusters[name] = (parent, frame)

    def new_id(self) -> str:
        """Returns the next node id: numbers in the order of drawing, so the same in any process."""
        self.count += 1
        return f"n{self.count}"

    def wire(self, tail: str, head: str, index: int = 0, **attributes: str) -> None:
        """Adds an edge unless the same one (tail, head and operand's position) is there."""
        self.wires.setdefault((tail, head, index), attributes)
        self.joined.add((tail, head))

    def number(self, node: Node, head: str, index: int, cluster: str = "", ink: str = INK) -> None:
        """Draws a scalar constant beside the one operation that uses it."""
        name = f"{head}c{index}"
        if (name, head, index) not in self.wires:
            self.node(
                name,
                cluster,
                label=plain(number_text(node)),
                shape="plaintext",
                fontcolor=ink,
                fontsize="12",
                height="0.2",
                width="0.2",
                margin="0.03",
                tooltip=plain(f"constant {node.type}"),
            )
            self.wire(name, head, index, arrowsize="0.5")

    def caption(self, legend: str) -> None:
        """Puts the title and a legend, markup, below the picture."""
        shown = self.settings.title
        title = font(html(clean(shown, 200)), color=INK) if shown else ""
        if title or legend:
            parts = [part for part in (title, legend) if part]
            self.digraph.graph_attr["label"] = f"<{'<BR/>'.join(parts)}>"

    def same_rank(self, left: str, right: str) -> None:
        """Puts two cells on one rank."""
        self.digraph.body.append(f"\t{{rank=same; {left}; {right}}}\n")

    def source(self) -> str:
        """Returns the DOT text."""
        for parent, frame in reversed(self.clusters.values()):
            (self.clusters[parent][1] if parent else self.digraph).subgraph(frame)
        for (tail, head, _), attributes in self.wires.items():
            self.digraph.edge(tail, head, **attributes)
        self.clusters.clear()
        self.wires.clear()
        return self.digraph.source


def new_sketch(settings: Settings, nodes: Sequence[Node], legend: str = "", **graph: str) -> Sketch:
    """Returns an empty picture; the title and a legend, markup, stand below it."""
    attributes = {**GRAPH, "rankdir": settings.direction, **graph}
    digraph = graphviz.Digraph(
        graph_attr=attributes, node_attr=NODE, edge_attr=EDGE, encoding="utf-8"
    )
    sketch = Sketch(settings, digraph, wants_types(settings, nodes))
    sketch.caption(legend)
    return sketch


def wants_types(settings: Settings, nodes: Sequence[Node]) -> bool:
    """Tells whether shapes and dtypes are written: unless every node is a scalar of one dtype."""
    if settings.types is not None:
        return settings.types
    return any(not isinstance(node.type, TensorType) or bool(node.type.shape) for node in nodes)


def tip(node: Node) -> str:
    """Returns what a cell says when pointed at: its formula and its type."""
    return plain(clean(f"{text(node, 24)} : {node.type}", TIP_LIMIT))


def sign_markup(sign: Glyph, size: float = 0) -> str:
    """Returns a sign as markup."""
    shown = html(sign.text)
    if sign.power:
        shown += f"<SUP>{html(sign.power)}</SUP>"
    return font(shown, size=size)


def leaf_rows(node: Node, times: int = 0) -> list[str]:
    """Returns the label rows of an input, parameter or array constant."""
    if node.op.name in LEAF_OPS:
        name = font(html(clean(node.params["name"])), style="b")
    elif node.op.name == "constant":
        name = font(html(value_of({node: node.params["value"].array}, node)), size=11)
    else:
        name = sign_markup(glyph(node))
    return [name + (font(f" {times_text(times)}", size=11) if times > 1 else "")]


def kind_of(node: Node) -> str:
    """Returns the name of the look a forward node has."""
    if node.op.name in LOOKS:
        return node.op.name
    if is_running(node) or node.op.name in ("jax_vjp", "implicit"):
        return "block"
    return "op" if node.args else "constant"


def rows_of(
    sketch: Sketch, node: Node, *, times: int = 0, gradient: str = "", tag: str = ""
) -> list[str]:
    """Returns the label rows of a node: value, sign, note, type, gradient.

    Args:
        sketch: the picture.
        node: the node.
        times: the rounds it stands for.
        gradient: the adjoint's value as short text.
        tag: a line of markup above the sign, for example what the node is the adjoint of.
    """
    rows: list[str] = [tag] if tag else []
    shown = value_of(sketch.settings.values, node) if node.op.name != "constant" else ""
    if shown:
        rows.append(font(html(shown), size=11, color=VALUE))
    if node.args:
        sign = glyph(node)
        repeat = font(f" {times_text(times)}", size=13, style="b") if times > 1 else ""
        rows.append(sign_markup(sign, 16 if len(sign.line) <= 3 else 13) + repeat)
        if sign.note:
            rows.append(font(html(sign.note), size=9, color=FAINT))
    else:
        rows += leaf_rows(node, times)
    if sketch.types:
        rows.append(font(html(clean(str(node.type), 40)), size=9, color=FAINT))
    if gradient:
        rows.append(font(html(gradient), size=11, color=GRADIENT, style="i"))
    return rows
