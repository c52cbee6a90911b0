"""The backward half of a mirrored picture, cell by cell and edge by edge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from graphc.core.graph import LEAF_OPS
from graphc.core.node import Node
from graphc.render.flow import Slot, entrance, entries, sign_of, terms
from graphc.render.fold import Folding
from graphc.render.glyphs import Glyph, glyph, is_number, number_text
from graphc.render.labels import clean, font, html, plain, table, value_of
from graphc.render.labels import times as times_text
from graphc.render.mirror import Mirror, absorbed_shapes, counterparts, flows_by_operand
from graphc.render.record import Flow, Record
from graphc.render.sketch import Sketch, sign_markup, tip
from graphc.render.style import (
    BACKWARD_EDGE,
    FAINT,
    FOLDED_CLUSTER,
    GRADIENT,
    LOOKS,
    RESIDUAL_EDGE,
)


class Backward:
    """The backward half while it is drawn.

    Args:
        sketch: the picture, with its frames open.
        folding: how the forward half folds.
        plan: which forward node each backward node belongs to.
        record: the reverse pass.
        ahead: the cells of the forward half.
    """

    def __init__(
        self,
        sketch: Sketch,
        folding: Folding,
        plan: Mirror,
        record: Record,
        ahead: Mapping[Node, str],
    ) -> None:
        self.sketch = sketch
        self.folding = folding
        self.plan = plan
        self.record = record
        self.ahead = ahead
        self.cells: dict[Node, str] = {}
        self.adjoint_cells: dict[Node, str] = {}
        self.shown = counterparts(plan, folding)
        self.rest = ""
        self.passes = False
        self.flows = flows_by_operand(record, plan.active)
        self.sums: dict[Slot, Flow] = {}
        self.entered: dict[Slot, list[Node]] = {}
        self.traced: set[Node] = set()
        self.alias_cells: dict[tuple[Node, int], str] = {}
        self._find_slots()

    def _find_slots(self) -> None:
        """Finds which operands of backward nodes are gradients, where the node does not tell."""
        adjoints, own = self.record.adjoints, self.plan.owner
        for operand, flows in self.flows.items():
            if len(flows) > 1:
                self.sums.update(terms(adjoints[operand], flows, own))
            for flow in flows:
                adjoint = adjoints.get(flow.user)
                if adjoint is None or flow.user not in self.plan.copies:
                    continue
                if is_number(adjoint) or flow.value not in own:
                    continue
                for slot in entries(flow.value, adjoint, own):
                    users = self.entered.setdefault(slot, [])
                    if not any(user is flow.user for user in users):
                        users.append(flow.user)
                    self.traced.add(flow.user)

    def draw(self) -> None:
        """Draws cells, then edges, then the ties that put an adjoint on the rank of its value."""
        plan, folding = self.plan, self.folding
        absorbed: dict[Node, Node] = {}
        before: dict[Node, list[Node]] = {}
        for node, user in absorbed_shapes(plan, self.flows).items():
            if self.shown[node] is node and self.shown[user] is user:
                absorbed[node] = user
                before.setdefault(user, []).append(node)
        for node in plan.order:
            if not is_number(node) and self.shown[node] is node and node not in absorbed:
                self._draw_cell(node, before.get(node, ()))
        for node, user in absorbed.items():
            self.cells[node] = self.cells[user]
        for node in plan.copies:
            if folding.drawn(node) is node and node not in folding.hidden:
                self._draw_copy(node)
        output = self.record.output
        if folding.drawn(output) is not output and output in plan.active:
            self._draw_copy(output)
        for node in plan.order:
            if node not in self.cells and not is_number(node):
                shown = self.shown[node]
                self.cells[node] = self.cells.get(shown, "") if shown is not None else self._rest()
                self.cells[node] = self.cells[node] or self._rest()
        for adjoint, primal in plan.home.items():
            outside = primal not in folding.round_of and primal not in folding.hidden
            if outside and self.shown[adjoint] is not adjoint:
                self._draw_copy(primal)
                self._backward(
                    self.cells[adjoint], self.adjoint_cells[primal], plan.owner[adjoint], primal, 0
                )
            self.adjoint_cells.setdefault(primal, self.cells[adjoint])
        for node in plan.active:
            shown = folding.drawn(node)
            if node not in self.adjoint_cells:
                known = self.adjoint_cells.get(shown)
                self.adjoint_cells[node] = known or (
                    self._rest() if shown in folding.hidden else ""
                )
        self._draw_wires()
        self._draw_flows()
        self._draw_elided()
        self._tie_ranks()

    def _frame(self, owner: Node) -> tuple[str, int]:
        """Returns the frame of a backward cell, and the rounds written on the cell itself."""
        repeat = self.folding.repeat.get(owner)
        if repeat is None:
            return "bwd", 0
        several = sum(len(self.plan.made.get(n, ())) for n in repeat.nodes) > 1
        if not several:
            return "bwd", repeat.times
        home = f"bwdr{repeat.number}"
        look = {**FOLDED_CLUSTER, "color": GRADIENT, "fontcolor": GRADIENT, "bgcolor": "#FEF8F3"}
        self.sketch.cluster(home, font(times_text(repeat.times), size=13, style="b"), look, "bwd")
        return home, 0

    def _tag(self, primal: Node) -> str:
        """Returns what an adjoint is called: ∂x for an input, nothing for a step in between."""
        if primal.op.name not in LEAF_OPS:
            return ""
        times = self.folding.leaves.get(primal, 0)
        tag = f"∂{clean(primal.params['name'])}" + (f" {times_text(times)}" if times > 1 else "")
        return font(html(tag), style="b", color=GRADIENT)

    def _draw_cell(self, node: Node, before: Sequence[Node] = ()) -> None:
        name = self.cells[node] = self.sketch.new_id()
        owner = self.plan.owner[node]
        home, times = self._frame(owner)
        primal = self.plan.home.get(node)
        sign = glyph(node)
        rows = [self._tag(primal)] if primal is not None and self._tag(primal) else []
        repeat = font(f" {times_text(times)}", size=13, style="b") if times > 1 else ""
        rows.append(sign_markup(sign, 15 if len(sign.line) <= 3 else 12) + repeat)
        notes = [sign.note] if sign.note else []
        notes += [f"after {glyph(n).line}" for n in before]
        rows += [font(html(note), size=9, color=FAINT) for note in notes]
        self._finish(name, node, rows, "backward_folded" if times > 1 else "backward", home)

    def _draw_copy(self, primal: Node) -> None:
        """Draws the adjoint of a node that shares it as a cell of its own."""
        name = self.adjoint_cells[primal] = self.sketch.new_id()
        adjoint = self.record.adjoints[primal]
        home, times = self._frame(primal) if self.folding.drawn(primal) is primal else ("bwd", 0)
        flows = self.flows.get(primal, ())
        rows = [self._tag(primal)] if self._tag(primal) else []
        look = "backward"
        if not flows:
            look = "seed"
            rows += [] if is_number(adjoint) else [self._sign("=")]
        elif len(flows) > 1 and adjoint not in self.plan.owner:
            rows.append(self._sign("+"))
        else:
            sign = sign_of(flows[0], self.record) if adjoint not in self.plan.owner else "="
            # An input's name says enough of a gradient that is passed on.
            rows += [] if sign == "=" and rows else [self._sign(sign)]
        if is_number(adjoint) and (not flows or not rows[-1].count("×")):
            rows.append(font(html(number_text(adjoint)), size=13, color=GRADIENT, style="b"))
        self._finish(name, adjoint, rows, look, home if not times else "bwd")

    def _sign(self, sign: str) -> str:
        self.passes = self.passes or sign == "="
        return sign_markup(Glyph(sign), 13)

    def _alias(self, flow: Flow) -> str:
        """Draws a contribution that is a forward node as a cell of its own, and what feeds it.

        Returns:
            The cell, or nothing where one of its ends is not drawn by itself.
        """
        folding = self.folding
        if any(folding.drawn(n) is not n or n in folding.hidden for n in (flow.user, flow.operand)):
            return ""
        key = (flow.user, flow.index)
        if key not in self.alias_cells:
            name = self.alias_cells[key] = self.sketch.new_id()
            rows = [self._sign(sign_of(flow, self.record))]
            self._finish(name, flow.value, rows, "backward", self._frame(flow.operand)[0])
            tail = self.adjoint_cells.get(flow.user, "")
            self._backward(tail, name, flow.user, flow.operand, 100 + flow.index)
            if flow.value is not self.record.adjoints.get(flow.user):
                self._residual(flow.value, name)
        return self.alias_cells[key]

    def _finish(self, name: str, node: Node, rows: list[str], look: str, home: str) -> None:
        if self.sketch.types:
            rows.append(font(html(clean(str(node.type), 40)), size=9, color=FAINT))
        shown = value_of(self.sketch.settings.values, node)
        if shown and not is_number(node):
            rows.append(font(html(shown), size=11, color=GRADIENT, style="i"))
        label = f"<{rows[0]}>" if len(rows) == 1 else table(rows)
        self.sketch.node(name, home, label=label, tooltip=tip(node), **LOOKS[look].attributes())

    def _rest(self) -> str:
        if not self.rest:
            self.rest = self.sketch.new_id()
            label = f"<{font('… the gradients of the rest', style='b')}>"
            tooltip = plain("left out to keep the picture small; a larger budget shows them")
            look = {**LOOKS["rest"].attributes(), "color": GRADIENT}
            self.sketch.node(self.rest, "bwd", label=label, tooltip=tooltip, **look)
        return self.rest

    def _draw_wires(self) -> None:
        """Draws what each backward node is computed from."""
        plan, folding, adjoints = self.plan, self.folding, self.record.adjoints
        for node in plan.order:
            if is_number(node):
                continue
            head, owner = self.cells[node], plan.owner[node]
            drawn = self.shown[node] is node
            spent = glyph(node).spent if drawn and node.args else ()
            for index, arg in enumerate(node.args):
                flowing = arg is adjoints.get(owner) and owner in plan.active
                slot = (node, index)
                if slot in self.entered:
                    for user in self.entered[slot]:
                        source = plan.owner.get(arg, user)
                        self._backward(self.adjoint_cells[user], head, source, owner, index)
                elif drawn and slot in self.sums and self._draw_term(self.sums[slot], head, index):
                    continue
                elif flowing and owner not in self.traced and self.adjoint_cells.get(owner):
                    source = plan.owner.get(arg, owner)
                    self._backward(self.adjoint_cells[owner], head, source, owner, index)
                elif is_number(arg):
                    if drawn and index not in spent:
                        self.sketch.number(arg, head, index, self._frame(owner)[0])
                elif arg in plan.owner:
                    self._backward(self.cells[arg], head, plan.owner[arg], owner, index)
                elif arg in self.ahead or folding.drawn(arg) in self.ahead:
                    self._residual(arg, head)

    def _draw_term(self, flow: Flow, head: str, index: int) -> bool:
        """Draws one operand of a sum of contributions; tells whether that was its to draw."""
        user, value = flow.user, flow.value
        if is_number(value):
            return False
        if value is self.record.adjoints.get(user):
            tail = self.adjoint_cells.get(user, "") if user in self.plan.copies else ""
        else:
            tail = "" if value in self.plan.owner else self._alias(flow)
        self._backward(tail, head, user, flow.operand, index)
        return bool(tail)

    def _draw_flows(self) -> None:
        """Draws the contributions that no backward node makes: passed on, or a forward value."""
        plan, adjoints, own = self.plan, self.record.adjoints, self.plan.owner
        for operand, flows in self.flows.items():
            head = self.adjoint_cells.get(operand, "")
            if not head:
                continue
            adjoint = adjoints[operand]
            copied = operand in plan.copies and adjoint in own
            if copied and not is_number(adjoint) and len(flows) > 1:
                self._backward(self.cells[adjoint], head, own[adjoint], operand, 100)
                continue
            summed = operand in plan.copies and len(flows) > 1
            for index, flow in enumerate(flows):
                user, value = flow.user, flow.value
                tail = self.adjoint_cells.get(user, "") if user in plan.active else ""
                if (user, flow.index) in self.alias_cells or not tail:
                    continue
                carried = value is adjoints.get(user) or is_number(value)
                alias = self._alias(flow) if summed and not carried and value not in own else ""
                if alias:
                    self._backward(alias, head, user, operand, 100 + index)
                elif carried or value not in own:
                    if not self._linked(tail, head):
                        self._backward(tail, head, user, operand, 100 + index)
                    if not carried:
                        self._residual(value, head)
                elif copied or summed:
                    self._backward(self.cells[value], head, own[value], operand, 100 + index)

    def _draw_elided(self) -> None:
        """Links an adjoint to the rules that leave the product with it out."""
        own = self.plan.owner
        for flow in self.record.contributions:
            user, value, adjoint = flow.user, flow.value, self.record.adjoints.get(flow.user)
            tail = self.adjoint_cells.get(user, "") if user in self.plan.copies else ""
            if not tail or user in self.traced or value not in own or is_number(value):
                continue
            if adjoint is not None and value is not adjoint and not entries(value, adjoint, own):
                self._backward(tail, self.cells[entrance(value, own)], user, user, 200)

    def _linked(self, tail: str, head: str) -> bool:
        return (head, tail) in self.sketch.joined

    def _backward(self, tail: str, head: str, source: Node, target: Node, index: int) -> None:
        """Draws an edge against the ranks: it is declared the other way round."""
        if not tail or not head or tail == head or self.folding.between_rounds(target, source):
            return
        folded = self.folding.drawn(source) in self.folding.repeat
        if not (folded and self._linked(tail, head)):
            self.sketch.wire(head, tail, index, dir="back", **BACKWARD_EDGE)

    def _residual(self, value: Node, head: str) -> None:
        tail = self.ahead.get(self.folding.drawn(value), "")
        if tail and head:
            self.sketch.wire(tail, head, -1, **RESIDUAL_EDGE)

    def _tie_ranks(self) -> None:
        tied: set[str] = set()
        for node in self.folding.order:
            name = self.adjoint_cells.get(node, "")
            if name and name != self.rest and name not in tied and self.folding.drawn(node) is node:
                tied.add(name)
                self.sketch.same_rank(self.ahead[node], name)
        if self.rest and self.folding.hidden:
            self.sketch.same_rank(self.ahead[next(iter(self.folding.hidden))], self.rest)
