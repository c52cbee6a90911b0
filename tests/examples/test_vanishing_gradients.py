from __future__ import annotations

import numpy as np
import pytest

from examples import vanishing_gradients
from graphc import nn


@pytest.fixture(scope="module")
def result() -> vanishing_gradients.Result:
    return vanishing_gradients.compute(quick=True)


def test_sigmoid_gradients_shrink_by_more_than_a_quarter_a_layer(
    result: vanishing_gradients.Result,
) -> None:
    norms = result.norms["sigmoid"]
    assert np.all(norms[:-1] < norms[1:])
    assert result.ratios["sigmoid"] < 0.25 ** (len(norms) - 2)


def test_relu_and_residual_layers_keep_their_size(result: vanishing_gradients.Result) -> None:
    for name in ("relu, He", "residual"):
        norms = result.norms[name]
        assert norms.max() / norms.min() < 20, name


def test_the_gradient_vanishes_truly(result: vanishing_gradients.Result) -> None:
    computed, exact = result.adjoint
    assert computed == pytest.approx(exact, rel=1e-4)
    assert not result.underflow


def test_every_hidden_layer_has_a_gradient() -> None:
    for kind in ("sigmoid", "relu, He", "residual"):
        loss, weights = vanishing_gradients.loss_of(kind, 4)
        assert len(weights) == 4, kind
        assert len(nn.flat(nn.parameters(loss))) == (16 if kind == "residual" else 10)


def test_picture_has_a_line_for_each_network(result: vanishing_gradients.Result) -> None:
    (axis,) = vanishing_gradients.picture(result).axes
    assert len(axis.lines) == 3
    assert axis.get_yscale() == "log"
