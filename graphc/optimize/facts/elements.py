"""How facts pass through elementwise operations, and what is a transpose of what."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.core.node import Node
from graphc.optimize.facts.bands import band_of, one_hot_of
from graphc.optimize.facts.bits import (
    COLUMNS,
    DECLARED,
    DEFINITE,
    DIAGONAL,
    ELEMENTS,
    IDENTITY,
    LOWER,
    NON_NEGATIVE,
    ONE_HOT,
    ORTHOGONAL,
    POSITIVE,
    SEMIDEFINITE,
    SYMMETRIC,
    UPPER,
    ZERO,
    is_square,
)

Known = Mapping[Node, int]
Rule = Callable[[Node, Known], int]

#: Elementwise ops of one operand with f(0) = 0: what is zero stays zero.
_ODD = frozenset(
    "abs arcsinh asin asinh atan atanh erf erfinv expm1 log1p neg relu round sign sin sinh sqrt "
    "square tan tanh trunc floor ceil".split()
)
#: Those that are never negative, and those that are above 0 too.
_NEVER_NEGATIVE = frozenset({"abs", "square", "sqrt", "relu"})
_ABOVE = frozenset({"exp", "exp2", "sigmoid", "softplus", "cosh"})


def is_scalar(node: Node) -> bool:
    """Tells whether an operand is one number for each matrix."""
    return all(isinstance(s, int) and s == 1 for s in node.shape[-2:])


def is_full(node: Node, result: Node) -> bool:
    """Tells whether an operand has the matrices of the result, and no part of them."""
    return node.ndim >= 2 and node.shape[-2:] == result.shape[-2:]


# -- elementwise -----------------------------------------------------------------------------------


def elementwise(node: Node, known: Known) -> int:
    """Returns the facts of an elementwise op, by its name and its operands'."""
    name, args = node.op.name, node.args
    bits = _symmetry(node, known) | _sign(node, known)
    band = band_of(node)
    if band is not None:
        below, above = band.inside()
        bits |= (LOWER if below else 0) | (UPPER if above else 0)
        if band.is_diagonal and is_square(node):
            bits |= IDENTITY
    if name == "equal" and (found := one_hot_of(node)) is not None and not found.columns:
        bits |= ONE_HOT
    if name in _ODD or name == "cast":  # a number cut to an integer is still 0 where it was
        bits |= known[args[0]] & (DIAGONAL | ZERO)
    if name == "neg":
        bits |= known[args[0]] & (ORTHOGONAL | COLUMNS)
    if name == "cast" and node.dtype.is_float:
        bits |= known[args[0]] & ~DECLARED
    if name in ("add", "sub"):
        bits |= _sum(node, known)
    elif name == "mul":
        bits |= _product(node, known)
    elif name == "div":
        bits |= _quotient(node, known)
    elif name == "where":
        bits |= _choice(node, known)
    elif name == "integer_pow" and node.params["exponent"] > 0:
        bits |= known[args[0]] & (DIAGONAL | ZERO)
    return bits


def _symmetry(node: Node, known: Known) -> int:
    if not is_square(node):
        return 0
    full = [a for a in node.args if not is_scalar(a)]
    if full and all(is_full(a, node) and known[a] & SYMMETRIC for a in full):
        return SYMMETRIC
    if len(full) == 2 and node.op.name in ("add", "mul", "maximum", "minimum"):
        left, right = full
        if is_transpose(left, right) or row_and_column(left, right):
            return SYMMETRIC
    return 0


def _sign(node: Node, known: Known) -> int:
    name = node.op.name
    if not node.dtype.is_float:
        return 0
    signs = [known[a] & ELEMENTS for a in node.args]
    if name in _ABOVE:
        return POSITIVE
    if name in _NEVER_NEGATIVE:
        return NON_NEGATIVE | (signs[0] & POSITIVE)
    if name == "integer_pow":
        return NON_NEGATIVE if node.params["exponent"] % 2 == 0 else signs[0]
    if name in ("add", "maximum"):
        least = NON_NEGATIVE if all(signs) else 0
        positive = any(s & POSITIVE for s in signs) and (all(signs) or name == "maximum")
        return least | (POSITIVE if positive else 0)
    if name in ("mul", "minimum", "tanh", "sinh", "atan", "expm1", "log1p", "asinh"):
        if name == "mul" and node.args[0] is node.args[1]:
            return NON_NEGATIVE | signs[0]
        return both(signs)
    if name == "div":
        return both(signs) if signs[1] & POSITIVE else 0
    if name == "where":
        return both(signs[1:])
    return 0


def definite(signs: int) -> int:
    """Returns what the sign of its diagonal says of a diagonal matrix."""
    return DEFINITE if signs & POSITIVE else SEMIDEFINITE if signs & NON_NEGATIVE else 0


def both(signs: list[int]) -> int:
    """Returns the signs that several values have in common."""
    found = ELEMENTS
    for sign in signs:
        found &= sign
    return found


def _sum(node: Node, known: Known) -> int:
    left, right = node.args
    if not is_full(left, node) or not is_full(right, node):
        return 0
    a, b = known[left], known[right]
    bits = a & b & (DIAGONAL | ZERO)
    if b & ZERO:
        bits |= a
    if node.op.name == "sub":
        return bits
    if a & ZERO:
        bits |= b
    if a & SEMIDEFINITE and b & SEMIDEFINITE:
        bits |= SEMIDEFINITE | ((a | b) & DEFINITE)
    return bits & ~DECLARED


def _product(node: Node, known: Known) -> int:
    left, right = node.args
    bits = 0
    for one, other in ((left, right), (right, left)):
        if is_full(one, node):
            bits |= known[one] & (DIAGONAL | ZERO)
            if is_scalar(other) or is_full(other, node):
                bits |= _scaled(known[one], known[other], is_scalar(other))
    if row_and_column(left, right):
        bits |= SEMIDEFINITE
    diagonal = bits & DIAGONAL == DIAGONAL and is_square(node)
    if diagonal:
        # Of a diagonal matrix the sign of what stands on the diagonal says it all.
        signs = [_on_diagonal(a, known[a], node) for a in node.args]
        bits |= definite(both(signs))
    return bits


def _scaled(matrix: int, factor: int, scalar: bool) -> int:
    """Returns what stays definite: times a positive number, and Schur's product of two such."""
    if scalar:
        above, least = factor & POSITIVE, factor & NON_NEGATIVE
    else:
        above, least = factor & DEFINITE, factor & SEMIDEFINITE
    bits = DEFINITE if matrix & DEFINITE and above else 0
    return bits | (SEMIDEFINITE if matrix & SEMIDEFINITE and least else 0)


def _on_diagonal(operand: Node, bits: int, node: Node) -> int:
    signs = bits & ELEMENTS
    if is_full(operand, node):
        signs |= POSITIVE | NON_NEGATIVE if bits & DEFINITE else 0
        signs |= NON_NEGATIVE if bits & SEMIDEFINITE else 0
    return signs


def _quotient(node: Node, known: Known) -> int:
    left, right = node.args
    if not is_full(left, node):
        return 0
    bits = known[left] & (DIAGONAL | ZERO)
    if is_scalar(right):
        bits |= _scaled(known[left], known[right], True) if known[right] & POSITIVE else 0
    return bits


def _choice(node: Node, known: Known) -> int:
    mask, yes, no = node.args
    bits = known[yes] & known[no] & (DIAGONAL | ZERO) if is_full(yes, node) else 0
    bits = bits if is_full(no, node) else 0
    band = band_of(mask) if is_full(mask, node) else None
    for value, rest, sides in (
        (yes, no, band.inside() if band else (False, False)),
        (no, yes, band.outside() if band else (False, False)),
    ):
        if known[rest] & ZERO:
            bits |= (LOWER if sides[0] else 0) | (UPPER if sides[1] else 0)
            if is_full(value, node):
                bits |= known[value] & (DIAGONAL | ZERO)
    if band is not None and band.is_diagonal and known[no] & ZERO and is_square(node):
        signs = _on_diagonal(yes, known[yes], node)
        bits |= definite(signs)
    return bits


# -- transposes ------------------------------------------------------------------------------------


def swaps_matrices(node: Node) -> bool:
    """Tells whether a node is the transpose of the last two axes."""
    if node.op.name != "transpose" or node.ndim < 2:
        return False
    n = node.ndim
    return tuple(node.params["axes"]) == (*range(n - 2), n - 1, n - 2)


def untransposed(node: Node, flag: bool = False) -> tuple[Node, bool]:
    """Returns (a, whether transposed) of a transpose, also through what leaves values alone."""
    while True:
        if swaps_matrices(node):
            node, flag = node.args[0], not flag
        elif node.op.name == "assume":
            node = node.args[0]
        else:
            return node, flag


def is_transpose(left: Node, right: Node) -> bool:
    """Tells whether one is the other's transpose."""
    (a, flip), (b, flop) = untransposed(left), untransposed(right)
    return a is b and flip is not flop


def row_and_column(left: Node, right: Node) -> bool:
    """Tells whether they are one vector, as a row and as a column."""
    shapes = [n.shape if n.ndim != 1 else (1, *n.shape) for n in (left, right)]
    if any(len(shape) < 2 for shape in shapes) or shapes[0][:-2] != shapes[1][:-2]:
        return False
    a = left.args[0] if left.op.name == "reshape" else left
    b = right.args[0] if right.op.name == "reshape" else right
    if a is not b or not a.ndim:
        return False
    n = a.shape[-1]
    return {shape[-2:] for shape in shapes} == {(n, 1), (1, n)} and n != 1
