"""Random graphs with values; each follows from a seed and its index alone.

A graph grows op by op on values that are known: an op whose result is no number there is dropped,
or put onto tamer operands, so that most graphs have a derivative to judge. Operands are mostly the
latest values, often shared, now and then twice the same, a number equal to the other operand, or a
constant at which functions turn.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import resolve
from graphc.core.const import Const
from graphc.core.dim import Dim, as_dim
from graphc.core.dtype import DType, bfloat16, float16, float32, float64
from graphc.core.errors import ArgumentError, GraphcError
from graphc.core.graph import LEAF_OPS, Graph, close_over, nodes_everywhere
from graphc.core.node import Node, apply_named, as_node
from graphc.core.op import Op, all_ops
from graphc.core.type import TensorType
from graphc.core.walk import topological_order, topological_order_until
from graphc.fuzz.recipes import recipe_of
from graphc.fuzz.records import COSTLY, drawable
from graphc.fuzz.values import NUMBERS, draw_array

KINDS = ("scalar", "tensor")

#: Values larger or smaller than these are dropped from graphs that are not meant to be extreme.
_LARGE, _SMALL = 1e6, 1e-6

#: Elements that one value of a tensor graph may have.
_ELEMENTS = 18

#: The number of a named size, in every graph, so that many graphs can be compiled as one.
NAMED = {"n": 2}


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A random graph with its values.

    Attributes:
        output: a float scalar.
        values: for each leaf its value, in its dtype.
        label: what made it, for example `scalar 1 17` (kind, seed, index).
    """

    output: Node
    values: Mapping[Node, np.ndarray[Any, Any]]
    label: str = ""

    @property
    def wrt(self) -> list[Node]:
        """The float leaves that the output needs, in topological order."""
        return [n for n in self.leaves if n.type.dtype.is_float]

    @property
    def leaves(self) -> list[Node]:
        """The inputs and parameters that the output needs."""
        return [n for n in topological_order([self.output]) if n.op.name in LEAF_OPS]

    @property
    def sizes(self) -> dict[str, int]:
        """The numbers of the named sizes."""
        return dict(NAMED)


def generate(kind: str, seed: int, index: int) -> Case:
    """Returns one random graph.

    Args:
        kind: `scalar` or `tensor`.
        seed: of the run, 0 or more.
        index: of the graph in the run.

    Raises:
        ArgumentError: the kind is unknown.
    """
    if kind not in KINDS:
        raise ArgumentError(f"there is no kind {kind!r} of random graph", "use scalar or tensor")
    for attempt in range(64):
        generator = np.random.default_rng([seed, KINDS.index(kind), index, attempt])
        case = _Builder(generator, kind == "tensor").case(f"{kind} {seed} {index}")
        if case is not None and not op_names(case) & COSTLY.keys():
            return case
    raise AssertionError(f"no graph came of {kind} {seed} {index}")  # a fault of ours


@functools.cache
def _ops(tensor: bool) -> tuple[Op, ...]:
    """Returns the ops that are drawn, by name; scalars have few of those that move elements."""
    found = [op for op in all_ops() if drawable(op) and recipe_of(op) is not None]
    if tensor:
        return tuple(found)
    return tuple(op for op in found if op.group in ("elementwise", "control") and op.name != "map")


class _Builder:
    """One graph in the making: the values at hand and their numbers."""

    def __init__(self, generator: np.random.Generator, tensor: bool) -> None:
        self.generator = generator
        self.tensor = tensor
        self.floats: list[Node] = []
        self.tests: list[Node] = []
        self.dead: list[Node] = []
        self.values: dict[Node, Any] = {}
        self.leaves: dict[Node, Any] = {}
        chance = generator.random()
        self.extreme = bool(generator.random() < 0.12)
        self.dtype = float64 if chance < 0.86 else float32 if chance < 0.96 else bfloat16
        if chance > 0.98:
            self.dtype = float16
        self.namespace = NumpyNamespace(NAMED)
        self.depth = 0

    # -- the whole graph --

    def case(self, label: str) -> Case | None:
        """Returns the graph, or None where nothing differentiable came of it."""
        for position in range(int(self.generator.integers(1, 4))):
            self._add_input(f"x{position}")
        for _ in range(int(self.generator.integers(2, 8))):
            self._grow()
        output = self._joined()
        if output is None:
            return None
        case = Case(output, dict(self.leaves), label)
        needed = set(case.leaves)
        if not any(n.type.dtype.is_float for n in needed):
            return None
        return Case(output, {n: v for n, v in self.leaves.items() if n in needed}, label)

    def _add_input(self, name: str, shape: tuple[Any, ...] = ()) -> None:
        if self.tensor and not shape:
            ndim = int(self.generator.choice([0, 1, 2, 3], p=[0.12, 0.38, 0.4, 0.1]))
            shape = tuple(int(s) for s in self.generator.choice([1, 2, 3], size=ndim))
            if ndim and self.generator.random() < 0.2:
                shape = (as_dim("n"), *shape[1:])
        kind = "param" if self.generator.random() < 0.2 else "input"
        more: dict[str, Any] = {"init": None} if kind == "param" else {}
        node = apply_named(kind, name=name, type=TensorType(shape, self.dtype), **more)
        numbers = tuple(self.size_of(s) for s in shape)
        value = draw_array(self.generator, numbers, self.dtype, self.extreme)
        self.leaves[node] = self.values[node] = value
        self.floats.append(node)

    def _grow(self) -> None:
        ops = _ops(self.tensor)
        chance = self.generator.random()
        if chance < 0.36:
            often = ["add", "sub", "mul", "div"] if chance < 0.26 else ["call", "map", "where"]
            name = str(self.generator.choice(often))
            op = next((o for o in ops if o.name == name), ops[0])
        elif self.tensor and chance < 0.7:
            moving = [o for o in ops if o.group != "elementwise"]
            op = moving[int(self.generator.integers(len(moving)))]
        else:
            op = ops[int(self.generator.integers(len(ops)))]
        for attempt in range(5):
            made = self._try(op, tame=attempt >= 2)
            if made is not None:
                self._keep(made)
                return

    def _try(self, op: Op, tame: bool) -> Node | None:
        recipe = recipe_of(op)
        assert recipe is not None
        before = list(self.floats)
        if tame:
            self.floats = [self._tamed(n) for n in self.floats[-3:]]
        try:
            node = recipe(op, self)
            return node if node is not None and self._accepts(node) else None
        except GraphcError:  # these operands do not fit; others may
            return None
        finally:
            self.floats = before

    def _tamed(self, node: Node) -> Node:
        """Returns a value like the given one that lies where most functions are defined."""
        way = int(self.generator.integers(4))
        if way == 0:
            return apply_named("abs", node) + 0.5
        if way == 1:
            return apply_named("tanh", node) * 0.75
        if way == 2:
            return apply_named("square", node) + 1.25
        return apply_named("sin", node)

    def _keep(self, node: Node) -> None:
        (self.tests if node.type.dtype.kind == "b" else self.floats).append(node)

    def _accepts(self, node: Node) -> bool:
        t = node.type
        if not isinstance(t, TensorType):
            return False
        value = np.asarray(self.value(node))
        if value.size == 0 or value.size > _ELEMENTS or (not self.tensor and value.ndim):
            return False
        if t.dtype.kind == "b":
            return True
        if not t.dtype.is_float:
            return False
        size = np.abs(value.astype(np.float64))
        if not np.all(np.isfinite(size)):
            self.dead.append(node)
            return False
        if self.extreme:
            return True
        return bool(np.all(size <= _LARGE) and np.all((size == 0) | (size >= _SMALL)))

    def _joined(self) -> Node | None:
        """Returns a float scalar that needs the last value and some of those nobody used."""
        order = topological_order(self.floats)
        used = {a for n in order for a in n.args}
        loose = [n for n in self.floats if n not in used and n.args]
        if not loose:
            return None
        total: Node | None = None
        for node in loose[-3:]:
            part = self._scalar(node)
            if part is None:
                continue
            if total is None or part.dtype is not total.dtype:
                total = part if total is None else total + part
            else:
                name = str(self.generator.choice(["add", "mul", "sub"]))
                total = apply_named(name, total, part)
        return None if total is None or not total.type.dtype.is_float else total

    def _scalar(self, node: Node) -> Node | None:
        if not node.ndim:
            return node
        axis = tuple(range(node.ndim))
        name = str(self.generator.choice(["sum", "sum", "sum", "mean", "logsumexp", "norm", "max"]))
        if name == "sum":
            shape = tuple(s if isinstance(s, int) else 1 for s in node.shape)
            weights = self.generator.integers(-8, 9, size=shape) / 4
            node = node * as_node(weights.astype(node.dtype.numpy))
        more = {"ord": 2} if name == "norm" else {}
        made = apply_named(name, node, axis=axis, keepdims=False, **more)
        return made if self._accepts(made) else apply_named("sum", node, axis=axis, keepdims=False)

    # -- numbers --

    def value(self, node: Node) -> Any:
        """Returns a node's number, computed with NumPy from those known."""
        if node not in self.values:
            with np.errstate(all="ignore"):
                for inner in topological_order_until([node], self.values):
                    given = [self.values[a] for a in inner.args]
                    params = {k: resolve(v, NAMED) for k, v in inner.params.items()}
                    self.values[inner] = self.namespace.apply(inner, given, params)
        return self.values[node]

    def size_of(self, size: Any) -> int:
        """Returns the number of a size, named or not."""
        return int(size.value(NAMED)) if isinstance(size, Dim) else int(size)

    # -- what recipes ask for --

    def pick(self) -> Node:
        """Returns a float value, mostly one of the latest."""
        back = int(self.generator.exponential(2.0))
        return self.floats[max(0, len(self.floats) - 1 - back)]

    def pick_dead(self) -> Node | None:
        """Returns a value that is infinite or no number, None where none has come up."""
        return self.dead[-1] if self.dead else None

    def pick_beside(self, first: Node) -> Node:
        """Returns what may stand beside an operand: a value, the same one, or a number."""
        chance = self.generator.random()
        if chance < 0.08:
            return first
        if chance < 0.16:
            return self._equal_number(first)
        if chance < 0.34:
            number = NUMBERS[int(self.generator.integers(len(NUMBERS)))]
            return as_node(number, first.dtype if first.dtype.is_float else self.dtype)
        return self.pick()

    def _equal_number(self, node: Node) -> Node:
        """Returns a constant equal to one of the elements of a value: a tie."""
        value = np.asarray(self.value(node))
        flat = value.ravel()
        kept = flat[int(self.generator.integers(flat.size))]
        dtype = node.dtype if node.dtype.is_float else self.dtype
        return apply_named("constant", value=Const(np.asarray(kept).astype(dtype.numpy)))

    def pick_test(self, like: Node | None) -> Node:
        """Returns a boolean, an old one or a new comparison."""
        chance = self.generator.random()
        if self.tests and chance < 0.4:
            return self.tests[int(self.generator.integers(len(self.tests)))]
        if chance > 0.85:
            joins = ("logical_not", "logical_and", "logical_or", "logical_xor")
            name = joins[int(self.generator.integers(len(joins)))]
            more = [] if name == "logical_not" else [self.pick_test(like)]
            return apply_named(name, self.pick_test(like), *more)
        left = self.pick()
        names = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
        name = names[int(self.generator.integers(len(names)))]
        return apply_named(name, left, self.pick_beside(left))

    def pick_shaped(self, shape: tuple[Any, ...], dtype: DType) -> Node:
        """Returns a float value of exactly this type: one at hand, one broadcast, or a constant."""
        fitting = [n for n in self.floats if n.shape == shape and n.dtype is dtype]
        chance = self.generator.random()
        if fitting and chance < 0.7:
            return fitting[int(self.generator.integers(len(fitting)))]
        scalars = [n for n in self.floats if not n.ndim and n.dtype is dtype]
        static = all(isinstance(s, int) for s in shape)
        if not static or (scalars and chance < 0.85):
            source = scalars[-1] if scalars else as_node(0.75, dtype)
            return source if not shape else apply_named("broadcast_to", source, shape=shape)
        numbers = self.generator.integers(-8, 9, size=shape) / 4
        return apply_named("constant", value=Const(np.asarray(numbers).astype(dtype.numpy)))

    def pick_ranked(self, least: int, most: int) -> Node | None:
        """Returns a float value of so many axes, None where there is none."""
        found = [n for n in self.floats if least <= n.ndim <= most]
        back = int(self.generator.exponential(1.5))
        return found[max(0, len(found) - 1 - back)] if found else None

    def pick_named(self) -> Node | None:
        """Returns a float value of which an axis has a named size, made where there is none."""
        found = [n for n in self.floats if not n.type.is_static]
        if not found and self.tensor and not self.depth:
            self._add_input(f"x{len(self.leaves)}", (as_dim("n"),))
            found = self.floats
        return found[-1] if found else None

    def make_block(self, args: Sequence[Node], results: int) -> Graph:
        """Returns a random block of one to three ops on values of these types."""
        if self.depth:
            raise ArgumentError("blocks nest once here")
        stand_ins = [
            apply_named("input", name=f"b{i}", type=TensorType(a.shape, a.dtype))
            for i, a in enumerate(args)
        ]
        for stand_in, arg in zip(stand_ins, args, strict=True):
            self.values[stand_in] = self.value(arg)
        kept = self.floats, self.tests, self.dead
        self.floats, self.tests, self.dead, self.depth = list(stand_ins), [], [], 1
        try:
            for _ in range(int(self.generator.integers(1, 4))):
                self._grow()
            outputs = [self.floats[-1]]
            if results == 2:
                outputs.append(apply_named("tanh", self.floats[0]))
        finally:
            self.floats, self.tests, self.dead = kept
            self.depth = 0
        if any(outputs[0] is stand_in for stand_in in stand_ins):
            outputs[0] = apply_named("sin", outputs[0])
        graph, _ = close_over(outputs, stand_ins, "block")
        return graph


def op_names(case: Case) -> set[str]:
    """Returns the names of the ops in a graph, those of its blocks included."""
    return {node.op.name for node in nodes_everywhere([case.output])}


def undrawn() -> list[str]:
    """Returns the ops that have a rule and no recipe: what the fuzzer would pass over."""
    return [op.name for op in all_ops() if drawable(op) and recipe_of(op) is None]
