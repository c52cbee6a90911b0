"""Derivatives that need fewer inputs than what was differentiated."""

from __future__ import annotations

import numpy as np
import pytest

import graphc as gx


def test_constant_gradient_takes_the_values_of_its_function() -> None:
    x = gx.input("x", (), "float64")
    slope = gx.grad(3 * x, x)
    assert float(gx.evaluate(slope, x=7.0)) == 3.0
    assert float(gx.compile(slope)(x=7.0)) == 3.0
    assert float(gx.evaluate_mpmath(slope, x=7.0)) == 3.0


def test_gradient_of_a_mean_learns_its_named_size_from_the_data() -> None:
    x = gx.input("x", ("batch", 3), "float64")
    slope = gx.grad(gx.mean(x), x)
    for rows in (2, 5):
        data = np.ones((rows, 3))
        assert np.all(gx.evaluate(slope, x=data) == 1 / (3 * rows))
        assert np.all(np.asarray(gx.compile(slope)(x=data)) == 1 / (3 * rows))


def test_a_name_of_no_input_is_still_refused() -> None:
    x = gx.input("x", (), "float64")
    with pytest.raises(gx.ArgumentError, match="no input named 'y'"):
        gx.evaluate(gx.grad(3 * x, x), y=1.0)
