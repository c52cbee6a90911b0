"""How facts pass through each operation: a table of rules, by the op's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.core.node import Node
from graphc.core.type import TupleType
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
    UNIFORM,
    UPPER,
    ZERO,
    is_square,
    of_constant,
)
from graphc.optimize.facts.elements import (
    Known,
    both,
    is_full,
    swaps_matrices,
    untransposed,
)

Rule = Callable[[Node, Known], int]

# -- products and factorisations -------------------------------------------------------------------


def _turned(bits: int) -> int:
    """Returns the facts of a transpose."""
    lower, upper = bits & LOWER, bits & UPPER
    kept = bits & ~(DIAGONAL | COLUMNS | ONE_HOT)
    kept |= (UPPER if lower else 0) | (LOWER if upper else 0)
    return kept


def _matmul(node: Node, known: Known) -> int:
    x, y = node.args
    if x.ndim < 2 or y.ndim < 2:
        return known[x] & known[y] & NON_NEGATIVE
    flags = [bool(node.params.get(f, False)) for f in ("transpose_x", "transpose_y")]
    a, b = (_turned(known[v]) if f else known[v] for v, f in zip((x, y), flags, strict=True))
    bits = a & b & (DIAGONAL | NON_NEGATIVE | ORTHOGONAL | COLUMNS | ONE_HOT)
    bits |= b if a & IDENTITY else a if b & IDENTITY else (a | b) & ZERO
    (u, left), (v, right) = untransposed(x, flags[0]), untransposed(y, flags[1])
    if u is v and (left is not right or known[u] & SYMMETRIC):
        bits |= SEMIDEFINITE
        if known[u] & ORTHOGONAL or (known[u] & COLUMNS and left):
            bits |= IDENTITY
        if u.op.name == "cholesky" or known[u] & (DEFINITE | ORTHOGONAL):
            bits |= DEFINITE
    elif _is_congruence((u, left), (v, right), known):
        bits |= SEMIDEFINITE
    return bits & ~DECLARED


def _is_congruence(left: tuple[Node, bool], right: tuple[Node, bool], known: Known) -> bool:
    """Tells whether a product is A P A^T with P semidefinite, joined in either order."""
    for (one, flip), (other, flop), at in ((left, right, 0), (right, left, 1)):
        if one.op.name != "matmul" or flip or any(a.ndim < 2 for a in one.args):
            continue
        inner = one.args[1 - at]
        outer = untransposed(
            one.args[at], bool(one.params.get("transpose_y" if at else "transpose_x", False))
        )
        if known.get(inner, 0) & SEMIDEFINITE and outer[0] is other and outer[1] is not flop:
            return True
    return False


def _inverse(node: Node, known: Known) -> int:
    kept = DIAGONAL | SYMMETRIC | DEFINITE | ORTHOGONAL | IDENTITY
    return known[node.args[0]] & kept


def _transpose(node: Node, known: Known) -> int:
    bits = known[node.args[0]]
    axes, n = node.params["axes"], node.ndim
    if swaps_matrices(node):
        return _turned(bits)
    if n >= 2 and tuple(axes[-2:]) == (n - 2, n - 1):
        return bits & ~DECLARED
    return bits & (ELEMENTS | ZERO | UNIFORM)


def _reshape(node: Node, known: Known) -> int:
    (x,) = node.args
    bits = known[x]
    if x.op.name == "slice_transpose" and node.ndim == 2 and is_square(node):
        return bits & (ZERO | UNIFORM) | _spread_diagonal(node, x, known)
    if x.ndim >= 2 and node.ndim >= 2 and x.shape[-2:] == node.shape[-2:]:
        return bits & ~DECLARED
    return bits & (ELEMENTS | ZERO | UNIFORM)


def diagonal_vector(node: Node) -> Node | None:
    """Returns v of the matrix that `gx.diag(v)` makes, None of any other node."""
    n = node.shape[-1] if node.ndim == 2 else None
    if node.op.name != "reshape" or not isinstance(n, int) or node.shape[0] != n:
        return None
    (x,) = node.args
    if x.op.name != "slice_transpose" or x.params["shape"] != (n * n,) or x.args[0].ndim != 1:
        return None
    (bound,) = x.params["bounds"]
    if bound is None or tuple(bound) != (0, (n - 1) * (n + 1) + 1, n + 1):
        return None
    return x.args[0]


def _spread_diagonal(node: Node, x: Node, known: Known) -> int:
    vector = diagonal_vector(node)
    if vector is None:
        return 0
    signs = known[vector]
    return DIAGONAL | (
        DEFINITE if signs & POSITIVE else SEMIDEFINITE if signs & NON_NEGATIVE else 0
    )


def _broadcast(node: Node, known: Known) -> int:
    (x,) = node.args
    if is_full(x, node):
        return known[x] & ~DECLARED
    bits = known[x] & (ELEMENTS | ZERO)
    alike = all(isinstance(s, int) and s == 1 for s in x.shape)
    return bits | (UNIFORM if alike or known[x] & UNIFORM else 0)


def _item(node: Node, known: Known) -> int:
    (source,) = node.args
    name, index = source.op.name, node.params["index"]
    if not isinstance(source.type, TupleType):
        return 0
    columns = COLUMNS | (ORTHOGONAL if is_square(node) else 0)
    if (name, index) in (("qr", 0), ("svd", 0), ("eigh", 1)):
        return columns
    if (name, index) == ("qr", 1):
        return UPPER
    if (name, index) == ("svd", 2) and is_square(node):
        return ORTHOGONAL
    return NON_NEGATIVE if (name, index) == ("svd", 1) else 0


def _reduced(node: Node, known: Known) -> int:
    (x,) = node.args
    bits = known[x] & NON_NEGATIVE
    axes = node.params.get("axis", ())
    if x.ndim >= 2 and all(a < x.ndim - 2 for a in axes):
        bits |= known[x] & (DIAGONAL | SYMMETRIC | SEMIDEFINITE | ZERO)
    return bits


def _moved(node: Node, known: Known) -> int:
    """Returns what each element says, where elements are moved and none is made."""
    return both([known[a] for a in node.args]) if node.dtype.is_float else 0


def _solved(node: Node, known: Known) -> int:
    a, b = node.args[-2:]
    bits = _turned(known[a]) if node.params.get("transpose", False) else known[a]
    return bits & (DIAGONAL | SYMMETRIC | DEFINITE) if known[b] & IDENTITY else 0


_DECLARED: Mapping[str, int] = {
    "diagonal": DIAGONAL,
    "lower_triangular": LOWER,
    "non_negative": NON_NEGATIVE,
    "one_hot": ONE_HOT,
    "orthogonal": ORTHOGONAL,
    "positive": POSITIVE,
    "positive_definite": DEFINITE | DECLARED,
    "positive_semidefinite": SEMIDEFINITE,
    "symmetric": SYMMETRIC,
    "upper_triangular": UPPER,
}


def _assumed(node: Node, known: Known) -> int:
    bits = known[node.args[0]]
    for fact in node.params["facts"]:
        bits |= _DECLARED[fact]
    if bits & DIAGONAL == DIAGONAL and bits & POSITIVE:
        bits &= ~POSITIVE  # no diagonal matrix of two rows has no zeros: the latter is meant so
    return bits


RULES: Mapping[str, Rule] = {
    "assume": _assumed,
    "broadcast_to": _broadcast,
    "cholesky": lambda node, known: LOWER | (known[node.args[0]] & IDENTITY),
    "concat": _moved,
    "constant": lambda node, known: of_constant(node.params["value"].array),
    "dim_size": lambda node, known: NON_NEGATIVE,
    "expm": lambda node, known: (
        (DEFINITE * bool(known[node.args[0]] & SYMMETRIC) | known[node.args[0]] & DIAGONAL)
        if len(node.args) == 1
        else 0
    ),
    "factor_inverse": lambda node, known: known[node.args[1]] & (DIAGONAL | SYMMETRIC | DEFINITE),
    "factor_solve": _solved,
    "inv": _inverse,
    "iota": lambda node, known: NON_NEGATIVE,
    "item": _item,
    "matmul": _matmul,
    "max": lambda node, known: known[node.args[0]] & ELEMENTS,
    "mean": _reduced,
    "min": lambda node, known: known[node.args[0]] & ELEMENTS,
    "norm": lambda node, known: NON_NEGATIVE,
    "reshape": _reshape,
    "slice": _moved,
    "softmax": lambda node, known: POSITIVE,
    "solve": _solved,
    "stack": _moved,
    "std": lambda node, known: NON_NEGATIVE,
    "stop_gradient": lambda node, known: known[node.args[0]],
    "sum": _reduced,
    "transpose": _transpose,
    "var": lambda node, known: NON_NEGATIVE,
}
