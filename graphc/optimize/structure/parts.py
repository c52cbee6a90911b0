"""What a structured matrix is made of: the vector on its diagonal, its one number, its two vectors.

Each is read off the graph where the graph shows it, without the matrix being computed; where it
does not, it is taken from the matrix itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from graphc.core.node import Node, apply_named, make, scalar
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.linalg.common import diagonal_of
from graphc.optimize.facts.bands import band_of
from graphc.optimize.facts.bits import DIAGONAL, IDENTITY, ZERO, is_square
from graphc.optimize.facts.elements import is_full, swaps_matrices
from graphc.optimize.facts.facts import Facts
from graphc.optimize.facts.rules import diagonal_vector

#: Elementwise ops whose diagonal is that of their operands, whatever these are.
_ARITHMETIC = frozenset({"add", "sub", "mul", "div", "neg", "cast", "square", "sqrt", "abs"})


def diagonal_part(node: Node, facts: Facts) -> tuple[Node, list[Node]]:
    """Returns the diagonals of square matrices, `[..., n]`, and the nodes they are made of.

    Its recursive twin:

        def part(node):
            return join(node, [part(a) for a in read_through(node)])
    """
    found: dict[Node, Node] = {}
    leaves: list[Node] = []
    stack = [node]
    while stack:
        at = stack[-1]
        if at in found:
            stack.pop()
            continue
        needs = _needs(at, facts)
        waiting = [a for a in needs if a not in found]
        if waiting:
            stack.extend(waiting)
            continue
        found[at] = _joined(at, found, needs, leaves, facts)
        stack.pop()
    return broadcast_to(found[node], node.shape[:-1]), leaves


def _needs(node: Node, facts: Facts) -> list[Node]:
    """Returns the operands whose diagonals make that of a node; none where it is read off."""
    bits = facts.of(node)
    name = node.op.name
    if bits & (IDENTITY | ZERO) or bits & DIAGONAL != DIAGONAL:
        return []
    if diagonal_vector(node) is not None:
        return []
    if name in _ARITHMETIC:
        return [a for a in node.args if is_full(a, node)]
    if name == "where":
        return [a for a in node.args[1:] if is_full(a, node)] if band_of(node.args[0]) else []
    if name == "assume" or swaps_matrices(node):
        return list(node.args)
    if name in ("matmul", "inv") and _all_diagonal(node.args, facts):
        return list(node.args)
    if name == "broadcast_to" and is_full(node.args[0], node):
        return list(node.args)
    return []


def _all_diagonal(nodes: Sequence[Node], facts: Facts) -> bool:
    return all(is_square(a) and facts.holds(a, DIAGONAL) for a in nodes)


def _joined(
    node: Node, found: dict[Node, Node], needs: list[Node], leaves: list[Node], facts: Facts
) -> Node:
    name, bits = node.op.name, facts.of(node)
    if bits & IDENTITY:
        return scalar(1, node.dtype)
    if bits & ZERO:
        return scalar(0, node.dtype)
    vector = diagonal_vector(node)
    if vector is not None or bits & DIAGONAL != DIAGONAL:
        leaves.append(node if vector is None else vector)
        return diagonal_of(node) if vector is None else vector
    if name == "where":
        made = _choice(node, found, leaves)
        if made is not None:
            return made
    elif name in _ARITHMETIC:
        parts = [found[a] if a in found else _part(a, leaves) for a in node.args]
        return make(node.op, tuple(parts), node.params)
    elif needs:
        if name == "matmul":
            return found[needs[0]] * found[node.args[1]]
        return 1.0 / found[needs[0]] if name == "inv" else found[needs[0]]
    leaves.append(node)
    return diagonal_of(node)


def _choice(node: Node, found: dict[Node, Node], leaves: list[Node]) -> Node | None:
    mask, yes, no = node.args
    band = band_of(mask)
    if band is None or not is_full(mask, node):
        return None
    on_diagonal = {
        "==": band.shift == 0, "!=": band.shift != 0, ">=": band.shift >= 0, ">": band.shift > 0,
        "<=": band.shift <= 0, "<": band.shift < 0,
    }[band.relation]  # fmt: skip
    chosen = yes if on_diagonal else no
    return found[chosen] if chosen in found else _part(chosen, leaves)


def _part(operand: Node, leaves: list[Node]) -> Node:
    """Returns what an operand that is no whole matrix has on the diagonal."""
    if operand.op.name == "broadcast_to":
        inner = operand.args[0]
        if inner.ndim >= 2 or not inner.ndim:
            operand = inner
    if operand.op.name == "constant" and not operand.ndim:
        return operand
    leaves.append(operand)
    if operand.ndim < 2:
        return operand
    *batch, rows, columns = operand.shape
    if _is_one(rows):
        return reshape(operand, (*batch, columns))
    if _is_one(columns):
        return reshape(operand, (*batch, rows))
    return diagonal_of(operand)


def _is_one(size: object) -> bool:
    return isinstance(size, int) and size == 1


def uniform_number(node: Node) -> Node | None:
    """Returns the number that all elements are, as a scalar node; None where it isn't at hand."""
    while node.op.name in ("broadcast_to", "reshape", "transpose", "assume"):
        node = node.args[0]
    if node.op.name != "constant":
        return reshape(node, ()) if all(_is_one(s) for s in node.shape) else None
    array = node.params["value"].array
    return scalar(array.flat[0].item(), node.dtype) if array.size else None


def outer_parts(node: Node) -> tuple[Node, Node] | None:
    """Returns (column `[m]`, row `[n]`) of a matrix that is their product, None of any other."""
    factors: list[Node] = []
    negative = False
    while node.op.name in ("mul", "neg"):
        if node.op.name == "neg":
            node, negative = node.args[0], not negative
            continue
        left, right = node.args
        whole = [a for a in (left, right) if a.shape == node.shape]
        if len(whole) != 1:
            return _outer(node, factors, negative)
        other = right if whole[0] is left else left
        if any(not _is_one(s) for s in other.shape):
            return None
        factors.append(reshape(other, ()))
        node = whole[0]
    return None


def _outer(node: Node, factors: list[Node], negative: bool) -> tuple[Node, Node] | None:
    if node.ndim != 2:
        return None
    m, n = node.shape
    for column, row in (node.args, node.args[::-1]):
        fits = column.shape == (m, 1) and row.shape in ((1, n), (n,))
        if fits and not _is_one(m) and not _is_one(n):
            left, right = reshape(column, (m,)), reshape(row, (n,))
            for factor in factors:
                left = left * factor
            return (apply_named("neg", left) if negative else left), right
    return None
