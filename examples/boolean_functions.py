"""Any Boolean function by two layers of thresholds, read off its disjunctive normal form.

Run `python examples/boolean_functions.py`. Each hidden neuron recognises one row of the truth table
where the function is true; the output neuron is OR. For n inputs there are 2**(2**n) functions: all
256 of three inputs are built and evaluated.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import exhibit
import numpy as np
from matplotlib.figure import Figure

import graphc as gx

#: The inputs are x1, x2, x3; the rows of the truth table come in this order.
COUNT = 3
ROWS = np.array(list(itertools.product((0, 1), repeat=COUNT)), np.float32)


@dataclass(frozen=True, slots=True)
class Result:
    """How many hidden neurons the functions need.

    Attributes:
        wrong: how many of the functions the networks got wrong somewhere.
        by_form: for each count of neurons of the normal form, how many functions need it.
        by_choice: the same where the function or its negation is built, whichever is smaller.
    """

    wrong: int
    by_form: list[int]
    by_choice: list[int]


def network(table: Sequence[int], x: gx.Node) -> gx.Node:
    """Returns the function of a truth table for rows of x, from its normal form.

    A term such as "x1 and not x2" is 1 where x1 - x2 reaches the number of its plain inputs.

    Args:
        table: 0 or 1 for each row of ROWS.
        x: `f32[rows, 3]` of zeros and ones.
    """
    terms = ROWS[np.array(table) == 1]
    if not len(terms):
        return gx.sum(x * 0, axis=1)
    weights, needed = 2 * terms - 1, terms.sum(axis=1)
    hidden = gx.threshold(x @ weights.T - (needed - 0.5))
    return gx.threshold(gx.sum(hidden, axis=1) - 0.5)


def smaller(table: Sequence[int], x: gx.Node) -> gx.Node:
    """Returns the same function from the form of its negation where that has fewer terms."""
    if 2 * sum(table) <= len(table):
        return network(table, x)
    return 1 - network([1 - value for value in table], x)


def compute(quick: bool = False) -> Result:
    """Builds every function of three inputs both ways and evaluates it on every row."""
    x = gx.input("x", ("rows", COUNT))
    tables = list(itertools.product((0, 1), repeat=len(ROWS)))
    built = [f(table, x) for table in tables for f in (network, smaller)]
    answers = gx.evaluate(built, x=ROWS)
    wrong = sum(
        bool(np.any(np.asarray(answer) != np.array(tables[place // 2])))
        for place, answer in enumerate(answers)
    )
    sizes = [sum(table) for table in tables]
    fewer = [min(size, len(ROWS) - size) for size in sizes]
    return Result(
        wrong, *(np.bincount(s, minlength=len(ROWS) + 1).tolist() for s in (sizes, fewer))
    )


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the counts of hidden neurons, and one of the networks: "exactly two of three"."""
    left, right = exhibit.axes(1, 2, height=2.9)[0]
    places = np.arange(len(result.by_form))
    left.bar(places - 0.2, result.by_form, 0.4, color="#B9C6D2", label="by its form")
    left.bar(
        places + 0.2,
        result.by_choice,
        0.4,
        color=exhibit.COLOURS[1],
        label="by the smaller of its form\nand its negation's",
    )
    left.set(xlabel="hidden neurons", ylabel="functions of 3 inputs", xticks=places)
    left.legend(frameon=False)
    left.grid(visible=False, axis="x")
    _draw_network(right)
    return left.figure


def _draw_network(axis: Any) -> None:
    """Draws the three terms of "exactly two of three are true" as neurons."""
    terms = [row for row in ROWS if row.sum() == 2]
    inputs = [(0.0, 2.0 - i) for i in range(COUNT)]
    hidden = [(1.0, 2.0 - j) for j in range(len(terms))]
    for (hx, hy), term in zip(hidden, terms, strict=True):
        for (ix, iy), plain in zip(inputs, term, strict=True):
            axis.plot([ix, hx], [iy, hy], color="black", ls="-" if plain else ":", lw=1.3, zorder=1)
        axis.plot([hx, 2.0], [hy, 1.0], color="black", lw=1.3, zorder=1)
    words = [f"$x_{i + 1}$" for i in range(COUNT)]
    words += ["≥ 2"] * len(hidden) + ["≥ 1"]
    for (px, py), text in zip([*inputs, *hidden, (2.0, 1.0)], words, strict=True):
        axis.plot(px, py, "o", ms=26, mfc="white", mec="black", zorder=2)
        axis.text(px, py, text, ha="center", va="center", fontsize=8, zorder=3)
    axis.set(xlim=(-0.4, 2.4), ylim=(-0.6, 2.6))
    axis.set_title("exactly two of three: full +1, dotted -1", fontsize=9)
    axis.set_axis_off()


def main() -> int:
    """Prints how many neurons the functions need, and returns 0 where every one was right."""
    given = exhibit.arguments(__doc__ or "", "the same: it takes seconds")
    result = compute(given.quick)
    total = sum(result.by_form)
    print(f"{total} functions of {COUNT} inputs, {result.wrong} wrong")
    for name, counts in (("its form", result.by_form), ("the smaller form", result.by_choice)):
        mean = float(np.average(range(len(counts)), weights=counts))
        most = max(n for n, c in enumerate(counts) if c)
        print(f"hidden neurons by {name}: {mean:.2f} on average, {most} at most")
    exhibit.save(picture(result), given.out, "boolean_functions")
    return 0 if result.wrong == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
