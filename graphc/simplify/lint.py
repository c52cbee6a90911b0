"""`lint`: where a graph loses digits or range, or is not what it seems, and what to write there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import Place, show_place
from graphc.core.graph import nodes_everywhere
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import collection_paused
from graphc.simplify.harms import Harm, find_harms
from graphc.simplify.passes import Simplifier, check_nodes
from graphc.simplify.rule import Rule


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A form that loses digits or range, or is not what it seems, and what to write instead.

    Attributes:
        rule: the name of the rule, of which `docs/stable.md` has the measured errors, or of the
            check.
        pattern: the identity, or what the check looks for.
        domain: where the better form holds, in words; empty where it is not the same function.
        loses: what is wrong and where, in words that follow the form: `loses the digits ...`.
        written: the node as it stands, in words.
        better: what to write.
        place: (file, line) where the user wrote it.
    """

    rule: str
    pattern: str
    domain: str
    loses: str
    written: str
    better: str
    place: Place | None

    def __str__(self) -> str:
        where = show_place(self.place)
        head = f"{where}: " if where else ""
        domain = f" ({self.domain})" if self.domain else ""
        return f"{head}{self.written} {self.loses}; write {self.better}{domain}"


@guarded("lint")
def lint(outputs: Any) -> list[Suggestion]:
    """Returns what would be better written otherwise, in the order of the graph; changes nothing.

    There are two kinds. Forms that lose digits or range and have a stable form: what `simplify`
    with `stable=True` would put in their place. And what is seldom meant: a difference of [n, 1]
    and [n] that makes [n, n], the variance of a single element, x * log(x) at 0, integers divided
    as float32, and so on.

    Args:
        outputs: a node or a nest of nodes; blocks are searched too.

    Raises:
        ArgumentError: an output is no node.
    """
    nodes, _ = flatten(outputs)
    check_nodes(nodes)
    with collection_paused():
        order = list(nodes_everywhere(nodes))
        found = {**_unstable_forms(nodes, order), **_harms(order)}
    return [found[node] for node in order if node in found]


# -- forms with a stable form ----------------------------------------------------------------------


def _unstable_forms(roots: Sequence[Node], order: Sequence[Node]) -> dict[Node, Suggestion]:
    fired: dict[Node, Rule] = {}

    def note(before: Node, after: Node | None, rule: Rule | None) -> None:
        if rule is not None and rule.validity == "stable":
            fired[before] = rule

    worker = Simplifier(roots, False, True, False, None, note)
    worker.steps = {}
    worker.run(roots)
    rules = {node: _rules_of(node, worker.steps, fired) for node in order}
    alive = set(nodes_everywhere([worker.done.get(root, root) for root in roots]))
    heads: dict[Node, Node] = {}
    # From the results inwards: what a larger form took in is told with it, not again.
    for node in reversed(order):
        if rules[node] and worker.done[node] in alive:
            heads[node] = node
        head = heads.get(node)
        if head is not None:
            for arg in node.args:
                heads.setdefault(arg, head)
    told: dict[Node, list[Rule]] = {}
    for node in order:
        head = heads.get(node)
        if rules[node] and head is not None:
            told.setdefault(head, []).extend(rules[node])
    present = set(order)
    return {
        node: _suggestion(node, worker.done[node], found)
        for node, found in told.items()
        if not _is_guarded(node, worker.done[node], present)
    }


def _is_guarded(node: Node, better: Node, present: set[Node]) -> bool:
    """Tells whether a node is a branch of its own stable form, which stands in the graph."""
    if better.op.name != "where" or better not in present:
        return False
    return any(branch is node for branch in better.args)


def _rules_of(node: Node, steps: dict[Node, Node], fired: dict[Node, Rule]) -> list[Rule]:
    """Returns the stable rules by which a node became what it is in the end."""
    found: list[Rule] = []
    seen: set[Node] = set()
    step: Node | None = node
    while step is not None and step not in seen:
        seen.add(step)
        if step in fired:
            found.append(fired[step])
        step = steps.get(step)
    return found


def _suggestion(node: Node, better: Node, rules: Sequence[Rule]) -> Suggestion:
    # The last rule is that of the outermost form.
    rule = rules[-1]
    loses = dict.fromkeys(r.loses for r in reversed(rules))
    return Suggestion(
        rule=rule.name,
        pattern=rule.pattern,
        domain=rule.domain,
        loses="; ".join(loses),
        written=describe(node, 12),
        better=describe(better, 12),
        place=node.place,
    )


# -- what is seldom meant --------------------------------------------------------------------------


def _harms(order: Sequence[Node]) -> dict[Node, Suggestion]:
    return {node: _harm(node, harm, words) for node, harm, words in find_harms(order)}


def _harm(node: Node, harm: Harm, better: str) -> Suggestion:
    return Suggestion(
        rule=harm.name,
        pattern=harm.pattern,
        domain="",
        loses=harm.loses,
        written=describe(node, 6),
        better=better,
        place=node.place,
    )
