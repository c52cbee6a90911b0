"""Nodes: immutable, interned, so that `is` is structural equality; and how they are made.

Each op has a table of its nodes. A node's key there is made of the serial numbers of its operands
and of its parameters with the bits of every number, so True, 1 and 1.0 stay apart, as do 0.0 and
-0.0. The tables hold nodes weakly.
"""

from __future__ import annotations

import itertools
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.calls import public_functions, standing_for
from graphc.core.collector import ease
from graphc.core.const import freeze
from graphc.core.dim import Dim
from graphc.core.dtype import DType, join_dtypes, weak_name
from graphc.core.errors import (
    ArgumentError,
    GraphcError,
    Place,
    ShapeError,
    user_place,
)
from graphc.core.fork import in_forked_child
from graphc.core.literals import array_const, scalar_const
from graphc.core.naming import call_text, describe
from graphc.core.numpy_names import call_function, call_ufunc
from graphc.core.op import Op, all_ops, applied_by, op_named
from graphc.core.op import registry as _ops
from graphc.core.type import Shape, Size, TensorType, TupleType, Type

_NO_PARAMS: dict[str, Any] = {}
_serial = itertools.count()
_lock = threading.RLock()


@in_forked_child
def _renew_lock() -> None:
    global _lock
    _lock = threading.RLock()


class Node:
    """One value of a computation graph; build it with `gx.input` and operations, never by hand.

    Attributes:
        op: the record of the operation.
        args: the operands.
        params: the operation's parameters, never to be changed.
        type: shape and dtype (a TupleType where the op has several results).
        uid: serial number within the process.
        place: (file, line) where it was first made; no part of its identity.
        origin: of a derivative, the inputs of what was differentiated on which it does not depend
            itself: values for them are welcome where it is evaluated. No part of its identity.
    """

    __slots__ = ("__weakref__", "args", "op", "origin", "params", "place", "type", "uid")
    op: Op
    args: tuple[Node, ...]
    params: Mapping[str, Any]
    type: Any
    uid: int
    place: Place | None
    origin: tuple[Node, ...]

    __hash__ = object.__hash__
    __array_priority__ = 1000.0

    # -- what it is ---------------------------------------------------------------------------

    @property
    def shape(self) -> Shape:
        return self.type.shape

    @property
    def dtype(self) -> DType:
        return self.type.dtype

    @property
    def ndim(self) -> int:
        return len(self.type.shape)

    @property
    def size(self) -> Size:
        return self.type.size

    @property
    def name(self) -> str | None:
        """The name of an input or parameter, None for everything else."""
        return self.params["name"] if self.op.name in ("input", "param", "formal") else None

    def __repr__(self) -> str:
        return f"<{describe(self)}: {self.type}>"

    def __copy__(self) -> Node:
        return self

    def __deepcopy__(self, memo: object) -> Node:
        return self

    def __reduce__(self) -> NoReturn:
        raise ArgumentError(
            "a node can't be pickled", "gx.save(path, node) and gx.load(path) keep a graph"
        )

    def __bool__(self) -> NoReturn:
        raise ArgumentError(
            "a graph value has no truth while the graph is built",
            "use gx.where(condition, a, b) for a choice, or `is` to compare nodes",
            call=f"bool({describe(self)}: {self.type})",
        )

    def _no_number(self, kind: str) -> NoReturn:
        raise ArgumentError(
            f"a graph value has no {kind} value while the graph is built",
            "evaluate it first: gx.evaluate(node, inputs)",
            call=f"{kind}({describe(self)}: {self.type})",
        )

    def __float__(self) -> float:
        self._no_number("float")

    def __int__(self) -> int:
        self._no_number("int")

    def __index__(self) -> int:
        self._no_number("index")

    def __complex__(self) -> complex:
        self._no_number("complex")

    def __len__(self) -> int:
        first = self.type.shape[0] if self.type.shape else None
        if isinstance(first, int):
            return first
        raise ArgumentError(
            "a scalar or named size has no len()",
            "use .shape",
            call=f"len({describe(self)}: {self.type})",
        )

    def __iter__(self) -> Any:
        if isinstance(self.type, TupleType):
            return (apply_named("item", self, index=i) for i in range(len(self.type.items)))
        return (self[i] for i in range(len(self)))

    def __array__(self, *_: Any, **__: Any) -> NoReturn:
        self._no_number("array")

    # -- operators: each finds its op in the registry -------------------------------------------

    def __add__(self, other: Any) -> Node:
        return apply(_ops["add"], (self, other), _NO_PARAMS)

    def __radd__(self, other: Any) -> Node:
        return apply(_ops["add"], (other, self), _NO_PARAMS)

    def __sub__(self, other: Any) -> Node:
        return apply(_ops["sub"], (self, other), _NO_PARAMS)

    def __rsub__(self, other: Any) -> Node:
        return apply(_ops["sub"], (other, self), _NO_PARAMS)

    def __mul__(self, other: Any) -> Node:
        return apply(_ops["mul"], (self, other), _NO_PARAMS)

    def __rmul__(self, other: Any) -> Node:
        return apply(_ops["mul"], (other, self), _NO_PARAMS)

    def __truediv__(self, other: Any) -> Node:
        return apply(_ops["div"], (self, other), _NO_PARAMS)

    def __rtruediv__(self, other: Any) -> Node:
        return apply(_ops["div"], (other, self), _NO_PARAMS)

    def __floordiv__(self, other: Any) -> Node:
        return apply_public("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Node:
        return apply_public("floor_divide", other, self)

    def __mod__(self, other: Any) -> Node:
        return apply(_ops["mod"], (self, other), _NO_PARAMS)

    def __rmod__(self, other: Any) -> Node:
        return apply(_ops["mod"], (other, self), _NO_PARAMS)

    def __pow__(self, other: Any) -> Node:
        return apply_public("pow", self, other)

    def __rpow__(self, other: Any) -> Node:
        return apply_public("pow", other, self)

    def __matmul__(self, other: Any) -> Node:
        return apply(_ops["matmul"], (self, other), _NO_PARAMS)

    def __rmatmul__(self, other: Any) -> Node:
        return apply(_ops["matmul"], (other, self), _NO_PARAMS)

    def __neg__(self) -> Node:
        return apply(_ops["neg"], (self,), _NO_PARAMS)

    def __pos__(self) -> Node:
        return self

    def __abs__(self) -> Node:
        return apply(_ops["abs"], (self,), _NO_PARAMS)

    def __lt__(self, other: Any) -> Node:
        return apply(_ops["less"], (self, other), _NO_PARAMS)

    def __le__(self, other: Any) -> Node:
        return apply(_ops["less_equal"], (self, other), _NO_PARAMS)

    def __gt__(self, other: Any) -> Node:
        return apply(_ops["greater"], (self, other), _NO_PARAMS)

    def __ge__(self, other: Any) -> Node:
        return apply(_ops["greater_equal"], (self, other), _NO_PARAMS)

    # A comparison is a graph value, as in NumPy, where Python declares a bool.
    def __eq__(self, other: Any) -> Node:  # pyright: ignore[reportIncompatibleMethodOverride]
        return apply(_ops["equal"], (self, other), _NO_PARAMS)

    def __ne__(self, other: Any) -> Node:  # pyright: ignore[reportIncompatibleMethodOverride]
        return apply(_ops["not_equal"], (self, other), _NO_PARAMS)

    def __and__(self, other: Any) -> Node:
        return apply_public("bitwise_and", self, other)

    def __rand__(self, other: Any) -> Node:
        return apply_public("bitwise_and", other, self)

    def __or__(self, other: Any) -> Node:
        return apply_public("bitwise_or", self, other)

    def __ror__(self, other: Any) -> Node:
        return apply_public("bitwise_or", other, self)

    def __xor__(self, other: Any) -> Node:
        return apply_public("bitwise_xor", self, other)

    def __rxor__(self, other: Any) -> Node:
        return apply_public("bitwise_xor", other, self)

    def __invert__(self) -> Node:
        return apply_public("bitwise_invert", self)

    def __lshift__(self, other: Any) -> Node:
        return apply_public("bitwise_left_shift", self, other)

    def __rlshift__(self, other: Any) -> Node:
        return apply_public("bitwise_left_shift", other, self)

    def __rshift__(self, other: Any) -> Node:
        return apply_public("bitwise_right_shift", self, other)

    def __rrshift__(self, other: Any) -> Node:
        return apply_public("bitwise_right_shift", other, self)

    def __getitem__(self, index: Any) -> Node:
        return apply_public("index", self, index)

    # -- methods: the Array API's names ----------------------------------------------------------

    @property
    def T(self) -> Node:
        """The transpose of a matrix."""
        if self.ndim != 2:
            raise ShapeError(
                f".T needs 2 axes, not {self.ndim}",
                "use .mT for the last two axes or gx.transpose(x, axes)",
                call=f"{describe(self)}: {self.type}",
            )
        return apply_public("transpose", self)

    @property
    def real(self) -> Node:
        """The real part, see `gx.real`."""
        return apply_public("real", self)

    @property
    def imag(self) -> Node:
        """The imaginary part, see `gx.imag`."""
        return apply_public("imag", self)

    @property
    def mT(self) -> Node:
        """The transpose of the last two axes."""
        return apply_public("matrix_transpose", self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns the sum over axes, see `gx.sum`."""
        return apply_public("sum", self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns the mean over axes, see `gx.mean`."""
        return apply_public("mean", self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns the maximum over axes, see `gx.max`."""
        return apply_public("max", self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns the minimum over axes, see `gx.min`."""
        return apply_public("min", self, axis=axis, keepdims=keepdims)

    def prod(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns the product over axes, see `gx.prod`."""
        return apply_public("prod", self, axis=axis, keepdims=keepdims)

    def var(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns the variance over axes, see `gx.var`."""
        return apply_public("var", self, axis=axis, keepdims=keepdims)

    def std(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns the standard deviation over axes, see `gx.std`."""
        return apply_public("std", self, axis=axis, keepdims=keepdims)

    def reshape(self, *shape: Any) -> Node:
        """Returns the same elements in another shape, see `gx.reshape`."""
        return apply_public("reshape", self, shape[0] if len(shape) == 1 else shape)

    def conj(self) -> Node:
        """Returns the complex conjugate, see `gx.conj`."""
        return apply_public("conj", self)

    def ravel(self) -> Node:
        """Returns the elements in one axis, see `gx.ravel`."""
        return apply_public("ravel", self)

    flatten = ravel

    def squeeze(self, axis: Any = None) -> Node:
        """Returns the value without axes of size 1, see `gx.squeeze`."""
        return apply_public("squeeze", self, axis)

    def swapaxes(self, first: int, second: int) -> Node:
        """Returns the value with two axes exchanged, see `gx.swapaxes`."""
        return apply_public("swapaxes", self, first, second)

    def clip(self, min: Any = None, max: Any = None) -> Node:
        """Returns the value limited to [min, max], see `gx.clip`."""
        return apply_public("clip", self, min, max)

    def transpose(self, *axes: Any) -> Node:
        """Returns the axes in another order, see `gx.transpose`."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return apply_public("transpose", self, order)

    @property
    def at(self) -> Any:
        """The elements that `x.at[key]` names, to `set`, `add`, `max`, `min` or `multiply`."""
        return apply_public("at", self)

    def any(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns whether any element holds, see `gx.any`."""
        return apply_public("any", self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns whether all elements hold, see `gx.all`."""
        return apply_public("all", self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns where the largest element stands, see `gx.argmax`."""
        return apply_public("argmax", self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Node:
        """Returns where the smallest element stands, see `gx.argmin`."""
        return apply_public("argmin", self, axis=axis, keepdims=keepdims)

    def argsort(self, axis: Any = -1, descending: bool = False, stable: bool = True) -> Node:
        """Returns the order that sorts the elements, see `gx.argsort`."""
        return apply_public("argsort", self, axis=axis, descending=descending, stable=stable)

    def cumsum(self, axis: Any = None) -> Node:
        """Returns running sums, see `gx.cumsum`."""
        return apply_public("cumsum", self, axis=axis)

    def cumprod(self, axis: Any = None) -> Node:
        """Returns running products, see `gx.cumprod`."""
        return apply_public("cumprod", self, axis=axis)

    def repeat(self, repeats: Any, axis: Any = None) -> Node:
        """Returns each element so often, see `gx.repeat`."""
        return apply_public("repeat", self, repeats, axis=axis)

    def take(self, indices: Any, axis: Any = None) -> Node:
        """Returns the entries at indices along an axis, see `gx.take`."""
        return apply_public("take", self, indices, axis=axis)

    def diagonal(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        """Returns a diagonal of each matrix, see `gx.diagonal`."""
        return apply_public("diagonal", self, offset, axis1, axis2)

    def trace(self, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Node:
        """Returns the sum of a diagonal of each matrix, see `gx.trace`."""
        return apply_public("trace", self, offset, axis1, axis2)

    def astype(self, dtype: Any) -> Node:
        """Returns the value in another dtype, see `gx.cast`."""
        return apply_public("cast", self, dtype)

    # -- NumPy's own functions ---------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Node:
        return call_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, _: Any, args: Any, options: Any) -> Node:
        return call_function(function, args, options)

    def _repr_svg_(self) -> str:
        return public_functions["_repr_svg_"](self)


def apply_public(name: str, /, *operands: Any, **params: Any) -> Node:
    """Calls the public function `name`, or applies the op of that name."""
    function = public_functions.get(name)
    return function(*operands, **params) if function else apply_named(name, *operands, **params)


# -- making nodes ----------------------------------------------------------------------------------


class _Ref(weakref.ref[Node]):
    """A node's entry in its op's table; it knows where it stands, for when the node is gone."""

    __slots__ = ("key", "table")
    key: Any
    table: dict[Any, _Ref]


def _forget(ref: Any) -> None:
    with _lock:
        if ref.table.get(ref.key) is ref:
            del ref.table[ref.key]


class _Making(threading.local):
    place: Place | None = None


_making = _Making()


def place_new_nodes(place: Place | None) -> Place | None:
    """Makes this thread's next nodes remember a place; None: where the user's program stands.

    A derivative sweep sets it to the place of the node whose rule is at work, a rebuild to that of
    the node made anew. Returns what was set before.
    """
    before, _making.place = _making.place, place
    return before


def intern_table_size() -> int:
    """Returns how many live nodes the process holds."""
    return sum(len(op.nodes) for op in all_ops())


def _infer(op: Op, args: tuple[Node, ...], params: Mapping[str, Any], key: Any) -> Type:
    """Returns what the op's type rule says, and notes it under the key, where there is one."""
    types = tuple([a.type for a in args])
    made = op.infer(*types, **params)
    if key is not None:
        if len(op.types) > 255:
            op.types.clear()
        op.types[key] = (made, types)
    return made


def make(op: Op, args: tuple[Node, ...], params: Mapping[str, Any] | None = None) -> Node:
    """Returns the one node of this op, operands and parameters. Operands have their final dtypes.

    Raises:
        GraphcError: what the op's type rule finds wrong.
    """
    return _make(op, args, params or _NO_PARAMS, 3)


_blank = object.__new__


def _make(op: Op, args: tuple[Node, ...], params: Mapping[str, Any], above: int) -> Node:
    """Returns `make`; the place is sought from so many frames above on."""
    # A graph holds millions of keys. Those of one and two operands are numbers: small, and none of
    # the collector's business. Two serial numbers make one by Cantor's pairing, below 0.
    key: Any
    if params:
        frozen = tuple([(k, freeze(v)) for k, v in params.items()])
        key = (*[a.uid for a in args], frozen)
    elif len(args) == 2:
        last = args[1].uid
        both = args[0].uid + last
        key = ~((both * (both + 1) >> 1) + last)
    elif len(args) == 1:
        key = args[0].uid
    else:
        key = tuple([a.uid for a in args])
    table = op.nodes
    ref = table.get(key)
    if ref is not None:
        node = ref()
        if node is not None:
            return node
    # A type's hash is Python code; its `id` will do, for the table keeps the type alive.
    if params or not 0 < len(args) < 3:
        kinds = None
    else:
        kinds = id(args[0].type) if len(args) == 1 else (id(args[0].type), id(args[1].type))
    found = op.types.get(kinds)
    node = _blank(Node)
    node.type = found[0] if found else _infer(op, args, params, kinds)
    node.op = op
    node.args = args
    node.params = params
    node.uid = serial = next(_serial)
    node.origin = ()
    node.place = _making.place or user_place(above)
    made = _Ref(node, _forget)
    made.key = key
    made.table = table
    if not serial & 0x3FFF:
        ease(intern_table_size())
    # Entering a number is one step, which no other thread comes between. Where another thread was
    # first, or where the entry's node is gone, and where keys are compared by Python: with a lock.
    if not params and table.setdefault(key, made) is made:
        return node
    with _lock:
        ref = table.get(key)
        if ref is not None:
            known = ref()
            if known is not None:
                return known
        table[key] = made
    return node


def apply(op: Op, operands: Sequence[Any], params: Mapping[str, Any]) -> Node:
    """Applies an op to nodes, numbers and arrays: numbers are weak, others meet by promotion.

    Raises:
        GraphcError: with the call, the operands' names and types, and the user's place.
    """
    try:
        return _make(op, _meet(op.meet, operands), params or _NO_PARAMS, 3)
    except GraphcError as error:
        if not error.call:
            error.call = call_text(op.name, operands, params)
        raise
    except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError) as error:
        named = next((k for k, v in params.items() if isinstance(v, Node)), None)
        words = error if named is None else f"{named} is passed by name"
        raise ArgumentError(
            f"these are not the operands of {op.name}: {words}",
            f"{op.doc.splitlines()[0]}" if op.doc else "",
            call=call_text(op.name, operands, params),
        ) from (None if isinstance(error, TypeError) else error)
    except (RecursionError, MemoryError) as error:
        raise standing_for(error, op.name, operands, params) from None


applied_by(apply)


def apply_named(name: str, /, *operands: Any, **params: Any) -> Node:
    """Applies the op of that name, see `apply`."""
    return apply(op_named(name), operands, params)


def _meet(rule: str, operands: Sequence[Any]) -> tuple[Node, ...]:
    if rule == "none":
        return tuple([o if isinstance(o, Node) else as_node(o) for o in operands])
    # The common cases, kept quick: nodes of one dtype, and a node beside a Python number.
    if rule != "tail":
        found = _quick_meet(rule, operands)
        if found is not None:
            return tuple(found)
    first = 1 if rule == "tail" else 0
    meeting = operands[first:]
    target = join_dtypes([_lattice_point(o) for o in meeting])
    if rule == "float" and not target.is_inexact:
        target = dtypes.DEFAULT_FLOAT
    head = [as_node(o) for o in operands[:first]]
    return (*head, *[_to_dtype(o, target) for o in meeting])


def _quick_meet(rule: str, operands: Sequence[Any]) -> Sequence[Any] | None:
    """Returns the operands where no promotion is needed, None where it may be."""
    if not operands:
        return None
    first, last = operands[0], operands[-1]
    kind = first.type if type(first) is Node else last.type if type(last) is Node else None
    if type(kind) is not TensorType:
        return None
    dtype = kind.dtype
    if not dtype.is_inexact and rule == "float":
        return None
    if len(operands) == 2 and dtype.is_inexact:
        if type(first) is float or type(first) is int:
            return scalar(first, dtype), last
        if type(last) is float or type(last) is int:
            return first, scalar(last, dtype)
    for operand in operands:
        if type(operand) is not Node:
            return None
        other = operand.type
        if other is not kind and (type(other) is not TensorType or other.dtype is not dtype):
            return None
    return operands


def _lattice_point(operand: Any) -> DType | str:
    if isinstance(operand, Node):
        return as_node(operand).type.dtype
    if isinstance(operand, Dim):
        return "i*"
    weak = weak_name(operand)
    return weak if weak is not None else as_node(operand).type.dtype


def _to_dtype(operand: Any, target: DType) -> Node:
    if isinstance(operand, Node):
        if operand.type.dtype is target:
            return operand
        return apply_named("cast", operand, dtype=target)
    if isinstance(operand, Dim):
        return apply_named("dim_size", size=operand, dtype=target)
    if weak_name(operand) is not None:
        return scalar(operand, target)
    return _to_dtype(as_node(operand), target)


#: Scalar constants in use, by number and dtype.
_scalars: dict[tuple[Any, DType], weakref.ref[Node]] = {}


def scalar(value: bool | int | float | complex, dtype: DType) -> Node:
    """Returns a scalar constant of the given dtype.

    Raises:
        DTypeError: an integer dtype can't hold the number, or a real one a complex number.
    """
    # Equal numbers make one constant, but for the zeros: their signs count, and so do those within
    # a complex number.
    key = (value or str(value), dtype)
    ref = _scalars.get(key)
    known = None if ref is None else ref()
    if known is not None and not isinstance(value, complex):
        return known
    node = make(_ops["constant"], (), {"value": scalar_const(value, dtype)})
    if not isinstance(value, complex):
        if len(_scalars) > 4096:
            _scalars.clear()
        _scalars[key] = weakref.ref(node)
    return node


def as_node(value: Any, dtype: DType | None = None) -> Node:
    """Returns a node from a node, a number, an array or a nested list.

    A Python number becomes the default dtype (float32, int32); an array keeps its own, and so does
    a NumPy scalar.

    Raises:
        DTypeError: the dtype is not one of graphc's, or an integer dtype can't hold the values.
        ArgumentError: the value is no number and no array.
    """
    if isinstance(value, Node):
        if isinstance(value.type, TupleType):
            raise ArgumentError(
                f"{describe(value)} has {len(value.type.items)} results", "take one: x, y = value"
            )
        return value if dtype is None else _to_dtype(value, dtype)
    if isinstance(value, Dim):
        return _to_dtype(value, dtypes.DEFAULT_INT if dtype is None else dtype)
    if isinstance(value, (bool, int, float, complex)) and not isinstance(value, np.generic):
        if dtype is None:
            dtype = dtypes.bool_ if isinstance(value, bool) else None
        if dtype is None and isinstance(value, complex):
            dtype = dtypes.DEFAULT_COMPLEX
        if dtype is None:
            dtype = dtypes.DEFAULT_INT if isinstance(value, int) else dtypes.DEFAULT_FLOAT
        return scalar(value, dtype)
    if isinstance(value, (list, tuple)) and any(isinstance(v, Node) for v in value):
        return apply_public("stack", list(value))
    return apply_named("constant", value=array_const(value, dtype))
