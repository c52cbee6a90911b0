"""Cases of linear algebra, written so that the signs and bases a backend chooses do not count."""

from __future__ import annotations

from collections.abc import Callable

import graphc as gx
from graphc.core.node import Node, apply_named, make
from graphc.core.op import op_named
from tests.every_op_cases import Case, case

linalg = gx.linalg


def _positive(x: Node) -> Node:
    """Returns a positive definite matrix, and not only on symmetric operands."""
    return x @ gx.matrix_transpose(x) + gx.constant([[3.0, 0.4], [0.1, 2.0]], x.dtype)


def _half(x: Node) -> Node:
    symmetric = x @ gx.matrix_transpose(x) + gx.eye(x.shape[-1], dtype=x.dtype) * 2.0
    return apply_named("cholesky", symmetric, half=True)


def _well(x: Node) -> Node:
    """Returns a matrix far from singular."""
    n = x.shape[-1]
    return x + gx.cast(gx.constant([[4.0 * (i == j) for j in range(n)] for i in range(n)]), x.dtype)


def _solve(transpose: bool) -> Callable[..., Node]:
    return lambda a, b: apply_named("solve", _well(a), b, transpose=transpose)


def _triangular(lower: bool, transpose: bool, unit: bool) -> Callable[..., Node]:
    return lambda a, b: apply_named(
        "triangular_solve", _well(a), b, lower=lower, transpose=transpose, unit_diagonal=unit
    )


def _qr(x: Node) -> Node:
    q, r = linalg.qr(x)
    turned = gx.sqrt(linalg.diagonal(r) ** 2) / linalg.diagonal(r)
    return gx.concat(
        [q * gx.reshape(turned, (*turned.shape[:-1], 1, turned.shape[-1])), r * r], axis=-2
    )


def _column(x: Node, at: int) -> Node:
    """Returns the projector onto a column."""
    v = x[..., :, at : at + 1]
    return v @ gx.matrix_transpose(v)


def _eigh(x: Node) -> Node:
    spread = x + gx.constant([[0.0, 0.0, 0.0], [0.0, 5.0, 0.0], [0.0, 0.0, -6.0]], x.dtype)
    w, v = linalg.eigh(spread)
    return _column(v, 0) * w[..., :1, None] + 2.0 * _column(v, 2)


def _spread(x: Node) -> Node:
    """Returns a matrix with singular values far apart."""
    m, n = x.shape[-2:]
    big = [[(4.0, 9.0, 1.5)[i] * (i == j) for j in range(n)] for i in range(m)]
    return x * 0.3 + gx.constant(big, x.dtype)


def _svd(x: Node) -> Node:
    u, s, vh = linalg.svd(_spread(x), full_matrices=False)
    v = gx.matrix_transpose(vh)
    both = u[..., :, :1] @ gx.matrix_transpose(v[..., :, :1]) * s[..., :1, None]
    return gx.concat([_column(u, 1) @ both, both * s[..., 1:2, None]], axis=-2)


def _complement(name: str) -> Callable[..., Node]:
    def build(x: Node) -> Node:
        rest = make(op_named(name), (_spread(x),))
        return rest @ gx.matrix_transpose(rest)

    return build


def _pinv(x: Node) -> Node:
    return linalg.pinv(_spread(x), rtol=1e-8)


def _logarithm(x: Node) -> Node:
    return linalg.spectral(lambda w: gx.log(w) * w, _positive(x))


def _slogdet(x: Node) -> Node:
    sign, log = linalg.slogdet(x)
    return sign * log


def _slope_of_expm(*nodes: Node) -> Node:
    return make(op_named("expm"), nodes)


def _cofactors(*nodes: Node) -> Node:
    return make(op_named("cofactors"), nodes)


_TRIANGLES = ((True, False, False), (False, False, True), (True, True, True), (False, True, False))

BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "solve": lambda: [
        case("solve", _solve(False), (2, 2), (2, 2), named=False),
        case("solve", _solve(True), (3, 3), (3, 1), label="solve-transposed", named=False),
        case("solve", _solve(False), (2, 2, 2), (2, 2, 1), label="solve-batch"),
        case("solve", _solve(True), (2, 2), (2, 2, 1), label="solve-broadcast", named=False),
        case("solve", _solve(False), (2, 2, 2), (2, 1), label="solve-shared", named=False),
    ],
    "triangular_solve": lambda: (
        [
            case(
                "triangular_solve",
                _triangular(*flags),
                (3, 3),
                (3, 1),
                label=f"triangular_solve-{flags}",
                named=False,
            )
            for flags in _TRIANGLES
        ]
        + [
            case(
                "triangular_solve",
                _triangular(True, False, False),
                (2, 2, 2),
                (2, 2, 1),
                label="triangular_solve-batch",
            )
        ]
    ),
    "inv": lambda: [
        case("inv", lambda x: linalg.inv(_well(x)), (3, 3), named=False),
        case("inv", lambda x: linalg.inv(_well(x)), (2, 2, 2), label="inv-batch"),
    ],
    "cholesky": lambda: [
        case("cholesky", lambda x: linalg.cholesky(_positive(x)), (2, 2), named=False),
        case("cholesky", _half, (2, 2), label="cholesky-half", named=False),
        case(
            "cholesky",
            lambda x: linalg.cholesky(_positive(x), upper=True),
            (2, 2, 2),
            label="cholesky-batch",
        ),
    ],
    "qr": lambda: [
        case("qr", lambda x: _qr(_spread(x)), (3, 2), named=False),
        case("qr", lambda x: _qr(_spread(x)), (2, 2, 2), label="qr-batch"),
    ],
    "qr_rest": lambda: [
        case("qr_rest", _complement("qr_rest"), (3, 2), named=False),
    ],
    "eigh": lambda: [
        case("eigh", _eigh, (3, 3), named=False),
        case("eigh", _eigh, (2, 3, 3), label="eigh-batch"),
    ],
    "svd": lambda: [
        case("svd", _svd, (3, 2), named=False),
        case("svd", _svd, (2, 3), label="svd-wide", named=False),
        case("svd", _svd, (2, 2, 2), label="svd-batch"),
    ],
    "svd_rest": lambda: [
        case("svd_rest", _complement("svd_rest"), (3, 2), named=False),
    ],
    "svdvals": lambda: [
        case("svdvals", lambda x: linalg.svdvals(_spread(x)), (3, 2), named=False),
        case("svdvals", lambda x: linalg.svdvals(_spread(x)), (2, 2, 2), label="svdvals-batch"),
    ],
    "det": lambda: [
        case("det", linalg.det, (3, 3), named=False),
        case("det", linalg.det, (2, 2, 2), label="det-batch"),
    ],
    "slogdet": lambda: [
        case("slogdet", lambda x: _slogdet(_well(x)), (3, 3), named=False),
        case("slogdet", lambda x: _slogdet(_well(x)), (2, 2, 2), label="slogdet-batch"),
    ],
    "cofactors": lambda: [
        case("cofactors", _cofactors, (3, 3), named=False),
        case("cofactors", _cofactors, (3, 3), (3, 3), label="cofactors-1", named=False),
        case("cofactors", _cofactors, (2, 2, 2), (2, 2, 2), label="cofactors-batch"),
    ],
    "expm": lambda: [
        case("expm", linalg.expm, (2, 2), named=False),
        case("expm", _slope_of_expm, (2, 2), (2, 2), label="expm-1", named=False),
        case("expm", linalg.expm, (2, 2, 2), label="expm-batch"),
    ],
    "spectral": lambda: [
        case("spectral", lambda x: linalg.spectral(gx.exp, x), (3, 3), named=False),
        case("spectral", _logarithm, (2, 2, 2), label="spectral-batch"),
    ],
    "pinv": lambda: [
        case("pinv", _pinv, (3, 2), named=False),
        case(
            "pinv",
            _pinv,
            (2, 3),
            label="pinv-wide",
            named=False,
        ),
        case("pinv", _pinv, (2, 2, 2), label="pinv-batch"),
    ],
}
