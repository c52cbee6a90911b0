"""Named functions at points where a derivative is often lost: graphc, JAX and the truth there."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.compare.atlas.cases import Case, Counterpart, case_of
from graphc.compare.atlas.measure import by_jax, by_numpy, by_xla, graphs
from graphc.compare.atlas.truth import Orders, Truth
from graphc.compare.atlas.ulp import errors, format_of, target_of
from graphc.compare.atlas.vectors import vector_cases
from graphc.core.dtype import float64
from graphc.core.op import op_named


@dataclass(frozen=True, slots=True)
class Pitfall:
    """One derivative at one point, measured in float64.

    Attributes:
        name: the derivative, for example `tanh'`.
        at: the point.
        truth: the true number, rounded to float64.
        found: by backend (`xla`, `numpy`, `jax`) the number that came out.
        relative: by backend |found - truth| / |truth|; infinite for a NaN.
        lost: by backend whether nothing of it is left, see `Errors`.
        jax: JAX's function.
    """

    name: str
    at: tuple[float, ...]
    truth: float
    found: Mapping[str, float]
    relative: Mapping[str, float]
    lost: Mapping[str, bool]
    jax: str


@dataclass(frozen=True, slots=True)
class Place:
    """A function and the derivatives of it that are looked at.

    Attributes:
        name: what it is called in the table.
        case: the function.
        points: by orders of the derivative, the points.
    """

    name: str
    case: Callable[[], Case]
    points: Mapping[Orders, Sequence[tuple[float, ...]]]


def _op(name: str, **params: Any) -> Callable[[], Case]:
    return lambda: case_of(op_named(name), params)


def _vector(name: str, which: int = 0) -> Callable[[], Case]:
    return lambda: vector_cases((name,))[which]


def _isru() -> Case:
    def jax() -> Counterpart:
        import jax.numpy as jnp

        return lambda x: x / jnp.sqrt(1 + x * x), "x / jnp.sqrt(1 + x * x)"

    return dataclasses.replace(case_of(op_named("isru"), {}), jax=jax)


def _at(
    first: Sequence[float] = (), second: Sequence[float] = ()
) -> dict[Orders, list[tuple[float, ...]]]:
    return {(1,): [(x,) for x in first], (2,): [(x,) for x in second]}


_X, _D = (1, 0), (1, 0, 0, 0)

#: What is looked at. Each was wrong in some system when it was written down.
PLACES: tuple[Place, ...] = (
    Place("tanh", _op("tanh"), _at([19.0, 20.0, 300.0], [20.0])),
    Place("sigmoid", _op("sigmoid"), _at([37.0, 40.0, 700.0], [40.0])),
    Place("expm1", _op("expm1"), _at([-40.0, -700.0])),
    Place("elu", _op("elu", alpha=1.0), _at([-40.0])),
    Place("selu", _op("selu"), _at([-40.0])),
    Place("softplus", _op("softplus"), _at([-40.0], [40.0])),
    Place("log_sigmoid", _op("log_sigmoid"), _at([40.0], [-40.0])),
    Place("silu", _op("silu"), _at([-40.0], [40.0])),
    Place("sinc", _op("sinc", order=0, scale="1"), _at([1e-9], [1e-9, 1e-4])),
    Place("gelu", _op("gelu", approximate=False), _at([-8.0, -12.0, -37.5], [-12.0])),
    Place("gelu (tanh form)", _op("gelu", approximate=True), _at([-8.0, -12.0], [-12.0])),
    Place("x/sqrt(1+x^2)", _isru, _at([1e8, 1e100], [1e8])),
    Place("atan", _op("atan"), _at([1e150], [1e90])),
    Place("asinh", _op("asinh"), _at([1e160], [1e100])),
    Place("acosh", _op("acosh"), _at([1 + 2**-40, 1e160])),
    Place("atanh", _op("atanh"), _at([1 - 2**-50])),
    Place("asin", _op("asin"), _at([1 - 2**-50], [1e-20])),
    Place("log1p", _op("log1p"), _at([-1 + 2**-50])),
    Place("erf", _op("erf"), _at([5.0, 26.0], [26.0])),
    Place("erfc", _op("erfc"), _at([26.0])),
    Place("cosh", _op("cosh"), _at([710.0])),
    Place("hypot", _op("hypot"), {_X: [(3e200, 4e200), (1e-200, 2e-200)]}),
    Place("atan2", _op("atan2"), {_X: [(3e200, 4e200), (1e-200, 2e-200)]}),
    Place("pow", _op("pow"), {_X: [(0.0, 1.0), (1e-200, 1.5)], (0, 1): [(0.0, 2.0)]}),
    Place("norm", _vector("norm"), {_D: [(3e200, 4e200, 0.0, 1.0), (3e-200, 4e-200, 0.0, 0.0)]}),
    Place("logsumexp", _vector("logsumexp"), {_D: [(1000.0, 999.0, 0.0, -1000.0)]}),
    Place("softmax", _vector("softmax"), {_D: [(40.0, 0.0, 0.0, 1.0)]}),
    Place("log_softmax", _vector("log_softmax"), {_D: [(40.0, 0.0, 0.0, 1.0)]}),
    Place("std", _vector("std"), {_D: [(1e-170, 2e-170, 3e-170, 5e-170)]}),
)  # fmt: skip

#: Marks of the derivative of an order, after the function's name.
_MARKS = {1: "'", 2: "''"}


def pitfalls(places: Sequence[Place] = PLACES) -> list[Pitfall]:
    """Returns what graphc and JAX give at each place, in float64, with the truth."""
    return [found for place in places for found in _measure(place)]


def _measure(place: Place) -> list[Pitfall]:
    case, form = place.case(), format_of(float64)
    spots = [(orders, point) for orders, points in place.points.items() for point in points]
    values = [np.array(column) for column in zip(*[point for _, point in spots], strict=True)]
    inputs, nodes = graphs(case, float64, len(spots))
    results = {
        "xla": by_xla(inputs, list(nodes.values()), values),
        "numpy": by_numpy(inputs, list(nodes.values()), values),
    }
    function, name = case.jax()
    if function is not None:
        results["jax"] = by_jax(function, values, case.count)
    truth = Truth(case.formula, form.tiny)
    positions = list(nodes)
    made: list[Pitfall] = []
    for i, (orders, point) in enumerate(spots):
        true = truth.at(point, [orders])[orders]
        target = target_of([true], form)
        found = {b: float(r[positions.index(orders)][i]) for b, r in results.items()}
        lost = {b: bool(errors(np.array([v]), target).lost[0]) for b, v in found.items()}
        relative = {b: _relative(v, true) for b, v in found.items()}
        made.append(
            Pitfall(
                _words(place.name, orders, case.names),
                point,
                float(true),
                found,
                relative,
                lost,
                name,
            )
        )
    return made


def _words(name: str, orders: Orders, operands: Sequence[str]) -> str:
    if len(orders) == 1:
        return name + _MARKS[sum(orders)]
    return f"d {name} / d{operands[orders.index(1)]}"


def _relative(found: float, truth: Any) -> float:
    if not math.isfinite(found):
        return math.inf
    if truth == 0:
        return 0.0 if found == 0 else math.inf
    return float(abs((found - truth) / truth))


def losses(found: Sequence[Pitfall]) -> dict[str, int]:
    """Returns by backend at how many of the places it is 1 % off, or more."""
    return {
        b: len([p for p in found if p.relative.get(b, 0.0) >= 0.01])
        for b in ("xla", "numpy", "jax")
    }
