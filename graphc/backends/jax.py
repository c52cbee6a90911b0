"""The JAX backend: the same fold, traced, so that XLA compiles the graph."""

from __future__ import annotations

import math
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy import special

from graphc.backends import jax_digits as digits
from graphc.backends.jax_parts import (
    fourier,
    linalg,
    loops,
    machine,
    ordering,
    products,
    random,
    scans,
    scatter,
    windows,
)
from graphc.backends.jax_parts import special as special_parts
from graphc.backends.run import run_graph, run_joined
from graphc.backends.scaling import square_scale
from graphc.core.dtype import DType
from graphc.core.errors import EngineError
from graphc.core.graph import Graph
from graphc.core.node import Node
from graphc.core.type import TupleType
from graphc.ops.exponential import logistic_density
from graphc.ops.power import PRODUCTS
from graphc.ops.source import exact_number


class JaxNamespace:
    """jax.numpy's functions under the names that records use; JAX's own where JAX has one."""

    linalg = linalg
    nan = jnp.nan
    joins_loops = scans_loops = True
    ordering = ordering
    scans = scans
    scatter = scatter
    fourier = fourier
    random = random
    windows = windows
    sigmoid = staticmethod(jax.nn.sigmoid)
    softplus_real = staticmethod(jax.nn.softplus)
    relu = staticmethod(jax.nn.relu)
    erf, fast_erfc = staticmethod(special.erf), staticmethod(special.erfc)
    special = special_parts  # below `erf`, which is JAX's
    rsqrt = staticmethod(lax.rsqrt)
    stop_gradient = staticmethod(lax.stop_gradient)
    asin, acos, atan = staticmethod(jnp.arcsin), staticmethod(jnp.arccos), staticmethod(jnp.arctan)
    asinh, acosh = staticmethod(jnp.arcsinh), staticmethod(jnp.arccosh)
    _direct = (
        "add subtract multiply divide negative ones_like full_like where real imag power sign "
        "floor ceil trunc mod floor_divide maximum minimum hypot exp expm1 log log1p sqrt sin cos "
        "tan sinh cosh tanh arctan2 equal not_equal less less_equal greater greater_equal "
        "logical_and logical_or logical_xor logical_not isfinite reshape transpose broadcast_to "
        "conj abs round concatenate stack log2 log10 cbrt copysign nextafter bitwise_and "
        "bitwise_or bitwise_xor left_shift right_shift zeros_like"
    ).split()

    def __init__(self, sizes: Mapping[str, int] | None = None) -> None:
        self.sizes = sizes or {}

    def apply(self, node: Node, args: Sequence[Any], params: Mapping[str, Any]) -> Any:
        """Runs the record and holds the result to the node's dtype.

        What is more than one rounding is computed in float32 where the dtype has 16 bits.
        """
        if node.op.group == "elementwise" and node.op.ulp > 0.5:
            args = [a.astype(jnp.float32) if digits.is_half(a) else a for a in args]
        result = node.op.run(self, *args, **params)
        if isinstance(node.type, TupleType):
            pairs = zip(result, node.type.items, strict=True)
            return tuple([_in_dtype(r, t.dtype) for r, t in pairs])
        return _in_dtype(result, node.type.dtype)

    def complex(self, real: Any, imaginary: Any) -> Any:
        return lax.complex(*jnp.broadcast_arrays(real, imaginary))

    def integer_pow(self, x: Any, exponent: int) -> Any:
        size, floating = abs(exponent), jnp.issubdtype(x.dtype, jnp.floating)
        if size <= PRODUCTS or not floating:
            return lax.integer_pow(x, exponent)
        if size > 1024:
            return jnp.power(x, jnp.asarray(exponent, x.dtype))
        return self.with_slope(
            lambda v: digits.long_product(v, exponent),
            lambda v: self.integer_pow(v, exponent - 1) * exponent,
            x,
        )

    # -- where XLA's own lowering on the CPU loses digits; complex numbers keep it --

    def log1p(self, x: Any) -> Any:
        # XLA takes a polynomial for small x, and down to -0.41 where it is off by up to 120 ulp.
        if jnp.iscomplexobj(x):
            return jnp.log1p(x)
        return self.with_slope(digits.log1p, lambda v: 1 / (1 + v), x)

    def tanh(self, x: Any) -> Any:
        # XLA's quotient of polynomials for float64 goes on to 20, where it is off by 6 ulp.
        value = jnp.tanh(x)
        if jnp.iscomplexobj(x) or x.dtype.itemsize < 8:
            return value
        one = jnp.where(x < 0, -jnp.ones_like(x), 1)
        return jnp.where(jnp.abs(x) > 19.0625, one, value)

    def atanh(self, x: Any) -> Any:
        if jnp.iscomplexobj(x):
            return jnp.arctanh(x)
        size = jnp.where(x < 0, -x, x)
        value = self.log1p(2 * size / (1 - size)) * 0.5
        return jnp.where(x < 0, -value, value)

    def cosh(self, x: Any) -> Any:
        # XLA takes e**(x - log 2), whose error grows with x: 13 ulp at 80, 470 at 600.
        if jnp.iscomplexobj(x):
            return jnp.cosh(x)
        whole, huge = self._steps_of_exp(x)
        power = jnp.exp(whole)
        return jnp.where(huge, (power * 0.5) * power, (power + 1 / power) * 0.5)

    def sinh(self, x: Any) -> Any:
        if jnp.iscomplexobj(x):
            return jnp.sinh(x)
        whole, huge = self._steps_of_exp(x)
        less = jnp.expm1(whole)  # e**x - 1, which keeps the digits near 0
        power = less + 1
        value = jnp.where(huge, (power * 0.5) * power, (less + less / power) * 0.5)
        return jnp.where(x < 0, -value, value)

    def sigmoid_slope(self, x: Any) -> Any:
        return logistic_density(self, x) if jnp.iscomplexobj(x) else digits.sigmoid_slope(x)

    def _steps_of_exp(self, x: Any) -> tuple[Any, Any]:
        """Returns |x|, or half of it where e**|x| would overflow before its half does."""
        size = jnp.where(x < 0, -x, x)  # JAX differentiates |x| at 0 as 1, this as 1 as well
        huge = size > (700 if x.dtype.itemsize == 8 else 88)
        return jnp.where(huge, size * 0.5, size), huge

    def with_slope(self, value: Any, slope: Any, x: Any) -> Any:
        """Returns value(x), which JAX differentiates by `slope`, as it does with its own erfc."""
        if jnp.iscomplexobj(x):
            return value(x)
        function = jax.custom_jvp(value)
        function.defjvp(lambda primals, tangents: (value(*primals), slope(*primals) * tangents[0]))
        return function(x)

    def cbrt(self, x: Any) -> Any:
        # XLA's is off by 2.7 ulp; a Newton's step leaves a third of what y**3 is off by.
        return self.with_slope(digits.cbrt, lambda v: 1 / (3 * self.cbrt(v) ** 2), x)

    def exp2(self, x: Any) -> Any:
        # XLA's is exp(x log 2), whose product is rounded first: 300 ulp at 1,000.
        return self.with_slope(
            lambda v: jnp.power(jnp.asarray(2, v.dtype), v), lambda v: self.exp2(v) * math.log(2), x
        )

    def root(self, x: Any, order: float) -> Any:
        return jnp.power(x, 1 / order)

    def softplus(self, x: Any) -> Any:
        if jnp.iscomplexobj(x):
            right = jnp.real(x) > 0
            return jnp.where(right, x, 0) + jnp.log1p(jnp.exp(jnp.where(right, -x, x)))
        return self.softplus_real(x)

    def leaky_relu(self, x: Any, slope: float) -> Any:
        return jax.nn.leaky_relu(x, slope)

    def elu(self, x: Any, alpha: float) -> Any:
        return jax.nn.elu(x, alpha)

    def selu(self, x: Any, scale: str, alpha: str) -> Any:
        return jax.nn.selu(x)  # with the same two constants

    def number(self, name: str, like: Any) -> Any:
        return jnp.asarray(exact_number(name), like.dtype)

    def astype(self, x: Any, dtype: DType) -> Any:
        return lax.convert_element_type(x, dtype.numpy)

    def asarray(self, x: Any) -> Any:
        return jnp.asarray(x)

    def zeros(self, shape: Any, dtype: DType) -> Any:
        return jnp.zeros(shape, dtype.numpy)

    def full(self, shape: Any, value: Any, dtype: DType) -> Any:
        return jnp.full(shape, value, dtype.numpy)

    def arange(self, size: int, dtype: DType) -> Any:
        return lax.iota(dtype.numpy, size)

    # -- reductions --

    def sum(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return jnp.sum(x, axis=axis, keepdims=keepdims)

    def mean(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return jnp.mean(x, axis=axis, keepdims=keepdims)

    def max(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return jnp.max(x, axis=axis, keepdims=keepdims)

    def min(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return jnp.min(x, axis=axis, keepdims=keepdims)

    def prod(self, x: Any, axis: Any, keepdims: bool) -> Any:
        return jnp.prod(x, axis=axis, keepdims=keepdims)

    def var(self, x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
        deviation = x - jnp.mean(x, axis=axis, keepdims=True)
        count = 1
        for a in axis:
            count *= x.shape[a]
        return jnp.sum(deviation * deviation, axis=axis, keepdims=keepdims) / (count - correction)

    def std(self, x: Any, axis: Any, keepdims: bool, correction: float) -> Any:
        if not self.has_elements(x, axis):
            return jnp.sqrt(self.var(x, axis, keepdims, correction))
        x = digits.in_single(x)
        top = jnp.max(jnp.abs(x), axis=axis, keepdims=True)
        scale = lax.stop_gradient(square_scale(jnp, top))
        value = jnp.sqrt(self.var(x * scale, axis, True, correction)) / scale
        return value if keepdims else jnp.squeeze(value, axis)

    def has_elements(self, x: Any, axis: Any) -> bool:
        return all(x.shape[a] > 0 for a in axis)

    def squeeze(self, x: Any, axis: Any) -> Any:
        return jnp.squeeze(x, axis=axis)

    def logsumexp(self, x: Any, axis: Any, keepdims: bool) -> Any:
        if jnp.iscomplexobj(x) or not self.has_elements(x, axis):
            return special.logsumexp(x, axis=axis, keepdims=keepdims)
        total = digits.logsumexp(digits.in_single(x), axis)
        return total if keepdims else jnp.squeeze(total, axis)

    def softmax(self, x: Any, axis: Any) -> Any:
        if not self.has_elements(x, axis):
            return x
        if jnp.iscomplexobj(x):
            part = jnp.exp(x - jnp.max(jnp.real(x), axis=axis, keepdims=True))
            return part / jnp.sum(part, axis=axis, keepdims=True)
        return digits.softmax(digits.in_single(x), axis)

    def log_softmax(self, x: Any, axis: Any) -> Any:
        if not self.has_elements(x, axis):
            return x
        if jnp.iscomplexobj(x):
            part = x - jnp.max(jnp.real(x), axis=axis, keepdims=True)
            return part - jnp.log(jnp.sum(jnp.exp(part), axis=axis, keepdims=True))
        return digits.log_softmax(digits.in_single(x), axis)

    # -- indexing --

    def place(self, x: Any, slices: Any, shape: Any) -> Any:
        padding: list[tuple[int, int, int]] = []
        for axis, (part, size) in enumerate(zip(slices, shape, strict=True)):
            first, _, step = part.indices(size)
            count = x.shape[axis]
            if count == 0:
                return jnp.zeros(shape, x.dtype)
            if step < 0:
                x = jnp.flip(x, axis)
                first, step = first + step * (count - 1), -step
            last = first + step * (count - 1)
            padding.append((first, size - 1 - last, step - 1))
        return lax.pad(x, jnp.zeros((), x.dtype), padding)

    def take(self, x: Any, indices: Any, axis: int) -> Any:
        return jnp.take(x, indices, axis=axis, mode="fill")

    def scatter_add(self, x: Any, indices: Any, axis: int, size: int) -> Any:
        shape = (*x.shape[:axis], size, *x.shape[axis + indices.ndim :])
        return jnp.zeros(shape, x.dtype).at[(*[slice(None)] * axis, indices)].add(x)

    # -- contraction --

    def matmul(self, x: Any, y: Any, transpose_x: bool, transpose_y: bool) -> Any:
        if x.ndim <= 2 and y.ndim <= 2:
            # A transpose before a dot costs up to 20 times the dot on XLA:CPU, dot_general nothing.
            left = 0 if transpose_x or x.ndim == 1 else 1
            right = 1 if transpose_y else 0
            return lax.dot_general(x, y, (((left,), (right,)), ((), ())))
        x = jnp.swapaxes(x, -1, -2) if transpose_x else x
        return jnp.matmul(x, jnp.swapaxes(y, -1, -2) if transpose_y else y)

    einsum = staticmethod(products.einsum)

    # -- sub-graphs --

    loops = loops
    machine = machine

    def call(self, graph: Graph, args: Sequence[Any]) -> Any:
        results = run_graph(graph, args, self)
        return results[0] if len(results) == 1 else tuple(results)

    def map(self, graph: Graph, args: Sequence[Any], mapped: Sequence[bool], chunk: int) -> Any:
        moving = [a for a, m in zip(args, mapped, strict=True) if m]

        def body(*entries: Any) -> Any:
            entry = iter(entries)
            full = [next(entry) if m else a for a, m in zip(args, mapped, strict=True)]
            return self.call(graph, full)

        if chunk and chunk < moving[0].shape[0]:
            return lax.map(lambda entries: body(*entries), tuple(moving), batch_size=chunk)
        return jax.vmap(body)(*moving)

    def jax_vjp(self, graph: Graph, args: Sequence[Any], wrt: Sequence[int]) -> Any:
        count = len(graph.inputs)
        primals, seeds = list(args[:count]), tuple(args[count:])

        def function(*moving: Any) -> Any:
            full = list(primals)
            for index, value in zip(wrt, moving, strict=True):
                full[index] = value
            return tuple(run_graph(graph, full, self))

        with _rules_of_jax():
            _, back = jax.vjp(function, *[primals[i] for i in wrt])
            found = back(seeds)
        return found[0] if len(found) == 1 else found

    def jax_jvp(self, graph: Graph, args: Sequence[Any], moving: Sequence[int]) -> Any:
        count = len(graph.inputs)
        primals, tangents = list(args[:count]), tuple(args[count:])

        def function(*values: Any) -> Any:
            full = list(primals)
            for index, value in zip(moving, values, strict=True):
                full[index] = value
            return tuple(run_graph(graph, full, self))

        with _rules_of_jax():
            _, found = jax.jvp(function, tuple(primals[i] for i in moving), tangents)
        return found[0] if len(found) == 1 else found


@contextmanager
def _rules_of_jax() -> Generator[None]:
    """Says in words that JAX cannot differentiate one of its own functions, such as nextafter."""
    try:
        yield
    except NotImplementedError as error:
        raise EngineError(
            f"JAX has no derivative here: {error}", "take the engine reverse or forward"
        ) from error


for _name in JaxNamespace._direct:  # pyright: ignore[reportPrivateUsage]  (this module's own)
    if not hasattr(JaxNamespace, _name):
        setattr(JaxNamespace, _name, staticmethod(getattr(jnp, _name)))


def _in_dtype(value: Any, dtype: DType) -> Any:
    if not hasattr(value, "dtype") or value.dtype != dtype.numpy:
        return lax.convert_element_type(value, dtype.numpy)
    return value


def lower(
    outputs: Sequence[Node], values: Mapping[Node, Any], sizes: Mapping[str, int]
) -> list[Any]:
    """Returns the outputs as JAX values; call it where JAX traces."""
    return run_joined(outputs, values, JaxNamespace(sizes))
