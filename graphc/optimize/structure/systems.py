"""Systems, inverses and determinants of structured matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, scalar
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.linalg.common import diagonal_matrix, identity, product, swap
from graphc.ops.linalg.factored import factor_inverse, factor_logdet, factor_of, factor_solve
from graphc.ops.linalg.solving import triangular
from graphc.optimize.facts.bits import (
    DECLARED,
    DEFINITE,
    DIAGONAL,
    IDENTITY,
    LOWER,
    ORTHOGONAL,
    UPPER,
)
from graphc.optimize.facts.elements import swaps_matrices
from graphc.optimize.facts.facts import Facts
from graphc.optimize.family import Context
from graphc.optimize.price import Prices
from graphc.optimize.structure.parts import diagonal_part

#: Seconds of the branch that is ready for a factor that failed: measured, XLA on a CPU.
_READY = 4e-6


@dataclass(slots=True)
class Worker:
    """One run: facts found, prices, and what the handlers share.

    Attributes:
        family: the family's name.
        context: where choices are told.
        facts: those of the graph's nodes.
        prices: what nodes cost.
    """

    family: str
    context: Context
    facts: Facts
    prices: Prices
    _told: dict[Node, bool] = field(default_factory=dict[Node, bool])

    def weigh(self, node: Node, after: str, before: float, then: float, why: str) -> bool:
        """Notes a choice about a node once, and returns whether it is taken."""
        if node not in self._told:
            self._told[node] = self.context.weigh(
                self.family, describe(node, 4), after, before, then, node.place, why
            )
        return self._told[node]

    # -- prices of what LAPACK does: only their ratios count, see `Machine.factored` ---------------

    def size(self, node: Node) -> float:
        return self.prices.number(node.shape[-1])

    def stack(self, node: Node) -> float:
        return self.prices.elements(node.shape[:-2])

    def elimination(self, a: Node) -> float:
        return self.stack(a) * self.size(a) ** 3 / self.prices.machine.factored

    def cholesky(self, a: Node, sure: bool) -> float:
        return self.elimination(a) / 2 + (0.0 if sure else _READY)

    def substitution(self, a: Node, columns: float) -> float:
        machine = self.prices.machine
        n = self.size(a)
        return self.stack(a) * n * n * (columns / machine.factored + 8.0 / machine.moved)

    def product(self, a: Node, columns: float) -> float:
        machine = self.prices.machine
        n = self.size(a)
        width = self.prices.width(a.type)
        return self.stack(a) * (n * n * (2 * columns / machine.flops + width / machine.moved))

    def elementwise(self, a: Node, columns: float) -> float:
        machine = self.prices.machine
        return self.stack(a) * self.size(a) * columns * 8.0 / machine.moved


def _sure(bits: int) -> bool:
    return bits & DECLARED == DECLARED


def _base(a: Node) -> Node:
    """Returns the matrix whose factor serves: of a symmetric matrix and its transpose the same."""
    while swaps_matrices(a):
        a = a.args[0]
    return a


def solve(node: Node, worker: Worker) -> Node | None:
    """Returns a system by the structure of its matrix."""
    a, b = node.args
    flip = bool(node.params["transpose"])
    bits = worker.facts.of(a)
    columns = worker.prices.number(b.shape[-1])
    before = worker.elimination(a) + 2 * worker.substitution(a, columns)
    if bits & IDENTITY:
        made, after, words = broadcast_to(b, node.shape), 0.0, "its right side"
    elif bits & DIAGONAL == DIAGONAL:
        diagonal, _ = diagonal_part(a, worker.facts)
        made = broadcast_to(b / _column(diagonal), node.shape)
        after, words = worker.elementwise(a, columns), "a division by the diagonal"
    elif bits & ORTHOGONAL:
        made, after = product(a, b, tx=not flip), worker.product(a, columns)
        words = "a product with the transpose"
    elif bits & DIAGONAL:
        made = triangular(a, b, lower=bool(bits & LOWER), transpose=flip)
        after, words = worker.substitution(a, columns), "substitution"
    elif bits & DEFINITE:
        sure = _sure(bits)
        operand = swap(a) if flip else a
        right, factors = _unscaled(b)
        made = factor_solve(factor_of(_base(a)), operand, right, sure)
        for factor in factors:
            made = made * factor
        after = worker.cholesky(a, sure) + 2 * worker.substitution(a, columns)
        words = "by a Cholesky factor"
    else:
        return None
    taken = worker.weigh(node, words, before, after, _why(bits))
    return broadcast_to(made, node.shape) if taken else None


def _unscaled(b: Node) -> tuple[Node, list[Any]]:
    """Returns a right side and the numbers it is multiplied by, which can be multiplied later.

    A gradient solves the system of the value with another factor: so it is the same system.
    """
    factors: list[Any] = []
    shape = b.shape
    while True:
        name = b.op.name
        if name == "reshape":
            b = b.args[0]
        elif name == "neg":
            b, factors = b.args[0], [*factors, -1.0]
        elif name == "mul" and not b.args[0].shape:
            b, factors = b.args[1], [*factors, b.args[0]]
        elif name == "mul" and not b.args[1].shape:
            b, factors = b.args[0], [*factors, b.args[1]]
        else:
            return reshape(b, shape), factors


def _column(v: Node) -> Node:
    return reshape(v, (*v.shape, 1))


def _why(bits: int) -> str:
    """Returns what is known of a matrix in a word."""
    for fact, name in (
        (IDENTITY, "the identity"), (DIAGONAL, "diagonal"), (ORTHOGONAL, "orthogonal"),
        (LOWER, "lower triangular"), (UPPER, "upper triangular"),
    ):  # fmt: skip
        if bits & fact == fact:
            return f"the matrix is {name}"
    return "the matrix is " + ("declared positive definite" if _sure(bits) else "positive definite")


def inverse(node: Node, worker: Worker) -> Node | None:
    """Returns an inverse by the structure of the matrix."""
    (a,) = node.args
    bits = worker.facts.of(a)
    n = worker.size(a)
    before = worker.elimination(a) + 2 * worker.substitution(a, n)
    if bits & IDENTITY:
        made, after, words = a, 0.0, "the identity"
    elif bits & DIAGONAL == DIAGONAL:
        made = diagonal_matrix(1.0 / diagonal_part(a, worker.facts)[0])
        after, words = worker.elementwise(a, n), "the diagonal's inverse"
    elif bits & ORTHOGONAL:
        made, after, words = swap(a), worker.elementwise(a, n), "the transpose"
    elif bits & DIAGONAL:
        unit = identity(a.shape[-1], a.dtype)
        made = triangular(a, unit, lower=bool(bits & LOWER))
        after, words = worker.substitution(a, n), "substitution"
    elif bits & DEFINITE:
        sure = _sure(bits)
        made = factor_inverse(factor_of(_base(a)), a, sure)
        after = worker.cholesky(a, sure) + worker.substitution(a, n) + worker.product(a, n)
        words = "by a Cholesky factor"
    else:
        return None
    taken = worker.weigh(node, words, before, after, _why(bits))
    return broadcast_to(made, node.shape) if taken else None


def determinant(node: Node, worker: Worker) -> Node | None:
    """Returns the determinant of a triangle: the product of its diagonal."""
    (a,) = node.args
    bits = worker.facts.of(a)
    if not bits & DIAGONAL:
        return None
    if not worker.weigh(
        node, "the product of the diagonal", worker.elimination(a), worker.elementwise(a, 1),
        _why(bits),
    ):  # fmt: skip
        return None
    diagonal, _ = diagonal_part(a, worker.facts)
    made = apply_named("prod", diagonal, axis=(diagonal.ndim - 1,), keepdims=False)
    return broadcast_to(made, node.shape)


def slogdet_item(node: Node, worker: Worker) -> Node | None:
    """Returns the sign or the logarithm that `slogdet` gives, by the structure of its matrix."""
    (source,) = node.args
    if source.op.name != "slogdet":
        return None
    (a,) = source.args
    bits = worker.facts.of(a)
    log = node.params["index"] == 1
    before = worker.elimination(a)
    if bits & DIAGONAL:
        if not worker.weigh(
            source, "of the diagonal", before, worker.elementwise(a, 2), _why(bits)
        ):
            return None
        return _of_diagonal(node, diagonal_part(a, worker.facts)[0], log)
    if bits & DEFINITE:
        sure = _sure(bits)
        after = worker.cholesky(a, sure) + worker.elementwise(a, 10)
        if not worker.weigh(source, "by a Cholesky factor", before, after, _why(bits)):
            return None
        if not log:
            return broadcast_to(scalar(1.0, node.dtype), node.shape)
        return factor_logdet(factor_of(_base(a)), a, sure)
    if bits & ORTHOGONAL and log and worker.weigh(node, "0", before, 0.0, _why(bits)):
        return broadcast_to(scalar(0.0, node.dtype), node.shape)
    return None


def _of_diagonal(node: Node, diagonal: Node, log: bool) -> Node:
    axes = (diagonal.ndim - 1,)
    if log:
        size = apply_named("log", apply_named("abs", diagonal))
        made = apply_named("sum", size, axis=axes, keepdims=False)
    else:
        made = apply_named("prod", apply_named("sign", diagonal), axis=axes, keepdims=False)
    return broadcast_to(made, node.shape)


def log_determinant(node: Node, worker: Worker) -> Node | None:
    """Returns log(det A) of a positive definite A by its factor, which does not overflow."""
    (inner,) = node.args
    if inner.op.name != "det":
        return None
    (a,) = inner.args
    bits = worker.facts.of(a)
    if not bits & DEFINITE or bits & DIAGONAL:
        return None
    sure = _sure(bits)
    after = worker.cholesky(a, sure) + worker.elementwise(a, 10)
    if not worker.weigh(node, "by a Cholesky factor", worker.elimination(a), after, _why(bits)):
        return None
    return factor_logdet(factor_of(_base(a)), a, sure)


def substitution(node: Node, worker: Worker) -> Node | None:
    """Returns a triangular system whose triangle has nothing off its diagonal."""
    a, b = node.args
    other = UPPER if node.params["lower"] else LOWER
    if not worker.facts.holds(a, other):
        return None
    columns = worker.prices.number(b.shape[-1])
    before, after = worker.substitution(a, columns), worker.elementwise(a, columns)
    if not worker.weigh(node, "a division by the diagonal", before, after, "it is diagonal"):
        return None
    if node.params["unit_diagonal"]:
        return broadcast_to(b, node.shape)
    diagonal, _ = diagonal_part(a, worker.facts)
    return broadcast_to(b / _column(diagonal), node.shape)


def factorisation(node: Node, worker: Worker) -> Node | None:
    """Returns the Cholesky factor of a diagonal matrix: the roots of its diagonal."""
    (a,) = node.args
    bits = worker.facts.of(a)
    if bits & DIAGONAL != DIAGONAL:
        return None
    before, after = worker.elimination(a), worker.elementwise(a, worker.size(a))
    if not worker.weigh(node, "the roots of the diagonal", before, after, _why(bits)):
        return None
    if bits & IDENTITY:
        return a
    return diagonal_matrix(apply_named("sqrt", diagonal_part(a, worker.facts)[0]))


HANDLERS: Mapping[str, Callable[[Node, Worker], Node | None]] = {
    "cholesky": factorisation,
    "det": determinant,
    "inv": inverse,
    "item": slogdet_item,
    "log": log_determinant,
    "solve": solve,
    "triangular_solve": substitution,
}
