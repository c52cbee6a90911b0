"""`cond` and `switch`: one of several bodies is run, as a number or a boolean says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dtype import bool_
from graphc.core.errors import ArgumentError, DTypeError, ShapeError
from graphc.core.graph import Graph, trace_level
from graphc.core.naming import describe
from graphc.core.node import Node, as_node, make
from graphc.core.system import GRAPHC, System
from graphc.core.type import TensorType, Type
from graphc.ops.chain import broadcast_to
from graphc.ops.control import (
    NO_FORMULA,
    by_system,
    jvp_graph,
    one_or_tuple,
    or_zeros,
    results_of,
    seeds_of,
    spread_results,
    sum_flops,
    vjp_graph,
)
from graphc.ops.define import structural
from graphc.ops.flow.bodies import (
    Nest,
    check_function,
    close_bodies,
    formals_of,
    is_number,
    leaf_names,
    name_of,
    nest_of,
    nodes_of,
    tensor_leaves,
)


def _infer(index: TensorType, *types: TensorType, branches: tuple[Graph, ...]) -> Type:
    if index.shape or index.dtype.is_inexact:
        raise DTypeError(f"the choice is {index}, no boolean or integer scalar")
    for branch in branches:
        for formal, t in zip(branch.inputs, types, strict=True):
            if formal.type != t:
                raise ShapeError(f"{branch.name} takes {describe(formal)}: {formal.type}, not {t}")
    made = [one_or_tuple([o.type for o in branch.outputs]) for branch in branches]
    for other, branch in zip(made, branches, strict=True):
        if other != made[0]:
            raise ShapeError(
                f"{branches[0].name} gives {made[0]} and {branch.name} gives {other}",
                "let all branches give the same types",
            )
    return made[0]


def _vjp(
    adjoint: Any, node: Node, wanted: Sequence[int], system: System = GRAPHC
) -> list[Node | None]:
    seeded, seeds = seeds_of(adjoint)
    inner = tuple(i - 1 for i in wanted if i)
    backs = tuple(vjp_graph(b, inner, seeded, system) for b in node.params["branches"])
    found = iter(results_of(make(switch_op, (*node.args, *seeds), {"branches": backs})))
    return [next(found) if i else None for i in wanted]


def _pushed(rule: str, system: System = GRAPHC) -> Callable[[Sequence[Node | None], Node], Any]:
    def push(tangents: Sequence[Node | None], node: Node) -> Any:
        moving = tuple(i for i, t in enumerate(tangents[1:]) if t is not None)
        made = [jvp_graph(b, moving, rule, system) for b in node.params["branches"]]
        alive = tuple(sorted({i for _, found in made for i in found}))
        if not alive:
            return None
        pushed: list[Graph] = []
        for branch, (graph, found) in zip(node.params["branches"], made, strict=True):
            by_output = dict(zip(found, graph.outputs, strict=True))
            outputs = [or_zeros(by_output.get(i), branch.outputs[i]) for i in alive]
            pushed.append(Graph(graph.inputs, outputs, graph.name))
        given = [
            broadcast_to(t, a.shape)
            for t, a in zip(tangents, node.args, strict=True)
            if t is not None
        ]
        args = (*node.args, *given)
        results = results_of(make(switch_op, args, {"branches": tuple(pushed)}))
        return spread_results(results, alive, node)

    return push


def _flops(node: Node) -> Any:
    """Returns the operations of the dearest branch; with named sizes, of all of them."""
    counts = [sum_flops(branch) for branch in node.params["branches"]]
    if all(isinstance(c, int) for c in counts):
        return max(counts)
    total: Any = 0
    for count in dict.fromkeys(counts):
        total = total + count
    return total


switch_op = structural(
    "switch",
    group="control",
    meet="none",
    infer=_infer,
    run=lambda xp, index, *x, branches: xp.loops.switch(xp, index, x, branches),
    vjp=_vjp,
    jvp=_pushed("jvp"),
    peers=by_system(_vjp, _pushed),
    latex=r"\operatorname{{switch}}({0})",
    flops=_flops,
    domain="where the branch chosen is defined",
    ulp=0.0,
    bound=_pushed("bound"),
    holomorphic=True,
    formula=NO_FORMULA,
    doc="Returns the results of the branch that the first operand names, counted from 0.",
)


@public
def cond(pred: Any, if_true: Any, if_false: Any, *operands: Any) -> Any:
    """Returns if_true(*operands) where `pred` holds, else if_false(*operands); one of them is run.

    Where `where` computes both sides, the branch not taken costs nothing and its derivative is a
    structural zero. Under `map` both are computed. What both branches need of outer values is
    computed before the choice; what one of them needs, within it.

    Args:
        pred: `bool[]`.
        if_true: a function of the operands; returns nodes in any nest.
        if_false: the same; its results have the same nest and types.
        operands: graph values, numbers, arrays, or nests of them.

    Raises:
        DTypeError: `pred` is no boolean, or the branches' results differ in dtype.
        ShapeError: `pred` is no scalar, or the branches' results differ in shape.
        ArgumentError: a branch is no function, or the branches' results differ in nest.
    """
    condition = as_node(pred)
    if condition.dtype is not bool_:
        raise DTypeError(
            f"{describe(condition)} is {condition.type}, no boolean", "compare it: x > 0"
        )
    _check_scalar(condition, "the condition", "gx.where chooses element by element")
    branches = [("if_false", if_false), ("if_true", if_true)]
    return _chosen(condition, branches, operands)


@public
def switch(index: Any, branches: Any, *operands: Any) -> Any:
    """Returns what the branch of that number makes of the operands; it alone is run.

    An index below 0 takes the first branch, one past the end the last, as in JAX.

    Args:
        index: an integer scalar.
        branches: a list of functions of the operands; their results have one nest and its types.
        operands: graph values, numbers, arrays, or nests of them.

    Raises:
        DTypeError: the index is no integer, or the branches' results differ in dtype.
        ShapeError: it is no scalar, or the branches' results differ in shape.
        ArgumentError: there is no branch, one is no function, or their results differ in nest.
    """
    number = as_node(index)
    if not number.dtype.is_integer:
        mend = (
            "gx.cond takes a boolean" if number.dtype is bool_ else "cast it: gx.cast(x, 'int32')"
        )
        raise DTypeError(f"the index {describe(number)} is {number.type}, no integer", mend)
    _check_scalar(number, "the index", "gx.take picks element by element")
    if not isinstance(branches, (list, tuple)) or not branches:
        raise ArgumentError("branches is no list of functions", "write [f, g]")
    return _chosen(number, [(f"branch {i}", b) for i, b in enumerate(branches)], operands)


def _check_scalar(node: Node, what: str, mend: str) -> None:
    if node.shape != ():
        raise ShapeError(f"{what} {describe(node)} is {node.type}, no scalar", mend)


def _chosen(index: Node, branches: Sequence[tuple[str, Any]], operands: Sequence[Any]) -> Any:
    for what, function in branches:
        check_function(function, what, len(operands))
    nests = [nest_of(o) for o in operands]
    given = [node for nest in nests for node in nodes_of(nest.leaves)]
    names = leaf_names(branches[-1][1], [("x", nest) for nest in nests])
    with trace_level() as level:
        formals = formals_of([g.type for g in given], names, level)
        parts: list[Any] = []
        start = 0
        for nest in nests:
            parts.append(nest.build(formals[start : start + len(nest.leaves)]))
            start += len(nest.leaves)
        found = [nest_of(function(*parts)) for _, function in branches]
        results = _agreeing(branches, found)
    labels = [name_of(function, what) for what, function in branches]
    graphs, captured = close_bodies(formals, results, labels, every=False)
    made = make(switch_op, (index, *given, *captured), {"branches": tuple(graphs)})
    return found[0].build(results_of(made))


def _agreeing(branches: Sequence[tuple[str, Any]], found: Sequence[Nest]) -> list[list[Node]]:
    """Returns the branches' results of equal types: a plain number takes its partner's dtype."""
    first = branches[0][0]
    for (what, _), nest in zip(branches, found, strict=True):
        if nest.form != found[0].form:
            raise ArgumentError(
                f"{first} returns {found[0].form} and {what} returns {nest.form}",
                "let all branches return the same nest",
            )
    if not found[0].leaves:
        raise ArgumentError(f"{first} returns no graph value", "let it return its results")
    results: list[list[Node]] = [[] for _ in found]
    for leaves in zip(*[nest.leaves for nest in found], strict=True):
        nodes = [
            None if is_number(leaf) else tensor_leaves([leaf], what)[0]
            for leaf, (what, _) in zip(leaves, branches, strict=True)
        ]
        strong = next((n.dtype for n in nodes if n is not None), None)
        for result, leaf, node in zip(results, leaves, nodes, strict=True):
            result.append(as_node(leaf, strong) if node is None else node)
    for (what, _), result in zip(branches, results, strict=True):
        for mine, theirs in zip(results[0], result, strict=True):
            if mine.type != theirs.type:
                kind = DTypeError if mine.shape == theirs.shape else ShapeError
                raise kind(
                    f"{first} returns {mine.type} where {what} returns {theirs.type}",
                    "let all branches return the same types, for example by gx.cast",
                )
    return results
