"""The family `structure`: systems, determinants and products by what is known of their matrices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from graphc.core.graph import Graph
from graphc.core.node import Node, make
from graphc.core.walk import rebuild, topological_order
from graphc.ops.flow.inner import RUNNING, bodies_run, with_bodies
from graphc.optimize.facts import Facts
from graphc.optimize.family import Context, Family
from graphc.optimize.inverses import inverse_uses, without_inverse
from graphc.optimize.price import Prices
from graphc.optimize.sparse_products import product
from graphc.optimize.systems import HANDLERS, Worker
from graphc.optimize.woodbury import WOODBURY_HANDLERS

Handler = Callable[[Node, Worker], Node | None]

#: Ops that are worth a look by themselves, and those that are where a matrix is known for some.
_SYSTEMS = frozenset({"cholesky", "det", "inv", "slogdet", "solve", "triangular_solve"})
_SOURCES = frozenset({
    "assume", "cholesky", "eigh", "inv", "iota", "qr", "slice_transpose", "svd", "broadcast_to",
})  # fmt: skip
#: Times a node is looked at again after it was rewritten.
_AGAIN = 8

_PRODUCTS: Mapping[str, Handler] = {"matmul": product}
_ALL: Mapping[str, Handler] = {**HANDLERS, **_PRODUCTS}


def apply_structure(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with structure made use of; bodies of loops and blocks too."""
    worker = Worker("structure", context, Facts(), Prices(context.sizes, context.machine))
    return _Walk(worker, _structured).graph(roots)


def apply_woodbury(roots: Sequence[Node], context: Context) -> list[Node]:
    """Returns the roots with low-rank changes of diagonals solved as such, where asked for."""
    if "woodbury" not in context.forced:
        return list(roots)
    worker = Worker("woodbury", context, Facts(), Prices(context.sizes, context.machine))
    return _Walk(worker, lambda nodes, worker, _: _each(nodes, WOODBURY_HANDLERS, worker)).graph(
        roots
    )


class _Walk:
    """A pass over a graph and the bodies in it, each of them once."""

    def __init__(
        self,
        worker: Worker,
        rewrite: Callable[[Sequence[Node], Worker, frozenset[str]], list[Node]],
    ) -> None:
        self._worker = worker
        self._rewrite = rewrite
        self._graphs: dict[Graph, Graph] = {}

    def graph(self, roots: Sequence[Node]) -> list[Node]:
        order = topological_order(roots)
        names = frozenset({node.op.name for node in order})
        made = list(roots)
        if names & RUNNING:
            made = self._bodies(made, order)
        return self._rewrite(made, self._worker, names)

    def _bodies(self, roots: Sequence[Node], order: Sequence[Node]) -> list[Node]:
        """Returns the roots with the bodies of loops, branches and blocks rewritten."""
        changed = False
        for node in order:
            for body in bodies_run(node):
                changed |= self._body(body.graph) is not body.graph
        if not changed:
            return list(roots)

        def step(node: Node, args: tuple[Node, ...]) -> Node:
            params = node.params
            if node.op.name in RUNNING:
                params = with_bodies(node, [self._body(b.graph) for b in bodies_run(node)])
            return make(node.op, args, params)

        return rebuild(roots, {}, step)

    def _body(self, graph: Graph) -> Graph:
        # Bodies nest as deep as a person writes them; each is a graph of its own.
        if graph not in self._graphs:
            made = self.graph(graph.outputs)
            same = all(new is old for new, old in zip(made, graph.outputs, strict=True))
            self._graphs[graph] = graph if same else Graph(graph.inputs, made, graph.name)
        return self._graphs[graph]


def _structured(roots: Sequence[Node], worker: Worker, names: frozenset[str]) -> list[Node]:
    if not names & _SYSTEMS and not ("matmul" in names and names & _SOURCES):
        return list(roots)
    made = list(roots)
    if "matmul" in names:
        made = _each(made, _PRODUCTS, worker)
        if "inv" in names:
            uses = inverse_uses(made, worker)
            if uses:
                made = rebuild(made, {}, lambda node, args: without_inverse(node, args, uses))
    return _each(made, _ALL, worker) if names & _SYSTEMS else made


def _each(roots: Sequence[Node], handlers: Mapping[str, Handler], worker: Worker) -> list[Node]:
    """Returns the roots with each node rewritten by its handler, operands before users."""

    def step(node: Node, args: tuple[Node, ...]) -> Node:
        same = all(new is old for new, old in zip(args, node.args, strict=True))
        made = node if same else make(node.op, args, node.params)
        for _ in range(_AGAIN):
            handler = handlers.get(made.op.name)
            better = None if handler is None else handler(made, worker)
            if better is None or better is made:
                break
            made = better
        return made

    return rebuild(roots, {}, step)


STRUCTURE = Family(
    name="structure",
    doc="systems, determinants and products by what is known of their matrices",
    valid="equal in exact arithmetic for finite operands of which what `gx.assume` says is true; "
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
