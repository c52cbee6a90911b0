"""A graph of scalars as a program: instructions of few kinds, ordered so that kinds come in runs.

The order is greedy: of all operations whose operands are there, those of the most frequent kind
come next, all of them. Such a batch is one level of one kind: its operations do not need each
other, and their results lie side by side. A processor that guesses the kind of the next instruction
then is right nearly always, and a GPU can run a batch at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.core.const import freeze
from graphc.core.dtype import DType, float32, float64
from graphc.core.graph import LEAF_OPS, Graph
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import collection_paused
from graphc.ops.control import remembered

#: Ops that are their operand, where it is a scalar.
ALIASES = frozenset({"stop_gradient", "reshape", "broadcast_to", "assume"})


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a machine needs to run a graph of scalars.

    Registers: first the constants, then the elements of the fixed inputs, then those of the mapped
    ones, then one for each instruction.

    Attributes:
        kinds: for each kind of instruction a node that stands for it.
        rows: `i32[instructions, 1 + operands]`: kind, and registers of the operands.
        batches: `i32[batches, 2]`: for each batch its first instruction and how many it has.
        constants: the first registers.
        inputs: the inputs' positions in the order in which they lie in the registers.
        fixed: how many registers constants and fixed inputs take.
        first: the first register that an instruction writes.
        outputs: for each output the registers of its elements.
        bank: the type of a register.
    """

    kinds: tuple[Node, ...]
    rows: Any
    batches: Any
    constants: Any
    inputs: tuple[int, ...]
    fixed: int
    first: int
    outputs: tuple[Any, ...]
    bank: DType


@remembered
def instructions_of(graph: Graph, mapped: tuple[bool, ...]) -> Instructions:
    """Returns the program of a levelled block."""
    with collection_paused():
        return _Builder(graph, mapped).built()


@remembered
def fits_machine(graph: Graph) -> bool:
    """Tells whether a block holds nothing but what the machine knows."""
    outputs = set(graph.outputs)
    return all(_fits(node, outputs) for node in graph.order())


def _fits(node: Node, outputs: set[Node]) -> bool:
    t, name = node.type, node.op.name
    if not isinstance(t, TensorType) or t.dtype.kind not in "fb" or not t.is_static:
        return False
    if name in LEAF_OPS:
        return True
    if t.shape:
        scalars = name == "stack" and not node.args[0].type.shape
        return (scalars and node in outputs) or _is_cut(node)
    if name in ALIASES:
        return not node.args[0].type.shape or (name == "reshape" and _is_cut(node.args[0]))
    inside = name in ("constant", "number") or node.op.group == "elementwise"
    return inside and not any(a.type.shape for a in node.args)


def _is_cut(node: Node) -> bool:
    """Tells whether a node is one element of an input, or an input."""
    if node.op.name == "slice":
        return node.type.size == 1 and node.args[0].op.name in LEAF_OPS
    return node.op.name in LEAF_OPS and node.type.size == 1


class _Builder:
    """Collects kinds, registers and operands; a number below 0 stands for constant -1 - number."""

    def __init__(self, graph: Graph, mapped: tuple[bool, ...]) -> None:
        self.graph = graph
        self.numpy = NumpyNamespace()
        self.constants: list[Any] = []
        self.register: dict[Node, int] = {}
        self.kinds: dict[Any, int] = {}
        self.models: list[Node] = []
        self.kind: list[int] = []
        self.operands: list[tuple[int, ...]] = []
        order = [i for i, moving in enumerate(mapped) if not moving]
        self.fixed_inputs = len(order)
        self.inputs = (*order, *[i for i, moving in enumerate(mapped) if moving])
        self.start: dict[Node, int] = {}
        self.given = self.fixed = 0
        for count, position in enumerate(self.inputs):
            if count == self.fixed_inputs:
                self.fixed = self.given
            node = graph.inputs[position]
            self.start[node] = self.given
            self.given += node.type.size
        if self.fixed_inputs == len(self.inputs):
            self.fixed = self.given

    def built(self) -> Instructions:
        outputs: list[Any] = []
        wide = False
        for node in self.graph.order():
            t = node.type
            wide = wide or t.dtype is float64
            if node.op.name in LEAF_OPS:
                if not t.shape:
                    self.register[node] = self.start[node]
            elif not t.shape:
                self._enter(node)
        for output in self.graph.outputs:
            outputs.append(self._places(output))
        count = len(self.constants)
        order, batches = _in_batches(self.kind, self.operands, self.given, len(self.models))
        position = np.empty(len(order), np.int64)
        position[order] = np.arange(len(order))
        # From numbers given on the way to registers: constants stand first, results in order.
        head = np.arange(self.given) + count
        table = np.concatenate([head, position + count + self.given, np.arange(count)[::-1]])
        rows = np.zeros((len(order), 1 + self._arity()), np.int32)
        if order:
            rows[:, 0] = np.asarray(self.kind, np.int32)[order]
            rows[:, 1:] = table[self._columns()[order]]
        bank = float64 if wide else float32
        return Instructions(
            kinds=tuple(self.models),
            rows=rows,
            batches=np.asarray(batches, np.int32).reshape(-1, 2),
            constants=np.asarray([np.asarray(c, bank.numpy) for c in self.constants], bank.numpy),
            inputs=self.inputs,
            fixed=count + self.fixed,
            first=count + self.given,
            outputs=tuple([table[np.asarray(o, np.int64)].astype(np.int32) for o in outputs]),
            bank=bank,
        )

    def _arity(self) -> int:
        return max((len(o) for o in self.operands), default=1)

    def _columns(self) -> Any:
        arity = self._arity()
        padded = [o if len(o) == arity else (*o, *[o[0]] * (arity - len(o))) for o in self.operands]
        return np.asarray(padded, np.int64)

    def _enter(self, node: Node) -> None:
        """Gives a scalar its register."""
        name, args = node.op.name, node.args
        if name in ("constant", "number"):
            self.register[node] = -1 - len(self.constants)
            self.constants.append(self.numpy.apply(node, [], node.params))
        elif name in ALIASES and not args[0].type.shape:
            self.register[node] = self.register[args[0]]
        elif name == "reshape":
            self.register[node] = element_of(args[0], self.start)
        else:
            params = tuple([(k, freeze(v)) for k, v in node.params.items()])
            key = (node.op, params, node.type.dtype, *[a.type.dtype for a in args])
            kind = self.kinds.setdefault(key, len(self.kinds))
            if kind == len(self.models):
                self.models.append(node)
            self.register[node] = self.given + len(self.kind)
            self.kind.append(kind)
            self.operands.append(tuple([self.register[a] for a in args]))

    def _places(self, output: Node) -> Any:
        """Returns the register numbers of an output's elements, in the output's shape."""
        if not output.type.shape:
            return self.register[output]
        if output.op.name == "stack":
            return [self.register[a] for a in output.args]
        start = self.start[output]  # an input that is an output
        return np.arange(start, start + output.type.size).reshape(output.type.shape)


def element_of(node: Node, start: dict[Node, int]) -> int:
    """Returns the register of the one element that a slice takes from an input."""
    if node.op.name != "slice":
        return start[node]
    flat = 0
    for size, bound in zip(node.args[0].type.shape, node.params["bounds"], strict=True):
        flat = flat * size + (0 if bound is None else bound[0])
    return start[node.args[0]] + flat


def _in_batches(
    kind: Sequence[int], operands: Sequence[tuple[int, ...]], given: int, kinds: int
) -> tuple[list[int], list[tuple[int, int]]]:
    """Returns an order of the instructions, and its batches: (first position, how many)."""
    missing = [0] * len(kind)
    users: list[list[int]] = [[] for _ in kind]
    ready: dict[int, list[int]] = {}
    for index, args in enumerate(operands):
        for arg in args:
            if arg >= given:
                users[arg - given].append(index)
                missing[index] += 1
        if not missing[index]:
            ready.setdefault(kind[index], []).append(index)
    order: list[int] = []
    batches: list[tuple[int, int]] = []
    while ready:
        chosen = max(ready, key=lambda k: len(ready[k])) if len(ready) > 1 else next(iter(ready))
        batch = ready.pop(chosen)
        batches.append((len(order), len(batch)))
        order += batch
        for index in batch:
            for user in users[index]:
                missing[user] -= 1
                if not missing[user]:
                    ready.setdefault(kind[user], []).append(user)
    return order, batches
