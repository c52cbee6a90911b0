"""The logistic map l1 = x, l(n+1) = 4 l(n) (1 - l(n)), differentiated four ways as n grows.

The table and the pictures follow figure 2 and table 1 of Baydin, Pearlmutter, Radul and Siskind,
"Automatic differentiation in machine learning: a survey" (2018): a formula by hand, differences,
symbolic algebra, and algorithmic differentiation of the program itself.

Run `python examples/logistic_map.py`, or `graphc compare examples/logistic_map.py --out out`.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax

import graphc as gx
from graphc.render.text import text

#: The four ways, by the names of their engines. The budget lets SymPy take whole expressions.
WAYS: dict[str, tuple[str, dict[str, Any]]] = {
    "by hand": ("analytic", {}),
    "differences": ("numeric", {}),
    "symbolic": ("symbolic", {"budget": 40_000}),
    "algorithmic": ("reverse", {}),
}
SIZES = range(1, 13)


def iterate(x: gx.Node, n: int) -> gx.Node:
    """Returns l(n) as n - 1 steps of the map: the program that is differentiated."""
    value = x
    for _ in range(n - 1):
        value = 4 * value * (1 - value)
    return value


def slope_by_hand(x: gx.Node, n: int) -> gx.Node:
    """Returns dl(n)/dx for 0 < x < 1.

    With x = sin(t)**2 each step doubles the angle, so l(n) = sin(2**(n-1) t)**2; the chain rule
    with dt/dx = 1 / (2 sqrt(x (1 - x))) gives the slope. It has the same length for every n.
    """
    angle = gx.asin(gx.sqrt(x))
    return 2.0 ** (n - 2) * gx.sin(2.0**n * angle) / gx.sqrt(x * (1 - x))


def problem(n: int, at: float = 0.2) -> gx.Problem:
    """Returns l(n) at a point of (0, 1)."""
    x = gx.input("x", (), gx.float64)
    return gx.Problem(
        iterate(x, n),
        {"x": at},
        wrt=[x],
        name=f"logistic map, n = {n}",
        description="l1 = x, l(n+1) = 4 l(n) (1 - l(n)).",
        analytic={x: slope_by_hand(x, n)},
        grow=lambda size: problem(size, at),
        sizes=SIZES,
    )


def problems() -> list[gx.Problem]:
    """Returns l(4), which can grow."""
    return [problem(4)]


def slope(way: str, n: int) -> gx.Node:
    """Returns the graph of dl(n)/dx by one of the four ways."""
    made = problem(n)
    engine, options = WAYS[way]
    # Only the engine `analytic` may see the formula that stands beside the program.
    output = made.output if engine == "analytic" else iterate(made.wrt[0], n)
    return gx.grad(output, made.wrt[0], engine=engine, **options)


def size(node: gx.Node) -> str:
    """Returns how many nodes a graph has, and how many it would have written out as a tree."""
    cost = gx.cost([node])
    return f"{cost.nodes} ({cost.tree_size})"


def report(found: Sequence[gx.Problem], folder: Path) -> bool:
    """Compares the engines on each problem, writes the report, and returns whether they agreed."""
    jax.config.update("jax_enable_x64", True)  # the graphs are float64
    tell = partial(print, file=sys.stderr)
    compared = [gx.compare(p, source=Path(__file__).name, progress=tell) for p in found]
    for one in compared:
        print(f"{one.title}: {one.verdict_words}")
    print(f"report: {gx.write_report(compared, folder)[0]}")
    return all(one.agreed for one in compared)


def main() -> int:
    """Prints the four ways' sizes and expressions, draws the small ones and compares."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--out", type=Path, default=Path("out/logistic_map"), help="folder")
    arguments.add_argument("--quick", action="store_true", help="n up to 6, no pictures, no report")
    given = arguments.parse_args()
    sizes = range(1, 7) if given.quick else SIZES

    print("nodes of each graph; in brackets, of the same expression written out as a tree")
    print(f"{'n':>3} {'l(n)':>14}" + "".join(f"{way:>18}" for way in WAYS))
    for n in sizes:
        cells = "".join(f"{size(slope(way, n)):>18}" for way in WAYS)
        print(f"{n:>3} {size(iterate(problem(n).wrt[0], n)):>14}{cells}")
    for n in range(1, 4 if given.quick else 5):
        print(f"\nl({n}) = {text(iterate(problem(n).wrt[0], n), 200)}")
        for way in WAYS:
            print(f"  {way}: {text(slope(way, n), 200)}")
    if given.quick:
        return 0

    given.out.mkdir(parents=True, exist_ok=True)
    for n in range(1, 5):
        for way in WAYS:
            name = f"l{n}_{way.replace(' ', '_')}.svg"
            gx.draw(slope(way, n), given.out / name)
    return 0 if report(problems(), given.out / "report") else 1


if __name__ == "__main__":
    sys.exit(main())
