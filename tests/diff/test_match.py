"""`match=`: the slopes of another system, against that system where it is here to be asked.

JAX and SymPy are run. Of PyTorch 2.13.0, PyTensor 3.0.7 and CasADi 3.8.2 the numbers below were
measured on the CPU in float64.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import sympy
from jax import lax
from jax.tree_util import tree_leaves

import graphc as gx
from graphc.core.node import apply_named
from graphc.core.op import Op, all_ops
from graphc.core.system import PEERS, SYSTEMS
from tests.test_every_kink import BENT, POINTS

INF, NAN = math.inf, math.nan
Function = Callable[..., Any]

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


def gradients(
    function: Function, points: Sequence[Any], match: str, engine: str = "reverse"
) -> list[np.ndarray[Any, Any]]:
    """Returns the gradient by every operand."""
    nodes = [
        gx.input(f"x{i}", np.shape(p), "int32" if is_index(p) else "float64")
        for i, p in enumerate(points)
    ]
    floats = [n for n in nodes if n.dtype.is_float]
    made = gx.grad(gx.sum(function(*nodes)), floats, engine, match=match, unreachable="zero")
    values = {f"x{i}": np.asarray(p) for i, p in enumerate(points)}
    return gx.evaluate([made, nodes], values)[0]


def is_index(point: Any) -> bool:
    """Tells whether an operand is an array of indices: a list of integers behind the floats."""
    return isinstance(point, list) and np.asarray(point).dtype.kind == "i"


def assert_near(found: Any, expected: Any, ulps: int = 4) -> None:
    """Asserts equality to a few ulps; NaN equals NaN, and the sign of 0 does not count."""
    found, expected = np.asarray(found, float), np.asarray(expected, float)
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(invalid="ignore"):
        near = np.abs(found - expected) <= ulps * np.spacing(np.abs(expected))
    assert np.all(same | near), (found, expected)


def by_jax(function: Function, points: Sequence[Any], engine: str = "reverse") -> list[Any]:
    """Returns JAX's derivative in the same mode: its two modes differ in the dead branches."""
    arrays = [jnp.asarray(p, dtype=None if is_index(p) else jnp.float64) for p in points]
    take = jax.grad if engine == "reverse" else jax.jacfwd
    floats = [i for i, p in enumerate(points) if not is_index(p)]
    return [take(lambda *x: jnp.sum(function(*x)), argnums=i)(*arrays) for i in floats]


# -- JAX, at every kink of the registry ------------------------------------------------------------

#: What JAX calls each op with a kink.
IN_JAX: dict[str, Function] = {
    "abs": jnp.abs,
    "sign": jnp.sign,
    "step_sign": jnp.sign,
    "relu": jax.nn.relu,
    "leaky_relu": lambda x, slope: jax.nn.leaky_relu(x, slope),
    "elu": lambda x, alpha: jax.nn.elu(x, alpha),
    "selu": jax.nn.selu,
    "floor": jnp.floor,
    "ceil": jnp.ceil,
    "round": jnp.round,
    "trunc": jnp.trunc,
    "mod": jnp.mod,
    "floor_divide": jnp.floor_divide,
    "maximum": jnp.maximum,
    "minimum": jnp.minimum,
    "clip": jnp.clip,
    "hypot": jnp.hypot,
    "atan2": jnp.arctan2,
    "pow": jnp.power,
    "max": lambda x, axis, keepdims: jnp.max(x, axis, keepdims=keepdims),
    "min": lambda x, axis, keepdims: jnp.min(x, axis, keepdims=keepdims),
    "norm": lambda x, axis, keepdims, ord: jnp.linalg.norm(x, ord, axis[0], keepdims),
    "std": lambda x, axis, keepdims, correction: jnp.std(x, axis, ddof=correction),
    "i0e": jax.scipy.special.i0e,
    "copysign": jnp.copysign,
    "xlogy": jax.scipy.special.xlogy,
    "xlog1py": jax.scipy.special.xlog1py,
    "cummax": lambda x, axis, reverse: lax.cummax(x, axis, reverse),
    "cummin": lambda x, axis, reverse: lax.cummin(x, axis, reverse),
    "index_max": lambda x, v, i, axes: x.at[i].max(v),
    "index_min": lambda x, v, i, axes: x.at[i].min(v),
    "max_pool": lambda x, window, strides, padding: lax.reduce_window(
        x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), ((0, 0), *padding, (0, 0))
    ),
}


def at_kinks(op: Op, match: str, engine: str) -> list[tuple[Any, list[Any], list[Any]]]:
    """Returns for each of the op's points: the point, graphc's gradient in `match`, and JAX's."""
    there, beside, params = POINTS[op.name]
    return [
        (
            point,
            gradients(lambda *x: apply_named(op.name, *x, **params), point, match, engine),
            by_jax(lambda *x: IN_JAX[op.name](*x, **params), point, engine),
        )
        for point in (*there, *beside)
        if not any(abs(v) == 1e-300 for v in np.ravel(point[0]))  # subnormal squares: not a choice
    ]


def shares_by_pairs(op: Op, point: Any) -> bool:
    """Tells whether JAX's shares hang on how its scan pairs the elements, which is not copied."""
    return op.name in ("cummax", "cummin") and max(np.unique(point, return_counts=True)[1]) > 2


#: Ops that are a slope of graphc's own and no function anywhere else.
OWN = {"pow_less", "bessel_moment", "threshold"}
#: Ops whose forward rule adds, in JAX, 0 times the infinite slope by the other operand.
ADDS_ZEROS = {"xlogy", "xlog1py"}
SHARED = [op for op in BENT if op.name not in OWN]


def test_every_kink_has_its_function_in_jax() -> None:
    assert {op.name for op in SHARED} == set(IN_JAX)


@pytest.mark.parametrize("op", SHARED, ids=lambda op: op.name)
@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_jax_side_is_jaxs_at_and_beside_every_kink(op: Op, engine: str) -> None:
    if engine == "forward" and op.name in ADDS_ZEROS:
        return
    for point, found, expected in at_kinks(op, "jax", engine):
        for left, right in zip(found, expected, strict=True):
            if not shares_by_pairs(op, point):
                assert_near(left, right)


@pytest.mark.parametrize("op", SHARED, ids=lambda op: op.name)
def test_record_says_that_jax_departs_where_it_does(op: Op) -> None:
    assert op.kink is not None
    departs = any(
        not np.array_equal(np.asarray(f) + 0.0, np.asarray(e) + 0.0, equal_nan=True)
        for _, found, expected in at_kinks(op, "graphc", "reverse")[: len(POINTS[op.name][0])]
        for f, e in zip(found, expected, strict=True)
    )
    assert departs == bool(op.kink.departs)


# -- JAX, at edges and through compositions --------------------------------------------------------

ROWS: list[tuple[str, Function, Function, tuple[Any, ...]]] = [
    ("log of a negative", gx.log, jnp.log, (-1.0,)),
    ("log at 0", gx.log, jnp.log, (0.0,)),
    ("log1p below -1", gx.log1p, jnp.log1p, (-2.0,)),
    ("atanh outside", gx.atanh, jnp.arctanh, (2.0,)),
    ("sqrt of a negative", gx.sqrt, jnp.sqrt, (-1.0,)),
    ("sqrt at 0", gx.sqrt, jnp.sqrt, (0.0,)),
    ("asin at 1", gx.asin, jnp.arcsin, (1.0,)),
    ("acosh at 1", gx.acosh, jnp.arccosh, (1.0,)),
    ("1 / x at 0", lambda x: 1 / x, lambda x: 1 / x, (0.0,)),
    ("norm of order 1", lambda x: gx.norm(x, 1), lambda x: jnp.linalg.norm(x, 1), ([0.0, -2.0],)),
    (
        "norm of order 1 at 0",
        lambda x: gx.norm(x, 1),
        lambda x: jnp.linalg.norm(x, 1),
        ([0.0] * 2,),
    ),
    (
        "norm of order 3 at 0",
        lambda x: gx.norm(x, 3),
        lambda x: jnp.linalg.norm(x, 3),
        ([0.0] * 2,),
    ),
    ("0.0 ** -1", gx.pow, jnp.power, (0.0, -1.0)),
    ("0.0 ** 1", gx.pow, jnp.power, (0.0, 1.0)),
    ("0.0 ** 1/2", gx.pow, jnp.power, (0.0, 0.5)),
    ("NaN ** 0.0", gx.pow, jnp.power, (NAN, 0.0)),
    ("negative ** 0.0", gx.pow, jnp.power, (-2.0, 0.0)),
    ("negative ** 3.0", gx.pow, jnp.power, (-2.0, 3.0)),
    ("x ** 0", lambda x: x**0, lambda x: x**0, (0.0,)),
    ("equal bounds", gx.clip, jnp.clip, (0.0, 0.0, 0.0)),
    (
        "abs(x) - abs(-x)",
        lambda x: gx.abs(x) - gx.abs(-x),
        lambda x: jnp.abs(x) - jnp.abs(-x),
        (0.0,),
    ),
    (
        "dead branch of where",
        lambda x: gx.where(x > 0, gx.log(x), 2 * x),
        lambda x: jnp.where(x > 0, jnp.log(x), 2 * x),
        (0.0,),
    ),
    (
        "dead branch of where, below",
        lambda x: gx.where(x > 0, gx.sqrt(x), 2 * x),
        lambda x: jnp.where(x > 0, jnp.sqrt(x), 2 * x),
        (-1.0,),
    ),
    (
        "maximum of a logarithm",
        lambda x: gx.maximum(gx.log(x), 0.0),
        lambda x: jnp.maximum(jnp.log(x), 0.0),
        (0.0,),
    ),
    (
        "relu of a logarithm",
        lambda x: gx.relu(gx.log(x)),
        lambda x: jax.nn.relu(jnp.log(x)),
        (0.0,),
    ),
    (
        "clip of a logarithm",
        lambda x: gx.clip(gx.log(x), -1.0, 1.0),
        lambda x: jnp.clip(jnp.log(x), -1.0, 1.0),
        (0.0,),
    ),
    (
        "root of maximum",
        lambda x: gx.sqrt(gx.maximum(x, 0.0)),
        lambda x: jnp.sqrt(jnp.maximum(x, 0.0)),
        (-1.0,),
    ),
    (
        "root of relu",
        lambda x: gx.sqrt(gx.relu(x)),
        lambda x: jnp.sqrt(jax.nn.relu(x)),
        (-1.0,),
    ),
    (
        "dead branch through a sum and a reshape",
        lambda x: gx.sum(gx.reshape(gx.where(x > 0, gx.log(x), 0.0), (2, 1)) * 3),
        lambda x: jnp.sum(jnp.reshape(jnp.where(x > 0, jnp.log(x), 0.0), (2, 1)) * 3),
        ([0.0, 2.0],),
    ),
    (
        "cross-entropy in its stable form",
        lambda z: gx.maximum(z, 0.0) - z + gx.log1p(gx.exp(-gx.abs(z))),
        lambda z: jnp.maximum(z, 0.0) - z + jnp.log1p(jnp.exp(-jnp.abs(z))),
        (0.0,),
    ),
    (
        "cross-entropy with relu",
        lambda z: gx.relu(z) - z + gx.log1p(gx.exp(-gx.abs(z))),
        lambda z: jax.nn.relu(z) - z + jnp.log1p(jnp.exp(-jnp.abs(z))),
        (0.0,),
    ),
    ("logsumexp of infinities", gx.logsumexp, jax.nn.logsumexp, ([INF, INF],)),
    ("logsumexp of nothing at all", gx.logsumexp, jax.nn.logsumexp, ([-INF, -INF],)),
    ("logsumexp of one infinity", gx.logsumexp, jax.nn.logsumexp, ([INF, 0.0],)),
    ("logsumexp with a zero share", gx.logsumexp, jax.nn.logsumexp, ([-INF, 0.0],)),
    ("std of one number", gx.std, jnp.std, ([2.0],)),
    ("x log x at 0", lambda x: x * gx.log(x), lambda x: x * jnp.log(x), (0.0,)),
    ("root of a square", lambda x: gx.sqrt(x * x), lambda x: jnp.sqrt(x * x), (0.0,)),
]


@pytest.mark.parametrize(
    ("graph", "function", "point"), [r[1:] for r in ROWS], ids=[r[0] for r in ROWS]
)
@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_jax_side_is_jaxs_at_edges_and_in_compositions(
    graph: Function, function: Function, point: tuple[Any, ...], engine: str
) -> None:
    for left, right in zip(
        gradients(graph, point, "jax", engine), by_jax(function, point, engine), strict=True
    ):
        assert_near(left, right)


def test_compiled_code_takes_the_same_side() -> None:
    rows = [(graph, point) for _, graph, _, point in ROWS]
    rows += [(r[2], r[3]) for r in MEASURED]
    asked: list[Any] = []
    values: dict[str, Any] = {}
    for number, (graph, point) in enumerate(rows):
        arrays = {f"x{number}_{i}": np.asarray(p, float) for i, p in enumerate(point)}
        nodes = [gx.input(name, a.shape, "float64") for name, a in arrays.items()]
        values |= arrays
        asked += [gx.grad(graph(*nodes), nodes, match=s, unreachable="zero") for s in PEERS]
        asked.append(nodes)
    for left, right in zip(
        tree_leaves(gx.evaluate(asked, values)), tree_leaves(gx.compile(asked)(values)), strict=True
    ):
        assert_near(left, right)


def test_jax_side_multiplies_the_zero_of_a_beaten_element() -> None:
    # Backwards only: forwards, XLA makes 0 of the one-hot direction's 0 * inf, NumPy NaN.
    (found,) = gradients(lambda x: gx.max(gx.log(x)), ([0.0, 1.0],), "jax")
    (expected,) = by_jax(lambda x: jnp.max(jnp.log(x)), ([0.0, 1.0],))
    assert np.isnan(found[0])
    assert_near(found, expected)


def test_jax_side_reaches_into_blocks_and_maps() -> None:
    @gx.block
    def risky(x: Any) -> Any:
        return gx.where(x > 0, gx.log(x), gx.abs(x))

    def theirs(x: Any) -> Any:
        return jnp.where(x > 0, jnp.log(x), jnp.abs(x))

    for engine in ("reverse", "forward"):
        (called,) = gradients(lambda x: gx.sum(risky(x)), ([0.0, 2.0],), "jax", engine)
        (mapped,) = gradients(lambda x: gx.sum(gx.map(risky, x)), ([0.0, 2.0],), "jax", engine)
        (expected,) = by_jax(lambda x: jnp.sum(theirs(x)), ([0.0, 2.0],), engine)
        assert_near(called, expected)
        assert_near(mapped, expected)
        assert_near(
            gradients(lambda x: gx.sum(risky(x)), ([0.0, 2.0],), "graphc", engine), [[0, 0.5]]
        )


# -- every function that takes it ------------------------------------------------------------------


def test_every_derivative_takes_a_side() -> None:
    x = gx.input("x", (2,), "float64")
    loss = gx.sum(gx.abs(x) * x)
    at = {"x": np.array([0.0, -3.0])}

    def theirs(v: Any) -> Any:
        return jnp.sum(jnp.abs(v) * v)

    point, ones = jnp.asarray(at["x"]), jnp.ones(2)
    pairs = [
        (gx.value_and_grad(loss + gx.sum(gx.abs(x)), x, match="jax")[1], [1.0, 5.0]),
        (gx.vjp(gx.abs(x), x, 1.0, match="jax"), jax.vjp(jnp.abs, point)[1](ones)[0]),
        (gx.jvp(gx.abs(x), x, 1.0, match="jax"), jax.jvp(jnp.abs, (point,), (ones,))[1]),
        (gx.jacobian(gx.abs(x), x, match="jax"), jax.jacobian(jnp.abs)(point)),
        (gx.jacobian(gx.abs(x), x, "forward", match="jax"), jax.jacobian(jnp.abs)(point)),
        (gx.hessian(loss, x, match="jax"), jax.hessian(theirs)(point)),
        (gx.hessian(loss, x, "forward", match="jax"), jax.hessian(theirs)(point)),
        (gx.hvp(loss, x, 1.0, match="jax"), jax.jvp(jax.grad(theirs), (point,), (ones,))[1]),
    ]
    for made, expected in pairs:
        assert_near(gx.evaluate([made, x], at)[0], expected)
    assert gx.evaluate(gx.hessian(loss, x), at)[0, 0] == 0.0


def test_value_does_not_depend_on_the_side() -> None:
    x = gx.input("x", (), "float64")
    value, _ = gx.value_and_grad(gx.abs(x), x, match="jax")
    assert value is gx.abs(x)


def test_referee_is_jaxs_side_and_takes_no_other() -> None:
    x = gx.input("x", (), "float64")
    assert gx.compile(gx.grad(gx.abs(x), x, "jax", match="jax"))(x=0.0) == 1.0
    with pytest.raises(gx.EngineError, match="its slopes are JAX's own"):
        gx.grad(gx.abs(x), x, "jax", match="torch")


@pytest.mark.parametrize("engine", ["numeric", "symbolic", "analytic"])
def test_engine_without_rules_takes_no_side(engine: str) -> None:
    x = gx.input("x", (), "float64")
    with pytest.raises(gx.EngineError, match=f"{engine} takes no other system's side"):
        gx.grad(gx.abs(x), x, engine, match="jax")
    with pytest.raises(gx.EngineError, match=f"{engine} takes no other system's side"):
        gx.jacobian(gx.abs(x), x, engine, match="jax")


@pytest.mark.parametrize("wrong", ["mlx", "JAX", "", None, 3])
def test_unknown_system_is_refused_with_the_list(wrong: Any) -> None:
    x = gx.input("x", (), "float64")
    for call in (
        lambda: gx.grad(x * x, x, match=wrong),
        lambda: gx.vjp(x * x, x, 1.0, match=wrong),
        lambda: gx.jvp(x * x, x, 1.0, match=wrong),
        lambda: gx.jacobian(x * x, x, "forward", match=wrong),
        lambda: gx.hessian(x * x, x, match=wrong),
        lambda: gx.hvp(x * x, x, 1.0, match=wrong),
    ):
        with pytest.raises(gx.ArgumentError, match="graphc, jax, torch, pytensor, casadi, sympy"):
            call()


def test_records_name_known_systems_only() -> None:
    assert {name for op in all_ops() for name in op.peers} <= set(PEERS)
    assert "graphc" not in PEERS and set(PEERS) < set(SYSTEMS)


def test_smooth_graphs_are_the_same_node_on_every_side() -> None:
    x = gx.input("x", (3,), "float64")
    own = gx.grad(gx.sum(gx.exp(x) * gx.sin(x)), x)
    assert all(gx.grad(gx.sum(gx.exp(x) * gx.sin(x)), x, match=name) is own for name in PEERS)


# -- the others ------------------------------------------------------------------------------------

MEASURED: list[tuple[str, str, Function, tuple[Any, ...], list[Any]]] = [
    ("torch", "clip at a bound", lambda x: gx.clip(x, -1.0, 2.0), (-1.0,), [1.0]),
    ("torch", "abs at 0", gx.abs, (0.0,), [0.0]),
    ("torch", "leaky relu", lambda x: gx.leaky_relu(x, 0.25), (0.0,), [0.25]),
    ("torch", "maximum tie", gx.maximum, (2.0, 2.0), [0.5, 0.5]),
    ("torch", "amax tie", gx.max, ([1.0, 3.0, 3.0],), [[0.0, 0.5, 0.5]]),
    ("torch", "log of a negative", gx.log, (-1.0,), [-1.0]),
    ("torch", "norm at 0", gx.norm, ([0.0, 0.0],), [[0.0, 0.0]]),
    ("torch", "norm of order 1", lambda x: gx.norm(x, 1), ([0.0, 0.0],), [[0.0, 0.0]]),
    ("torch", "std of equals", gx.std, ([2.0, 2.0],), [[0.0, 0.0]]),
    ("torch", "atan2 at the origin", gx.atan2, (0.0, 0.0), [0.0, -0.0]),
    ("torch", "0 ** 0", gx.pow, (0.0, 0.0), [0.0, 0.0]),
    (
        "torch",
        "cross-entropy",
        lambda z: gx.maximum(z, 0.0) - z + gx.log1p(gx.exp(-gx.abs(z))),
        (0.0,),
        [-0.5],
    ),
    ("pytensor", "maximum tie", gx.maximum, (2.0, 2.0), [1.0, 0.0]),
    ("pytensor", "minimum tie", gx.minimum, (2.0, 2.0), [1.0, 0.0]),
    ("pytensor", "max tie", gx.max, ([1.0, 3.0, 3.0],), [[0.0, 1.0, 1.0]]),
    ("pytensor", "clip at a bound", lambda x: gx.clip(x, -1.0, 2.0), (2.0,), [1.0]),
    ("pytensor", "abs at 0", gx.abs, (0.0,), [0.0]),
    ("pytensor", "norm at 0", gx.norm, ([0.0, 0.0],), [[NAN, NAN]]),
    ("pytensor", "norm of order 3", lambda x: gx.norm(x, 3), ([0.0, 0.0],), [[NAN, NAN]]),
    ("pytensor", "std of equals", gx.std, ([2.0, 2.0],), [[NAN, NAN]]),
    ("pytensor", "atan2 at the origin", gx.atan2, (0.0, 0.0), [NAN, NAN]),
    ("pytensor", "where", lambda x: gx.where(x > 0, gx.log(x), 2 * x), (0.0,), [2.0]),
    (
        "pytensor",
        "cross-entropy",
        lambda z: gx.maximum(z, 0.0) - z + gx.log1p(gx.exp(-gx.abs(z))),
        (0.0,),
        [0.0],
    ),
    ("casadi", "maximum tie", gx.maximum, (2.0, 2.0), [0.5, 0.5]),
    ("casadi", "clip at a bound", lambda x: gx.clip(x, -1.0, 2.0), (2.0,), [0.5]),
    ("casadi", "abs at 0", gx.abs, (0.0,), [0.0]),
    ("casadi", "norm at 0", gx.norm, ([0.0, 0.0],), [[NAN, NAN]]),
    ("casadi", "std of equals", gx.std, ([2.0, 2.0],), [[NAN, NAN]]),
    ("casadi", "atan2 at the origin", gx.atan2, (0.0, 0.0), [NAN, NAN]),
    ("casadi", "0 ** 2", gx.pow, (0.0, 2.0), [0.0, NAN]),
    ("casadi", "0 ** 0", gx.pow, (0.0, 0.0), [NAN, -INF]),
    ("casadi", "0 ** 1/2", gx.pow, (0.0, 0.5), [INF, NAN]),
    ("casadi", "negative ** 3", gx.pow, (-2.0, 3.0), [12.0, NAN]),
    ("casadi", "hypot at the origin", gx.hypot, (0.0, 0.0), [NAN, NAN]),
    ("casadi", "log of a negative", gx.log, (-1.0,), [-1.0]),
    ("casadi", "log1p below -1", gx.log1p, (-2.0,), [-1.0]),
    ("casadi", "atanh outside", gx.atanh, (2.0,), [-1 / 3]),
    ("casadi", "max tie", gx.max, ([1.0, 3.0, 3.0],), [[0.0, 0.5, 0.5]]),
    ("casadi", "maximum of a log", lambda x: gx.maximum(gx.log(x), 0.0), (0.0,), [NAN]),
    ("casadi", "clip of a log", lambda x: gx.clip(gx.log(x), -1.0, 2.0), (0.0,), [NAN]),
    ("casadi", "norm of order 1", lambda x: gx.norm(x, 1), ([0.0, 0.0],), [[0.0, 0.0]]),
    ("pytensor", "0 ** 0", gx.pow, (0.0, 0.0), [NAN, 0.0]),
    ("pytensor", "0 ** 2", gx.pow, (0.0, 2.0), [0.0, 0.0]),
    ("pytensor", "0 ** 1/2", gx.pow, (0.0, 0.5), [INF, 0.0]),
    ("pytensor", "2 ** 0", gx.pow, (2.0, 0.0), [0.0, math.log(2.0)]),
    ("pytensor", "log of a negative", gx.log, (-1.0,), [-1.0]),
    ("pytensor", "log1p below -1", gx.log1p, (-2.0,), [-1.0]),
    ("pytensor", "atanh outside", gx.atanh, (2.0,), [-1 / 3]),
    ("pytensor", "min tie", gx.min, ([1.0, 1.0, 3.0],), [[1.0, 1.0, 0.0]]),
    ("pytensor", "clip by all", gx.clip, (-1.0, -1.0, 2.0), [1.0, 0.0, 0.0]),
    ("pytensor", "maximum of a log", lambda x: gx.maximum(gx.log(x), 0.0), (0.0,), [NAN]),
    ("pytensor", "minimum of a log", lambda x: gx.minimum(gx.log(x), -3.0), (0.0,), [INF]),
    ("pytensor", "clip of a log", lambda x: gx.clip(gx.log(x), -1.0, 2.0), (0.0,), [NAN]),
    ("pytensor", "norm of order 1", lambda x: gx.norm(x, 1), ([0.0, 0.0],), [[0.0, 0.0]]),
    ("pytensor", "std of one", gx.std, ([2.0],), [[NAN]]),
    ("casadi", "where", lambda x: gx.where(x > 0, gx.log(x), 2 * x), (0.0,), [2.0]),
]


@pytest.mark.parametrize(
    ("system", "function", "point", "expected"),
    [(r[0], *r[2:]) for r in MEASURED],
    ids=[f"{r[0]}-{r[1]}" for r in MEASURED],
)
@pytest.mark.parametrize("engine", ["reverse", "forward"])
def test_other_sides_are_what_was_measured(
    system: str, function: Function, point: tuple[Any, ...], expected: list[Any], engine: str
) -> None:
    for left, right in zip(gradients(function, point, system, engine), expected, strict=True):
        assert_near(left, right)


def test_torch_backward_multiplies_the_zero_of_a_dead_branch() -> None:
    (found,) = gradients(lambda x: gx.where(x > 0, gx.log(x), 2 * x), (0.0,), "torch")
    assert np.isnan(found)


def test_pytensor_backward_gives_a_number_beside_an_infinity_no_share() -> None:
    (found,) = gradients(gx.logsumexp, ([INF, 0.0],), "pytensor")
    assert_near(found, [NAN, 0.0])


def test_torch_atan2_gives_a_negative_zero_by_x() -> None:
    _, by_x = gradients(gx.atan2, (0.0, 0.0), "torch")
    assert math.copysign(1.0, by_x) == -1.0


X, Y = sympy.symbols("x y", real=True)
IN_SYMPY: list[tuple[str, Any, Function, tuple[float, ...]]] = [
    ("abs at 0", sympy.Abs(X), gx.abs, (0.0,)),
    ("maximum tie", sympy.Max(X, Y), gx.maximum, (2.0, 2.0)),
    ("minimum tie", sympy.Min(X, Y), gx.minimum, (2.0, 2.0)),
    ("power at 0, 2", X**Y, gx.pow, (0.0, 2.0)),
    ("power at 0, 0", X**Y, gx.pow, (0.0, 0.0)),
    ("power beside", X**Y, gx.pow, (3.0, 1.5)),
    ("log of a negative", sympy.log(X), gx.log, (-1.0,)),
    ("log1p below -1", sympy.log(1 + X), gx.log1p, (-2.0,)),
    ("atanh outside", sympy.atanh(X), gx.atanh, (2.0,)),
    ("atan2 at the origin", sympy.atan2(X, Y), gx.atan2, (0.0, 0.0)),
    ("hypot at the origin", sympy.sqrt(X**2 + Y**2), gx.hypot, (0.0, 0.0)),
    ("norm at 0", sympy.sqrt(X**2 + Y**2), lambda x, y: gx.norm(gx.stack([x, y])), (0.0, 0.0)),
    (
        "where",
        sympy.Piecewise((sympy.log(X), X > 0), (2 * X, True)),
        lambda x: gx.where(x > 0, gx.log(x), 2 * x),
        (0.0,),
    ),
]


@pytest.mark.parametrize(
    ("expression", "graph", "point"), [r[1:] for r in IN_SYMPY], ids=[r[0] for r in IN_SYMPY]
)
def test_sympy_side_is_sympys(expression: Any, graph: Function, point: tuple[float, ...]) -> None:
    symbols = (X, Y)[: len(point)]
    with np.errstate(all="ignore"):
        for symbol, found in zip(symbols, gradients(graph, point, "sympy"), strict=True):
            theirs = sympy.lambdify(symbols, sympy.diff(expression, symbol), "numpy")
            assert_near(found, theirs(*map(np.float64, point)))
