"""What the oracles look at: one random graph, its derivatives by every route, and their numbers.

Everything is made when it is first asked for and kept, so that oracles share it: all graphs are
evaluated with mpmath in one walk, where they share nearly all of their nodes.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import resolve, run
from graphc.compare.bounds import rounding_bounds, smallest
from graphc.compare.rules import DIGITS, RULE_DIGITS
from graphc.compare.truth import Truth, digits_between, plain
from graphc.core.errors import EngineError, GradError
from graphc.core.node import Node, apply_named, as_node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.diff.engines import differentiate
from graphc.diff.forward import push
from graphc.diff.reverse import reverse_gradients
from graphc.fuzz.generate import Case
from graphc.ops.chain import broadcast_to
from graphc.ops.formulas import with_gradient
from graphc.ops.steps import steps_gathered

#: The relative step of the numeric engine at 60 digits: its truncation is of the order of 1e-40.
STEP = 1e-20


class Bench:
    """One case under the oracles.

    Args:
        case: the graph with its values.
        whole: whether SymPy differentiates the whole expression, which takes ten times as long as
            the partial derivatives one by one.
    """

    def __init__(self, case: Case, whole: bool = True) -> None:
        self.case = case
        self.whole = whole
        self.output = case.output
        self.wrt = case.wrt
        self.values = dict(case.values)
        self.sizes = case.sizes
        self._exact: dict[int, dict[Node, Any]] = {}

    # -- directions --

    @functools.cached_property
    def directions(self) -> tuple[list[Any], list[Any]]:
        """Two directions in the space of the inputs: eighths, none of them 0."""
        generator = np.random.default_rng(7)
        found: list[list[Any]] = []
        for _ in range(2):
            parts: list[Any] = []
            for w in self.wrt:
                # Along a named size it is the same everywhere: no constant has such a size.
                shape = tuple(s if isinstance(s, int) else 1 for s in w.shape)
                size, sign = (
                    generator.integers(1, 12, size=shape),
                    generator.integers(2, size=shape),
                )
                parts.append(size / 8 * (1 - 2.0 * sign))
            found.append(parts)
        return found[0], found[1]

    def amounts(self, number: int) -> list[Any]:
        """Returns a direction as arrays of the inputs' full shapes."""
        return [
            np.broadcast_to(d, np.shape(self.values[w]))
            for d, w in zip(self.directions[number], self.wrt, strict=True)
        ]

    def nodes_along(self, number: int) -> list[Node]:
        """Returns a direction as constants of the inputs' types."""
        return [
            broadcast_to(as_node(np.asarray(d).astype(w.dtype.numpy)), w.shape)
            for d, w in zip(self.directions[number], self.wrt, strict=True)
        ]

    # -- graphs --

    @functools.cached_property
    def reverse(self) -> list[Node]:
        return self._engine("reverse")

    @functools.cached_property
    def forward(self) -> list[Node]:
        return self._engine("forward")

    @functools.cached_property
    def symbolic(self) -> list[Node] | None:
        """SymPy's gradient; None where the engine does not apply."""
        options = {} if self.whole else {"budget": 0}
        try:
            return self._engine("symbolic", **options)
        except (EngineError, GradError):
            return None

    @functools.cached_property
    def numeric(self) -> list[Node] | None:
        """Central differences of a tiny step, for many digits; None where they do not apply."""
        if any(w.dtype.bits != 64 for w in self.wrt):
            return None  # the steps are numbers of the input's dtype, and too small for others
        try:
            return self._engine("numeric", step=STEP)
        except (EngineError, GradError):
            return None

    @functools.cached_property
    def analytic(self) -> list[Node] | None:
        """SymPy's gradient written beside the expression as its author's formula, and used."""
        if self.symbolic is None:
            return None
        formulas = dict(zip(self.wrt, self.symbolic, strict=True))
        beside = with_gradient(self.output, formulas)
        return list(differentiate(beside, self.wrt, "analytic").gradients)

    @functools.cached_property
    def pushed(self) -> Node:
        """The derivative along the first direction, by one forward sweep."""
        with quiet():
            return push(self.output, self.wrt, self.nodes_along(0))

    @functools.cached_property
    def second(self) -> dict[str, Node]:
        """The second derivative along both directions, by three routes."""
        with quiet():
            first, other = self.nodes_along(0), self.nodes_along(1)
            slope = _inner(self.reverse, first, self.output.dtype)
            return {
                "forward over reverse": push(slope, self.wrt, other),
                "reverse over reverse": _inner(
                    reverse_gradients(slope, self.wrt), other, slope.dtype
                ),
                "reverse over forward": _inner(
                    reverse_gradients(self.pushed, self.wrt), other, slope.dtype
                ),
            }

    @functools.cached_property
    def vector(self) -> Node | None:
        """The inner value of most elements, where the graph holds one that is no scalar."""
        found: Node | None = None
        for node in topological_order([self.output]):
            t = node.type
            if not node.args or not isinstance(t, TensorType) or not t.dtype.is_float or not t.ndim:
                continue
            if not t.is_static:
                continue
            if found is None or _count(node) >= _count(found):
                found = node
        return found

    @functools.cached_property
    def identity(self) -> tuple[Node, Node] | None:
        """<J v, w> and <v, J^T w> of the inner value of most elements; None without one."""
        inner = self.vector
        if inner is None:
            return None
        generator = np.random.default_rng(11)
        weights = generator.integers(1, 12, size=resolve(inner.shape, {})) / 8
        cotangent = as_node(weights.astype(inner.dtype.numpy))
        with quiet():
            pushed = push(inner, self.wrt, self.nodes_along(0))
            pulled = reverse_gradients(inner, self.wrt, cotangent)
            left = _inner([pushed], [cotangent], self.output.dtype)
            return left, _inner(pulled, self.nodes_along(0), self.output.dtype)

    def _engine(self, name: str, **options: Any) -> list[Node]:
        with quiet():
            return list(differentiate(self.output, self.wrt, name, **options).gradients)

    @functools.cached_property
    def roots(self) -> list[Node]:
        """All graphs whose values at many digits are asked for."""
        found = [self.output, *self.reverse, *self.forward, self.pushed, *self.second.values()]
        for more in (self.symbolic, self.numeric, self.analytic, self.identity):
            found += list(more or ())
        return list(dict.fromkeys(found))

    # -- numbers --

    @functools.cached_property
    def truth(self) -> Truth:
        return Truth(self.output, self.values, self.sizes)

    @functools.cached_property
    def true_slope(self) -> Any:
        """The true derivative along the first direction; None where there is none."""
        return self.truth.along(dict(zip(self.wrt, self.amounts(0), strict=True)))

    @functools.cached_property
    def smooth(self) -> bool:
        """Whether the true slopes by all elements exist and add up to that along the direction.

        where(x > 0, x, y) at (0, 0) may have a slope along a line and no gradient.
        """
        xp = MpNamespace(DIGITS, self.sizes)
        total = xp.context.zero
        for w, amount in zip(self.wrt, self.amounts(0), strict=True):
            found = self.truth.gradient(w)
            if any(v is None for v in found.flat):
                return False
            total = total + np.sum(xp.convert(found) * xp.convert(amount))
        return digits_between(total, self.true_slope, self.floor, 60.0) >= RULE_DIGITS

    def exact(self, node: Node, digits: int = DIGITS) -> Any:
        """Returns a node's value at so many digits, as an array of mpmath numbers."""
        known = self._exact.setdefault(digits, {})
        if node not in known:
            wanted = [node]
            if digits == DIGITS and node in self._root_set:
                wanted = self.roots
            xp = MpNamespace(digits, self.sizes)
            leaves = {n: xp.convert(v) for n, v in self.values.items()}
            found = run(wanted, leaves, xp)
            known.update(zip(wanted, found, strict=True))
        return known[node]

    @functools.cached_property
    def _root_set(self) -> set[Node]:
        return set(self.roots)

    def number(self, node: Node, digits: int = DIGITS) -> Any:
        """Returns a scalar node's value at so many digits."""
        return plain(self.exact(node, digits))

    def along(self, gradients: Sequence[Node], digits: int = DIGITS, number: int = 0) -> Any:
        """Returns the sum of gradients times a direction, at so many digits."""
        xp = MpNamespace(digits, self.sizes)
        total = xp.context.zero
        for gradient, direction in zip(gradients, self.amounts(number), strict=True):
            total = total + np.sum(self.exact(gradient, digits) * xp.convert(direction))
        return total

    @functools.cached_property
    def floor(self) -> float:
        """What digits of derivatives count relative to, where these are smaller.

        An element far below the largest one is no more than a rest, and below the smallest normal
        number XLA flushes to 0.
        """
        parts = [abs(v) for g in self.reverse for v in np.ravel(self.exact(g))]
        known = [float(p) for p in parts if p == p and p < 1e300]
        dtype = self.output.dtype
        return max(max(known, default=0.0) * dtype.epsilon, smallest(dtype))

    @functools.cached_property
    def float_roots(self) -> list[Node]:
        """The graphs whose floats are held against their rounding bounds."""
        return list(
            dict.fromkeys([self.output, *self.reverse, *self.forward, *(self.symbolic or ())])
        )

    @functools.cached_property
    def floats(self) -> dict[Node, Any]:
        """NumPy's values of the graphs whose floats are judged."""
        with np.errstate(all="ignore"):
            found = run(self.float_roots, self.values, NumpyNamespace(self.sizes))
        return dict(zip(self.float_roots, found, strict=True))

    @functools.cached_property
    def bounds(self) -> dict[Node, Any]:
        """How far rounding alone may carry them."""
        with quiet():
            found = rounding_bounds(self.float_roots, self.values, self.sizes)
        return dict(zip(self.float_roots, found, strict=True))


def _count(node: Node) -> int:
    return int(np.prod(resolve(node.shape, {}), dtype=int))


def _inner(left: Sequence[Node], right: Sequence[Node], dtype: Any) -> Node:
    """Returns the sum of the products of all elements, in a dtype."""
    total: Node | None = None
    for a, b in zip(left, right, strict=True):
        product = a * b
        if product.ndim:
            axis = tuple(range(product.ndim))
            product = apply_named("sum", product, axis=axis, keepdims=False)
        product = product if product.dtype is dtype else apply_named("cast", product, dtype=dtype)
        total = product if total is None else total + product
    assert total is not None
    return total


@contextmanager
def quiet() -> Generator[None]:
    """Silences the warning that a derivative passes a step: here it is meant."""
    with steps_gathered():
        yield
