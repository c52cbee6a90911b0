"""The passes: `simplify`, and what it did (`explain`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, Place, show_place
from graphc.core.graph import Graph
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node, make, place_new_nodes
from graphc.core.op import Op
from graphc.core.tree import flatten
from graphc.core.type import TensorType
from graphc.core.walk import collection_paused
from graphc.ops.flow.inner import bodies_run, with_bodies
from graphc.simplify.blocks import BLOCK_OPS, Trimmer
from graphc.simplify.folding import fold_node
from graphc.simplify.rule import Rule
from graphc.simplify.rules import rules_by_op

#: Rewrites allowed for each node of the graph, on average.
REWRITES_A_NODE = 20

_TRIMMED = "unused results and inputs of blocks"
_FOLDED = "constant folding"
_BECOMES = object()


@dataclass(frozen=True, slots=True)
class Fired:
    """One rewrite that `simplify` made.

    Attributes:
        rule: the rule's name.
        pattern: the identity.
        before: the node rewritten, in words.
        after: what took its place.
        place: (file, line) where the user wrote it.
    """

    rule: str
    pattern: str
    before: str
    after: str
    place: Place | None

    def __str__(self) -> str:
        where = show_place(self.place)
        head = f"{where}: " if where else ""
        return f"{head}{self.before} -> {self.after}  [{self.rule}: {self.pattern}]"


@guarded("simplify")
def simplify(
    outputs: Any,
    *,
    finite: bool = False,
    stable: bool = False,
    fold_constants: bool | str = True,
    budget: int | None = None,
) -> Any:
    """Returns the same function as a smaller graph.

    Without options every rewrite is exact: the value has the same bits for every input, infinities,
    signed zeros and subnormals included (a NaN stays a NaN). Blocks are simplified once each, and
    results of theirs that nobody uses are dropped. What stands under `stop_gradient` and
    `with_gradient` is simplified; they themselves, formulas given by hand and the referee's graphs
    are left alone. New nodes keep the place in the user's file of what they replace.

    Args:
        outputs: a node or a nest (dict, list, tuple) of nodes.
        finite: also use identities that hold for finite values only, such as x * 0 -> 0.
        stable: also use stable forms, such as log(1 + exp(x)) -> softplus(x); they change the
            value by the error they remove.
        fold_constants: whether ops of constants are computed now, by NumPy; its exponentials and
            sums may differ from XLA's in the last place, and `"exact"` leaves those.
        budget: how many rewrites are made at most; 20 a node unless given. Past it the rest of the
            graph is left as it is, which is right but longer.

    Returns:
        The same nest of nodes, of the same types.

    Raises:
        ArgumentError: an output is no node, or an option is none of those above.
    """
    nodes, rebuild = flatten(outputs)
    worker = Simplifier(nodes, finite, stable, fold_constants, budget, None)
    with collection_paused():
        return rebuild(worker.run(nodes))


@guarded("explain")
def explain(
    outputs: Any,
    *,
    finite: bool = False,
    stable: bool = False,
    fold_constants: bool | str = True,
    budget: int | None = None,
) -> list[Fired]:
    """Returns what `simplify` with the same arguments does, rewrite by rewrite."""
    nodes, _ = flatten(outputs)
    fired: list[Fired] = []

    def note(before: Node, after: Node | None, rule: Rule | None) -> None:
        fired.append(_fired(before, after, rule))

    Simplifier(nodes, finite, stable, fold_constants, budget, note).run(nodes)
    return fired


def _fired(before: Node, after: Node | None, rule: Rule | None) -> Fired:
    if after is None:
        text = describe(before, 3)
        return Fired(_TRIMMED, "f(x, y)[0] -> g(x)", text, "a smaller block", before.place)
    name, pattern = (rule.name, rule.pattern) if rule else (_FOLDED, "f(constants) -> constant")
    return Fired(name, pattern, describe(before, 6), describe(after, 6), before.place)


#: What a run tells of every rewrite: `note(before, after, rule)`. The rule is None for a constant
#: that was folded; `after` is None for a block that was trimmed.
Note = Callable[[Node, "Node | None", "Rule | None"], None]


def check_nodes(nodes: Sequence[Any]) -> None:
    """Raises ArgumentError where one of the nodes is none."""
    for node in nodes:
        if not isinstance(node, Node):
            raise ArgumentError(
                f"{node!r} is no graph value", "simplify, explain and lint take nodes"
            )


class Simplifier:
    """One run: what each node became, and what may still be done."""

    def __init__(
        self,
        nodes: Sequence[Any],
        finite: bool,
        stable: bool,
        fold_constants: bool | str,
        budget: int | None,
        note: Note | None,
    ) -> None:
        check_nodes(nodes)
        for what, value in (("finite", finite), ("stable", stable)):
            if not isinstance(value, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
                raise ArgumentError(
                    f"{what}={describe_operand(value)} is neither True nor False",
                    "say one of them",
                )
        text = fold_constants if isinstance(fold_constants, str) else ""
        if not isinstance(fold_constants, bool) and text != "exact":
            raise ArgumentError(
                f"fold_constants={describe_operand(fold_constants)} is none of True, False, "
                "'exact'",
                "say one of them",
            )
        if budget is not None and (isinstance(budget, bool) or not isinstance(budget, int)):
            raise ArgumentError(f"budget={budget!r} is no count")
        chosen = ["exact", *["finite"][: bool(finite)], *["stable"][: bool(stable)]]
        self.rules = rules_by_op(frozenset(chosen))
        self.fold = bool(fold_constants)
        self.only_exact = fold_constants == "exact"
        self.budget = budget
        self.made = 0
        self.note = note
        self.done: dict[Node, Node] = {}
        #: What each node was made into, one step at a time; kept where somebody asks for it.
        self.steps: dict[Node, Node] | None = None
        self.graphs: dict[Graph, Graph] = {}
        #: The rules worth trying on a node, by its op and its operands' ops.
        self.chances: dict[tuple[Op, ...], tuple[Rule | None, ...]] = {}

    def run(self, roots: Sequence[Node]) -> list[Node]:
        """Returns the simplified roots."""
        simplified = self.rewrite(roots)
        return Trimmer(self._note_trimmed).trim(simplified) if self.graphs else simplified

    def rewrite(self, roots: Sequence[Node]) -> list[Node]:
        """Rewrites operands before users; a rewritten node is looked at again until none fires.

        Its recursive twin:

            def final(node):
                node = make(node.op, map(final, node.args), node.params)
                better = rewrite_once(node)
                return node if better is None else final(better)
        """
        before = place_new_nodes(None)
        try:
            self._rewrite(list(reversed(roots)))
        finally:
            place_new_nodes(before)
        return [self.done[root] for root in roots]

    def _rewrite(self, stack: list[Any]) -> None:
        done, chances = self.done, self.chances
        becoming: set[Node] = set()
        # On the stack is a node to look at; or a node and `None`: its operands are done; or a node,
        # what it was rewritten to, and `_BECOMES`: that is done.
        while stack:
            node = stack.pop()
            if node is _BECOMES:
                target, node = stack.pop(), stack.pop()
                done[node] = done[target]
                becoming.remove(node)
                continue
            ready = node is None
            if ready:
                node = stack.pop()
            if node in done:
                continue
            if not ready and node.args:
                stack += (node, None)
                stack += node.args[::-1]
                continue
            op, args = node.op, node.args
            changed = op in BLOCK_OPS
            for arg in args:
                if done[arg] is not arg:
                    changed = True
            better = self._rebuilt(node) if changed else None
            if better is None:
                if len(args) == 2:
                    ops = (op, args[0].op, args[1].op)
                else:
                    ops = (op, *[a.op for a in args]) if len(args) < 4 else (op,)
                rules = chances.get(ops)
                if rules is None:
                    rules = chances[ops] = self._chances(node)
                better = self._once(node, rules) if rules else None
            # While it is being rewritten it counts as done: a form such as where(near, better,
            # node) keeps the node in one branch, as it is. A rule that leads back to a node still
            # being worked on has gone round in a circle.
            done[node] = node
            if better is not None and better is not node and better not in becoming:
                becoming.add(node)
                if self.steps is not None:
                    self.steps[node] = better
                stack += (node, better, _BECOMES, better)

    def _rebuilt(self, node: Node) -> Node | None:
        """Returns the node on its simplified operands and block, None where those are unchanged."""
        done = self.done
        params = node.params
        if node.op in BLOCK_OPS:
            params = with_bodies(node, [self._body(body.graph) for body in bodies_run(node)])
        place_new_nodes(node.place)
        made = make(node.op, tuple([done[a] for a in node.args]), params)
        return None if made is node else made

    def _body(self, graph: Graph) -> Graph:
        """Returns a block's graph simplified, once for each; blocks nest 100 deep at most."""
        known = self.graphs.get(graph)
        if known is None:
            outputs = self.rewrite(graph.outputs)
            same = all(new is old for new, old in zip(outputs, graph.outputs, strict=True))
            known = graph if same else Graph(graph.inputs, outputs, graph.name)
            self.graphs[graph] = self.graphs[known] = known
        return known

    def _once(self, node: Node, rules: Sequence[Rule | None]) -> Node | None:
        """Returns what the first of the rules that fires makes of a node on final operands."""
        limit = REWRITES_A_NODE * (len(self.done) + 100) if self.budget is None else self.budget
        if self.made >= limit:
            return None
        made = node.type
        if isinstance(made, TensorType) and made.dtype.kind == "c":
            return None
        place_new_nodes(node.place)  # what is made stands where the user wrote what it replaces
        for rule in rules:
            better = fold_node(node, self.only_exact) if rule is None else rule.apply(node)
            if better is not None and better is not node:
                self._note(node, better, rule)
                return better
        return None

    def _chances(self, node: Node) -> tuple[Rule | None, ...]:
        """Returns the rules that can fire on a node of this op and its operands' ops.

        A node of many operands is given all rules of its op. None at the end is constant folding.
        """
        args = node.args if len(node.args) < 4 else ()
        names = {a.op.name for a in args}
        rules = self.rules.get(node.op.name, ())
        found = [r for r in rules if not args or not r.needs or r.needs & names]
        folds = self.fold and node.args and names <= {"constant"}
        return (*found, None) if folds else tuple(found)

    def _note(self, before: Node, after: Node, rule: Rule | None) -> None:
        self.made += 1
        if self.note is not None:
            self.note(before, after, rule)

    def _note_trimmed(self, node: Node) -> None:
        if self.note is not None:
            self.note(node, None, None)
