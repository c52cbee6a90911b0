"""The sum of products that subscripts name, as one record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.errors import ArgumentError, ShapeError
from graphc.core.node import Node, apply_named, make, scalar
from graphc.core.type import Shape, Size, TensorType, element_count
from graphc.ops.chain import add_up, broadcast_to, reshape
from graphc.ops.contraction.matrices import sum_rounding
from graphc.ops.define import structural
from graphc.ops.source import arange


def parse_subscripts(text: str, count: int) -> tuple[list[str], str]:
    """Returns the operands' and the result's letters of `"ij,jk->ik"`.

    Raises:
        ArgumentError: not such a text, or not for this many operands.
    """
    spaced = text.replace(" ", "")
    left, arrow, result = spaced.partition("->")
    terms = left.split(",")
    letters = left.replace(",", "")
    if not all(c.isalpha() for c in letters + result):
        raise ArgumentError(
            f"subscripts {text!r} hold more than letters", "for example 'ij,jk->ik'"
        )
    if len(terms) != count:
        raise ArgumentError(
            f"subscripts {text!r} are for {len(terms)} operands, not {count}",
            "give one operand for each group of letters",
        )
    if not arrow:
        result = "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    for letter in result:
        if result.count(letter) > 1 or letter not in letters:
            raise ArgumentError(
                f"the result's letter {letter!r} is there twice or in no operand",
                "name each axis of the result once, by a letter of an operand",
            )
    return terms, result


def letter_sizes(terms: Sequence[str], shapes: Sequence[Shape]) -> dict[str, Size]:
    """Returns the size that each letter stands for.

    Raises:
        ShapeError: an operand has other axes than letters, or a letter stands for two sizes.
    """
    sizes: dict[str, Size] = {}
    for position, (term, shape) in enumerate(zip(terms, shapes, strict=True)):
        if len(term) != len(shape):
            raise ShapeError(
                f"operand {position} has {len(shape)} axes, its subscripts {term!r}",
                "write one letter for each axis",
            )
        for letter, size in zip(term, shape, strict=True):
            known = sizes.setdefault(letter, size)
            if known != size:
                raise ShapeError(
                    f"the letter {letter!r} stands for sizes {known} and {size}",
                    "make them equal, or use another letter",
                )
    return sizes


def _einsum_infer(*types: TensorType, subscripts: str) -> TensorType:
    terms, result = parse_subscripts(subscripts, len(types))
    sizes = letter_sizes(terms, [t.shape for t in types])
    return TensorType(tuple(sizes[c] for c in result), types[0].dtype)


def _einsum_vjp(adjoint: Node, node: Node, wanted: Sequence[int]) -> list[Node | None]:
    terms, result = parse_subscripts(node.params["subscripts"], len(node.args))
    sizes = letter_sizes(terms, [a.shape for a in node.args])
    return [_einsum_back(adjoint, node, i, terms, result, sizes) for i in wanted]


def _einsum_back(
    adjoint: Node, node: Node, index: int, terms: list[str], result: str, sizes: dict[str, Size]
) -> Node:
    own = terms[index]
    unique = "".join(dict.fromkeys(own))
    others = [(t, a) for i, (t, a) in enumerate(zip(terms, node.args, strict=True)) if i != index]
    reachable = set(result).union(*[set(t) for t, _ in others])
    kept = "".join(c for c in unique if c in reachable)
    text = ",".join([result, *[t for t, _ in others]]) + "->" + kept
    part = make(einsum_op, (adjoint, *[a for _, a in others]), {"subscripts": text})
    if kept != unique:  # letters summed over alone: the same adjoint for each of them
        part = reshape(part, tuple(sizes[c] if c in kept else 1 for c in unique))
        part = broadcast_to(part, tuple(sizes[c] for c in unique))
    return part if unique == own else _spread_diagonal(part, unique, own, sizes)


def _spread_diagonal(part: Node, unique: str, own: str, sizes: dict[str, Size]) -> Node:
    """Returns the part on the diagonal of repeated letters (`ii`), 0 off it."""
    first = {c: own.index(c) for c in unique}
    shape = tuple(sizes[c] if first[c] == p else 1 for p, c in enumerate(own))
    spread = broadcast_to(reshape(part, shape), tuple(sizes[c] for c in own))
    for position, letter in enumerate(own):
        if first[letter] == position:
            continue
        ramp = arange(sizes[letter])
        across = tuple(sizes[letter] if p == position else 1 for p in range(len(own)))
        along = tuple(sizes[letter] if p == first[letter] else 1 for p in range(len(own)))
        same = reshape(ramp, across) == reshape(ramp, along)
        spread = apply_named("where", same, spread, scalar(0, part.dtype))
    return spread


def _einsum_jvp(tangents: Sequence[Node | None], node: Node) -> Node | None:
    terms: list[Node | None] = []
    for position, tangent in enumerate(tangents):
        if tangent is not None:
            args = tuple(tangent if i == position else a for i, a in enumerate(node.args))
            terms.append(make(einsum_op, args, node.params))
    return add_up(terms)


def _einsum_bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    sizes = tuple(apply_named("abs", a) for a in node.args)
    terms: list[Node | None] = [
        make(einsum_op, sizes, node.params) * sum_rounding(_summed(node), node)
    ]
    for position, error in enumerate(errors):
        if error is not None:
            args = tuple(error if i == position else a for i, a in enumerate(sizes))
            terms.append(make(einsum_op, args, node.params))
    return add_up(terms)


def _summed(node: Node) -> Size:
    terms, result = parse_subscripts(node.params["subscripts"], len(node.args))
    sizes = letter_sizes(terms, [a.shape for a in node.args])
    count: Size = len(node.args)
    for letter in sorted(set("".join(terms)) - set(result)):
        count = count * sizes[letter]
    return count


def _einsum_flops(node: Node) -> Any:
    return element_count(node.type.shape) * _summed(node)


einsum_op = structural(
    "einsum",
    group="contraction",
    meet="all",
    infer=_einsum_infer,
    run=lambda xp, *x, subscripts: xp.einsum(subscripts, *x),
    vjp=_einsum_vjp,
    jvp=_einsum_jvp,
    latex=r"\operatorname{{einsum}}({0}, {1})",
    flops=_einsum_flops,
    domain="every operand",
    ulp=0.5,
    bound=_einsum_bound,
    holomorphic=True,
    doc="Returns the sum of products that subscripts such as 'ij,jk->ik' name.",
)
