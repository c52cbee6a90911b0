"""Measures elementwise ops: value, first and second derivative against the truth, in ulp."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.backends.numpy import evaluate
from graphc.compare.atlas.cases import Case, orders_of, words_of
from graphc.compare.atlas.points import LARGE, SMALL, Density, events, line, pairs
from graphc.compare.atlas.truth import Orders, Truth
from graphc.compare.atlas.ulp import Errors, Format, errors, format_of, target_of
from graphc.core.dtype import DType
from graphc.core.errors import GradError
from graphc.core.node import Node, apply_named
from graphc.diff.derivatives import grad
from graphc.ops.reduction import sum as sum_of
from graphc.ops.steps import steps_gathered

Array = np.ndarray[Any, Any]
Point = tuple[float, ...]

#: What is aimed at, in ulp away from zeros, for the value, first and second derivatives.
AIMS = (4.0, 4.0, 16.0)

#: The columns: graphc compiled by XLA, graphc run by NumPy, JAX's own derivative of its function.
BACKENDS = ("xla", "numpy", "jax")


@dataclass(frozen=True, slots=True)
class Worst:
    """The worst of one backend over the points of one row.

    Attributes:
        ulp: the largest error at any point.
        at: the operands there.
        partial: which derivative it is there, for example `d/dx`.
        away: the largest error away from zeros of what is measured, see `Zeros`, and from the edge
            of underflow.
        away_at, away_partial: the same for it.
        lost: at how many points nothing of the result is left: it is infinite or NaN, or 0 away
            from zeros, where the truth is a normal number.
        edge: at how many further points it is 0 at the edge of underflow, see `Errors`.
        lost_at, lost_partial: the first of them.
    """

    ulp: float = 0.0
    at: Point = ()
    partial: str = ""
    away: float = 0.0
    away_at: Point = ()
    away_partial: str = ""
    lost: int = 0
    edge: int = 0
    lost_at: Point = ()
    lost_partial: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One op, dtype and order of derivative.

    Attributes:
        op: the op's name.
        label: the name with parameters.
        dtype: the dtype's name.
        order: 0 the value, 1 and 2 the derivatives.
        points: at how many points there is a truth, partial derivatives counted one by one.
        skipped: at how many there is none: kinks, ends of the domain, outside of it.
        worst: by backend; a backend that has no such function is missing.
        jax: the name of JAX's function, or why there is none.
        inner: see `Case`.
    """

    op: str
    label: str
    dtype: str
    order: int
    points: int
    skipped: int
    worst: Mapping[str, Worst]
    jax: str
    inner: bool


class Zeros:
    """Tells which points lie near a zero of what is measured.

    A point does, for the aim of N ulp, where Newton's step g / g' towards a zero of g is shorter
    than |x| / N: there an error of one ulp in x alone moves g by N ulp. Newton's step leads towards
    a zero where g g'' < g'^2 / 2; at a pole, and in a tail like e**-x, it does not, so these count.
    """

    def __init__(self, truth: Truth) -> None:
        self.truth = truth
        self.known: dict[Any, bool] = {}

    def near(self, point: Point, orders: Orders, aim: float) -> bool:
        """Tells whether a point is near a zero of the derivative of these orders."""
        key = (point, orders, aim)
        if key not in self.known:
            self.known[key] = any(
                self._towards_zero(point, orders, k, aim) for k in range(len(point))
            )
        return self.known[key]

    def _towards_zero(self, point: Point, orders: Orders, k: int, aim: float) -> bool:
        x = point[k]
        g, slope, bend = (
            self.truth.rough(point, tuple(o + n * (i == k) for i, o in enumerate(orders)))
            for n in range(3)
        )
        if slope is None or not x:
            return False
        if g is None:
            return True
        short = abs(g) * aim < abs(slope * x)
        return bool(short and (bend is None or g * bend < slope * slope / 2))


@dataclass(slots=True)
class Survey:
    """The points of a case and the truth there.

    Attributes:
        points: `float64[n, operands]`, numbers of the dtype.
        truths: by orders, for each point an mpmath number or None.
        zeros: tells near which points there is a zero.
    """

    case: Case
    dtype: DType
    points: Array
    truths: dict[Orders, list[Any]]
    zeros: Zeros = field(repr=False)

    @property
    def form(self) -> Format:
        """The dtype's format."""
        return format_of(self.dtype)


def survey(case: Case, dtype: DType, density: Density) -> Survey:
    """Returns the points at which a case is measured in a dtype, with the truth at each."""
    form = format_of(dtype)
    truth = Truth(case.formula, form.tiny, jumps=case.jumps)
    wanted = [o for group in orders_of(case.count) for o in group]
    known: dict[Point, dict[Orders, Any]] = {}

    def at(point: Point) -> dict[Orders, Any]:
        if point not in known:
            known[point] = truth.at(point, wanted)
        return known[point]

    if case.points is not None:
        points = case.points(dtype, density)
    elif case.count == 1:
        points = _line_with_events(lambda x: at((x,)), truth, dtype, density)[:, None]
    else:
        points = pairs(dtype, density, case.count)
        points = points if case.inside is None else points[case.inside(*points.T)]
    found = [at(tuple(float(v) for v in p)) for p in points]
    truths = {o: [f[o] for f in found] for o in wanted}
    _drop_kinks(case, points, truths)
    return Survey(case, dtype, points, truths, Zeros(truth))


def _line_with_events(
    at: Callable[[float], dict[Orders, Any]], truth: Truth, dtype: DType, density: Density
) -> Array:
    form, points = format_of(dtype), line(dtype, density)
    extra: list[Array] = []
    done: set[int] = set()
    for orders in ((0,), (1,), (2,)):
        kinds = [_kind(at(float(x))[orders], form) for x in points]

        def kind_of(x: float, orders: Orders = orders) -> int | None:
            return _kind(truth.at((x,), [orders])[orders], form)

        extra.append(events(points, kinds, kind_of, dtype, density.events, done))
    return np.unique(np.concatenate([points, *extra]))


def _kind(value: Any, form: Format) -> int | None:
    """Returns what a result is, in the words of `events`."""
    if value is None:
        return None
    sign = 1 if value > 0 else -1
    size = abs(value)
    return sign * LARGE if size > form.largest else sign if size >= form.tiny else SMALL


def _drop_kinks(case: Case, points: Array, truths: dict[Orders, list[Any]]) -> None:
    """Takes the derivatives exactly at a kink out: what holds there is a convention."""
    if case.kinked is None:
        return
    with np.errstate(all="ignore"):
        kinked = case.kinked(points)
    for orders, values in truths.items():
        if any(orders):
            truths[orders] = [None if k else v for k, v in zip(kinked, values, strict=True)]


def graphs(case: Case, dtype: DType, size: int) -> tuple[list[Node], dict[Orders, Node]]:
    """Returns input nodes and, by orders, the op's value and its derivatives as graph."""
    inputs = [apply_named("input", name=f"x{k}", type=dtype[size]) for k in range(case.count)]
    value, firsts, seconds = orders_of(case.count)
    found: dict[Orders, Node] = {value[0]: case.build(*inputs)}
    with steps_gathered():
        for orders in (*firsts, *seconds):
            k = max(i for i, o in enumerate(orders) if o)
            lower = tuple(o - (i == k) for i, o in enumerate(orders))
            found[orders] = _slope(found[lower], inputs[k])
    return inputs, found


def _slope(value: Node, by: Node) -> Node:
    # Elements do not mix, so the gradient of the sum holds each element's slope.
    try:
        return grad(sum_of(value), by)
    except GradError:  # it does not depend on that operand
        return apply_named("mul", by, 0.0)


def by_numpy(inputs: Sequence[Node], nodes: Sequence[Node], values: Sequence[Array]) -> list[Array]:
    """Returns the nodes' values as NumPy computes them."""
    with np.errstate(all="ignore"):
        return evaluate(list(nodes), dict(zip(inputs, values, strict=True)))


def by_xla(inputs: Sequence[Node], nodes: Sequence[Node], values: Sequence[Array]) -> list[Array]:
    """Returns the nodes' values as XLA computes them."""
    from graphc.backends.compile import compile

    program = compile(list(nodes), list(inputs))
    return [np.asarray(v) for v in program(*values)]


def by_jax(function: Callable[..., Any], values: Sequence[Array], count: int) -> list[Array]:
    """Returns value, first and second derivatives of a JAX function as JAX has them."""
    import jax

    def slope(of: Callable[..., Any], k: int) -> Callable[..., Any]:
        return jax.grad(lambda *x: of(*x).sum(), argnums=k)

    _, firsts, seconds = orders_of(count)
    made: dict[Orders, Callable[..., Any]] = {(0,) * count: function}
    for orders in (*firsts, *seconds):
        k = max(i for i, o in enumerate(orders) if o)
        made[orders] = slope(made[tuple(o - (i == k) for i, o in enumerate(orders))], k)
    program = jax.jit(lambda *x: [f(*x) for f in made.values()])
    return [np.asarray(v) for v in program(*values)]


def measure(
    case: Case, dtype: DType, density: Density, backends: Sequence[str] = BACKENDS
) -> list[Row]:
    """Returns the rows of one case in one dtype: value, first and second derivative."""
    found = survey(case, dtype, density)
    values = [np.ascontiguousarray(c).astype(dtype.numpy) for c in found.points.T]
    inputs, nodes = graphs(case, dtype, len(found.points))
    function, jax_name = case.jax()
    results: dict[str, list[Array]] = {}
    if "xla" in backends:
        results["xla"] = by_xla(inputs, list(nodes.values()), values)
    if "numpy" in backends:
        results["numpy"] = by_numpy(inputs, list(nodes.values()), values)
    if "jax" in backends and function is not None:
        with contextlib.suppress(TypeError):  # ndtr, for one, takes no 16-bit floats
            results["jax"] = by_jax(function, values, case.count)
    targets = {o: target_of(t, found.form) for o, t in found.truths.items()}
    rows: list[Row] = []
    for order, group in enumerate(orders_of(case.count)):
        worst: dict[str, Worst] = {}
        for backend, arrays in results.items():
            by_orders = dict(zip(nodes, arrays, strict=True))
            worst[backend] = _worst(
                found, {o: errors(by_orders[o], targets[o]) for o in group}, AIMS[order]
            )
        known = sum(int(targets[o].known.sum()) for o in group)
        skipped = len(group) * len(found.points) - known
        rows.append(
            Row(
                op=case.op,
                label=case.label,
                dtype=dtype.name,
                order=order,
                points=known,
                skipped=skipped,
                worst=worst,
                jax=jax_name,
                inner=case.inner,
            )
        )
    return rows


def _worst(found: Survey, group: Mapping[Orders, Errors], aim: float) -> Worst:
    points: list[Point] = [tuple(p) for p in found.points.tolist()]
    entries = [
        _Entry(
            float(e.ulp[i]), orders, points[i], bool(e.lost[i]), bool(e.zero[i]), bool(e.edge[i])
        )
        for orders, e in group.items()
        for i in np.flatnonzero(~np.isnan(e.ulp))
    ]
    if not entries:
        return Worst()
    entries.sort(key=lambda entry: -entry.ulp)  # stable: the first of equals stays first

    def near(entry: _Entry) -> bool:
        return entry.edge or found.zeros.near(entry.point, entry.orders, aim)

    # Beside a true zero, rounding x alone may give 0: that is not a loss.
    lost = [e for e in entries if e.lost and (not e.zero or e.edge or not near(e))]
    plain = [e for e in lost if not e.edge]
    first = min(plain or lost, key=lambda e: e.point, default=None)
    top, away = entries[0], next((e for e in entries if not near(e)), None)
    names = found.case.names
    return Worst(
        ulp=top.ulp,
        at=top.point,
        partial=words_of(top.orders, names),
        away=away.ulp if away else 0.0,
        away_at=away.point if away else (),
        away_partial=words_of(away.orders, names) if away else "",
        lost=len(plain),
        edge=len(lost) - len(plain),
        lost_at=first.point if first else (),
        lost_partial=words_of(first.orders, names) if first else "",
    )


@dataclass(frozen=True, slots=True)
class _Entry:
    """The error of one result."""

    ulp: float
    orders: Orders
    point: Point
    lost: bool
    zero: bool
    edge: bool
