"""The mpmath evaluator: the same graph at any number of digits, read from the scalar formulas."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from mpmath.ctx_mp import MPContext

from graphc.backends.mpmath_parts import fourier, linalg, random
from graphc.backends.mpmath_scalars import Scalars
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import (
    bind_sizes,
    check_nodes,
    merged,
    name_values,
    run_joined,
    spare_inputs,
)
from graphc.backends.values import as_value
from graphc.core.calls import guarded
from graphc.core.dtype import DType, float64
from graphc.core.errors import ArgumentError, BudgetError, EngineError, show_value
from graphc.core.graph import Graph, leaves
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.type import TupleType

#: Digits asked for at most: a sine of a million digits takes minutes.
MAX_DIGITS = 100_000


class _Contexts(threading.local):
    def __init__(self) -> None:
        self.by_digits: dict[int, MPContext] = {}


_contexts = _Contexts()


def _context(digits: int) -> MPContext:
    """Returns this thread's context of so many digits: making one takes 3 ms.

    Functions of mpmath raise a context's precision while they run, so threads must not share one.
    """
    known = _contexts.by_digits
    if digits not in known:
        known[digits] = MPContext()
    known[digits].dps = digits  # a function of mpmath's that raises may leave another behind
    return known[digits]


class MpNamespace(NumpyNamespace):
    """NumPy's array functions over arrays of mpmath numbers; formulas for everything elementwise.

    Args:
        digits: decimal digits carried.
        sizes: numbers of the named sizes.
        kinks: values at which kinked nodes are replaced by their conventional straight line,
            see `freeze_kinks`; None for the plain value.
    """

    linalg = linalg

    def __init__(
        self, digits: int, sizes: Mapping[str, int] | None = None, kinks: Any = None
    ) -> None:
        super().__init__(sizes)
        self.context = _context(digits)
        self.scalars = Scalars(self.context)
        self.nan = self.context.nan
        self.kinks = kinks
        self.joins_loops = kinks is None
        self._formulas: dict[Any, Any] = {}

    def apply(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Returns the node's value as an array of objects, rounded nowhere but in mpmath."""
        value = self._plain(node, args, params)
        kinks = self.kinks
        if kinks is None:
            return value
        # Arithmetic on arrays of one object gives the object itself.
        frozen = kinks.at(self, node, args, params, value)
        return (
            tuple([_objects(f) for f in frozen]) if isinstance(frozen, tuple) else _objects(frozen)
        )

    def _plain(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        op = node.op
        if op.group == "elementwise" and callable(op.formula):
            with np.errstate(all="ignore"):
                found = _objects(self._vectorized(op, params, len(args))(*args))
            # True + True is True, as everywhere, and not Python's 2.
            return _map(bool, found) if node.type.dtype.kind == "b" else found
        result = op.run(self, *args, **params)
        if isinstance(node.type, TupleType):
            return tuple([_objects(r) for r in result])
        return _objects(result)

    def _vectorized(self, op: Any, params: Mapping[str, Any], arity: int) -> Any:
        key = (op, tuple(params.items()))
        if key not in self._formulas:
            formula, m = op.formula, self.scalars
            fixed = dict(params)
            self._formulas[key] = np.frompyfunc(lambda *x: formula(m, *x, **fixed), arity, 1)
        return self._formulas[key]

    def convert(self, array: Any) -> Any:
        """Returns numbers as exact mpmath numbers, integers and booleans as Python's."""
        array = np.asarray(array)
        if array.dtype == object:  # numbers of another precision must take this one's
            return _map(lambda v: v if isinstance(v, (bool, int)) else self.scalar(v), array)
        if array.dtype.kind == "b":
            return _map(bool, array)
        if array.dtype.kind in "ui":
            return _map(int, array)
        if array.dtype.kind == "c":
            return _map(lambda v: self.context.mpc(float(v.real), float(v.imag)), array)
        return _map(lambda v: self.context.mpf(float(v)), array)

    fourier = fourier  # pyright: ignore[reportAssignmentType]
    random = random  # pyright: ignore[reportAssignmentType]

    # -- what differs from NumPy's on objects --

    def asarray(self, x: Any) -> Any:
        return self.convert(x)

    def scalar(self, value: Any) -> Any:
        """Returns a number as one of this precision, complex where it is."""
        complex_in = isinstance(value, (complex, self.context.mpc)) or hasattr(value, "_mpc_")
        return (self.context.mpc if complex_in else self.context.mpf)(value)

    def number(self, name: str, like: Any) -> Any:
        return _objects(self.scalars.number(name))

    def zeros(self, shape: Any, dtype: DType) -> Any:
        return self.full(shape, 0, dtype)

    def full(self, shape: Any, value: Any, dtype: DType) -> Any:
        zero = self.scalar(value) if dtype.is_inexact else int(value)
        result = np.empty(shape, dtype=object)
        result[...] = zero
        return result

    def arange(self, size: int, dtype: DType) -> Any:
        return _map(self.context.mpf if dtype.is_inexact else int, np.arange(size))

    def astype(self, x: Any, dtype: DType) -> Any:
        if dtype.is_inexact:
            return _map(lambda v: v if isinstance(v, self.context.mpc) else self.context.mpf(v), x)
        if dtype.kind == "b":
            return _map(bool, x)
        return _map(int, x)

    def where(self, condition: Any, x: Any, y: Any) -> Any:
        return np.where(np.asarray(condition).astype(bool), x, y)

    def floor(self, x: Any) -> Any:
        return _map(self.scalars.floor, x)

    def ceil(self, x: Any) -> Any:
        return _map(self.scalars.ceil, x)

    def round(self, x: Any) -> Any:
        return _map(self.scalars.round, x)

    def sign(self, x: Any) -> Any:
        return _map(self.scalars.sign, x)

    def copysign(self, x: Any, y: Any) -> Any:
        """Returns |x| with the sign of y; exact numbers have one zero, which is not negative."""
        return _objects(np.frompyfunc(lambda u, v: -abs(u) if v < 0 else abs(u), 2, 1)(x, y))

    def trunc(self, x: Any) -> Any:
        return _map(self.scalars.trunc, x)

    def floor_divide(self, x: Any, y: Any) -> Any:
        return self.floor(_objects(np.frompyfunc(self.scalars.div, 2, 1)(x, y)))

    def mod(self, x: Any, y: Any) -> Any:
        return x - y * self.floor_divide(x, y)  # NaN where y is 0, and Python's % raises

    def exp(self, x: Any) -> Any:
        return _map(self.scalars.exp, x)

    def log(self, x: Any) -> Any:
        return _map(self.scalars.log, x)

    def sqrt(self, x: Any) -> Any:
        # Put into the class by name, below it.
        return _map(self.scalars.sqrt, x)  # pyright: ignore[reportAttributeAccessIssue]

    def power(self, x: Any, y: Any) -> Any:
        return _map(lambda v: self.scalars.power(v, self.context.mpf(y)), x)

    def root(self, x: Any, order: float) -> Any:
        exponent = self.context.one / self.context.mpf(order)  # 1 / 3.5 is no float
        return _map(lambda v: self.scalars.power(v, exponent), x)

    def is_float(self, x: Any) -> bool:
        return not x.size or not isinstance(x.flat[0], (bool, int))

    def isfinite(self, x: Any) -> Any:
        return _map(self.context.isfinite, x).astype(bool)

    def ones_like(self, x: Any) -> Any:
        return _map(lambda _: self.context.one, x)

    def real(self, x: Any) -> Any:
        return _map(lambda v: v.real if isinstance(v, self.context.mpc) else v, x)

    def conj(self, x: Any) -> Any:
        return _map(lambda v: self.context.conj(v), x)

    def imag(self, x: Any) -> Any:
        return _map(lambda v: self.context.mpf(v.imag), x)

    def complex(self, real: Any, imaginary: Any) -> Any:
        return _objects(np.frompyfunc(self.context.mpc, 2, 1)(real, imaginary))

    def add(self, x: Any, y: Any) -> Any:
        return x + y

    def divide(self, x: Any, y: Any) -> Any:
        return _objects(np.frompyfunc(self.scalars.div, 2, 1)(x, y))  # mpmath raises for x / 0

    def mean(self, x: Any, axis: Any, keepdims: bool) -> Any:
        count = int(np.prod([x.shape[a] for a in axis], dtype=int))
        if not count:
            return self.sum(x, axis, keepdims) * self.nan
        return self.sum(x, axis, keepdims) / self.context.mpf(count)

    def sum(self, x: Any, axis: Any, keepdims: bool) -> Any:
        start = self.context.zero if not x.size or not isinstance(x.flat[0], (bool, int)) else 0
        return np.sum(x, axis=axis, keepdims=keepdims, initial=start)

    def max(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return self._extreme(x, axis, keepdims, self.scalars.max)

    def min(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return self._extreme(x, axis, keepdims, self.scalars.min)

    def _extreme(self, x: Any, axis: Any, keepdims: bool, better: Any) -> Any:
        join = np.frompyfunc(better, 2, 1)
        result = np.asarray(x, dtype=object)
        for a in sorted(axis, reverse=True):
            result = join.reduce(result, axis=a, keepdims=keepdims)
        return _objects(result)

    def var(self, x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
        deviation = x - self.mean(x, axis, True)
        count = self.context.mpf(int(np.prod([x.shape[a] for a in axis], dtype=int))) - correction
        total = self.sum(deviation * deviation, axis, keepdims)
        return _map(lambda v: self.scalars.div(v, count), total)

    def std(self, x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
        return self.sqrt(self.var(x, axis, keepdims, correction))

    def _top(self, x: Any, axis: Any) -> Any:
        """Returns the largest element over axes, 0 where it is infinite; exp(10**154) overflows."""
        top = self.max(self.real(x), axis, True) if x.size else self.zeros((), float64)
        return self.where(self.isfinite(top), top, self.context.zero)

    def logsumexp(self, x: Any, axis: Any, keepdims: bool) -> Any:
        top = self._top(x, axis)
        total = self.log(self.sum(self.exp(x - top), axis, True)) + top
        return total if keepdims else np.squeeze(total, axis=axis)

    def softmax(self, x: Any, axis: Any) -> Any:
        part = self.exp(x - self._top(x, axis))
        return self.divide(part, self.sum(part, axis, True))

    def log_softmax(self, x: Any, axis: Any) -> Any:
        part = x - self._top(x, axis)
        return part - self.log(self.sum(self.exp(part), axis, True))

    def place(self, x: Any, slices: Any, shape: Any) -> Any:
        result = self._zeros_for(x, shape)
        result[slices] = x
        return result

    def take(self, x: Any, indices: Any, axis: int) -> Any:
        return super().take(x, np.asarray(indices).astype(np.int64), axis)

    def scatter_add(self, x: Any, indices: Any, axis: int, size: int) -> Any:
        where = np.asarray(indices).astype(np.int64)
        result = self._zeros_for(x, (*x.shape[:axis], size, *x.shape[axis + where.ndim :]))
        self._add_at(result, (*[slice(None)] * axis, where), x)
        return result

    def _zeros_for(self, x: Any, shape: Any) -> Any:
        result = np.empty(shape, dtype=object)
        first = x.flat[0] if x.size else self.context.zero
        result[...] = type(first)(0) if isinstance(first, (bool, int)) else self.context.zero
        return result

    def einsum(self, subscripts: str, *x: Any) -> Any:
        return np.einsum(subscripts, *x, optimize=False)

    def map(self, graph: Graph, args: Sequence[Any], mapped: Sequence[bool], chunk: int) -> Any:
        result = super().map(graph, args, mapped, chunk)
        return (
            tuple([_objects(r) for r in result]) if isinstance(result, tuple) else _objects(result)
        )

    def jax_vjp(self, *_: Any) -> Any:
        raise EngineError("JAX has no more than 64 bits, so its derivative has no 50 digits")

    jax_jvp = jax_vjp


def _objects(value: Any) -> np.ndarray[Any, Any]:
    result = np.asarray(value, dtype=object) if not isinstance(value, np.ndarray) else value
    return result if result.dtype == object else result.astype(object)


def _map(function: Callable[[Any], Any], array: Any) -> np.ndarray[Any, Any]:
    with np.errstate(all="ignore"):  # a NaN among the floats read raises the processor's flag
        return _objects(np.frompyfunc(function, 1, 1)(array))


@guarded("evaluate_mpmath")
def evaluate_mpmath(
    outputs: Any, inputs: Mapping[Any, Any] | None = None, /, *, digits: int = 50, **named: Any
) -> Any:
    """Returns the values of graph nodes with `digits` decimal digits.

    The graph is read as a function of real numbers: constants and inputs are the exact values of
    their floats, and nothing is rounded to the nodes' dtypes.

    Args:
        outputs: a node or a nest of nodes.
        inputs: values by name or node: numbers, arrays, or decimal strings for more digits.
        digits: decimal digits carried through.
        **named: more values, by name.

    Returns:
        The nest with mpmath numbers for scalars and object arrays of them for tensors.

    Raises:
        ArgumentError: an input is missing or unknown.
    """
    if isinstance(digits, bool) or not isinstance(digits, int) or digits < 1:
        raise ArgumentError(f"digits={digits!r} is no count of digits", "for example digits=50")
    if digits > MAX_DIGITS:
        raise BudgetError(
            f"digits={show_value(digits)} is above {MAX_DIGITS:,}", "ask for fewer digits"
        )
    nodes, rebuild = flatten(outputs)
    check_nodes(nodes, "evaluate_mpmath")
    found = leaves(nodes)
    xp = MpNamespace(digits)
    chosen = name_values(found, merged(inputs, named), spare=spare_inputs(nodes, found))
    given = {n: _exact(xp, n, v) for n, v in chosen.items()}
    xp.sizes = bind_sizes(list(given), [v.shape for v in given.values()])
    values = run_joined(nodes, given, xp)
    return rebuild([v.item() if isinstance(v, np.ndarray) and v.ndim == 0 else v for v in values])


def _exact(xp: MpNamespace, node: Node, value: Any) -> Any:
    try:
        array = np.asarray(value)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"the value of {describe(node)} is no array: {error}", "give rows of one length"
        ) from None
    if array.dtype == object:
        return array
    if array.dtype.kind in "US":
        try:
            return _map(xp.context.mpf, array.astype(object))
        except ValueError as error:
            raise ArgumentError(
                f"the value of {node.name!r} is no number: {error}", "for example '0.1'"
            ) from None
    return xp.convert(as_value(node, value))
