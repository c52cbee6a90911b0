"""Cases of every registered op, made from its record: where, with how many operands and parameters.

A new elementwise op or reduction whose domain words and parameters are known here needs nothing
more. Another kind of op needs an entry in `BUILDERS`: `test_every_op.py` fails if there is none.
The tables of one subject stand in a module of `tests/op_cases`.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import graphc as gx
from graphc.core.graph import close_over
from graphc.core.node import Node, apply_named, make
from graphc.core.op import Op, all_ops, op_named
from graphc.core.type import TensorType
from graphc.ops.control import results_of
from graphc.ops.source import number
from tests import op_cases

#: Intervals from which operands are drawn, by the record's words for its domain.
DOMAINS: dict[str, tuple[tuple[float, float], ...]] = {
    "every x": ((-3.0, 3.0),),
    "every y, x": ((-3.0, 3.0), (-3.0, 3.0)),
    "every x, y": ((-3.0, 3.0), (-3.0, 3.0)),
    "every operand; the branch not taken may be anything": ((0.0, 1.0), (-3.0, 3.0), (-3.0, 3.0)),
    "x > 0": ((0.2, 3.0),),
    "x >= 0": ((0.2, 3.0),),
    "x >= 1": ((1.2, 4.0),),
    "x, y not both 0": ((0.3, 3.0), (0.4, 2.5)),
    "x > 1": ((1.2, 4.0),),
    "x > -1": ((-0.8, 3.0),),
    "x != 0": ((0.3, 3.0),),
    "y != 0": ((-3.0, 3.0), (0.4, 2.5)),
    "-1 <= x <= 1": ((-0.9, 0.9),),
    "-1 < x < 1": ((-0.9, 0.9),),
    "low < high": ((-3.0, 3.0), (-2.0, -1.0), (1.0, 2.0)),
    "x no odd multiple of pi/2": ((-1.3, 1.3),),
    "x > 0, or x < 0 with y an integer": ((0.2, 3.0), (-2.0, 2.0)),
    "every x; x != 0 where the exponent is negative": ((0.4, 2.0),),
    "at least one element": ((-3.0, 3.0),),
    "booleans": ((0.0, 1.0), (0.0, 1.0)),
}

#: Parameters with which an op is tried, several sets where they change what it does.
PARAMS: dict[str, tuple[dict[str, Any], ...]] = {
    "integer_pow": (
        {"exponent": 3},
        {"exponent": -2},
        {"exponent": 7},
        {"exponent": 50},
        {"exponent": 0},
    ),
    "leaky_relu": ({"slope": 0.1},),
    "elu": ({"alpha": 1.0}, {"alpha": 0.7}),
    "pow_less": ({"steps": 1}, {"steps": 2}),
    "gelu_gate": ({"order": 0}, {"order": 1}),
    "gaussian": ({"factor": 1.0}, {"factor": 0.5}),
    "gelu": ({"approximate": False}, {"approximate": True}),
    "sinc": tuple(
        {"order": order, "scale": scale} for scale in ("1", "pi") for order in (0, 1, 2, 5)
    ),
    "one_plus_square": ({"power": -0.5}, {"power": -1.0}, {"power": -1.5}),
    "one_minus_square": ({"power": -0.5}, {"power": -1.0}, {"power": -1.5}),
    "square_minus_one": ({"power": -0.5}, {"power": -1.0}, {"power": -1.5}),
    "var": ({"correction": 0}, {"correction": 1}),
    "std": ({"correction": 0}, {"correction": 1}),
    "norm": ({"ord": 2}, {"ord": 1}, {"ord": 3.5}),
}

#: Ops with as many operands as one likes in `run`.
ARITY = {"logical_and": 2, "logical_or": 2, "logical_xor": 2, "logical_not": 1}

#: Operands that are not float: by op, the dtype of each.
DTYPES: dict[str, tuple[str, ...]] = {
    "logical_and": ("bool", "bool"),
    "logical_or": ("bool", "bool"),
    "logical_xor": ("bool", "bool"),
    "logical_not": ("bool",),
    "where": ("bool", "float", "float"),
}

AXES: tuple[tuple[int, ...], ...] = ((1,), (0, 1))


@dataclass(frozen=True)
class Case:
    """One way to call an op.

    Attributes:
        op: its record.
        label: what the test is called.
        build: makes the node from inputs.
        shapes: the inputs' shapes.
        ranges: the interval each input is drawn from.
        dtypes: each input's dtype; "float" stands for the one under test.
        named: the leading size of every input may be a named one.
        twin: the same function in plain ops, where NumPy and mpmath can't run the op.
    """

    op: Op
    label: str
    build: Callable[..., Node]
    shapes: tuple[tuple[int, ...], ...]
    ranges: tuple[tuple[float, float], ...]
    dtypes: tuple[str, ...]
    named: bool = True
    twin: Callable[..., Node] | None = None

    def inputs(self, dtype: str = "float64", lead: Any = None) -> list[Node]:
        """Returns the input nodes; `lead` stands in for the leading size."""
        made: list[Node] = []
        for position, (shape, own) in enumerate(zip(self.shapes, self.dtypes, strict=True)):
            if lead is not None and shape:
                shape = (lead, *shape[1:])
            made.append(gx.input(f"x{position}", shape, dtype if own == "float" else own))
        return made

    def values(self, rng: np.random.Generator, dtype: str = "float64") -> dict[str, Any]:
        """Returns values for the inputs, rounded to the dtype under test."""
        found: dict[str, Any] = {}
        for position, (shape, limits, own) in enumerate(
            zip(self.shapes, self.ranges, self.dtypes, strict=True)
        ):
            drawn = rng.uniform(*limits, size=shape)
            if own == "float":
                drawn = drawn.astype(gx.input("x", (), dtype).dtype.numpy)
            elif own == "bool":
                drawn = drawn > 0.5
            else:
                drawn = np.floor(drawn).astype(own)
            found[f"x{position}"] = drawn
        return found

    def floats(self) -> list[int]:
        """Returns the positions of the inputs that have a derivative."""
        return [i for i, own in enumerate(self.dtypes) if own == "float"]


def arity(op: Op) -> int:
    """Returns how many operands a record's `run` takes, its parameters left out."""
    if op.name in ARITY:
        return ARITY[op.name]
    names = list(inspect.signature(op.run).parameters)[1:]
    own = PARAMS.get(op.name, ({},))[0]
    return len([n for n in names if n not in own and n not in ("axis", "keepdims")])


def elementwise_cases(op: Op) -> list[Case]:
    """Returns the cases of an elementwise op: full shapes, and operands that broadcast."""
    count = arity(op)
    assert op.domain in DOMAINS, f"{op.name}: add the words {op.domain!r} to DOMAINS"
    ranges = DOMAINS[op.domain]
    ranges = ranges[:count] if len(ranges) >= count else ranges * count
    dtypes = DTYPES.get(op.name, ("float",) * count)
    cases: list[Case] = []
    for params in PARAMS.get(op.name, ({},)):
        words = "".join(f"-{k}={v}" for k, v in params.items())

        def build(*nodes: Node, params: dict[str, Any] = params) -> Node:
            return apply_named(op.name, *nodes, **params)

        cases.append(Case(op, op.name + words, build, ((2, 2),) * count, ranges, dtypes))
        if count > 1:
            mixed = (*((2,),) * (count - 1), (3, 1))
            cases.append(
                Case(op, f"{op.name}{words}-broadcast", build, mixed, ranges, dtypes, named=False)
            )
    return cases


def reduction_cases(op: Op) -> list[Case]:
    """Returns the cases of a reduction: one axis, all axes, kept or not."""
    keeps = "keepdims" in inspect.signature(op.run).parameters
    cases: list[Case] = []
    for params in PARAMS.get(op.name, ({},)):
        for axis in AXES:
            full: dict[str, Any] = {**params, "axis": axis}
            if keeps:
                full["keepdims"] = axis == AXES[0]

            def build(x: Node, full: dict[str, Any] = full) -> Node:
                return apply_named(op.name, x, **full)

            words = "".join(f"-{k}={v}" for k, v in full.items())
            ranges = DOMAINS[op.domain]
            cases.append(Case(op, op.name + words, build, ((3, 2),), ranges, ("float",)))
    return cases


def case(name: str, build: Callable[..., Any], *shapes: tuple[int, ...], **more: Any) -> Case:
    """Returns a case of an op of any kind; `more`: ranges, dtypes, label, named, twin."""
    ranges = more.pop("ranges", ((-2.0, 2.0),) * len(shapes))
    dtypes = more.pop("dtypes", ("float",) * len(shapes))
    label = more.pop("label", name)
    return Case(op_named(name), label, build, tuple(shapes), ranges, dtypes, **more)


def _matmul(**flags: bool) -> Callable[..., Node]:
    return lambda x, y: make(op_named("matmul"), (x, y), flags)


def _einsum(subscripts: str) -> Callable[..., Node]:
    return lambda *x: gx.einsum(subscripts, *x)


def _block(x: Node, y: Node) -> Node:
    @gx.block
    def layer(a: Node, b: Node) -> tuple[Node, Node]:
        return gx.tanh(a) * b, gx.sum(a * b)

    first, second = layer(x, y)
    return first + second


def _map(x: Node, y: Node) -> Node:
    return gx.map(lambda row: gx.sin(row) * y, x)


def _with_gradient(x: Node) -> Node:
    return gx.with_gradient(gx.sin(x), {x: gx.cos(x)})


def _referee(kind: str) -> Callable[..., Node]:
    def build(x: Node) -> Node:
        graph, _ = close_over([gx.sin(x) * x], [x], "f")
        extra = {"wrt": (0,)} if kind == "jax_vjp" else {"moving": (0,)}
        return results_of(make(op_named(kind), (x, gx.cos(x)), {"graph": graph, **extra}))[0]

    return build


def _referee_twin(x: Node) -> Node:
    return gx.cos(x) * (gx.cos(x) * x + gx.sin(x))


_INDEX = {"ranges": ((-2.0, 2.0), (-3.0, 3.0)), "dtypes": ("float", "int32")}
_SQUARE = (
    ("ij,jk->ik", (2, 2), (2, 2)),
    ("ii->i", (3, 3)),
    ("ij->j", (2, 3)),
    ("iji,j->i", (2, 2, 2), (2,)),
)
_MATRICES = (
    ((2, 3), (3, 2), {}),
    ((3, 2), (3, 2), {"transpose_x": True}),
    ((2, 3), (2, 3), {"transpose_y": True}),
    ((3, 2), (2, 3), {"transpose_x": True, "transpose_y": True}),
    ((3,), (3,), {}),
    ((3,), (3, 2), {}),
    ((3,), (2, 3), {"transpose_y": True}),
    ((2, 3), (3,), {}),
    ((3, 2), (3,), {"transpose_x": True}),
    ((2, 1, 3), (3, 2), {}),
    ((2, 1, 3), (2, 3, 1), {}),
    ((2, 3), (2, 3, 1), {}),
    ((3,), (2, 3, 2), {}),
    ((3,), (2, 2, 3), {"transpose_y": True}),
    ((2, 2, 3), (3,), {}),
    ((2, 3, 2), (3,), {"transpose_x": True}),
    ((2, 3, 1), (1, 3, 2), {"transpose_x": True}),
    ((2, 1, 3), (1, 2, 3), {"transpose_y": True}),
)

#: Cases of the ops that are neither elementwise by record nor reductions.
BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "cast": lambda: [
        case("cast", lambda x: gx.cast(gx.cast(x, "float32"), x.dtype) * x, (3,)),
        case(
            "cast", lambda i: gx.cast(i, "float64") * 0.5, (3,), label="cast-int", dtypes=("int32",)
        ),
    ],
    "matmul": lambda: [
        case(
            "matmul",
            _matmul(**flags),
            x,
            y,
            label=f"matmul-{x}-{y}-{'-'.join(flags)}",
            named=len(x) == len(y) == 3 and x[0] == y[0],
        )
        for x, y, flags in _MATRICES
    ],
    "einsum": lambda: (
        [
            case("einsum", _einsum(text), *shapes, label=f"einsum-{text}", named=False)
            for text, *shapes in _SQUARE
        ]
        + [case("einsum", _einsum("bij,bjk->bik"), (2, 1, 2), (2, 2, 1), label="einsum-batch")]
    ),
    "reshape": lambda: [case("reshape", lambda x: gx.reshape(x, (-1,)), (2, 3))],
    "transpose": lambda: [case("transpose", lambda x: gx.transpose(x, (2, 0, 1)), (2, 3, 1))],
    "broadcast_to": lambda: [
        case(
            "broadcast_to",
            lambda x: gx.broadcast_to(gx.reshape(x, (*x.shape, 1)), (2, *x.shape, 3)),
            (2,),
        )
    ],
    "concat": lambda: [
        case("concat", lambda x, y: gx.concat([x, y, x], axis=1), (2, 1), (2, 2)),
        case("concat", lambda x, y: gx.concat([x, y], axis=0), (2, 2), (2, 2), label="concat-0"),
    ],
    "stack": lambda: [case("stack", lambda x, y: gx.stack([x, y, x], axis=1), (2, 2), (2, 2))],
    "stop_gradient": lambda: [
        case("stop_gradient", lambda x: x * gx.stop_gradient(2.0), (2,), label="stop_gradient")
    ],
    "slice": lambda: [
        case("slice", lambda x: x[:, 1:3], (2, 4)),
        case("slice", lambda x: x[..., ::-2], (2, 4), label="slice-backwards"),
        case("slice", lambda x: x[1:], (3, 2), label="slice-lead"),
    ],
    "slice_transpose": lambda: [
        case(
            "slice_transpose",
            lambda x: make(
                op_named("slice_transpose"),
                (x,),
                {"bounds": (None, (1, 6, 2)), "shape": (x.shape[0], 7)},
            ),
            (2, 3),
        ),
        case(
            "slice_transpose",
            lambda x: make(
                op_named("slice_transpose"), (x,), {"bounds": ((4, None, -2),), "shape": (6,)}
            ),
            (3,),
            label="slice_transpose-backwards",
            named=False,
        ),
    ],
    "gather": lambda: [
        case("gather", lambda x, i: gx.take(x, i, axis=0), (3, 2), (4,), named=False, **_INDEX),
        case(
            "gather",
            lambda x: x[[0, 0, 2], [1, 1, -1]],
            (3, 2),
            label="gather-duplicates",
            named=False,
        ),
        case("gather", lambda x: gx.take(x, [1, 1], axis=1), (3, 2), label="gather-last"),
    ],
    "scatter_add": lambda: [
        case(
            "scatter_add",
            lambda x, i: gx.scatter_add(x, i, 3),
            (4, 2),
            (4,),
            **_INDEX,
        )
    ],
    "input": lambda: [case("input", lambda x: x * 1.5, (2,))],
    "param": lambda: [case("param", lambda x: x * 1.5, (2,), label="param")],
    "formal": lambda: [case("formal", _block, (2, 2), (2, 2), label="formal")],
    "constant": lambda: [
        case("constant", lambda x: x * gx.constant(np.float64(0.75), x.dtype), (2,))
    ],
    "number": lambda: [case("number", lambda x: x * number("2/sqrt(pi)", x.dtype), (2,))],
    "iota": lambda: [case("iota", lambda x: x * gx.arange(x.shape[0], x.dtype), (3,))],
    "dim_size": lambda: [
        case("dim_size", lambda x: x * op_named("dim_size")(size=x.shape[0], dtype=x.dtype), (3,))
    ],
    "item": lambda: [case("item", _block, (2, 2), (2, 2), label="item")],
    "call": lambda: [case("call", _block, (2, 2), (2, 2))],
    "map": lambda: [case("map", _map, (2, 2), (2,), named=False)],
    "with_gradient": lambda: [case("with_gradient", _with_gradient, (2,))],
    "jax_vjp": lambda: [case("jax_vjp", _referee("jax_vjp"), (2,), twin=_referee_twin)],
    "jax_jvp": lambda: [case("jax_jvp", _referee("jax_jvp"), (2,), twin=_referee_twin)],
}


@functools.cache
def gather_cases() -> None:
    """Adds the tables of the modules in `tests/op_cases` to those of this file."""
    for found in pkgutil.iter_modules(op_cases.__path__):
        module = importlib.import_module(f"tests.op_cases.{found.name}")
        for table in (BUILDERS, PARAMS, DOMAINS, ARITY, DTYPES):
            name = next(k for k, v in globals().items() if v is table)
            added = getattr(module, name, {})
            assert not set(added) & set(table), f"{module.__name__}: {name} is there already"
            table.update(added)


def cases_of(op: Op) -> list[Case]:
    """Returns the cases of an op; an empty list where none can be made from its record."""
    gather_cases()
    if op.name in BUILDERS:
        return BUILDERS[op.name]()
    if op.group == "elementwise":
        return elementwise_cases(op)
    return reduction_cases(op) if op.group == "reduction" else []


def all_cases() -> list[Case]:
    """Returns every case of every registered op, by name."""
    return [case for op in all_ops() for case in cases_of(op)]


def weights(shape: Sequence[int], seed: int = 0) -> np.ndarray[Any, Any]:
    """Returns fixed weights that make a scalar of a tensor without symmetry."""
    return np.random.default_rng(seed).uniform(0.5, 1.5, size=tuple(shape)).round(3)


def types_of(case: Case, dtype: str) -> list[TensorType]:
    """Returns the inputs' types."""
    return [n.type for n in case.inputs(dtype)]
