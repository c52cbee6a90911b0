from __future__ import annotations

import numpy as np
import pytest

import graphc as gx
from graphc import train
from tests.train.networks import curved, line

FIRST = ["cg", "bfgs", "l-bfgs"]
SECOND = ["newton-cg", "trust-ncg"]


def rosenbrock() -> gx.Node:
    """Returns Rosenbrock's valley, whose lowest point is (1, 1)."""
    x, y = gx.input("x", (), gx.float64), gx.input("y", (), gx.float64)
    return gx.square(1 - x) + 100 * gx.square(y - x * x)


@pytest.mark.parametrize("method", [*FIRST, *SECOND])
def test_every_method_finds_the_bottom_of_rosenbrocks_valley(method: str) -> None:
    found = train.minimise(
        rosenbrock(),
        parameters={"x": -1.2, "y": 1.0},
        method=method,
        tolerance=1e-9,
        keep_path=True,
    )
    assert found.values["x"] == pytest.approx(1, abs=1e-5)
    assert found.values["y"] == pytest.approx(1, abs=1e-5)
    assert found.losses[0] == pytest.approx(24.2) and found.losses[-1] == found.loss
    assert found.path["x"].shape == (found.steps + 1,) and found.path["x"][0] == -1.2


def test_levenberg_marquardt_finds_it_from_residuals_and_their_jacobian() -> None:
    x, y = gx.input("x", (), gx.float64), gx.input("y", (), gx.float64)
    residuals = gx.stack([1 - x, 10 * (y - x * x)])
    found = train.minimise(
        residuals, parameters={"x": -1.2, "y": 1.0}, method="levenberg-marquardt"
    )
    assert found.converged and found.loss < 1e-20
    assert found.values["x"] == pytest.approx(1, abs=1e-9)
    assert found.losses[0] == pytest.approx(12.1)
    assert np.all(np.diff(found.losses) < 0)


def test_levenberg_marquardt_fits_a_curve_to_data() -> None:
    t = gx.input("t", ("n",), gx.float64)
    y = gx.input("y", ("n",), gx.float64)
    scale, rate = (
        gx.param("scale", (), gx.float64, init=1.0),
        gx.param("rate", (), gx.float64, init=0.1),
    )
    times = np.linspace(0, 4, 30)
    data = {"t": times, "y": 2.5 * np.exp(-1.3 * times)}
    found = train.minimise(scale * gx.exp(-rate * t) - y, data=data, method="levenberg-marquardt")
    assert found.values["scale"] == pytest.approx(2.5, rel=1e-9)
    assert found.values["rate"] == pytest.approx(1.3, rel=1e-9)


def test_more_unknowns_than_residuals_take_the_trust_region() -> None:
    w = gx.param("w", (5,), gx.float64, init=0.0)
    residuals = gx.sum(w, keepdims=True) - 3.0
    found = train.minimise(residuals, method="levenberg-marquardt")
    assert found.values["w"].sum() == pytest.approx(3)


def test_least_squares_of_a_line_agrees_with_numpys() -> None:
    loss, data = line()
    noisy = data["y"] + np.random.default_rng(3).normal(size=60).astype(np.float32)
    found = train.minimise(loss, data={**data, "y": noisy}, method="bfgs")
    matrix = np.concatenate([data["x"], np.ones((60, 1))], axis=1)
    exact = np.linalg.lstsq(matrix, noisy, rcond=None)[0]
    np.testing.assert_allclose(found.values["layer.w"], exact[:3], atol=1e-3)
    np.testing.assert_allclose(found.parameters["layer"]["b"], exact[3], atol=1e-3)


def test_frozen_parameters_and_starts_by_nest() -> None:
    loss, data = line()
    found = train.minimise(
        loss, data, parameters={"layer": {"w": [1.0, -2.0, 3.0]}}, frozen=("layer.b",), max_steps=1
    )
    assert list(found.values) == ["layer.w"]
    assert found.steps <= 1


def test_a_step_may_end_it() -> None:
    seen: list[int] = []
    found = train.minimise(
        rosenbrock(), parameters={"x": -1.2, "y": 1.0}, method="bfgs",
        on_step=lambda number, loss: seen.append(number) or number < 3,
    )  # fmt: skip
    assert seen == [1, 2, 3] and found.stopped == "on_step said so" and not found.converged


def test_the_data_come_second_as_in_fit_and_are_not_sought() -> None:
    loss, data = line()
    found = train.minimise(loss, data, max_steps=3)
    assert not set(found.values) & set(data)
    assert found.loss == train.minimise(loss, data=data, max_steps=3).loss


def test_wrong_calls_are_refused() -> None:
    loss, _, data = curved()
    with pytest.raises(gx.ArgumentError, match="did you mean bfgs"):
        train.minimise(loss, data=data, method="bgfs")
    with pytest.raises(gx.ArgumentError, match=r"no value for y: f32\[batch\]"):
        train.minimise(loss, data={"x": data["x"]})
    with pytest.raises(gx.ArgumentError, match="nothing to seek"):
        train.minimise(rosenbrock(), data={"x": 1.0, "y": 2.0})
    with pytest.raises(gx.ArgumentError, match="'w', which is no parameter and no layer"):
        train.minimise(loss, data, frozen=["w"])
    with pytest.raises(gx.ShapeError, match="its start has shape"):
        train.minimise(loss, data, parameters={"w2": [1.0]})
    with pytest.raises(gx.ShapeError, match="no scalar"):
        train.minimise(gx.param("w", (2,), init=0.0))
    with pytest.raises(gx.DivergedError, match="at the start"):
        train.minimise(gx.log(gx.param("w", (), init=0.0)))
