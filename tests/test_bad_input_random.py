"""Wrong calls of random numbers, complex numbers and transforms: errors at the caller's line."""

from __future__ import annotations

import inspect
import math
from typing import Any

import jax
import numpy as np
import pytest

import graphc as gx
from tests.bad_input_checker import Case, wrong_calls
from tests.test_bad_operands import VALUES, fault

R, F = gx.random, gx.fft
key = R.key(0)
x = gx.input("x", (4,), "float64")
i = gx.input("i", (4,), "int32")
mask = gx.input("mask", (4,), "bool")
z = gx.input("z", (4,), "complex128")
s = gx.input("s", (), "float64")
n = gx.input("n", ("batch",), "float64")
empty = gx.input("empty", (0,), "complex128")
wide = gx.input("wide", (), "int64")
no: Any = None
text: Any = "1"

CASES: dict[str, list[Case]] = {
    "keys": [
        (lambda: R.uniform(0), gx.ArgumentError, "0 is no random key"),
        (lambda: R.uniform(True), gx.ArgumentError, "True"),
        (lambda: R.uniform(no), gx.ArgumentError, "gx.random.key(0)"),
        (lambda: R.uniform(x), gx.DTypeError, "f64[4]"),
        (lambda: R.uniform(np.zeros(3, np.uint32)), gx.ShapeError, "u32[3]"),
        (lambda: R.uniform(R.split(key, 3)), gx.ShapeError, "gx.map"),
        (lambda: R.normal(np.zeros(2, np.int32)), gx.DTypeError, "i32[2]"),
        (lambda: R.bits(jax.random.key(0)), gx.GraphcError, "key"),
        (lambda: R.key(1.5), gx.ArgumentError, "1.5"),
        (lambda: R.key(True), gx.ArgumentError, "True"),
        (lambda: R.key("seed"), gx.ArgumentError, "'seed'"),
        (lambda: R.key(2**63), gx.ArgumentError, "64 bits"),
        (lambda: R.key(-(2**63) - 1), gx.ArgumentError, "64 bits"),
        (lambda: R.key(10**5000), gx.ArgumentError, "64 bits"),
        (lambda: R.key(wide), gx.DTypeError, "i64"),
        (lambda: R.key(x), gx.DTypeError, "f64[4]"),
        (lambda: R.key(i), gx.ShapeError, "i32[4]"),
        (lambda: R.split(key, -1), gx.ShapeError, "-1"),
        (lambda: R.split(key, 1.5), gx.ShapeError, "1.5"),
        (lambda: R.split(key, 2**50), gx.ShapeError, "2**48"),
        (lambda: R.fold_in(key, -1), gx.ArgumentError, "-1"),
        (lambda: R.fold_in(key, 2**32), gx.ArgumentError, "4294967296"),
        (lambda: R.fold_in(key, 0.5), gx.ArgumentError, "0.5"),
        (lambda: R.fold_in(key, i), gx.ShapeError, "i32[4]"),
        (lambda: R.fold_in(key, s), gx.DTypeError, "f64"),
    ],
    "draws": [
        (lambda: R.uniform(key, -1), gx.ShapeError, "-1"),
        (lambda: R.uniform(key, (2**30, 2**30)), gx.ShapeError, "2**48"),
        (lambda: R.uniform(key, (), "int32"), gx.DTypeError, "int32"),
        (lambda: R.uniform(key, (), "complex64"), gx.DTypeError, "complex64"),
        (lambda: R.uniform(key, (), low=math.nan), gx.ArgumentError, "low=nan"),
        (lambda: R.uniform(key, (), high=math.inf), gx.ArgumentError, "high=inf"),
        (lambda: R.uniform(key, (), low=2.0), gx.ArgumentError, "high=1.0"),
        (lambda: R.uniform(key, (), low=text), gx.ArgumentError, "low='1'"),
        (lambda: R.uniform(key, (3,), low=x), gx.ShapeError, "3 and 4"),
        (lambda: R.uniform(key, (4,), low=z), gx.DTypeError, "c128[4]"),
        (lambda: R.uniform(key, (4,), low=mask), gx.DTypeError, "bool"),
        (lambda: R.uniform(key, low=10**400), gx.ArgumentError, "low="),
        (lambda: R.normal(key, scale=-1.0), gx.ArgumentError, "scale=-1.0"),
        (lambda: R.normal(key, scale=np.array([1.0, -1.0])), gx.ArgumentError, "scale="),
        (lambda: R.normal(key, mean=math.nan), gx.ArgumentError, "mean=nan"),
        (lambda: R.bernoulli(key, 1.5), gx.ArgumentError, "p=1.5"),
        (lambda: R.bernoulli(key, -0.1), gx.ArgumentError, "p=-0.1"),
        (lambda: R.bernoulli(key, math.nan), gx.ArgumentError, "p=nan"),
        (lambda: R.bernoulli(key, np.array([0.5, 2.0])), gx.ArgumentError, "[0, 1]"),
        (lambda: R.bernoulli(key, True), gx.ArgumentError, "True"),
        (lambda: R.bernoulli(key, x, (3,)), gx.ShapeError, "3 and 4"),
        (lambda: R.truncated_normal(key, 1.0, -1.0), gx.ArgumentError, "upper=-1.0"),
        (lambda: R.truncated_normal(key, -math.inf), gx.ArgumentError, "lower=-inf"),
        (lambda: R.bits(key, (), "int32"), gx.DTypeError, "int32"),
        (lambda: R.randint(key, (), 3, 3), gx.ArgumentError, "3"),
        (lambda: R.randint(key, (), 0, 300, "uint8"), gx.ArgumentError, "300"),
        (lambda: R.randint(key, (), -1, 3, "uint8"), gx.ArgumentError, "-1"),
        (lambda: R.randint(key, (), 0, 2**31 + 1), gx.ArgumentError, "int32"),
        (lambda: R.randint(key, (), 0.5, 3), gx.ArgumentError, "low=0.5"),
        (lambda: R.randint(key, (), 0, 3, "float32"), gx.DTypeError, "float32"),
        (lambda: R.permutation(key, s), gx.ArgumentError, "no axis"),
        (lambda: R.permutation(key, -1), gx.ShapeError, "-1"),
        (lambda: R.permutation(key, x, axis=1), gx.AxisError, "axis 1"),
        (lambda: R.categorical(key, s), gx.ShapeError, "no axis"),
        (lambda: R.categorical(key, 0.5), gx.ArgumentError, "0.5"),
        (lambda: R.categorical(key, x, axis=2), gx.AxisError, "axis 2"),
        (lambda: R.categorical(key, gx.input("l", (3, 4)), shape=(2,)), gx.ShapeError, "shape"),
        (lambda: R.choice(key, 0), gx.ShapeError, "0 entries"),
        (lambda: R.choice(key, 3, (4,), replace=False), gx.ShapeError, "4 draws from 3"),
        (lambda: R.choice(key, 3, p=[0.5, 0.5]), gx.ShapeError, "3 entries"),
        (lambda: R.choice(key, 2, p=[0.5, -0.5]), gx.ArgumentError, "0 or more"),
        (lambda: R.choice(key, 2, replace=text), gx.ArgumentError, "replace='1'"),
    ],
    "dropout": [
        (lambda: gx.dropout(x, key, 1.5), gx.ArgumentError, "rate=1.5"),
        (lambda: gx.dropout(x, key, 1), gx.ArgumentError, "rate=1"),
        (lambda: gx.dropout(x, key, 1.0), gx.ArgumentError, "[0, 1)"),
        (lambda: gx.dropout(x, key, -0.1), gx.ArgumentError, "rate=-0.1"),
        (lambda: gx.dropout(x, key, math.nan), gx.ArgumentError, "rate=nan"),
        (lambda: gx.dropout(x, key, True), gx.ArgumentError, "rate=True"),
        (lambda: gx.dropout(x, key, text), gx.ArgumentError, "rate='1'"),
        (lambda: gx.dropout(x, 0, 0.5), gx.ArgumentError, "no random key"),
        (lambda: gx.dropout(x, 0, 0), gx.ArgumentError, "no random key"),
        (lambda: gx.dropout(i, key, 0.5), gx.DTypeError, "i32[4]"),
    ],
    "complex": [
        (lambda: z < z, gx.DTypeError, "less(z: c128[4]"),
        (lambda: gx.maximum(z, 1.0), gx.DTypeError, "maximum is not holomorphic"),
        (lambda: gx.max(z), gx.DTypeError, "gx.real"),
        (lambda: gx.floor(z), gx.DTypeError, "floor"),
        (lambda: gx.relu(z), gx.DTypeError, "relu"),
        (lambda: gx.cast(z, "float32"), gx.DTypeError, "imaginary"),
        (lambda: gx.cast(z, "int32"), gx.DTypeError, "imaginary"),
        (lambda: gx.complex(z, x), gx.DTypeError, "the parts are"),
        (lambda: gx.complex(gx.input("h", (), "float16")), gx.DTypeError, "float32 or float64"),
        (lambda: gx.real(mask), gx.DTypeError, "bool"),
        (lambda: gx.grad(gx.sum(z), z), gx.GradError, "must be real"),
        (lambda: gx.jacobian(abs(z), z), gx.GradError, "gx.complex(x, y)"),
        (lambda: gx.jacobian(z * x, x), gx.GradError, "must be real"),
        (lambda: gx.hessian(gx.sum(abs(z)), z), gx.GradError, "Hessian"),
        (lambda: gx.grad(gx.sum(abs(z)), z, "symbolic"), gx.EngineError, "real numbers only"),
        (lambda: gx.grad(gx.sum(abs(z)), z, "analytic"), gx.EngineError, "real numbers only"),
        (
            lambda: gx.grad(gx.sum(abs(z)), z, "numeric", method="complex-step"),
            gx.EngineError,
            "complex-step does not apply",
        ),
        (lambda: gx.vjp(abs(z), z, 1j), gx.DTypeError, "1j"),
        (lambda: gx.evaluate(x * 2, x=np.full(4, 1j)), gx.DTypeError, "complex128"),
        (lambda: gx.constant(1j, "float32"), gx.DTypeError, "1j"),
        (lambda: gx.constant([1j, 1e300], "complex64"), gx.PrecisionError, "complex64"),
        (lambda: z.T, gx.ShapeError, "2 axes"),
        (lambda: gx.debug(gx.sum(abs(z)), z=[1j] * 4), gx.DTypeError, "debug follows real"),
        (lambda: gx.Problem(gx.sum(abs(z)), {"z": [1j] * 4}), gx.GradError, "float"),
        (lambda: gx.to_sympy(gx.input("c", (), "complex64") ** 2), gx.EngineError, "complex"),
    ],
    "transforms": [
        (lambda: F.fft(s), gx.AxisError, "scalar"),
        (lambda: F.fft(z, axis=1), gx.AxisError, "axis 1"),
        (lambda: F.fft(z, 0), gx.ShapeError, "n=0"),
        (lambda: F.fft(z, -4), gx.ShapeError, "-4"),
        (lambda: F.fft(z, 2.5), gx.ShapeError, "2.5"),
        (lambda: F.fft(z, (3, 4)), gx.ShapeError, "(3, 4)"),
        (lambda: F.fft(z, 2**60), gx.ShapeError, "2**48"),
        (lambda: F.fft(z, norm="both"), gx.ArgumentError, "norm='both'"),
        (lambda: F.fft(mask), gx.DTypeError, "bool"),
        (lambda: F.fft(empty), gx.ShapeError, "empty"),
        (lambda: F.fft(n, 4), gx.DimError, "batch"),
        (lambda: F.rfft(z), gx.DTypeError, "complex"),
        (lambda: F.rfft(n), gx.DimError, "gx.fft.fft"),
        (lambda: F.irfft(z[:1]), gx.ShapeError, "give n="),
        (lambda: F.irfft(z, 0), gx.ShapeError, "n=0"),
        (lambda: F.ihfft(z), gx.DTypeError, "complex"),
        (lambda: F.fftn(z, (2, 2)), gx.ShapeError, "2 sizes for 1 axes"),
        (lambda: F.fftn(z, axes=(0, 0)), gx.AxisError, "twice"),
        (lambda: F.fftn(z, axes=()), gx.AxisError, "no axis"),
        (lambda: F.fftn(z, (2,), (0, -1)), gx.GraphcError, "axis"),
        (lambda: F.fftfreq(0), gx.ShapeError, "n=0"),
        (lambda: F.fftfreq(4, 0.0), gx.ArgumentError, "d=0.0"),
        (lambda: F.fftfreq(4, math.nan), gx.ArgumentError, "d=nan"),
        (lambda: F.fftfreq(4, dtype="int32"), gx.DTypeError, "int32"),
        (lambda: F.fftshift(z, 1), gx.AxisError, "axis 1"),
    ],
}  # fmt: skip


test_wrong_call_is_told_at_the_callers_line = wrong_calls(CASES)


@pytest.mark.parametrize("name", sorted(set(R.__all__) - {"key"}))
def test_any_value_beside_a_good_key_is_a_result_or_an_error_of_ours(name: str) -> None:
    function = getattr(R, name)
    names = list(inspect.signature(function).parameters)[1:]
    good = {"shape": (), "low": 0, "high": 3, "x": 3, "data": 1, "logits": x}
    wrong: list[str] = []
    for word, value in VALUES.items():
        for parameter in names:
            given = {p: good[p] for p in names if p in good} | {parameter: value}
            if name == "uniform":
                given = {"high": 3.0, **given}
            found = fault(function, (key,), given)
            if found:
                wrong.append(f"{name}({parameter}={word}): {found}")
    assert not wrong, "\n".join(wrong[:20])
