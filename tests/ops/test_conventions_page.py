"""docs/conventions.md keeps its word: every row of its tables, graphc's side and JAX's, is run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from jax.scipy import special

import graphc as gx
from graphc import nn
from graphc.core.system import SYSTEMS
from graphc.nn.attention import dot_product_attention

INF, NAN = math.inf, math.nan
PAGE = (Path(__file__).parents[2] / "docs" / "conventions.md").read_text("utf-8")
Case = tuple[Callable[..., Any], tuple[Any, ...], list[Any]]

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


def table(heading: str) -> list[list[str]]:
    """Returns the cells of the table below a heading, without its head."""
    part = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[c.strip() for c in line.strip("|").split("|")] for line in lines[2:]]


def close(found: Sequence[Any], expected: Sequence[Any], ulps: int = 4) -> bool:
    """Tells whether numbers agree to a few ulps; NaN agrees with NaN."""
    pairs = zip(np.ravel(np.hstack(found)), np.ravel(np.hstack(expected)), strict=True)
    return all(
        (f != f and e != e) or f == e or abs(f - e) <= ulps * np.spacing(abs(e)) for f, e in pairs
    )


def own(function: Callable[..., Any], point: tuple[Any, ...], match: str = "graphc") -> list[Any]:
    arrays = [np.asarray(p, float) for p in point]
    nodes = [gx.input(f"x{i}", a.shape, "float64") for i, a in enumerate(arrays)]
    made = gx.grad(function(*nodes), nodes, match=match, unreachable="zero")
    return gx.evaluate([made, nodes], {f"x{i}": a for i, a in enumerate(arrays)})[0]


def theirs(function: Callable[..., Any], point: tuple[Any, ...]) -> list[Any]:
    arrays = [jnp.asarray(p, dtype=jnp.float64) for p in point]
    return list(jax.grad(function, argnums=tuple(range(len(arrays))))(*arrays))


def stable(np_: Any) -> Callable[[Any], Any]:
    return lambda z: np_.maximum(z, 0.0) - z + np_.log1p(np_.exp(-np_.abs(z)))


def choice(np_: Any) -> Callable[[Any], Any]:
    return lambda x: np_.where(x > 0, np_.log(x), 2 * x)


def window(pool: Callable[..., Any]) -> Callable[[Any], Any]:
    return lambda x: gx.reshape(pool(gx.reshape(x, (1, 3, 1)), 3), ())


def jax_window(x: Any) -> Any:
    return lax.reduce_window(x, -jnp.inf, lax.max, (3,), (1,), "VALID")[0]


SELU = 1.7580993408473766
BIG = [1e4, 1e4]
#: For each row of the page: graphc's functions, points and slopes; and JAX's.
TWICE, TIED = jnp.array([0, 0, 1]), [1 / 3, 0.0, 1 / 3, 1 / 3, 0.0]

ROWS: dict[str, tuple[list[Case], list[Case]]] = {
    "`maximum(x, y)`, `minimum` at x = y": (
        [(gx.maximum, (2.0, 2.0), [0.5, 0.5]), (gx.minimum, (2.0, 2.0), [0.5, 0.5])],
        [(jnp.maximum, (2.0, 2.0), [0.5, 0.5]), (jnp.minimum, (2.0, 2.0), [0.5, 0.5])],
    ),
    "`max`, `min` over an axis, ties": (
        [(gx.max, ([1, 3, 3],), [0, 0.5, 0.5]), (gx.min, ([1, 1, 3],), [0.5, 0.5, 0])],
        [(jnp.max, ([1, 3, 3],), [0, 0.5, 0.5]), (jnp.min, ([1, 1, 3],), [0.5, 0.5, 0])],
    ),
    "`max_pool`, `min_pool`, ties in a window": (
        [
            (window(gx.max_pool), ([1, 3, 3],), [0, 1, 0]),
            (window(gx.min_pool), ([3, 1, 1],), [0, 1, 0]),
        ],
        [(jax_window, ([1, 3, 3],), [0, 1, 0])] * 2,
    ),
    "`max_pool` of a window with a NaN": (
        [(window(gx.max_pool), ([1, NAN, 2],), [0, 1, 0])],
        [(jax_window, ([1, NAN, 2],), [0, 0, 1])],
    ),
    "`abs` at 0": ([(gx.abs, (0.0,), [0.0])], [(jnp.abs, (0.0,), [1.0])]),
    "`relu` at 0": ([(gx.relu, (0.0,), [0.0])], [(jax.nn.relu, (0.0,), [0.0])]),
    "`leaky_relu` at 0": (
        [(lambda x: gx.leaky_relu(x, 0.25), (0.0,), [0.25])],
        [(lambda x: jax.nn.leaky_relu(x, 0.25), (0.0,), [1.0])],
    ),
    "`elu`, `selu` at 0": (
        [(lambda x: gx.elu(x, 0.7), (0.0,), [0.7]), (gx.selu, (0.0,), [SELU])],
        [(lambda x: jax.nn.elu(x, 0.7), (0.0,), [0.7]), (jax.nn.selu, (0.0,), [SELU])],
    ),
    "`clip` at a bound": (
        [(lambda x: gx.clip(x, -1.0, 2.0), (b,), [0.5]) for b in (-1.0, 2.0)],
        [(lambda x: jnp.clip(x, -1.0, 2.0), (b,), [0.5]) for b in (-1.0, 2.0)],
    ),
    "`relu6` at 0 and 6, `hard_sigmoid` at -3 and 3": (
        [(gx.relu6, (b,), [0.0]) for b in (0.0, 6.0)]
        + [(gx.hard_sigmoid, (b,), [0.0]) for b in (-3.0, 3.0)],
        [(jax.nn.relu6, (b,), [0.0]) for b in (0.0, 6.0)]
        + [(jax.nn.hard_sigmoid, (b,), [0.0]) for b in (-3.0, 3.0)],
    ),
    "`hard_tanh` at -1 and 1": (
        [(gx.hard_tanh, (b,), [1.0]) for b in (-1.0, 1.0)],
        [(jax.nn.hard_tanh, (b,), [1.0]) for b in (-1.0, 1.0)],
    ),
    "`sign`, `floor`, `ceil`, `round`, `trunc`, `x // y`": (
        [(getattr(gx, n), (2.5,), [0.0]) for n in ("sign", "floor", "ceil", "round", "trunc")]
        + [(lambda x, y: x // y, (5.5, 2.0), [0.0, 0.0])],
        [(getattr(jnp, n), (2.5,), [0.0]) for n in ("sign", "floor", "ceil", "round", "trunc")]
        + [(jnp.floor_divide, (5.5, 2.0), [0.0, 0.0])],
    ),
    "`where(x > y, a, b)` exactly at x = y": (
        [
            (lambda x: gx.where(x > 0, 3 * x, x), (0.0,), [1.0]),
            (lambda x: gx.where(x >= 0, 3 * x, x), (0.0,), [3.0]),
            (lambda x: gx.where(x != 0, 3 * x, x), (0.0,), [1.0]),
        ],
        [
            (lambda x: jnp.where(x > 0, 3 * x, x), (0.0,), [1.0]),
            (lambda x: jnp.where(x >= 0, 3 * x, x), (0.0,), [3.0]),
            (lambda x: jnp.where(x != 0, 3 * x, x), (0.0,), [1.0]),
        ],
    ),
    "comparisons and logic": (
        [(lambda x: gx.cast((x > 1) & (x < 3), "float64") * x, (2.0,), [1.0])],
        [(lambda x: ((x > 1) & (x < 3)).astype(jnp.float64) * x, (2.0,), [1.0])],
    ),
    "`mod(x, y)`, sign of y": (
        [(gx.mod, (5.5, 2.0), [1, -2]), (gx.mod, (-5.5, 2.0), [1, 3])],
        [(jnp.mod, (5.5, 2.0), [1, -2]), (jnp.mod, (-5.5, 2.0), [1, 3])],
    ),
    "`sqrt` at 0, `asin` at 1, `log` at 0, `1/x` at 0": (
        [
            (gx.sqrt, (0.0,), [INF]),
            (lambda x: x**0.5, (0.0,), [INF]),
            (gx.asin, (1.0,), [INF]),
            (gx.log, (0.0,), [INF]),
            (lambda x: 1 / x, (0.0,), [-INF]),
        ],
        [
            (jnp.sqrt, (0.0,), [INF]),
            (lambda x: x**0.5, (0.0,), [INF]),
            (jnp.arcsin, (1.0,), [INF]),
            (jnp.log, (0.0,), [INF]),
            (lambda x: 1 / x, (0.0,), [-INF]),
        ],
    ),
    "`sqrt(x * x)` and `sqrt(sum(x * x))` at 0, written so": (
        [
            (lambda x: gx.sqrt(x * x), (0.0,), [NAN]),
            (lambda x: gx.sqrt(gx.sum(x * x)), ([0.0, 0.0],), [NAN, NAN]),
        ],
        [
            (lambda x: jnp.sqrt(x * x), (0.0,), [NAN]),
            (lambda x: jnp.sqrt(jnp.sum(x * x)), ([0.0, 0.0],), [NAN, NAN]),
        ],
    ),
    "`max(z, 0) - z + log1p(exp(-abs(z)))` at z = 0": (
        [(stable(gx), (0.0,), [-0.5])],
        [(stable(jnp), (0.0,), [-1.0])],
    ),
    "`log` of a negative number": ([(gx.log, (-1.0,), [NAN])], [(jnp.log, (-1.0,), [-1.0])]),
    "`norm` at 0, any order; `std` of equal numbers": (
        [(lambda x, o=o: gx.norm(x, o), ([0.0, 0.0],), [0.0, 0.0]) for o in (1, 2, 3)]
        + [(gx.std, ([2.0, 2.0],), [0.0, 0.0]), (gx.std, ([2.0],), [0.0])],
        [(lambda x: jnp.linalg.norm(x, 1), ([0.0, 0.0],), [1.0, 1.0])]
        + [(lambda x, o=o: jnp.linalg.norm(x, o), ([0.0] * 2,), [NAN] * 2) for o in (2, 3)]
        + [(jnp.std, ([2.0, 2.0],), [NAN, NAN]), (jnp.std, ([2.0],), [NAN])],
    ),
    "`norm` of order 1, an element that is 0": (
        [(lambda x: gx.norm(x, 1), ([0.0, -2.0],), [0.0, -1.0])],
        [(lambda x: jnp.linalg.norm(x, 1), ([0.0, -2.0],), [1.0, -1.0])],
    ),
    "`hypot(0, 0)`": (
        [(gx.hypot, (0.0, 0.0), [0.0, 0.0])],
        [(jnp.hypot, (0.0, 0.0), [0.5, 0.5])],
    ),
    "`hypot` of huge or tiny numbers": (
        [
            (gx.hypot, (3e200, 4e200), [0.6, 0.8]),
            (gx.hypot, (1e-200, 2e-200), [0.2**0.5, 0.8**0.5]),
        ],
        [(jnp.hypot, (3e200, 4e200), [0.6, 1.25]), (jnp.hypot, (1e-200, 2e-200), [NAN, -INF])],
    ),
    "`atan2(0, 0)`": (
        [(gx.atan2, (0.0, 0.0), [0.0, 0.0])],
        [(jnp.arctan2, (0.0, 0.0), [NAN, NAN])],
    ),
    "`x**0` and `x**0.0` by x": (
        [(lambda x, e=e: x**e, (at,), [0.0]) for e in (0, 0.0) for at in (0.0, NAN, -2.0)],
        [(lambda x: x**0, (0.0,), [0.0]), (lambda x: x**0.0, (0.0,), [NAN])],
    ),
    "`x**y` at x = 0, by x": (
        [(gx.pow, (0.0, y), [s, 0]) for y, s in ((0.0, 0), (1.0, 1), (2.0, 0), (0.5, INF))],
        [(jnp.power, (0.0, y), [s, 0]) for y, s in ((0.0, NAN), (1.0, 1), (2.0, 0), (0.5, INF))],
    ),
    "`x**y` at x = 0, by y": (
        [(lambda y: gx.pow(0.0 * y, y), (2.0,), [0.0])],
        [(lambda y: jnp.power(0.0, y), (2.0,), [0.0])],
    ),
    "`x**y` for x < 0, y a whole number held in a float": (
        [(gx.pow, (-2.0, 3.0), [12.0, NAN])],
        [(jnp.power, (-2.0, 3.0), [12.0, NAN])],
    ),
    "`where(c, a, b)`, a NaN or infinity in the branch not taken": (
        [(choice(gx), (0.0,), [2.0])],
        [(choice(jnp), (0.0,), [NAN])],
    ),
    "`softplus`, `logsumexp`, `log_softmax` at plus or minus 1e4": (
        [
            (gx.softplus, (1e4,), [1.0]),
            (gx.softplus, (-1e4,), [0.0]),
            (gx.logsumexp, (BIG,), [0.5, 0.5]),
            (lambda x: gx.log_softmax(x)[0], (BIG,), [0.5, -0.5]),
        ],
        [
            (jax.nn.softplus, (1e4,), [1.0]),
            (jax.nn.softplus, (-1e4,), [0.0]),
            (jax.nn.logsumexp, (BIG,), [0.5, 0.5]),
            (lambda x: jax.nn.log_softmax(x)[0], (BIG,), [0.5, -0.5]),
        ],
    ),
    "`logsumexp` of two infinities of one sign": (
        [(gx.logsumexp, ([s, s],), [NAN, NAN]) for s in (INF, -INF)],
        [(jax.nn.logsumexp, ([s, s],), [NAN, NAN]) for s in (INF, -INF)],
    ),
    "`logsumexp` of infinity and a number": (
        [(gx.logsumexp, ([INF, 0.0],), [NAN, NAN])],
        [(jax.nn.logsumexp, ([INF, 0.0],), [NAN, 0.0])],
    ),
    "`softmax` of an infinity": (
        [(lambda x: gx.softmax(x)[0], ([INF, 1.0],), [NAN, NAN])],
        [(lambda x: jax.nn.softmax(x)[0], ([INF, 1.0],), [NAN, NAN])],
    ),
    "`prod` with zeros": (
        [(gx.prod, ([2.0, 0.0, 3.0],), [0.0, 6.0, 0.0])],
        [(jnp.prod, ([2.0, 0.0, 3.0],), [0.0, 6.0, 0.0])],
    ),
    "`cumprod` with zeros": (
        [(lambda x: gx.sum(gx.cumprod(x)), ([2.0, 0.0, 3.0],), [1.0, 8.0, 0.0])],
        [(lambda x: jnp.sum(jnp.cumprod(x)), ([2.0, 0.0, 3.0],), [1.0, 8.0, 0.0])],
    ),
    "`cummax`, `cummin`, two equal ones": (
        [(lambda x: gx.sum(gx.cummax(x)), ([1.0, 1.0],), [1.5, 0.5]),
         (lambda x: gx.sum(gx.cummin(x)), ([1.0, 1.0],), [1.5, 0.5])],
        [(lambda x: jnp.sum(lax.cummax(x)), ([1.0, 1.0],), [1.5, 0.5]),
         (lambda x: jnp.sum(lax.cummin(x)), ([1.0, 1.0],), [1.5, 0.5])],
    ),
    "`cummax`, `cummin`, three equal ones": (
        [(lambda x: gx.cummax(x)[2], ([1.0] * 3,), [1 / 3, 1 / 3, 1 / 3]),
         (lambda x: gx.cummin(x)[2], ([1.0] * 3,), [1 / 3, 1 / 3, 1 / 3])],
        [(lambda x: lax.cummax(x)[2], ([1.0] * 3,), [0.25, 0.25, 0.5]),
         (lambda x: lax.cummin(x)[2], ([1.0] * 3,), [0.25, 0.25, 0.5])],
    ),
    "`sort`, `top_k`, equal elements": (
        [(lambda x: gx.sort(x)[0], ([1.0, 1.0, 2.0],), [1.0, 0.0, 0.0]),
         (lambda x: gx.top_k(x, 2)[0][1], ([1.0, 2.0, 2.0],), [0.0, 0.0, 1.0])],
        [(lambda x: jnp.sort(x)[0], ([1.0, 1.0, 2.0],), [1.0, 0.0, 0.0]),
         (lambda x: lax.top_k(x, 2)[0][1], ([1.0, 2.0, 2.0],), [0.0, 0.0, 1.0])],
    ),
    "`x.at[i].max(v)`, `min`, `segment_max`, ties": (
        [(lambda x, v: x.at[[0, 0, 1]].max(v)[0], ([1.0, 5.0], [1.0, 1.0, 2.0]), TIED),
         (lambda x, v: x.at[[0, 0, 1]].min(v)[0], ([1.0, 5.0], [1.0, 1.0, 2.0]), TIED),
         (lambda v: gx.segment_max(v, [0, 0, 1], 2)[0], ([1.0, 1.0, 2.0],), [0.5, 0.5, 0.0])],
        [(lambda x, v: x.at[TWICE].max(v)[0], ([1.0, 5.0], [1.0, 1.0, 2.0]), TIED),
         (lambda x, v: x.at[TWICE].min(v)[0], ([1.0, 5.0], [1.0, 1.0, 2.0]), TIED),
         (lambda v: jax.ops.segment_max(v, TWICE, 2)[0], ([1.0, 1.0, 2.0],), [0.5, 0.5, 0.0])],
    ),
    "`x.at[i].set(v)`, one place twice": (
        [(lambda v: gx.zeros((2,), "float64").at[[0, 0]].set(v)[0], ([1.0, 2.0],), [0.0, 1.0])],
        [(lambda v: jnp.zeros(2).at[jnp.array([0, 0])].set(v)[0], ([1.0, 2.0],), [0.0, 1.0])],
    ),
    "`sinc` at 0": ([(gx.sinc, (0.0,), [0.0])], [(jnp.sinc, (0.0,), [0.0])]),
    "`gather` of one element twice": (
        [(lambda x: gx.sum(x[[0, 0, 1]]), ([1.0, 2.0, 3.0],), [2.0, 1.0, 0.0])],
        [(lambda x: jnp.sum(x[jnp.array([0, 0, 1])]), ([1.0, 2.0, 3.0],), [2.0, 1.0, 0.0])],
    ),
    "`logaddexp` of two infinities": (
        [(gx.logaddexp, (INF, INF), [NAN, NAN])],
        [(jnp.logaddexp, (INF, INF), [1.0, 1.0])],
    ),
    "`logaddexp` of infinity and a number": (
        [(gx.logaddexp, (INF, 0.0), [1.0, 0.0])],
        [(jnp.logaddexp, (INF, 0.0), [1.0, 1.0])],
    ),
    "`xlogy(x, y)` at (0, 0)": (
        [(gx.xlogy, (0.0, 0.0), [-INF, 0.0])],
        [(special.xlogy, (0.0, 0.0), [-INF, NAN])],
    ),
    "`copysign(x, y)` at x = 0": (
        [(gx.copysign, (0.0, -2.0), [0.0, 0.0])],
        [(jnp.copysign, (0.0, -2.0), [-1.0, 0.0])],
    ),
    "`i0e` at 0": ([(gx.i0e, (0.0,), [0.0])], [(special.i0e, (0.0,), [0.0])]),
    "`var`, `std`": (
        [(gx.var, ([0.0, 2.0],), [-1.0, 1.0]), (gx.std, ([0.0, 2.0],), [-0.5, 0.5])],
        [(jnp.var, ([0.0, 2.0],), [-1.0, 1.0]), (jnp.std, ([0.0, 2.0],), [-0.5, 0.5])],
    ),
}  # fmt: skip
#: Rows that no slope shows; they have a test of their own below.
TOLD = {
    "`prelu` at 0": "test_prelu",
    "`nn.BatchNorm` training on one sample": "test_batch_of_one",
    "attention where a mask leaves nothing to see": "test_nothing_to_see",
    "`threshold`": "test_threshold",
    "`entr` at 0; below": "test_entr",
    "`nextafter(x, y)`": "test_nextafter",
    "sums over nothing": "test_sums_over_nothing",
    "`gelu`": "test_gelu",
    "an integer divided by 0; an integer past its range": "test_integers",
    "an index out of range, known when the graph is built": "test_index_out_of_range",
    "a window of `dynamic_slice`, `dynamic_update_slice` that leaves the array": "test_window",
    "NaN in `sort`, `argsort`; in `top_k`, `argmax`, `cummax`": "test_order_of_nan",
    "`cond`, `switch`: the branch not taken; an index that no branch has": "test_branches",
    "`while_loop` that goes on beyond its `bound`": "test_bound",
    "`root`, `fixed_point` where the iteration finds nothing": "test_nothing_found",
    "differentiating by an integer, or a result that is no scalar": "test_no_derivative",
}


def test_every_row_of_the_page_is_run() -> None:
    rows = [row[0] for row in table("Derivatives where there is a choice")]
    assert rows == [r for r in rows if r in ROWS or r in TOLD]
    assert set(rows) == {*ROWS, *TOLD}
    assert all(name in globals() for name in TOLD.values())


@pytest.mark.parametrize("row", ROWS)
def test_slopes_of_a_row_are_graphcs_and_jaxs(row: str) -> None:
    mine, other = ROWS[row]
    for function, point, expected in mine:
        assert close(own(function, point), expected), (row, point, own(function, point))
    for function, point, expected in other:
        assert close(theirs(function, point), expected), (row, point, theirs(function, point))


def test_page_says_the_same_just_where_it_is_the_same() -> None:
    said = {row[0]: row[2] for row in table("Derivatives where there is a choice")}
    for row, (mine, other) in ROWS.items():
        alike = len(mine) == len(other) and all(
            close(m[2], o[2]) for m, o in zip(mine, other, strict=True)
        )
        assert alike == (said[row] in ("the same", "0, silent")), row


def test_page_marks_graphcs_departures_in_bold() -> None:
    for where, graphc, jax_side in table("Derivatives where there is a choice"):
        if where in ROWS and jax_side not in ("the same", "0, silent"):
            mixed = jax_side.startswith("the same but")  # the departure has a row of its own
            assert mixed or "**" in graphc, where


def test_prelu() -> None:
    assert close(own(gx.prelu, (0.0, 0.25)), [0.25, 0.0])


def test_batch_of_one() -> None:
    x = gx.input("x", (1, 2), "float64")
    with pytest.warns(nn.SingleBatchWarning):
        made = nn.BatchNorm()(x, training=True)
    slope = gx.grad(gx.sum(made * made), x)
    values = {"batchnorm1.scale": [2.0, 2.0], "batchnorm1.bias": [3.0, 4.0]}
    values |= {"batchnorm1.mean": [0.0, 0.0], "batchnorm1.var": [1.0, 1.0]}
    found = gx.evaluate([made, slope], {"x": [[5.0, -6.0]], **values})
    assert close(found, [[[3.0, 4.0]], [[0.0, 0.0]]])

    def by_hand(row: Any) -> Any:
        centred = (row - jnp.mean(row, 0)) / jnp.sqrt(jnp.var(row, 0) + 1e-5)
        return jnp.sum((centred * 2.0 + jnp.array([3.0, 4.0])) ** 2)

    assert close(theirs(by_hand, ([[5.0, -6.0]],)), [[[0.0, 0.0]]])


def test_nothing_to_see() -> None:
    x, mask = gx.input("x", (1, 2, 1, 2), "float64"), gx.input("mask", (1, 2), "bool")
    loud, quiet = (dot_product_attention(x, x, x, mask, empty=e) for e in ("nan", "zero"))
    slope = gx.grad(gx.sum(quiet * quiet), x)
    rows, seen = np.arange(4.0).reshape(1, 2, 1, 2), np.zeros((1, 2), bool)
    found = gx.evaluate([loud, quiet, slope], x=rows, mask=seen)
    assert close(found, [np.full(rows.shape, NAN), np.zeros(rows.shape), np.zeros(rows.shape)])
    blind = jax.nn.dot_product_attention(*[jnp.asarray(rows)] * 3, mask=seen[:, None, None])
    assert close(np.asarray(blind).tolist(), [[[[1.0, 2.0]], [[1.0, 2.0]]]])


def test_threshold() -> None:
    assert close(own(lambda x: gx.threshold(x, 0.5) * x, (0.5,)), [1.0])
    x = gx.input("x", (2,), "float64")
    with pytest.warns(gx.NonDifferentiableWarning):
        slope = gx.grad(gx.sum(gx.threshold(x, 0.5)), x)
    assert close(gx.evaluate([gx.threshold(x, 0.5), slope], x=[0.5, 0.4]), [[1, 0], [0, 0]])


def test_entr() -> None:
    x = gx.input("x", (2,), "float64")
    at = np.array([0.0, -1.0])
    assert close(gx.evaluate(gx.entr(x), x=at), [0.0, -INF])
    assert close(jax.vmap(special.entr)(at), [0.0, -INF])
    assert close(own(gx.entr, (0.0,)), [INF]) and close(own(gx.entr, (-1.0,)), [NAN])
    assert close(theirs(special.entr, (0.0,)), [INF])
    assert close(theirs(special.entr, (-1.0,)), [NAN])


def test_nextafter() -> None:
    assert close(own(gx.nextafter, (1.0, 2.0)), [1.0, 0.0])
    with pytest.raises(NotImplementedError):
        theirs(jnp.nextafter, (1.0, 2.0))


def test_sums_over_nothing() -> None:
    x, nothing = gx.input("x", (0,), "float64"), jnp.zeros(0)
    found = gx.evaluate([gx.sum(x), gx.prod(x), gx.mean(x), gx.logsumexp(x)], x=[])
    assert close(found, [0.0, 1.0, NAN, -INF])
    assert close([f(nothing) for f in (jnp.sum, jnp.prod, jnp.mean)], [0.0, 1.0, NAN])
    assert jax.nn.logsumexp(nothing) == -INF
    with pytest.raises(gx.ShapeError):
        gx.max(x)
    with pytest.raises(ValueError, match="zero-size"):
        jnp.max(nothing)


def test_gelu() -> None:
    x = gx.input("x", (), "float64")
    with pytest.raises(gx.ArgumentError, match="approximate"):
        gx.gelu(x)
    tanh_form = gx.evaluate(gx.gelu(x, approximate=True), x=1.0)
    assert close([tanh_form], [float(jax.nn.gelu(jnp.float64(1.0)))])


def test_integers() -> None:
    i, small = gx.input("i", (), "int32"), gx.input("j", (), "int8")
    assert gx.evaluate(i // 0, i=7) == gx.compile(i // 0)(i=np.int32(7)) == 0
    assert jnp.int32(7) // jnp.int32(0) == -2
    assert gx.evaluate(small + small, j=100) == jnp.int8(100) + jnp.int8(100) == -56


def test_index_out_of_range() -> None:
    x = gx.input("x", (3,), "float64")
    with pytest.raises(gx.IndexingError, match=r"test_conventions_page.py:\d+"):
        x[5]
    assert jnp.arange(3)[jnp.array(5)] == 2


def test_window() -> None:
    x, i = gx.input("x", (3,), "float64"), gx.input("i", (), "int32")
    node = gx.dynamic_slice(x, (i,), (2,))
    values, start = np.array([1.0, 2.0, 3.0]), np.int32(2)
    assert gx.evaluate(node, x=values, i=start).tolist() == [2.0, 3.0]
    assert gx.compile(node)(x=values, i=start).tolist() == [2.0, 3.0]
    assert lax.dynamic_slice(jnp.asarray(values), (start,), (2,)).tolist() == [2.0, 3.0]
    with pytest.raises(gx.IndexingError, match="moved inside"):
        gx.debug(gx.sum(node), x=values, i=start)


def test_order_of_nan() -> None:
    x = gx.input("x", (3,), "float64")
    nodes = [
        gx.argsort(x), gx.argsort(x, descending=True), gx.top_k(x, 3)[1], gx.argmax(x), gx.cummax(x)
    ]  # fmt: skip
    values = np.array([1.0, NAN, 3.0])
    for found in (gx.evaluate(nodes, x=values), gx.compile(nodes)(x=values)):
        assert [np.asarray(f).tolist() for f in found[:4]] == [[0, 2, 1], [2, 0, 1], [1, 2, 0], 1]
        assert close(found[4], [1.0, NAN, NAN])
    assert jnp.argsort(jnp.asarray(values), descending=True).tolist() == [1, 2, 0]


def test_branches() -> None:
    i, x = gx.input("i", (), "int32"), gx.input("x", (3,), "float64")
    branches: list[Callable[..., Any]] = [lambda v: gx.take(v, i), lambda v: gx.sum(v * v)]
    out = gx.switch(i, branches, x)
    values = {"x": [1.0, 2.0, 3.0], "i": 7}
    # The first branch would raise at i = 7.
    assert gx.evaluate(out, values) == 14.0
    assert gx.evaluate(out, {**values, "i": 0}) == 1.0
    np.testing.assert_array_equal(gx.evaluate(gx.grad(out, x), values), [2.0, 4.0, 6.0])
    assert float(lax.switch(7, [lambda v: v[0], lambda v: v[1]], jnp.arange(3.0))) == 1.0


def test_bound() -> None:
    x = gx.input("x", (), "float64")
    out = gx.while_loop(lambda v: v < 100.0, lambda v: v * v, x, bound=2)
    with pytest.raises(gx.BudgetError, match="bound of 2 steps"):
        gx.evaluate(out, x=3.0)
    assert math.isnan(gx.compile(out)(x=3.0))


def test_nothing_found() -> None:
    x = gx.input("x", (), "float64")
    out = gx.root(lambda v: v * v + x, x)
    assert math.isnan(gx.evaluate(out, x=1.0)) and math.isnan(gx.evaluate(gx.grad(out, x), x=1.0))


def test_no_derivative() -> None:
    i, x = gx.input("i", (), "int32"), gx.input("x", (2,))
    with pytest.raises(gx.GradError):
        gx.grad(gx.cast(i, "float32"), i)
    with pytest.raises(gx.GradError):
        gx.grad(x * 2, x)
    with pytest.raises(TypeError):
        jax.grad(lambda v: v * 1.0)(3)
    with pytest.raises(TypeError):
        jax.grad(lambda v: v * 2)(jnp.ones(2))


# -- another system's side -------------------------------------------------------------------------

POINTS: dict[str, tuple[Callable[..., Any], tuple[Any, ...]]] = {
    "`abs(x)` at 0": (gx.abs, (0.0,)),
    "`leaky_relu(x, 1/4)` at 0": (lambda x: gx.leaky_relu(x, 0.25), (0.0,)),
    "`maximum(x, y)` at a tie": (gx.maximum, (2.0, 2.0)),
    "`minimum(x, y)` at a tie": (gx.minimum, (2.0, 2.0)),
    "`max` of [1, 3, 3]": (gx.max, ([1.0, 3.0, 3.0],)),
    "`clip(x, -1, 2)` at 2": (lambda x: gx.clip(x, -1.0, 2.0), (2.0,)),
    "`norm` of [0, 0]": (gx.norm, ([0.0, 0.0],)),
    "`norm` of order 1 of [0, 0]": (lambda x: gx.norm(x, 1), ([0.0, 0.0],)),
    "`std` of [2, 2]": (gx.std, ([2.0, 2.0],)),
    "`hypot(0, 0)`": (gx.hypot, (0.0, 0.0)),
    "`atan2(0, 0)`": (gx.atan2, (0.0, 0.0)),
    "`x**y` at 0, 0": (gx.pow, (0.0, 0.0)),
    "`x**y` at 0, 2": (gx.pow, (0.0, 2.0)),
    "`log(x)` at -1": (gx.log, (-1.0,)),
    "`log1p(x)` at -2": (gx.log1p, (-2.0,)),
    "`atanh(x)` at 2": (gx.atanh, (2.0,)),
    "`where(x > 0, log(x), 2 * x)` at 0": (choice(gx), (0.0,)),
    "`maximum(log(x), 0)` at 0": (lambda x: gx.maximum(gx.log(x), 0.0), (0.0,)),
}


@pytest.mark.parametrize("row", table("Another system's side"), ids=lambda row: row[0])
def test_every_side_on_the_page_is_what_match_gives(row: list[str]) -> None:
    function, point = POINTS[row[0]]
    for name, cell in zip(SYSTEMS, row[1:], strict=True):
        words = row[1] if cell == "-" else cell
        expected = [float(Fraction(w)) if "/" in w else float(w) for w in words.split(", ")]
        found = own(function, point, name)
        assert close(found, expected), (name, found)


def test_page_names_the_versions_that_were_measured() -> None:
    text = " ".join(PAGE.split())
    assert all(system.title in text for system in SYSTEMS.values())
    assert SYSTEMS["jax"].title == f"JAX {jax.__version__}"


def test_side_does_not_copy_overflow() -> None:
    assert all(close(own(gx.hypot, (3e200, 4e200), name), [0.6, 0.8]) for name in SYSTEMS)
