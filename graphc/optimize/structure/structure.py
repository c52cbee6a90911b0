"""The family `structure`: systems, determinants and products by what is known of their matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphc.core.graph import Graph
from graphc.core.node import Node, make
from graphc.core.type import TensorType
from graphc.core.walk import rebuild, topological_order
from graphc.ops.flow.inner import RUNNING, Body, bodies_run, with_bodies
from graphc.optimize.facts.facts import Facts
from graphc.optimize.family import Context, Family
from graphc.optimize.price import Prices
from graphc.optimize.structure.inverses import inverse_uses, without_inverse
from graphc.optimize.structure.signs import SIGNS
from graphc.optimize.structure.sparse_products import contraction, is_structured, product
from graphc.optimize.structure.systems import HANDLERS, Worker
from graphc.optimize.structure.woodbury import WOODBURY_HANDLERS

Handler = Callable[[Node, Worker], Node | None]

#: Ops that are worth a look by themselves, and those that are where a matrix is known for some.
_SYSTEMS = frozenset({"cholesky", "det", "inv", "slogdet", "solve", "triangular_solve"})
#: Ops whose bodies are looked into; a levelled one holds scalars only.
_WALKED = RUNNING - {"levelled"}
_SOURCES = frozenset({
    "assume", "cholesky", "eigh", "inv", "iota", "qr", "slice_transpose", "svd", "broadcast_to",
})  # fmt: skip
#: Times a node is looked at again after it was rewritten.
_AGAIN = 8

_PRODUCTS: Mapping[str, Handler] = {"einsum": contraction, "matmul": product}
_ALL: Mapping[str, Handler] = {**HANDLERS, **_PRODUCTS}


def apply_structure(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with structure made use of; bodies of loops and blocks too."""
    return _Walk("structure", context, _structured).graph(roots, {})


def apply_woodbury(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with low-rank changes of diagonals solved as such, where asked for."""
    if "woodbury" not in context.forced:
        return list(roots)

    def rewrite(nodes: Sequence[Node], worker: Worker, _: frozenset[str]) -> list[Node]:
        return _each(nodes, WOODBURY_HANDLERS, worker)

    return _Walk("woodbury", context, rewrite).graph(roots, {})


class _Walk:
    """A pass over a graph and the bodies in it, each of them once.

    Args:
        family: its name.
        context: where choices are told.
        rewrite: makes the new roots of one graph: `rewrite(roots, worker, names of its ops)`.
    """

    def __init__(
        self,
        family: str,
        context: Context,
        rewrite: Callable[[Sequence[Node], Worker, frozenset[str]], list[Node]],
    ) -> None:
        self._family, self._context, self._rewrite = family, context, rewrite
        self._prices = Prices(context.sizes, context.machine)
        self._graphs: dict[tuple[Graph, tuple[int, ...]], Graph] = {}
        self._concerned: dict[Graph, bool] = {}

    def graph(self, roots: Sequence[Node], known: Mapping[Node, int]) -> list[Node]:
        """Returns the roots rewritten, where the facts of some of their leaves are known."""
        worker = Worker(self._family, self._context, Facts(known), self._prices)
        order = topological_order(roots)
        names = frozenset({node.op.name for node in order})
        made = list(roots)
        if names & _WALKED:
            made = self._bodies(made, order, worker.facts)
        return self._rewrite(made, worker, names)

    def _bodies(self, roots: Sequence[Node], order: Sequence[Node], facts: Facts) -> list[Node]:
        """Returns the roots with the bodies of loops, branches and blocks rewritten."""
        new: dict[Node, list[Graph]] = {}
        for node in [n for n in order if n.op.name in _WALKED]:
            bodies = bodies_run(node)
            made = [self._body(body, _fixed(node), node, facts) for body in bodies]
            if any(m is not b.graph for m, b in zip(made, bodies, strict=True)):
                new[node] = made
        if not new:
            return list(roots)

        def step(node: Node, args: tuple[Node, ...]) -> Node:
            params = with_bodies(node, new[node]) if node in new else node.params
            return make(node.op, args, params)

        return rebuild(roots, {}, step)

    def _body(self, body: Body, fixed: frozenset[int], node: Node, facts: Facts) -> Graph:
        # Bodies nest as deep as a person writes them; each is a graph of its own.
        graph = body.graph
        known: dict[Node, int] = {}
        if self._concerns(graph):
            pairs = zip(graph.inputs, body.operands, strict=True)
            known = {formal: facts.of(node.args[at]) for formal, at in pairs if at in fixed}
        key = (graph, tuple([known.get(formal, 0) for formal in graph.inputs]))
        if key not in self._graphs:
            made = self.graph(graph.outputs, known)
            same = all(new is old for new, old in zip(made, graph.outputs, strict=True))
            self._graphs[key] = graph if same else Graph(graph.inputs, made, graph.name)
        return self._graphs[key]

    def _concerns(self, graph: Graph) -> bool:
        """Tells whether facts of what a body is given could matter in it."""
        if graph not in self._concerned:
            names = {node.op.name for node in topological_order(graph.outputs)}
            self._concerned[graph] = bool(names & (_SYSTEMS | RUNNING | _PRODUCTS.keys()))
        return self._concerned[graph]


def _fixed(node: Node) -> frozenset[int]:
    """Returns the operands that a body sees as they are, in every step."""
    name, params = node.op.name, node.params
    every = range(len(node.args))
    if name in ("call", "switch", "recompute"):
        return frozenset(every)
    if name == "map":
        return frozenset([at for at in every if not params["mapped"][at]])
    if name == "scan":
        return frozenset(every[params["carries"] + params["scanned"] :])
    if name == "while_loop":
        return frozenset(every[params["carries"] :])
    return frozenset()


def _structured(roots: Sequence[Node], worker: Worker, names: frozenset[str]) -> list[Node]:
    sources = names & _SOURCES or worker.facts.given
    products = names & _PRODUCTS.keys()
    if not names & _SYSTEMS and not (products and sources):
        return _signs(roots, worker, names)
    made = list(roots)
    if products:
        made = _each(made, _PRODUCTS, worker)
        if "inv" in names:
            uses = inverse_uses(made, worker)
            if uses:
                made = rebuild(made, {}, lambda node, args: without_inverse(node, args, uses))
    return _signs(_each(made, _ALL, worker) if names & _SYSTEMS else made, worker, names)


def _signs(roots: Sequence[Node], worker: Worker, names: frozenset[str]) -> list[Node]:
    """Returns the roots without the ops that the sign of their operand, as it is said, makes."""
    if "assume" not in names or not names & SIGNS.keys():
        return list(roots)
    return _each(roots, SIGNS, worker)


def _each(roots: Sequence[Node], handlers: Mapping[str, Handler], worker: Worker) -> list[Node]:
    """Returns the roots with each node rewritten by its handler, operands before users."""
    if not any(_worth(n, worker) for n in topological_order(roots) if n.op.name in handlers):
        return list(roots)

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        same = all(new is old for new, old in zip(args, node.args, strict=True))
        made = node if same else make(node.op, args, node.params)
        for _ in range(_AGAIN):
            handler = handlers.get(made.op.name)
            if handler is None or _is_narrow(made):
                break
            better = handler(made, worker)
            if better is None or better is made:
                break
            made = better
        return made

    return rebuild(roots, {}, step)


def _worth(node: Node, worker: Worker) -> bool:
    """Tells whether a node could be rewritten: a product of matrices nothing is known of can't."""
    if node.op.name not in _PRODUCTS:
        return True
    return any(a.ndim >= 2 and is_structured(a, worker) for a in node.args)


def _is_narrow(node: Node) -> bool:
    """Tells whether a node has floats of 16 bits: in one operation they are computed in 32."""
    return isinstance(node.type, TensorType) and node.dtype.is_inexact and node.dtype.bits < 32


STRUCTURE = Family(
    name="structure",
    doc="systems, determinants and products by what is known of their matrices",
    valid="equal in exact arithmetic for finite operands of which what `gx.assume` says is true; "
    "not for floats of 16 bits, which would be rounded between two operations; "
    "a factor of a matrix that is positive definite by derivation alone is held to it when it "
    "runs, and elimination takes its place where rounding made the matrix indefinite",
    apply=apply_structure,
)

WOODBURY = Family(
    name="woodbury",
    doc="systems and determinants of D + U V as those of the small matrix I + V D^-1 U",
    valid="D diagonal without zeros; up to as many digits are lost as D^-1 U V has, so it is made "
    "only where it is asked for by name",
    apply=apply_woodbury,
)
