"""A graph of scalars as a program: instructions of few kinds, ordered so that kinds come in runs.

The order is greedy: of all operations whose operands are there, those of the most frequent kind
come next, all of them. Such a batch is one level of one kind: its operations do not need each
other, and their results lie side by side. A processor that guesses the kind of the next instruction
then is right nearly always, and a GPU can run a batch at once.
"""

from __future__ import annotations

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
def instructions_of(graph: Graph, mapped: tuple[bool, ...]) -> Instructions | None:
    """Returns the program of a levelled block; None where the machine does not know all of it."""
    with collection_paused():
        return _Builder(graph, mapped).built()


class _UnknownError(Exception):
    """A node that the machine can't run."""


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
        self.operands: list[int] = []  # those of all instructions, one behind the other
        self.outputs = set(graph.outputs)
        order = [i for i, moving in enumerate(mapped) if not moving]
        self.fixed_inputs = len(order)
        self.inputs = (*order, *[i for i, moving in enumerate(mapped) if moving])
        self.start: dict[Node, int] = {}
        self.given = self.fixed = 0
        for count, position in enumerate(self.inputs):
            if count == self.fixed_inputs:
                self.fixed = self.given
            node = graph.inputs[position]
            if not node.type.is_static or node.type.dtype.kind not in "fb":
                continue  # the program will need it, or not
            self.start[node] = self.given
            self.given += node.type.size
        if self.fixed_inputs == len(self.inputs):
            self.fixed = self.given

    def built(self) -> Instructions | None:
        if len(self.start) < len(self.graph.inputs):
            return None
        try:
            self._enter_all()
        except _UnknownError:
            return None
        outputs = [self._places(output) for output in self.graph.outputs]
        count = len(self.constants)
        kind = np.asarray(self.kind, np.int64)
        columns = self._columns(kind)
        order, batches = _in_batches(kind, columns, self.given)
        position = np.empty(len(order), np.int64)
        position[order] = np.arange(len(order))
        # From numbers given on the way to registers: constants stand first, results in order.
        head = np.arange(self.given) + count
        table = np.concatenate([head, position + count + self.given, np.arange(count)[::-1]])
        rows = np.zeros((len(order), 1 + columns.shape[1]), np.int32)
        rows[:, 0] = kind[order]
        rows[:, 1:] = table[columns[order]]
        wide = any(node.type.dtype is float64 for node in (*self.models, *self.graph.inputs))
        wide = wide or any(np.asarray(c).dtype == np.float64 for c in self.constants)
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

    def _columns(self, kind: Any) -> Any:
        """Returns `i64[instructions, operands]`; whoever has fewer operands has the first again."""
        arity = np.asarray([len(model.args) for model in self.models] or [1], np.int64)
        starts = np.cumsum(arity[kind]) - arity[kind]
        flat = np.asarray(self.operands, np.int64)
        which = np.arange(arity.max())
        return flat[starts[:, None] + np.where(which < arity[kind][:, None], which, 0)]

    def _enter_all(self) -> None:
        """Gives every scalar its register, operands first.

        Raises:
            _UnknownError: there is a node that the machine can't run.
        """
        register, kinds, operands, given = self.register, self.kind, self.operands, self.given
        known: dict[Any, int] = {}  # by op and types; most nodes have no parameters
        for node in self.graph.order():
            args = node.args
            if not args or node.params:
                self._enter(node)
                continue
            if len(args) == 2:
                first, second = args
                key = (node.op, id(node.type), id(first.type), id(second.type))
            else:
                key = (node.op, id(node.type), *[id(a.type) for a in args])
            kind = known.get(key)
            if kind is None:
                if node.type.shape or node.op.group != "elementwise":
                    self._enter(node)
                    continue
                kind = known[key] = self._kind(node)
            register[node] = given + len(kinds)
            kinds.append(kind)
            operands += [register[a] for a in args]

    def _enter(self, node: Node) -> None:
        """Gives a scalar its register, where it is one."""
        t, name, args = node.type, node.op.name, node.args
        if name in LEAF_OPS:
            if not t.shape:
                self.register[node] = self.start[node]
        elif not isinstance(t, TensorType) or t.dtype.kind not in "fb":
            raise _UnknownError
        elif t.shape:
            scalars = name == "stack" and not args[0].type.shape
            if not (scalars and node in self.outputs) and not _is_cut(node):
                raise _UnknownError
        elif name in ("constant", "number"):
            self.register[node] = -1 - len(self.constants)
            self.constants.append(self.numpy.apply(node, [], node.params))
        elif name in ALIASES and not args[0].type.shape:
            self.register[node] = self.register[args[0]]
        elif name == "reshape" and _is_cut(args[0]):
            self.register[node] = element_of(args[0], self.start)
        elif node.op.group == "elementwise":
            kind = self._kind(node)
            self.register[node] = self.given + len(self.kind)
            self.kind.append(kind)
            self.operands += [self.register[a] for a in args]
        else:
            raise _UnknownError

    def _kind(self, node: Node) -> int:
        """Returns the number of a node's kind."""
        types = [node.type, *[a.type for a in node.args]]
        if any(t.shape or t.dtype.kind not in "fb" for t in types):
            raise _UnknownError
        params = tuple([(k, freeze(v)) for k, v in node.params.items()])
        kind = self.kinds.setdefault((node.op, params, *[t.dtype for t in types]), len(self.kinds))
        if kind == len(self.models):
            self.models.append(node)
        return kind

    def _places(self, output: Node) -> Any:
        """Returns the register numbers of an output's elements, in the output's shape."""
        if not output.type.shape:
            return self.register[output]
        if output.op.name == "stack":
            return [self.register[a] for a in output.args]
        start = self.start[output]  # an input that is an output
        return np.arange(start, start + output.type.size).reshape(output.type.shape)


def _is_cut(node: Node) -> bool:
    """Tells whether a node is one element of an input, or an input."""
    if node.op.name == "slice":
        return node.type.size == 1 and node.args[0].op.name in LEAF_OPS
    return node.op.name in LEAF_OPS and node.type.size == 1


def element_of(node: Node, start: dict[Node, int]) -> int:
    """Returns the register of the one element that a slice takes from an input."""
    if node.op.name != "slice":
        return start[node]
    flat = 0
    for size, bound in zip(node.args[0].type.shape, node.params["bounds"], strict=True):
        flat = flat * size + (0 if bound is None else bound[0])
    return start[node.args[0]] + flat


def _in_batches(kind: Any, columns: Any, given: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Returns an order of the instructions, and its batches: (first position, how many)."""
    edges = np.argwhere(columns >= given)  # which instruction needs another's result, and where
    needs = columns[edges[:, 0], edges[:, 1]] - given
    users = edges[np.argsort(needs, kind="stable"), 0].tolist()
    ends = np.cumsum(np.bincount(needs, minlength=len(kind))).tolist()
    missing = np.bincount(edges[:, 0], minlength=len(kind))
    ready: dict[int, list[int]] = {}
    kinds = kind.tolist()
    for index in np.flatnonzero(missing == 0).tolist():
        ready.setdefault(kinds[index], []).append(index)
    left = missing.tolist()
    order: list[int] = []
    batches: list[tuple[int, int]] = []
    while ready:
        chosen = max(ready, key=lambda k: len(ready[k])) if len(ready) > 1 else next(iter(ready))
        batch = ready.pop(chosen)
        batches.append((len(order), len(batch)))
        order += batch
        for index in batch:
            for user in users[ends[index - 1] if index else 0 : ends[index]]:
                left[user] -= 1
                if not left[user]:
                    ready.setdefault(kinds[user], []).append(user)
    return order, batches
