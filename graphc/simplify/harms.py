"""What is right as mathematics, and still seldom what the writer meant."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.type import Size, TensorType
from graphc.ops.axes import reduced_count
from graphc.ops.tensor.places import known_places
from graphc.simplify.rule import of
from graphc.simplify.stable_rule import number_of, with_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Harm:
    """One thing to look for.

    Attributes:
        name: a few words, unique.
        pattern: what is looked for.
        loses: what is wrong, in words that follow the form: `loses the digits ...`.
        ops: names of the ops it stands at.
        find: `find(node)`: what to write instead, in words, or None.
    """

    name: str
    pattern: str
    loses: str
    ops: tuple[str, ...]
    find: Callable[[Node], str | None]


def find_harms(order: Sequence[Node]) -> Iterator[tuple[Node, Harm, str]]:
    """Yields (node, what is wrong, what to write) for nodes in topological order."""
    table: dict[str, list[Harm]] = {}
    for harm in HARMS:
        for name in harm.ops:
            table.setdefault(name, []).append(harm)
    for node in order:
        for harm in table.get(node.op.name, ()):
            words = harm.find(node)
            if words is not None:
                yield node, harm, words
                break
    for node, words in _crossed(order):
        yield node, CROSSED, words


# -- a column against a row ------------------------------------------------------------------------

CROSSED = Harm(
    name="column against row",
    pattern="mean or sum of f(a - b) for a of [n, 1] and b of [n]",
    loses="loses the pairing: every element of one meets every element of the other",
    ops=(),
    find=lambda node: None,
)


def _crossed(order: Sequence[Node]) -> Iterator[tuple[Node, str]]:
    """Yields differences of [n, 1] and [n] that are summed up without another use of the axes."""
    culprits: dict[Node, Node] = {}
    found: dict[Node, None] = {}
    for node in order:
        if not isinstance(node.type, TensorType):
            continue
        if node.op.name in ("sub", "squared_difference") and _is_column_and_row(*node.args):
            culprits[node] = node
            continue
        below = [culprits[a] for a in node.args if a in culprits]
        if not below:
            continue
        if node.op.name in ("sum", "mean"):
            rank = len(node.args[0].type.shape)
            if {rank - 1, rank - 2} <= set(node.params["axis"]):
                found[below[0]] = None
        elif node.op.group == "elementwise" and node.type.shape == below[0].type.shape:
            culprits[node] = below[0]
    for node in found:
        x, y = node.args
        row, column = (x, y) if len(x.type.shape) < len(y.type.shape) else (y, x)
        words = (
            f"both as {_shape(row)} or both as {_shape(column)}: "
            f"{describe(x, 3)} is {_shape(x)}, {describe(y, 3)} is {_shape(y)}, and their "
            f"difference {_shape(node)}"
        )
        yield node, words


def _is_column_and_row(x: Node, y: Node) -> bool:
    return _is_column(x.type.shape, y.type.shape) or _is_column(y.type.shape, x.type.shape)


def _is_column(wide: tuple[Size, ...], short: tuple[Size, ...]) -> bool:
    one = len(wide) == len(short) + 1 and wide[-1] == 1
    return bool(one and short and wide[:-1] == short and short[-1] != 1)


def _shape(node: Node) -> str:
    return f"[{', '.join(map(str, node.type.shape))}]"


# -- single nodes ----------------------------------------------------------------------------------


def _x_log_x(node: Node) -> str | None:
    for x, other in (node.args, node.args[::-1]):
        if of("log", other) is x:
            name = describe(x, 3)
            return (
                f"where({name} > 0, {name} * log({name}), 0), which is 0 at 0 with a finite slope"
            )
    return None


def _spread_of_one(node: Node) -> str | None:
    count = reduced_count(node.args[0].type.shape, node.params["axis"])
    if count != 1:
        return None
    return (
        f"an axis with more than one element; {describe(node.args[0], 3)} is {_shape(node.args[0])}"
    )


def _minus_mean_of_one(node: Node) -> str | None:
    x, mean = node.args
    inner = mean.args[0] if mean.op.name in ("broadcast_to", "reshape") else mean
    if inner.op.name != "mean" or inner.args[0] is not x:
        return None
    return _spread_of_one(inner)


def _integer_division(node: Node) -> str | None:
    casts = [a for a in node.args if a.op.name == "cast"]
    whole = [a for a in casts if a.args[0].type.dtype.is_integer]
    dtype = node.type.dtype
    kept = 1 - round(math.log2(dtype.epsilon))
    if len(whole) < 2 or any(_digits_of(a.args[0]) <= kept for a in whole):
        return None
    x, y = (describe(a.args[0], 3) for a in whole)
    wider = "" if dtype.bits == 64 else ", or cast both to float64 first"
    return (
        f"{x} // {y} for the whole quotient{wider}; {dtype.name} holds integers up to {2**kept} "
        "exactly"
    )


def _digits_of(node: Node) -> int:
    """Returns how many binary digits an integer of this dtype may have."""
    return 8 * node.type.dtype.numpy.itemsize - (node.type.dtype.kind == "i")


def _large_power(node: Node) -> str | None:
    exponent = abs(node.params["exponent"])
    if not node.type.dtype.is_float or exponent <= _largest_exponent(node):
        return None
    limit = _largest_exponent(node) / exponent * math.log(2)
    return (
        f"exp({node.params['exponent']} * log(x)) in logarithms to the end; as it stands |x| may "
        f"differ from 1 by {limit:.1g} before the power is infinite or 0"
    )


def _largest_exponent(node: Node) -> float:
    dtype = node.type.dtype
    return {"float16": 16.0, "float32": 128.0, "bfloat16": 128.0}.get(dtype.name, 1024.0)


def _log_with_epsilon(node: Node) -> str | None:
    found = with_number(node.args[0])
    if found is None or not 0 < found[1] < 1e-2:
        return None
    inner = found[0]
    if inner.op.name not in ("softmax", "sigmoid"):
        return None
    return f"log_{inner.op.name}({describe(inner.args[0], 3)}), which needs no {found[1]:g}"


def _unguarded_scale(node: Node) -> str | None:
    below = node.args[1]
    while below.op.name in ("broadcast_to", "reshape"):
        below = below.args[0]
    if below.op.name not in ("std", "norm") or number_of(node.args[0]) is not None:
        return None
    name = describe(below, 3)
    where = "all elements are equal" if below.op.name == "std" else "all elements are 0"
    return f"a small number beside {name}, or where({name} > 0, ..., 0); it is 0 where {where}"


def _set_twice(node: Node) -> str | None:
    places = known_places(node)
    if places is None or places.size < 2:
        return None
    _, counts = np.unique(places, return_counts=True)
    if counts.max() < 2:
        return None
    return (
        f"each index once, or x.at[...].add(...) for the sum of all; {int((counts > 1).sum())} of "
        f"{len(counts)} places are set more than once"
    )


HARMS: tuple[Harm, ...] = (
    Harm(
        name="place set twice",
        pattern="x.at[i].set(v) with an index that is there twice",
        loses="loses all values but the last of those set at one place",
        ops=("index_set",),
        find=_set_twice,
    ),
    Harm(
        name="x times log x",
        pattern="x * log(x)",
        loses="loses its limit 0 at x = 0: 0 * -infinity is NaN",
        ops=("mul",),
        find=_x_log_x,
    ),
    Harm(
        name="spread of one element",
        pattern="var or std over a single element, or x - mean(x) of it",
        loses="loses everything: it is 0 whatever the element is, and NaN with a correction",
        ops=("var", "std"),
        find=_spread_of_one,
    ),
    Harm(
        name="centred single element",
        pattern="x - mean(x) over a single element, as batch normalisation of one sample has it",
        loses="loses everything: it is 0 whatever the element is",
        ops=("sub",),
        find=_minus_mean_of_one,
    ),
    Harm(
        name="integers divided as floats",
        pattern="i / j for integers wider than the float they become",
        loses="loses digits of large integers: the floats they become hold fewer",
        ops=("div",),
        find=_integer_division,
    ),
    Harm(
        name="large power",
        pattern="x**n beyond the dtype's largest exponent",
        loses="loses its value for nearly every x",
        ops=("integer_pow",),
        find=_large_power,
    ),
    Harm(
        name="epsilon in a logarithm",
        pattern="log(softmax(x) + 1e-8), log(sigmoid(x) + 1e-8)",
        loses="loses the true logarithm where the probability is below the number added, and the "
        "slope there",
        ops=("log",),
        find=_log_with_epsilon,
    ),
    Harm(
        name="unguarded scale",
        pattern="x / std(x), x / norm(x)",
        loses="loses its value where the scale is 0: 0 / 0 is NaN",
        ops=("div",),
        find=_unguarded_scale,
    ),
)
