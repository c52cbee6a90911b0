"""Cases of `assume`, and of what is computed with a Cholesky factor at hand."""

from __future__ import annotations

from collections.abc import Callable

import graphc as gx
from graphc.core.node import Node
from graphc.ops.linalg.factored import factor_inverse, factor_logdet, factor_of, factor_solve
from tests.every_op_cases import Case, case


def _definite(x: Node) -> Node:
    """Returns a positive definite matrix, symmetric wherever its operand moves."""
    return x @ gx.matrix_transpose(x) + gx.eye(x.shape[-1], dtype=x.dtype) * 2.0


def _solve(sure: bool) -> Callable[..., Node]:
    def build(x: Node, b: Node) -> Node:
        a = _definite(x)
        return factor_solve(factor_of(a), a, b, sure)

    return build


def _logdet(sure: bool) -> Callable[..., Node]:
    def build(x: Node) -> Node:
        a = _definite(x)
        return factor_logdet(factor_of(a), a, sure)

    return build


def _inverse(sure: bool) -> Callable[..., Node]:
    def build(x: Node) -> Node:
        a = _definite(x)
        return factor_inverse(factor_of(a), a, sure)

    return build


BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "assume": lambda: [
        case("assume", lambda x: gx.assume(x * x, "non_negative") * x, (2, 3)),
        case(
            "assume",
            lambda x: gx.assume(_definite(x), "positive_definite", "symmetric"),
            (2, 2, 2),
            label="assume-matrices",
        ),
    ],
    "factor_solve": lambda: [
        case("factor_solve", _solve(True), (2, 2), (2, 2), named=False),
        case(
            "factor_solve", _solve(False), (3, 3), (3, 1), label="factor_solve-unsure", named=False
        ),
        case("factor_solve", _solve(True), (2, 2, 2), (2, 2, 1), label="factor_solve-batch"),
        case(
            "factor_solve",
            _solve(False),
            (2, 2),
            (2, 2, 1),
            label="factor_solve-spread",
            named=False,
        ),
    ],
    "factor_inverse": lambda: [
        case("factor_inverse", _inverse(True), (3, 3), named=False),
        case("factor_inverse", _inverse(False), (2, 2, 2), label="factor_inverse-batch"),
    ],
    "factor_logdet": lambda: [
        case("factor_logdet", _logdet(True), (3, 3), named=False),
        case("factor_logdet", _logdet(False), (2, 2, 2), label="factor_logdet-batch"),
    ],
}
