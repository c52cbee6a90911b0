"""The values against dense derivatives, graphc's and JAX's, in every mode."""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gx
from tests.sparse.graphs import STEPS, arrow, graph_of, rosenbrock, tridiagonal

chains = st.lists(st.sampled_from(sorted(STEPS)), min_size=1, max_size=2)


@pytest.fixture(autouse=True)
def quiet() -> None:
    """Dense derivatives warn, which is another test's matter."""
    warnings.simplefilter("ignore", gx.DenseWarning)


def close(found: Any, true: Any) -> None:
    """Asserts equality up to the rounding of sums of some dozen terms in another order."""
    true = np.asarray(true)
    scale = np.abs(true).max(initial=1.0)
    np.testing.assert_allclose(np.asarray(found), true, rtol=0, atol=200 * 2.0**-53 * scale)


def check(made: gx.SparseDerivative, dense: np.ndarray, point: np.ndarray) -> None:
    """Asserts that values and structure give the dense derivative."""
    values = gx.evaluate(made.values, x=point)
    close(made.dense(values), dense)
    close(made.csr(values).toarray(), dense)
    pairs = set(zip(made.structure.rows.tolist(), made.structure.columns.tolist(), strict=True))
    assert len(pairs) == made.nnz


@given(chains, st.integers(0, 1000))
def test_every_mode_gives_the_dense_jacobian(names: list[str], seed: int) -> None:
    x, output = graph_of(names)
    point = np.random.default_rng(seed).normal(size=x.shape)
    dense = np.asarray(gx.evaluate(gx.jacobian(output, x), x=point))
    for mode in (None, "jvp", "vjp", "bands", "both"):
        try:
            made = gx.sparse_jacobian(output, x, mode=mode)
        except gx.EngineError:
            assert mode in ("bands", "both")
            continue
        assert mode is None or made.mode == mode
        check(made, dense, point)


@given(chains, st.integers(0, 1000))
def test_every_mode_gives_the_dense_hessian(names: list[str], seed: int) -> None:
    x, output = graph_of(names)
    loss = gx.sum(output * output * gx.roll(output, 1))
    point = np.random.default_rng(seed).normal(size=x.shape)
    dense = np.asarray(gx.evaluate(gx.hessian(loss, x), x=point))
    for mode in (None, "hvp", "bands"):
        try:
            made = gx.sparse_hessian(loss, x, mode=mode)
        except gx.EngineError:
            assert mode == "bands"
            continue
        check(made, dense, point)


def test_tridiagonal_jacobian_equals_jaxs_and_is_bands() -> None:
    def residual(x: Any) -> Any:
        end = jnp.zeros(1)
        below, above = jnp.concatenate([end, x[:-1]]), jnp.concatenate([x[1:], end])
        return (3 - 2 * x) * x - below - 2 * above + 1

    x, output = tridiagonal(30)
    made = gx.sparse_jacobian(output, x)
    point = np.linspace(-1, 2, 30)
    assert made.mode == "bands" and made.colours.count == 3 and made.nnz == 88
    check(made, np.asarray(jax.jacfwd(residual)(point)), point)


def test_rosenbrock_hessian_equals_jaxs_and_is_bands() -> None:
    def loss_of(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    x, loss = rosenbrock(25)
    made = gx.sparse_hessian(loss, x)
    point = np.linspace(-1, 2, 25)
    assert made.mode == "bands" and made.colours.count == 3
    check(made, np.asarray(jax.hessian(loss_of)(point)), point)
    assert gx.sparse_hessian(loss, x, mode="hvp").colours.count == 3


def test_a_hessian_of_bands_is_symmetric_to_the_last_bit() -> None:
    x = gx.input("x", (40,), gx.float64)
    loss = gx.sum(gx.sin(x[2:] * x[1:-1]) * gx.exp(x[:-2]))
    made = gx.sparse_hessian(loss, x, mode="bands")
    dense = made.dense(gx.evaluate(made.values, x=np.linspace(-1, 1, 40)))
    np.testing.assert_array_equal(dense, dense.T)
    close(dense, gx.evaluate(gx.hessian(loss, x), x=np.linspace(-1, 1, 40)))


def test_an_arrow_is_computed_in_both_directions() -> None:
    x, output = arrow(40)
    made = gx.sparse_jacobian(output, x)
    assert made.mode == "both" and made.colours.count == 3
    assert made.colours.columns is not None and made.colours.rows is not None
    point = np.linspace(0.5, 2, 40)
    check(made, np.asarray(gx.evaluate(gx.jacobian(output, x), x=point)), point)


def test_an_arrow_hessian_takes_two_products_by_symmetry() -> None:
    x = gx.input("x", (40,), gx.float64)
    loss = gx.sum(x[1:] * x[0] ** 2 + x[1:] ** 3)
    made = gx.sparse_hessian(loss, x, mode="hvp")
    assert made.colours.count == 2 and "star" in made.colours.order
    point = np.linspace(0.5, 2, 40)
    check(made, np.asarray(gx.evaluate(gx.hessian(loss, x), x=point)), point)


def test_bands_hold_no_constant_as_long_as_the_input() -> None:
    x, output = tridiagonal(1000)
    for mode in ("bands", "jvp", "vjp"):
        made = gx.sparse_jacobian(output, x, mode=mode)
        order = gx.Graph([x], [made.values]).order()
        longest = max(int(str(n.size)) for n in order if n.op.name == "constant")
        assert longest == 1, mode


def test_values_compile_differentiate_and_go_into_bcoo() -> None:
    x, output = tridiagonal(20)
    made = gx.sparse_jacobian(output, x)
    step = gx.compile(made.values)
    point = jnp.linspace(-1.0, 1.0, 20)
    values = step(x=point)
    dense = np.asarray(gx.evaluate(gx.jacobian(output, x), x=np.asarray(point)))
    close(made.bcoo(values).todense(), dense)
    product = jax.jit(lambda p: made.bcoo(step(x=p)) @ jnp.ones(20))(point)
    close(product, dense.sum(axis=1))
    slope = gx.evaluate(gx.grad(gx.sum(made.values**2), x), x=np.asarray(point))
    # Only the diagonal 3 - 4 x moves.
    close(slope, -8 * (3 - 4 * np.asarray(point)))


@pytest.mark.parametrize("mode", ["bands", "jvp", "vjp"])
def test_values_are_saved_and_loaded(mode: str, tmp_path: Path) -> None:
    x, output = tridiagonal(8)
    made = gx.sparse_jacobian(output, x, mode=mode)
    gx.save(tmp_path / "values.json", made.values)
    again = gx.load(tmp_path / "values.json")
    point = np.linspace(-1, 1, 8)
    np.testing.assert_array_equal(gx.evaluate(again, x=point), gx.evaluate(made.values, x=point))


def test_values_keep_the_inputs_dtype() -> None:
    x, output = tridiagonal(6, gx.float32)
    for mode in ("bands", "jvp", "vjp"):
        made = gx.sparse_jacobian(output, x, mode=mode)
        assert made.values.dtype is gx.float32
        assert made.dense(gx.evaluate(made.values, x=np.ones(6, np.float32))).dtype == np.float32


def test_other_inputs_of_the_graph_stay_inputs() -> None:
    x, output = tridiagonal(6)
    a = gx.input("a", (6,), gx.float64)
    made = gx.sparse_jacobian(output * a + gx.sum(a), x)
    values = gx.evaluate(made.values, x=np.ones(6), a=np.full(6, 2.0))
    alone = gx.sparse_jacobian(output, x)
    close(made.dense(values), 2 * alone.dense(gx.evaluate(alone.values, x=np.ones(6))))
    # An input that only the function needs may be given too.
    shifted = gx.sparse_jacobian(output + a, x)
    close(
        gx.evaluate(shifted.values, x=np.ones(6), a=np.ones(6)),
        gx.evaluate(alone.values, x=np.ones(6)),
    )


def test_a_linear_function_has_constant_bands() -> None:
    x = gx.input("x", (5,), gx.float64)
    made = gx.sparse_jacobian(2 * x[1:] - x[:-1], x)
    values = gx.evaluate(made.values, x=np.ones(5))
    assert values.tolist() == [-1.0] * 4 + [2.0] * 4


def test_scalars_and_stacks_are_flat_in_the_structure() -> None:
    x = gx.input("x", (), gx.float64)
    made = gx.sparse_jacobian(x**3, x)
    assert made.shape == (1, 1)
    assert gx.evaluate(made.values, x=2.0).tolist() == [12.0]
    y = gx.input("y", (3, 4), gx.float64)
    made = gx.sparse_jacobian(y[1:] * y[:-1], y)
    point = np.arange(12.0).reshape(3, 4) + 1
    dense = np.asarray(gx.evaluate(gx.jacobian(y[1:] * y[:-1], y), y=point)).reshape(8, 12)
    close(made.dense(gx.evaluate(made.values, y=point)), dense)


def test_what_does_not_depend_on_the_input_has_no_entries() -> None:
    x, y = gx.input("x", (3,), gx.float64), gx.input("y", (4,), gx.float64)
    made = gx.sparse_jacobian(y * 2, x)
    assert (made.nnz, made.shape, made.colours.count) == (0, (4, 3), 0)
    assert gx.evaluate(made.values, x=np.ones(3), y=np.ones(4)).shape == (0,)
    hessian = gx.sparse_hessian(gx.sum(x * 3), x)
    assert hessian.nnz == 0 and hessian.csr(np.zeros(0)).nnz == 0


def test_the_plan_tells_what_was_weighed_and_can_be_overruled() -> None:
    x, output = tridiagonal(50)
    made = gx.sparse_jacobian(output, x)
    text = str(made.plan)
    assert "-> bands: 3 bands" in text and "jvp: 3 colours or more" in text
    taken = [c for c in made.plan.choices if c.taken]
    assert len(taken) == 1
    assert taken[0].seconds_after == min(c.seconds_after for c in made.plan.choices)
    assert "asked for" in str(gx.sparse_jacobian(output, x, mode="vjp").plan)
    x, output = arrow(20)
    assert "bands" in str(gx.sparse_jacobian(output, x).plan)


def test_an_element_that_reads_nothing_has_no_slope() -> None:
    x = gx.input("x", (3,), gx.float64)
    y = gx.input("y", (3,), gx.float64)
    mean = gx.mean(gx.concat([x[:1], gx.zeros((2,), gx.float64)]) * y)
    made = gx.sparse_jacobian(mean, x, mode="bands")
    assert made.nnz == 1
    close(gx.evaluate(made.values, x=np.ones(3), y=np.array([2.0, 5.0, 7.0])), [2 / 3])


def test_two_bands_that_meet_are_added_up() -> None:
    x = gx.input("x", (4,), gx.float64)
    output = x[np.array([0, 1, 2])] * x[np.array([0, 2, 2])]
    made = gx.sparse_jacobian(output, x, mode="bands")
    assert made.nnz == 4
    close(
        made.dense(gx.evaluate(made.values, x=np.array([1.0, 2.0, 3.0, 4.0]))),
        [[2, 0, 0, 0], [0, 3, 2, 0], [0, 0, 6, 0]],
    )


def test_a_slope_of_infinity_beside_a_border_stays_there() -> None:
    x = gx.input("x", (3,), gx.float64)
    output = gx.sqrt(gx.concat([gx.zeros((1,), gx.float64), x[:-1]])) + x
    made = gx.sparse_jacobian(output, x)
    values = gx.evaluate(made.values, x=np.array([1.0, 4.0, 9.0]))
    close(made.dense(values), [[1, 0, 0], [0.5, 1, 0], [0, 0.25, 1]])


def test_a_hessian_with_a_rule_of_somebodys_own_is_not_read_by_symmetry() -> None:
    x = gx.input("x", (6,), gx.float64)
    square = gx.custom_rule(lambda v: v * v, vjp=lambda bar, out, v: [bar * 3 * v])
    loss = gx.sum(square(x) * gx.roll(x, 1))
    made = gx.sparse_hessian(loss, x, mode="hvp")
    point = np.linspace(0.5, 1.5, 6)
    check(made, np.asarray(gx.evaluate(gx.hessian(loss, x), x=point)), point)


def test_the_picture_shows_entries_and_goes_into_files(tmp_path: Path) -> None:
    x, output = tridiagonal(20)
    made = gx.sparse_jacobian(output, x)
    text = made.spy(tmp_path / "spy.svg")
    assert (tmp_path / "spy.svg").read_text(encoding="utf-8") == text
    assert "58 of 20 × 20 entries (14.5%)" in text and "3 bands" in text
    assert text.count("<rect") == 58 + 2
    made.structure.spy(tmp_path / "spy.png")
    image = (tmp_path / "spy.png").read_bytes()
    assert image.startswith(b"\x89PNG")
    assert made._repr_svg_() == text  # pyright: ignore[reportPrivateUsage]  (IPython's name)
    large = gx.sparse_jacobian(*reversed(tridiagonal(100_000)))
    assert len(large.spy()) < 100_000
    from matplotlib import image as pictures

    shown = pictures.imread(io.BytesIO(image))
    assert shown.shape[0] == shown.shape[1] and 0.1 < (shown[..., 0] < 0.5).mean() < 0.2
