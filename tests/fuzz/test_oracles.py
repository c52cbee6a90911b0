"""Every oracle catches a fault of its kind; none accuses what is right."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.backends.jax import JaxNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.core.node import Node
from graphc.core.op import op_named
from graphc.diff.engines import Derivation, differentiate
from graphc.fuzz import floats
from graphc.fuzz.generate import Case
from graphc.fuzz.run import judge_case
from graphc.optimize.optimize import optimized
from tests.compare.faults import planted, scaled

TINY = scaled(1 + 1e-12)

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


def scalar_case(build: Callable[[Node], Any], at: float = 0.7) -> Case:
    x = gx.input("x", (), "float64")
    return Case(build(x), {x: np.asarray(at)})


def tensor_case() -> Case:
    x = gx.input("x", (2, 3), "float64")
    y = gx.input("y", (3, 2), "float64")
    values = {x: np.arange(6.0).reshape(2, 3) / 4, y: np.arange(6.0).reshape(3, 2) / 8 - 0.5}
    return Case(gx.logsumexp(gx.tanh(x @ y)), values)


def failing(case: Case) -> set[str]:
    return {f.oracle for f in judge_case(case).findings}


@pytest.mark.parametrize(
    "case",
    [
        scalar_case(lambda x: gx.sin(x) * gx.exp(x)),
        scalar_case(lambda x: gx.tanh(x) / gx.cosh(x), 30.0),
        scalar_case(lambda x: gx.abs(x) - gx.relu(x), 0.0),
        scalar_case(lambda x: gx.where(x > 1, gx.log(x - 1), x), 0.5),
        scalar_case(lambda x: (x + 1e8) - 1e8, 0.1),
        scalar_case(lambda x: gx.softplus(x), -700.0),
        tensor_case(),
    ],
    ids=range(7),
)
def test_nothing_is_found_in_what_is_right(case: Case) -> None:
    assert not judge_case(case).findings


@pytest.mark.parametrize(("direction", "engine"), [("vjp", "reverse"), ("jvp", "forward")])
def test_a_rule_off_by_1e_12_is_found_by_truth_engines_and_identity(
    direction: str, engine: str
) -> None:
    with planted("matmul", direction, TINY):
        found = failing(tensor_case())
    assert f"truth of {engine}" in found
    assert {"jvp of vjp", "forward against reverse", "<J v, w> = <v, J' w>"} <= found
    with planted("sin", direction, TINY):
        found = failing(scalar_case(gx.sin))
    assert f"truth of {engine}" in found


def test_a_fault_in_a_slope_s_own_rule_shows_in_second_order_alone() -> None:
    with planted("sech_squared", "vjp", TINY):
        found = failing(scalar_case(gx.tanh))
    assert found == {"reverse over reverse", "reverse over forward"}


@pytest.mark.parametrize("engine", ["symbolic", "numeric", "analytic"])
def test_a_wrong_gradient_of_another_engine_is_found(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(output: Node, wrt: Any, name: str, **options: Any) -> Derivation:
        made = differentiate(output, wrt, name, **options)
        factor = 1 + 1e-12 if name == engine else 1.0
        return Derivation([g * factor for g in made.gradients], made.route)

    monkeypatch.setattr("graphc.fuzz.bench.differentiate", wrong)
    monkeypatch.setattr("graphc.fuzz.oracles.differentiate", wrong)
    assert f"truth of {engine}" in failing(scalar_case(gx.sin))


def test_an_evaluator_that_loses_digits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NumpyNamespace, "softplus", lambda self, x: np.log(1 + np.exp(x)))
    assert "floats of the value" in failing(scalar_case(gx.softplus, -30.0))


def test_a_compiler_that_loses_digits_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    import jax.numpy as jnp

    monkeypatch.setattr(JaxNamespace, "softplus", lambda self, x: jnp.log(1 + jnp.exp(x)))
    assert failing(scalar_case(gx.softplus, -30.0)) == {"jit of the value"}


@pytest.mark.parametrize("option", ["exact", "stable", "finite"])
def test_a_wrong_rewrite_is_found(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    right = floats.simplify

    def wrong(nodes: Any, **options: Any) -> Any:
        meant = option == "exact" or options.get(option)
        made = right(nodes, **options)
        return [n * (1 + 1e-9) for n in made] if meant else made

    monkeypatch.setattr(floats, "simplify", wrong)
    assert f"{option} rewrites" in failing(scalar_case(gx.sin))


def test_a_wrong_rewrite_by_cost_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(nodes: Any, *args: Any, **options: Any) -> Any:
        made, plan = optimized(nodes, *args, **options)
        return [n * (1 + 1e-9) for n in made], plan

    monkeypatch.setattr(floats, "optimized", wrong)
    assert "rewrites by cost" in failing(tensor_case())


def test_a_convention_of_jax_that_no_record_tells_of_is_found() -> None:
    case = scalar_case(lambda x: gx.abs(x) * 3, 0.0)
    assert judge_case(case).undecided["JAX's slope"].startswith("a convention: JAX gives slope 1")
    kink = op_named("abs").kink
    assert kink is not None
    before = kink.departs
    object.__setattr__(kink, "departs", "")
    try:
        assert failing(case) == {"JAX's slope"}
    finally:
        object.__setattr__(kink, "departs", before)


def test_an_oracle_that_raises_is_a_finding() -> None:
    def broken(_: Any) -> Any:
        raise gx.ShapeError("planted")

    with planted("cosh", "vjp", broken):
        found = judge_case(scalar_case(gx.cosh)).findings
    assert {f.oracle for f in found} >= {"truth", "second order"}
    assert "planted" in found[0].words


# -- why floats may be outside their bounds --


def test_a_comparison_within_rounding_of_its_turn_is_no_finding() -> None:
    case = scalar_case(lambda x: gx.where(gx.sin(x) == float(np.sin(0.7)), x, 2 * x))
    verdicts = judge_case(case)
    assert not verdicts.findings
    assert "rounding turns a comparison" in verdicts.undecided["floats of the value"]


def test_an_overflow_on_the_way_is_no_finding() -> None:
    verdicts = judge_case(scalar_case(lambda x: gx.square(x) / x, 1e200))
    assert not verdicts.findings
    assert "range of floats" in verdicts.undecided["floats of the value"]
