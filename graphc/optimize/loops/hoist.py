"""What is the same in every step of a scan is computed once, before it.

Two things are looked for in a body. A part that depends on neither carry nor entry moves out as it
is. And a product of fixed matrices that stands apart, A (B w - q) with only w changing, becomes
(A B) w - A q where the one product A B costs less than what all the steps save by it: a hundred
steps of least squares then need the data once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from graphc.core.graph import Graph
from graphc.core.node import Node, apply_named, make
from graphc.core.walk import depends_on, rebuild, topological_order, topological_order_until
from graphc.ops.chain import reshape
from graphc.ops.control import fresh_formals, item, results_of
from graphc.ops.flow.join import join_loops
from graphc.ops.flow.scan import scan_op
from graphc.optimize.family import Context, Family
from graphc.optimize.inside import with_scans
from graphc.optimize.price import number_of, seconds

NAME = "hoist"

#: Ops that move or make numbers without computing any: XLA folds them into whatever reads them.
_FREE = frozenset({"shape", "source", "indexing"})
#: Sums of more terms than this are left as they are.
_TERMS = 8
#: Products of products of products are joined two at a time, in so many rounds.
_ROUNDS = 4


def hoisted(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with every scan relieved of what is the same in all its steps."""
    if not any(n.op is scan_op for n in topological_order(roots)):
        return list(roots)

    def change(made: Node, _: Node) -> dict[int, Node] | None:
        better = _relieved(made, context)
        return None if better is made else dict(enumerate(results_of(better)))

    return with_scans(join_loops(roots), change)


def _relieved(node: Node, context: Context) -> Node:
    """Returns a scan with less in its body; itself where nothing is to be had."""
    params = node.params
    graph: Graph = params["graph"]
    moving = graph.inputs[: params["carries"] + params["scanned"]]
    steps = number_of(params["length"], context.sizes)
    if steps < 2:
        return node
    outputs = _with_products(graph.outputs, moving, steps, context)
    order = topological_order(outputs)
    varying = depends_on(order, moving)
    found = _frontier(order, outputs, varying)
    if not found:
        return node
    cost = seconds(found, context.sizes, context.machine)
    words = f"{len(found)} values in each of {steps:.0f} steps of {graph.name}"
    if not context.weigh(NAME, words, "computed once", cost * steps, cost, node.place):
        return node
    stand_ins = fresh_formals(graph, found, "h")
    body = Graph(
        [*graph.inputs, *stand_ins],
        rebuild(outputs, dict(zip(found, stand_ins, strict=True))),
        graph.name,
    )
    outer = rebuild(found, dict(zip(graph.inputs, node.args, strict=True)))
    made = make(scan_op, (*node.args, *outer), {**params, "graph": body})
    made.place = node.place
    return made


def _frontier(order: Sequence[Node], outputs: Sequence[Node], varying: set[Node]) -> list[Node]:
    """Returns what is computed without anything that varies, and read by what does vary."""
    fixed = [n for n in order if n not in varying]
    computed = {n for n in fixed if n.args and n.op.group not in _FREE and n.op is not item}
    # A result of several is read through its items, which are kept, and not the whole.
    computed |= {n for n in fixed if n.op is item}
    wide = {n.args[0] for n in computed if n.op is item}
    computed -= wide
    # What only moves numbers stays in the body, above what it moves.
    inside = {n for n in fixed if n in computed or n in wide}
    read: dict[Node, None] = {}
    for node in order:
        if node in inside:
            continue
        for arg in node.args:
            if arg in computed:
                read[arg] = None
    for output in outputs:
        if output in computed:
            read[output] = None
    return list(read)


# -- products of what is fixed ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Product:
    """A matrix product with a fixed matrix: op(matrix) other, or other op(matrix).

    Attributes:
        matrix: the fixed operand, of two axes.
        flipped: whether the matrix stands transposed.
        left: whether it stands on the left; of a vector it always does.
        other: the varying operand, of one or two axes.
    """

    matrix: Node
    flipped: bool
    left: bool
    other: Node


@dataclass(frozen=True, slots=True)
class _Term:
    node: Node
    negative: bool
    scales: tuple[tuple[str, Node], ...]


def _with_products(
    outputs: Sequence[Node], moving: Sequence[Node], steps: float, context: Context
) -> list[Node]:
    """Returns the outputs with A (B w - q) as (A B) w - A q where that is cheaper."""
    made = list(outputs)
    for _ in range(_ROUNDS):
        order = topological_order(made)
        varying = depends_on(order, moving)
        users: dict[Node, int] = {}
        for node in order:
            for arg in dict.fromkeys(node.args):
                users[arg] = users.get(arg, 0) + 1
        for output in made:
            users[output] = users.get(output, 0) + 1
        replaced: dict[Node, Node] = {}
        for node in order:
            better = _split_product(node, varying, users, steps, context)
            if better is not None:
                better.place = node.place
                replaced[node] = better
        if not replaced:
            break
        made = rebuild(made, replaced)
    return made


def _split_product(
    node: Node, varying: set[Node], users: dict[Node, int], steps: float, context: Context
) -> Node | None:
    outer = _product(node, varying)
    if outer is None:
        return None
    terms = _terms(outer.other, varying, users)
    inner = [_product(t.node, varying) if users[t.node] == 1 else None for t in terms]
    inner = [p if p is not None and p.left is outer.left else None for p in inner]
    if not any(inner) or len(terms) > _TERMS:
        return None
    parts: list[Node] = []
    for term, found in zip(terms, inner, strict=True):
        if found is not None:
            part = _times(_joined(outer, found), False, outer.left, found.other)
        elif term.node not in varying:
            part = _times(outer.matrix, outer.flipped, outer.left, term.node)
        else:
            return None  # a product a step would be added, and nothing saved
        for name, scale in term.scales:
            part = apply_named(name, part, scale)
        parts.append(-part if term.negative else part)
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    if total.type != node.type:
        return None
    return total if _pays(node, total, varying, steps, context) else None


def _pays(node: Node, total: Node, varying: set[Node], steps: float, context: Context) -> bool:
    """Weighs the node against its other form, of which the fixed part is computed once."""
    leaves = {n for n in topological_order([node]) if not _chain(n, varying)}
    each = seconds(_cut(node, leaves), context.sizes, context.machine)
    order = topological_order_until([total], dict.fromkeys(leaves))
    again = depends_on(order, leaves & varying)
    once = [n for n in order if n.op.name == "matmul" and n not in again]
    step = _cut(total, {*leaves, *once})
    later = seconds(step, context.sizes, context.machine)
    first = seconds(_cut_all(once, leaves), context.sizes, context.machine)
    return context.weigh(
        NAME,
        f"two products in each of {steps:.0f} steps",
        "a product of the fixed matrices, once, and one product a step",
        each * steps,
        later * steps + first,
        node.place,
    )


def _chain(node: Node, varying: set[Node]) -> bool:
    """Tells whether a node is part of a sum of products, and no leaf of it."""
    return node in varying and node.op.name in ("matmul", "add", "sub", "neg", "mul", "div")


def _cut(root: Node, leaves: set[Node]) -> list[Node]:
    return _cut_all([root], leaves)


def _cut_all(roots: Sequence[Node], leaves: set[Node]) -> list[Node]:
    """Returns the roots with the leaves as inputs, which cost nothing."""
    roots = [r for r in roots if r not in leaves]
    order = topological_order(roots)
    known = {
        n: apply_named("input", name=f"cut{i}", type=n.type)
        for i, n in enumerate(n for n in order if n in leaves and n.op.name != "constant")
    }
    return rebuild(roots, known)


def _product(node: Node, varying: set[Node]) -> _Product | None:
    """Returns a product of a fixed matrix and something that varies, None for anything else."""
    if node.op.name != "matmul" or node not in varying:
        return None
    (x, flip_x), (y, flip_y) = _turned(node, 0), _turned(node, 1)
    if x not in varying and y in varying and x.ndim == 2 and y.ndim <= 2 and not flip_y:
        return _Product(x, flip_x, True, y)
    if y not in varying and x in varying and y.ndim == 2 and x.ndim <= 2 and not flip_x:
        if x.ndim == 1:  # v A is A' v
            return _Product(y, not flip_y, True, x)
        return _Product(y, flip_y, False, x)
    return None


def _turned(node: Node, position: int) -> tuple[Node, bool]:
    """Returns an operand of a product, and whether it stands transposed."""
    x, flag = node.args[position], "transpose_x" if position == 0 else "transpose_y"
    flipped = bool(node.params.get(flag))
    if x.op.name == "transpose" and x.ndim == 2 and x.params["axes"] == (1, 0):
        return x.args[0], not flipped
    return x, flipped


def _terms(node: Node, varying: set[Node], users: dict[Node, int]) -> list[_Term]:
    """Returns a sum as its terms, with what each is multiplied by."""
    found: list[_Term] = []
    stack = [_Term(node, False, ())]
    while stack and len(found) <= _TERMS:
        term = stack.pop()
        inside, name = term.node, term.node.op.name
        if inside not in varying or users[inside] > 1:
            found.append(term)
        elif name in ("add", "sub") and all(a.type == inside.type for a in inside.args):
            x, y = inside.args
            stack.append(_Term(y, term.negative ^ (name == "sub"), term.scales))
            stack.append(_Term(x, term.negative, term.scales))
        elif name == "neg":
            stack.append(_Term(inside.args[0], not term.negative, term.scales))
        elif name in ("mul", "div") and (scale := _scaled(inside)) is not None:
            stack.append(_Term(scale[0], term.negative, ((name, scale[1]), *term.scales)))
        else:
            found.append(term)
    return found


def _scaled(node: Node) -> tuple[Node, Node] | None:
    """Returns (array, scalar) of a product or quotient with one number."""
    x, y = node.args
    if x.type == node.type and (scale := _uniform(y)) is not None:
        return x, scale
    if node.op.name == "mul" and y.type == node.type and (scale := _uniform(x)) is not None:
        return y, scale
    return None


def _uniform(node: Node) -> Node | None:
    """Returns the scalar that a node holds everywhere, None where it holds several numbers."""
    while node.op.name == "broadcast_to" or (node.op.name == "reshape" and node.args[0].size == 1):
        node = node.args[0]
    if node.ndim == 0:
        return node
    return reshape(node, ()) if node.size == 1 else None


def _joined(outer: _Product, inner: _Product) -> Node:
    """Returns the product of two fixed matrices, in the order in which they are applied."""
    first, second = (outer, inner) if outer.left else (inner, outer)
    return apply_named(
        "matmul",
        first.matrix,
        second.matrix,
        transpose_x=first.flipped,
        transpose_y=second.flipped,
    )


def _times(matrix: Node, flipped: bool, left: bool, other: Node) -> Node:
    if left:
        return apply_named("matmul", matrix, other, transpose_x=flipped, transpose_y=False)
    return apply_named("matmul", other, matrix, transpose_x=False, transpose_y=flipped)


HOIST = Family(
    name=NAME,
    doc="what is the same in every step of a scan is computed once, products of what is fixed too",
    valid="A (B w - q) = (A B) w - A q in exact arithmetic; its rounding is of the same order",
    apply=hoisted,
)
