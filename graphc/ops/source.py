"""Where values come from: inputs, parameters, constants, exact numbers, counters, sizes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.calls import guarded
from graphc.core.const import Const
from graphc.core.dtype import DType, dtype_of
from graphc.core.errors import ArgumentError, DTypeError, ShapeError, show_value
from graphc.core.node import Node, apply_named, as_node
from graphc.core.op import Op
from graphc.core.type import Size, TensorType, shape_of, size_of, tensor_type
from graphc.ops.define import require_numbers, structural


def _source(name: str, infer: Callable[..., TensorType], run: Any, latex: str, doc: str) -> Op:
    return structural(
        name,
        group="source",
        meet="none",
        infer=infer,
        run=run,
        vjp=lambda adjoint, node, wanted: [],
        jvp=lambda tangents, node: None,
        latex=latex,
        flops=lambda node: 0,
        domain="everywhere",
        ulp=0.0,
        bound=_bound,
        holomorphic=True,
        formula="it is a leaf of the expression",
        doc=doc,
    )


def _bound(errors: Sequence[Node | None], node: Node) -> Node | None:
    if node.op.name == "number":
        return apply_named("abs", node) * (0.5 * node.type.dtype.epsilon)
    return None


def _given(xp: Any, **params: Any) -> Any:
    raise ArgumentError(f"the input {params['name']!r} has no value", "pass it to the call")


input_op = _source(
    "input", lambda name, type: type, _given, "{name}", "A value given at every call."
)


def _param_infer(
    name: str, type: TensorType, init: Any, trainable: bool = True, owner: Any = None
) -> TensorType:
    if not isinstance(trainable, bool):
        raise ArgumentError(f"trainable={show_value(trainable)} is neither True nor False")
    return type


param_op = _source("param", _param_infer, _given, "{name}", "A value that training changes.")
formal_op = _source(
    "formal", lambda name, type, level: type, _given, "{name}", "An input of a block's body."
)
constant_op = _source(
    "constant",
    lambda value: tensor_type(value.array.shape, dtype_of(value.array.dtype.name)),
    lambda xp, value: xp.asarray(value.array),
    "{value}",
    "A number or an array, the same at every call.",
)

#: Constants that derivative rules need exactly: double value, and the formula that mpmath reads.
EXACT_NUMBERS: dict[str, tuple[float, Callable[[Any], Any]]] = {
    "2/sqrt(pi)": (2 / math.sqrt(math.pi), lambda m: 2 / m.sqrt(m.pi)),
    "sqrt(8/pi)": (math.sqrt(8 / math.pi), lambda m: m.sqrt(8 / m.pi)),
    "0.134145*sqrt(8/pi)": (
        0.134145 * math.sqrt(8 / math.pi),
        lambda m: m.number("0.134145") * m.sqrt(8 / m.pi),
    ),
    "1/sqrt(2*pi)": (1 / math.sqrt(2 * math.pi), lambda m: 1 / m.sqrt(2 * m.pi)),
    "-1/sqrt(2)": (-math.sqrt(0.5), lambda m: -1 / m.sqrt(m.number("2"))),
    "pi": (math.pi, lambda m: m.pi + m.number("0")),
    "e": (math.e, lambda m: m.exp(m.number("1"))),
    "log(2)": (math.log(2), lambda m: m.log(m.number("2"))),
    "1/log(2)": (1 / math.log(2), lambda m: 1 / m.log(m.number("2"))),
    "log(10)": (math.log(10), lambda m: m.log(m.number("10"))),
    "pi/180": (math.pi / 180, lambda m: m.pi / 180),
    "180/pi": (180 / math.pi, lambda m: 180 / m.pi),
}


def exact_number(name: str) -> float:
    """Returns the double nearest to an exact number: a name in the table or decimal digits."""
    return EXACT_NUMBERS[name][0] if name in EXACT_NUMBERS else float(name)


number_op = _source(
    "number",
    lambda name, dtype: TensorType((), dtype),
    lambda xp, name, dtype: xp.number(name, xp.zeros((), dtype)),
    "{name}",
    "A number known exactly, rounded once to the dtype it is used in.",
)


def number(name: str, dtype: DType) -> Node:
    """Returns an exact number, for example `2/sqrt(pi)` or `0.044715`, as a scalar of a dtype."""
    return number_op(name=name, dtype=dtype)


def _iota_infer(size: Size, dtype: DType) -> TensorType:
    made = TensorType((size,), dtype)
    require_numbers(made)
    return made


iota_op = _source(
    "iota",
    _iota_infer,
    lambda xp, size, dtype: xp.arange(size, dtype),
    r"0 \ldots {size}",
    "The integers 0, 1, ..., size - 1.",
)
dim_size_op = _source(
    "dim_size",
    lambda size, dtype: TensorType((), dtype),
    lambda xp, size, dtype: xp.full((), size, dtype),
    "{size}",
    "A named size as a number.",
)


def size_node(size: Size, dtype: DType) -> Node:
    """Returns a size as a scalar: a constant, or `dim_size` where the size is named."""
    if isinstance(size, int):
        return as_node(size if dtype.is_integer else float(size), dtype)
    return dim_size_op(size=size, dtype=dtype)


@guarded("arange")
def arange(size: Any, dtype: Any = None) -> Node:
    """Returns the integers 0, 1, ..., size - 1; `size` is an integer or a named size."""
    count = size_of(size)
    target = dtypes.DEFAULT_INT if dtype is None else dtype_of(dtype)
    _check_counts(count, target)
    return iota_op(size=count, dtype=target)


def _check_counts(size: Size, dtype: DType) -> None:
    """Raises where the integers below a size do not all differ in a dtype."""
    if not isinstance(size, int) or not (dtype.is_integer or dtype.is_float):
        return
    most = np.iinfo(dtype.numpy).max + 1 if dtype.is_integer else 2**dtype.precision + 1
    if size > most:
        raise DTypeError(
            f"{dtype.name} does not hold the integers up to {size - 1:,}", "give a wider dtype="
        )


# -- what people call ---------------------------------------------------------------------------


@guarded("input")
def input(name: str, shape: Any = (), dtype: Any = None) -> Node:
    """Declares a value given at every call.

    Args:
        name: any text that is not empty; two inputs of one graph must differ in name.
        shape: an integer, a name, a `gx.dim`, or a sequence of them; () is a scalar.
            A TensorType such as `gx.float32["batch", 3]` gives shape and dtype at once.
        dtype: float32 unless given.

    Raises:
        ArgumentError: the name is empty or no text.
        ShapeError: a size is negative or no integer.
        DTypeError: the dtype is not one of graphc's.
    """
    return input_op(name=_checked_name(name), type=_type(shape, dtype))


@guarded("param")
def param(
    name: str,
    shape: Any = (),
    dtype: Any = None,
    *,
    init: Any = None,
    trainable: bool = True,
    owner: Any = None,
) -> Node:
    """Declares a value that training changes.

    Args:
        name: as for `gx.input`; points in it make a nest, as "dense1.weight".
        shape: as for `gx.input`, with no named sizes if `init` is given.
        dtype: float32 unless given; a float dtype.
        init: the first value: a number, an array of this shape, one of `graphc.nn.init`, or a
            function `init(key, shape, dtype)` of a key (`u32[2]`, as JAX has them) that returns an
            array; None where there is none. A saved graph keeps all of them but functions.
        trainable: False for a state that no gradient moves, such as a running mean; `gx.assign`
            gives it its next value.
        owner: what keeps two parameters of one name apart, any object: they are an error in one
            graph, where without owners they would be one parameter. No part of a saved graph.

    Raises:
        ArgumentError, ShapeError, DTypeError: as for `gx.input`; also where `init` does not fit.
    """
    made = _type(shape, dtype)
    spec: Any = getattr(init, "spec", None)
    if is_spec(spec):
        init = spec
    elif init is not None and not callable(init):
        array = _initial_array(init, made.dtype)
        if array.shape not in ((), made.shape):
            raise ShapeError(
                f"init of {name!r} has shape {list(array.shape)}, the parameter {list(made.shape)}",
                "give a number or an array of that shape",
            )
        init = Const(array)
    more: dict[str, Any] = {}
    if trainable is not True:
        more["trainable"] = trainable
    if owner is not None:
        more["owner"] = owner
    return param_op(name=_checked_name(name), type=made, init=init, **more)


def is_spec(value: Any) -> bool:
    """Tells whether a value names an initialiser: its kind and then its numbers and texts."""
    if not isinstance(value, tuple) or not value or not isinstance(value[0], str):
        return False
    rest = cast(tuple[Any, ...], value[1:])
    return all(isinstance(part, (str, float, int)) for part in rest)


def is_trainable(node: Node) -> bool:
    """Tells whether a node is a parameter that gradients move."""
    return node.op is param_op and node.params.get("trainable", True)


def _initial_array(init: Any, dtype: DType) -> np.ndarray[Any, Any]:
    found = as_node(init, dtype)
    if found.op is not constant_op:
        raise ArgumentError("init is a graph value", "give a number, an array or a function")
    return found.params["value"].array


@guarded("constant")
def constant(value: Any, dtype: Any = None) -> Node:
    """Returns a constant from a number, an array or a nested list.

    Raises:
        ArgumentError: it is no array of numbers.
        DTypeError: the dtype is not one of graphc's, or can't hold the value.
    """
    return as_node(value, None if dtype is None else dtype_of(dtype))


def _checked_name(name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise ArgumentError(f"the name {name!r} is no text", 'for example gx.input("x")')
    return name


def _type(shape: Any, dtype: Any) -> TensorType:
    if isinstance(shape, TensorType):
        if dtype is not None and dtype_of(dtype) is not shape.dtype:
            raise DTypeError(f"dtype {dtype} and type {shape} differ", "leave the dtype out")
        return shape
    if isinstance(shape, DType):
        raise ArgumentError(
            "a dtype stands where the shape belongs", 'write gx.input("x", (), dtype)'
        )
    return tensor_type(shape_of(shape), dtypes.DEFAULT_FLOAT if dtype is None else dtype_of(dtype))
