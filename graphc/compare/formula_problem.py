"""A problem from a formula and `name=value` words, as the command line takes it."""

from __future__ import annotations

from collections.abc import Sequence

from graphc.bridge.formula import parse
from graphc.compare.problem import Problem
from graphc.core.dtype import float64
from graphc.core.errors import ArgumentError
from graphc.core.graph import leaves
from graphc.core.node import place_new_nodes

#: A formula on the command line stands in no file, so its nodes have no place to show.
NOWHERE = ("", 0)


def formula_problem(
    formula: str, words: Sequence[str], wrt: Sequence[str] | None = None, need_values: bool = True
) -> Problem:
    """Returns the problem of a float64 formula.

    Args:
        formula: for example `"(x + y) * z"`.
        words: `x=-2`, `y=5`, ....
        wrt: names to differentiate by; all unless given.
        need_values: False fills names without a value with 1.

    Raises:
        FormulaError: the formula can't be read; the text shows the column.
        ArgumentError: a word is no `name=value`, or a name has no value.
    """
    place_new_nodes(NOWHERE)
    try:
        output = parse(formula, dtype=float64)
    finally:
        place_new_nodes(None)
    values: dict[str, float] = {}
    for word in words:
        name, equals, number = word.partition("=")
        name = name.strip()
        if not equals or not name:
            raise ArgumentError(f"{word!r} is no value", "write name=number, for example x=-2")
        try:
            value = float(number)
        except ValueError:
            raise ArgumentError(
                f"{word!r}: {number!r} is no number", f"for example {name}=0.5"
            ) from None
        if name in values:
            raise ArgumentError(f"{name!r} has two values", "give each name once")
        values[name] = value
    names = [n.params["name"] for n in leaves([output])]
    extra = [n for n in values if n not in names]
    if extra:
        raise ArgumentError(
            f"the formula has no {extra[0]!r}", f"its names are {', '.join(names) or 'none'}"
        )
    missing = [n for n in names if n not in values]
    if missing and need_values:
        raise ArgumentError(
            f"no value for {', '.join(missing)}", f"add {' '.join(f'{n}=1' for n in missing)}"
        )
    values.update(dict.fromkeys(missing, 1.0))
    return Problem(
        output, values, name=formula if len(formula) <= 60 else formula[:57] + "...", wrt=wrt
    )
