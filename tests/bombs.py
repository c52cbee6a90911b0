"""Graphs made to break a compiler: deep, shared, wide and nested; and all that is done to them."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import graphc as gx
from graphc.core.node import Node
from graphc.render.latex import latex
from graphc.render.text import lines, text

F = "float64"


def shared(size: int) -> tuple[Node, Node]:
    """Returns sin(y) cos(y) over itself: `3 size` nodes that are a tree of 2**size."""
    x = gx.input("x", (), F)
    y = x
    for _ in range(size):
        y = gx.sin(y) * gx.cos(y)
    return x, y


def chain(size: int) -> tuple[Node, Node]:
    """Returns a chain of `size` nodes, one above the other."""
    x = gx.input("x", (), F)
    y = x
    for _ in range(size // 2):
        y = gx.sin(y) * 1.0001
    return x, y


def wide(size: int) -> tuple[Node, Node]:
    """Returns a sum in a balanced tree over `size // 3` terms."""
    x = gx.input("x", (), F)
    terms = [gx.sin(x * float(i)) for i in range(max(size // 3, 1))]
    while len(terms) > 1:
        rest = terms[-1:] if len(terms) % 2 else []
        terms = [a + b for a, b in zip(terms[::2], terms[1::2], strict=False)] + rest
    return x, terms[0]


def row(size: int) -> tuple[Node, Node]:
    """Returns one node with `size // 2` operands."""
    x = gx.input("x", (), F)
    return x, gx.sum(gx.stack([gx.sin(x * float(i)) for i in range(size // 2)]))


def twice(size: int) -> tuple[Node, Node]:
    """Returns a block that calls a block twice, `size` deep: 2**size calls."""
    x = gx.input("x", (), F)
    f: Callable[[Any], Any] = gx.block(lambda a: gx.sin(a))
    for _ in range(size):
        f = gx.block((lambda inner: lambda a: inner(inner(a)))(f))
    return x, f(x)


def nested(size: int) -> tuple[Node, Node]:
    """Returns a block in a block, `size` deep; above 100 they are refused."""
    x = gx.input("x", (), F)
    f: Callable[[Any], Any] = lambda a: gx.sin(a)
    for _ in range(size):
        f = gx.block((lambda inner: lambda a: inner(a) * 1.5)(f))
    return x, f(x)


BOMBS: dict[str, Callable[[int], tuple[Node, Node]]] = {
    "shared": shared, "chain": chain, "wide": wide, "row": row, "twice": twice, "nested": nested,
}  # fmt: skip


def graph_of(x: Node, y: Node) -> None:
    """Makes a Graph twice, and compares, hashes, shows and copies it."""
    one, other = gx.Graph([x], [y]), gx.Graph([x], [y])
    assert one == other and hash(one) == hash(other) and repr(one)
    assert copy.copy(one) is not None and copy.deepcopy(one) == one


def stored(x: Node, y: Node) -> None:
    """Saves the graph and loads it again: the same node."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bomb.json"
        gx.save(path, y)
        assert gx.load(path) is y


def copied(x: Node, y: Node) -> None:
    """Copies a node: it stays itself."""
    assert copy.copy(y) is y and copy.deepcopy(y) is y and hash(y) == hash(y)


#: What is done to each; a BudgetError or EngineError is an answer too.
WORK: dict[str, Callable[[Node, Node], Any]] = {
    "reverse": lambda x, y: gx.grad(y, x),
    "forward": lambda x, y: gx.grad(y, x, engine="forward"),
    "hvp": lambda x, y: gx.hvp(y, x, gx.constant(1.0, F)),
    "symbolic": lambda x, y: gx.grad(y, x, engine="symbolic"),
    "numeric": lambda x, y: gx.grad(y, x, engine="numeric"),
    "simplify": lambda x, y: gx.simplify(y),
    "stable": lambda x, y: gx.simplify(y, stable=True),
    "lint": lambda x, y: gx.lint(y),
    "explain": lambda x, y: gx.explain(y),
    "print": lambda x, y: (str(y), repr(y), text(y), lines(y)),
    "latex": lambda x, y: latex(y),
    "draw": lambda x, y: gx.draw(y).dot,
    "draw backward": lambda x, y: gx.draw(y, kind="backward", wrt=x).dot,
    "draw mirrored": lambda x, y: gx.draw(y, kind="mirrored", wrt=x).dot,
    "draw update": lambda x, y: gx.draw(y, kind="update", wrt=x).dot,
    "draw with values": lambda x, y: gx.draw(y, values={"x": 0.5}).dot,
    "cost": lambda x, y: gx.cost(y),
    "evaluate": lambda x, y: gx.evaluate(y, x=0.5),
    "mpmath": lambda x, y: gx.evaluate_mpmath(y, x=0.5),
    "compile": lambda x, y: gx.compile(y),
    "to_sympy": lambda x, y: gx.to_sympy(y),
    "Graph": graph_of,
    "copy": copied,
    "save": stored,
}
