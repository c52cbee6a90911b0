"""The NumPy evaluator: one value for every node, in the node's own dtype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from graphc.backends.numpy_parts import (
    fourier,
    linalg,
    loops,
    machine,
    ordering,
    products,
    random,
    scans,
    scatter,
    special,
    windows,
)
from graphc.backends.run import (
    bind_sizes,
    check_nodes,
    merged,
    name_values,
    resolve,
    run_graph,
    run_joined,
    spare_inputs,
)
from graphc.backends.scaling import exp_of_others, is_alone, round_shift, square_scale
from graphc.backends.values import as_value
from graphc.core.calls import guarded
from graphc.core.dtype import DType
from graphc.core.errors import (
    EngineError,
    IndexingError,
)
from graphc.core.graph import Graph, leaves
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.type import TupleType
from graphc.ops.exponential import logistic_density
from graphc.ops.source import exact_number


class NumpyNamespace:
    """NumPy's functions under the names that records use, and what NumPy lacks."""

    linalg = linalg
    nan = np.nan
    joins_loops, scans_loops = True, False
    ordering = ordering
    scans = scans
    scatter = scatter
    fourier = fourier
    random = random
    special = special
    windows = windows
    _direct = (
        "add subtract multiply divide negative ones_like full_like where real imag power sign "
        "floor ceil trunc mod floor_divide maximum minimum hypot exp expm1 log log1p sqrt sin cos "
        "tan sinh cosh tanh arctan2 equal not_equal less less_equal greater greater_equal conj "
        "logical_and logical_or logical_xor logical_not isfinite squeeze reshape transpose "
        "broadcast_to concatenate stack abs log2 log10 cbrt copysign nextafter bitwise_and "
        "bitwise_or bitwise_xor left_shift right_shift zeros_like exp2"
    ).split()

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = sizes or {}

    def apply(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Runs the record; 16-bit floats are computed in float32 and rounded once."""
        args = [a.astype(np.float32) if _is_half(a) else a for a in args]
        result = node.op.run(self, *args, **params)
        if isinstance(node.type, TupleType):
            pairs = zip(result, node.type.items, strict=True)
            return tuple([np.asarray(r, dtype=t.dtype.numpy) for r, t in pairs])
        return np.asarray(result, dtype=node.type.dtype.numpy)

    # -- elementwise --

    asin, acos, atan = np.arcsin, np.arccos, np.arctan
    asinh, acosh, atanh = np.arcsinh, np.arccosh, np.arctanh

    def complex(self, real: Any, imaginary: Any) -> Any:
        real, imaginary = np.broadcast_arrays(real, imaginary)
        made = np.empty(real.shape, np.complex64 if real.dtype == np.float32 else np.complex128)
        made.real, made.imag = real, imaginary  # real + 1j * imaginary would make NaN of infinity
        return made

    def integer_pow(self, x: Any, exponent: int) -> Any:
        return np.power(x, exponent) if exponent >= 0 else 1 / np.power(x, -exponent)

    def root(self, x: Any, order: float) -> Any:
        return np.power(x, 1 / order)

    def round(self, x: Any) -> Any:
        return np.rint(x)

    def rsqrt(self, x: Any) -> Any:
        return 1 / np.sqrt(x)

    #: An erfc that is fast and loses digits in the tail, where the backend has one.
    fast_erfc: Any = None

    def with_slope(self, value: Any, slope: Any, x: Any) -> Any:
        """Returns value(x); JAX is told the slope, which it could only find digit by digit."""
        return value(x)

    def erf(self, x: Any) -> Any:
        from scipy import special  # 0.1 s that a graph without erf need not pay

        return special.erf(x)

    def sigmoid(self, x: Any) -> Any:
        if np.iscomplexobj(x):
            return 1 / (1 + np.exp(-x))
        small = np.exp(-np.abs(x))
        return np.where(x >= 0, 1 / (1 + small), small / (1 + small))

    def sigmoid_slope(self, x: Any) -> Any:
        return logistic_density(self, x)

    def softplus(self, x: Any) -> Any:
        if np.iscomplexobj(x):
            flipped = np.where(np.real(x) > 0, -x, x)
            return np.where(np.real(x) > 0, x, 0) + np.log1p(np.exp(flipped))
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def relu(self, x: Any) -> Any:
        return np.maximum(x, 0)

    def leaky_relu(self, x: Any, slope: float) -> Any:
        return np.where(x > 0, x, x * np.asarray(slope, dtype=x.dtype))

    def elu(self, x: Any, alpha: float) -> Any:
        return np.where(x > 0, x, np.expm1(np.minimum(x, 0)) * np.asarray(alpha, dtype=x.dtype))

    def selu(self, x: Any, scale: str, alpha: str) -> Any:
        below = np.expm1(np.minimum(x, 0)) * (self.number(scale, x) * self.number(alpha, x))
        return np.where(x > 0, x * self.number(scale, x), below)

    def number(self, name: str, like: Any) -> Any:
        return np.asarray(exact_number(name), dtype=like.dtype)

    def astype(self, x: Any, dtype: DType) -> Any:
        return np.asarray(x).astype(dtype.numpy)

    def stop_gradient(self, x: Any) -> Any:
        return x

    def is_float(self, x: Any) -> bool:
        return x.dtype.kind not in "biu"

    # -- sources --

    def asarray(self, x: Any) -> Any:
        return x

    def zeros(self, shape: Any, dtype: DType) -> Any:
        return np.zeros(shape, dtype.numpy)

    def full(self, shape: Any, value: Any, dtype: DType) -> Any:
        return np.full(shape, value, dtype.numpy)

    def arange(self, size: int, dtype: DType) -> Any:
        return np.arange(size).astype(dtype.numpy)

    # -- reductions --

    def sum(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.sum(_laid_out(x), axis=axis, keepdims=keepdims)

    def mean(self, x: Any, axis: Any, keepdims: bool) -> Any:
        if not self.has_elements(x, axis):
            # NaN, as documented. NumPy warns of it, and `warnings.catch_warnings` is no way to
            # silence that: it exchanges the filters of all threads.
            return np.full_like(np.sum(x, axis=axis, keepdims=keepdims), np.nan)
        return np.mean(_laid_out(x), axis=axis, keepdims=keepdims)

    def max(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.max(x, axis=axis, keepdims=keepdims)

    def min(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.min(x, axis=axis, keepdims=keepdims)

    def prod(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return np.prod(_laid_out(x), axis=axis, keepdims=keepdims)

    def var(self, x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
        deviation = x - self.mean(x, axis, True)
        count = np.prod([x.shape[a] for a in axis]) - correction
        return np.sum(_laid_out(deviation * deviation), axis=axis, keepdims=keepdims) / np.asarray(
            count, dtype=np.real(x).dtype
        )

    def std(self, x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
        if not self.has_elements(x, axis):
            return np.sqrt(self.var(x, axis, keepdims, correction))
        scale = square_scale(np, np.max(np.abs(x), axis=axis, keepdims=True))
        value = np.sqrt(self.var(x * scale, axis, True, correction)) / scale
        return value if keepdims else np.squeeze(value, axis=axis)

    def has_elements(self, x: Any, axis: Any) -> bool:
        return all(x.shape[a] > 0 for a in axis)

    def _shift(self, x: Any, axis: Any) -> Any:
        if not self.has_elements(x, axis):
            return np.zeros((), x.dtype)
        top = np.max(np.real(x), axis=axis, keepdims=True)
        return np.where(np.isfinite(top), top, 0)

    def logsumexp(self, x: Any, axis: Any, keepdims: bool) -> Any:
        top = self._shift(x, axis)
        total = self._log_total(x, top, axis) + top
        return total if keepdims else np.squeeze(total, axis=axis)

    def softmax(self, x: Any, axis: Any) -> Any:
        top = np.max(np.real(x), axis=axis, keepdims=True) if x.size else np.zeros((), x.dtype)
        part = np.exp(x - round_shift(np, x, top))
        return part / np.sum(_laid_out(part), axis=axis, keepdims=True)

    def log_softmax(self, x: Any, axis: Any) -> Any:
        top = np.max(np.real(x), axis=axis, keepdims=True) if x.size else np.zeros((), x.dtype)
        return (x - top) - self._log_total(x, top, axis)

    def _log_total(self, x: Any, top: Any, axis: Any) -> Any:
        """Returns log(sum(exp(x - top))), with the digits of what one dominating element leaves."""
        shift = round_shift(np, x, top)
        largest = np.exp(top - shift)
        ratio = np.sum(_laid_out(np.exp(x - shift)), axis=axis, keepdims=True) / largest
        alone = False if np.iscomplexobj(x) else is_alone(ratio)
        if not np.any(alone):
            return np.log(ratio)
        others = _laid_out(exp_of_others(np, x, top, shift))
        others = np.sum(others, axis=axis, keepdims=True) / largest
        return np.where(alone, np.log1p(others), np.log(ratio))

    # -- indexing --

    def place(self, x: Any, slices: Any, shape: Any) -> Any:
        result = np.zeros(shape, x.dtype)
        result[slices] = x
        return result

    def take(self, x: Any, indices: Any, axis: int) -> Any:
        try:
            return np.take(x, indices, axis=axis)
        except IndexError as error:
            raise IndexingError(f"a gather goes out of range: {error}") from None

    def scatter_add(self, x: Any, indices: Any, axis: int, size: int) -> Any:
        shape = (*x.shape[:axis], size, *x.shape[axis + indices.ndim :])
        result = np.zeros(shape, x.dtype)
        self._add_at(result, (*[slice(None)] * axis, indices), x)
        return result

    def _add_at(self, result: Any, where: Any, x: Any) -> None:
        try:
            np.add.at(result, where, x)
        except IndexError as error:
            raise IndexingError(f"a scatter goes out of range: {error}") from None

    # -- contraction --

    def matmul(self, x: Any, y: Any, transpose_x: bool, transpose_y: bool) -> Any:
        x = np.swapaxes(x, -1, -2) if transpose_x else x
        return np.matmul(x, np.swapaxes(y, -1, -2) if transpose_y else y)

    def einsum(self, subscripts: str, *x: Any) -> Any:
        if len(x) == 2:
            return products.einsum_of_two(subscripts, *x)
        return np.einsum(subscripts, *x, optimize=len(x) > 1)

    # -- sub-graphs --

    loops = loops
    machine = machine

    def call(self, graph: Graph, args: Sequence[Any]) -> Any:
        results = run_graph(graph, args, self)
        return results[0] if len(results) == 1 else tuple(results)

    def map(self, graph: Graph, args: Sequence[Any], mapped: Sequence[bool], chunk: int) -> Any:
        pairs = list(zip(args, mapped, strict=True))
        size = next(a.shape[0] for a, m in pairs if m)
        # `...` keeps an element of an array of objects an array.
        rows = [
            run_graph(graph, [a[i, ...] if m else a for a, m in pairs], self) for i in range(size)
        ]
        columns = [
            np.stack([row[k] for row in rows]) if rows else self._empty(output)
            for k, output in enumerate(graph.outputs)
        ]
        return columns[0] if len(columns) == 1 else tuple(columns)

    def _empty(self, output: Node) -> Any:
        return np.zeros((0, *resolve(output.type.shape, self.sizes)), output.type.dtype.numpy)

    def jax_vjp(self, *_: Any) -> Any:
        raise EngineError("JAX's own derivative runs under JAX only", "use gx.compile")

    jax_jvp = jax_vjp


for _name in NumpyNamespace._direct:  # pyright: ignore[reportPrivateUsage]  (this module's own)
    if not hasattr(NumpyNamespace, _name):
        setattr(NumpyNamespace, _name, staticmethod(getattr(np, _name)))


def _is_half(array: Any) -> bool:
    return (
        array.dtype.itemsize == 2 and array.dtype.kind not in "iu"
        if hasattr(array, "dtype")
        else False
    )


def _laid_out(x: Any) -> Any:
    """Returns an array laid out row by row.

    NumPy's order of summation, and so the last place, depends on how an array lies in memory; a
    graph's value must not tell a broadcast or transposed view from an array.
    """
    return np.asarray(x, order="C")


@guarded("evaluate")
def evaluate(outputs: Any, inputs: Mapping[Any, Any] | None = None, /, **named: Any) -> Any:
    """Returns the values of graph nodes, computed with NumPy.

    Args:
        outputs: a node or a nest (dict, list, tuple) of nodes.
        inputs: values by name or by node.
        **named: more values, by name.

    Returns:
        The same nest with arrays.

    Raises:
        ArgumentError: an input is missing, unknown, or no array.
        ShapeError, DimError, DTypeError: a value does not fit its declaration.
    """
    nodes, rebuild = flatten(outputs)
    check_nodes(nodes, "evaluate")
    found = leaves(nodes)
    chosen = name_values(found, merged(inputs, named), spare=spare_inputs(nodes, found))
    given = {n: as_value(n, v) for n, v in chosen.items()}
    sizes = bind_sizes(list(given), [v.shape for v in given.values()])
    with np.errstate(all="ignore"):
        values = run_joined(nodes, given, NumpyNamespace(sizes))
    return rebuild(values)
