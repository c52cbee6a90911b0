"""Systems and determinants of D + U V, D diagonal and U V of low rank, by a small matrix.

(D + U V)^-1 B = D^-1 B - D^-1 U (I + V D^-1 U)^-1 V D^-1 B, and det(D + U V) = det(D) times
det(I + V D^-1 U): Sherman, Morrison and Woodbury; Hager, Updating the inverse of a matrix, SIAM
Review 31 (1989). Where U V is large beside D the difference cancels: about log10 |D^-1 U V| digits
are lost beyond what the matrix's condition costs elimination too (Yip, SIAM J. Sci. Stat. Comput. 7
(1986)). So it is made where it is asked for by name, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from graphc.core.node import Node, apply_named, make
from graphc.core.type import Size
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.control import results_of
from graphc.ops.linalg.common import identity, product, swap
from graphc.ops.linalg.determinants import slogdet_op
from graphc.ops.linalg.solving import solve_op
from graphc.optimize.facts.bits import DIAGONAL
from graphc.optimize.facts.elements import is_full, untransposed
from graphc.optimize.structure.parts import diagonal_part
from graphc.optimize.structure.systems import Worker


def _split(a: Node, worker: Worker) -> tuple[Node, Node, Node] | None:
    """Returns (d, U, V) of a = diag(d) + U V with fewer columns of U than rows."""
    a, flip = untransposed(a)
    if a.op.name not in ("add", "sub"):
        return None
    for low, other in (a.args, a.args[::-1]):
        if a.op.name == "sub" and low is a.args[0]:
            continue
        sign = -1.0 if a.op.name == "sub" else 1.0
        base, turned = untransposed(low)
        if base.op.name != "matmul" or not is_full(low, a) or not is_full(other, a):
            continue
        x, y = base.args
        if x.ndim < 2 or y.ndim < 2 or not worker.facts.holds(other, DIAGONAL):
            continue
        u = swap(x) if base.params.get("transpose_x", False) else x
        v = swap(y) if base.params.get("transpose_y", False) else y
        u, v = (swap(v), swap(u)) if turned is not flip else (u, v)
        if not _smaller(u.shape[-1], a.shape[-1], worker):
            continue
        diagonal, _ = diagonal_part(other, worker.facts)
        return diagonal, (u if sign > 0 else -u), v
    return None


def _smaller(inner: Size, outer: Size, worker: Worker) -> bool:
    return worker.prices.number(inner) < worker.prices.number(outer)


def _small(diagonal: Node, u: Node, v: Node) -> Node:
    """Returns I + V D^-1 U."""
    scaled = u / reshape(diagonal, (*diagonal.shape, 1))
    return product(v, scaled) + identity(u.shape[-1], u.dtype)


def _price(u: Node, columns: float, worker: Worker) -> float:
    n, k = (worker.prices.number(s) for s in u.shape[-2:])
    machine = worker.prices.machine
    stack = worker.prices.elements(u.shape[:-2])
    return stack * (4 * n * k * (k + columns) / machine.flops + k**3 / machine.factored)


def system(node: Node, worker: Worker) -> Node | None:
    """Returns the solution by the small matrix."""
    a, b = node.args
    found = _split(swap(a) if node.params["transpose"] else a, worker)
    if found is None:
        return None
    diagonal, u, v = found
    columns = worker.prices.number(b.shape[-1])
    before = worker.elimination(a) + 2 * worker.substitution(a, columns)
    if not worker.weigh(node, "by Woodbury's formula", before, _price(u, columns, worker), ""):
        return None
    column = reshape(diagonal, (*diagonal.shape, 1))
    first = b / column
    inner = make(solve_op, (_small(diagonal, u, v), product(v, first)), {"transpose": False})
    return broadcast_to(first - product(u / column, inner), node.shape)


def determinant(node: Node, worker: Worker) -> Node | None:
    """Returns sign and logarithm of the determinant by those of D and of the small matrix."""
    (source,) = node.args
    found = _split(source.args[0], worker) if source.op.name == "slogdet" else None
    if found is None:
        return None
    diagonal, u, v = found
    before, after = worker.elimination(source.args[0]), _price(u, 0.0, worker)
    if not worker.weigh(source, "by the determinant lemma", before, after, ""):
        return None
    small = results_of(make(slogdet_op, (_small(diagonal, u, v),)))[node.params["index"]]
    axes = (diagonal.ndim - 1,)
    if node.params["index"]:
        size = apply_named("log", apply_named("abs", diagonal))
        made = apply_named("sum", size, axis=axes, keepdims=False) + small
    else:
        sign = apply_named("sign", diagonal)
        made = apply_named("prod", sign, axis=axes, keepdims=False) * small
    return broadcast_to(made, node.shape)


WOODBURY_HANDLERS: Mapping[str, Callable[[Node, Worker], Node | None]] = {
    "item": determinant,
    "solve": system,
}
