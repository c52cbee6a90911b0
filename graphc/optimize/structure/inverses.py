"""Products with an inverse: systems instead, where the inverse is needed for nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.core.node import Node, make
from graphc.core.walk import topological_order, users
from graphc.ops.chain import broadcast_to, reshape
from graphc.ops.linalg.common import swap
from graphc.ops.linalg.solving import solve_op
from graphc.optimize.facts.elements import swaps_matrices
from graphc.optimize.structure.systems import Worker

#: By product, which of its operands is an inverse.
Uses = Mapping[Node, int]


def _inverse(node: Node) -> tuple[Node, bool] | None:
    """Returns (A, whether transposed) of an inverse or its transpose."""
    flip = False
    while swaps_matrices(node):
        node, flip = node.args[0], not flip
    return (node.args[0], flip) if node.op.name == "inv" else None


def inverse_uses(roots: Sequence[Node], worker: Worker) -> Uses:
    """Returns the products that become systems: of inverses that are multiplied and no more.

    An inverse that something else needs is there anyway, and then a product with it is cheapest.
    """
    order = topological_order(roots)
    inverses = [n for n in order if n.op.name == "inv"]
    using = users(order)
    wanted = set(roots)
    found: dict[Node, int] = {}
    for inverse in inverses:
        seen: dict[Node, int] = {}
        if _only_multiplied(inverse, using, wanted, seen) and _cheaper(inverse, seen, worker):
            for product, at in seen.items():
                found.setdefault(product, at)
    return found


def _only_multiplied(
    inverse: Node, using: Mapping[Node, list[Node]], wanted: set[Node], seen: dict[Node, int]
) -> bool:
    """Collects the products of an inverse and of its transpose; False where it has other users."""
    stack = [inverse]
    while stack:
        node = stack.pop()
        if node in wanted:
            return False
        for user in using[node]:
            if swaps_matrices(user):
                stack.append(user)
            elif user.op.name != "matmul" or user in seen or user.args[0] is user.args[1]:
                return False
            else:
                seen[user] = 0 if user.args[0] is node else 1
    return True


def _cheaper(inverse: Node, products: Mapping[Node, int], worker: Worker) -> bool:
    (a,) = inverse.args
    n = worker.size(a)
    before = worker.elimination(a) + 2 * worker.substitution(a, n)
    after = worker.elimination(a)
    for product, at in products.items():
        columns = _columns(product, at, worker)
        before += worker.product(a, columns)
        after += 2 * worker.substitution(a, columns)
    count = len(products)
    words = "a system" if count == 1 else f"{count} systems of one factorisation"
    return bool(count) and worker.weigh(inverse, words, before, after, "it is only multiplied")


def _columns(product: Node, at: int, worker: Worker) -> float:
    other = product.args[1 - at]
    if other.ndim < 2:
        return 1.0
    flag = bool(product.params.get("transpose_x" if at else "transpose_y", False))
    axis = -1 if (at == 0) is not flag else -2
    return worker.prices.number(other.shape[axis])


def without_inverse(node: Node, args: tuple[Node, ...], uses: Uses) -> Node:
    """Returns a node on new operands: a system where it is a product that becomes one."""
    at = uses.get(node)
    found = None if at is None else _inverse(args[at])
    if at is None or found is None:
        same = all(new is old for new, old in zip(args, node.args, strict=True))
        return node if same else make(node.op, args, node.params)
    a, flip = found
    flags = [bool(node.params.get(f, False)) for f in ("transpose_x", "transpose_y")]
    flip = flip is not flags[at]
    other = args[1 - at]
    if other.ndim < 2:
        # v A^-1 is A^-T v
        return _vector(a, other, flip if at == 0 else not flip, node)
    if flags[1 - at]:
        other = swap(other)
    if at == 0:
        made = make(solve_op, (a, other), {"transpose": flip})
    else:
        made = swap(make(solve_op, (a, swap(other)), {"transpose": not flip}))
    return broadcast_to(made, node.shape)


def _vector(a: Node, v: Node, flip: bool, node: Node) -> Node:
    made = make(solve_op, (a, reshape(v, (*v.shape, 1))), {"transpose": flip})
    return broadcast_to(reshape(made, made.shape[:-1]), node.shape)
