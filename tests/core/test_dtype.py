from __future__ import annotations

import itertools
import pickle
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx
from graphc.core.dtype import DTYPES, dtype_of, promote

NAMES = [d.name for d in DTYPES]


@pytest.mark.parametrize(("left", "right"), list(itertools.product(NAMES, NAMES)))
def test_promotion_of_two_dtypes_is_that_of_jax(left: str, right: str) -> None:
    assert promote(dtype_of(left), dtype_of(right)).name == jnp.promote_types(left, right).name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("number", [True, 1, 1.0])
def test_python_numbers_are_weak_as_in_jax(name: str, number: Any) -> None:
    found = (gx.input("x", (), name) + number).dtype.name
    expected = jnp.result_type(jnp.zeros((), name), number).name
    if isinstance(number, float) and not dtype_of(name).is_float:
        expected = "float32"  # the default float, where JAX with 64-bit types takes float64
    if name == "bool" and number is not True:
        expected = "int32" if isinstance(number, int) else "float32"
    assert found == expected


def test_numpy_scalars_keep_their_dtype() -> None:
    x = gx.input("x", (), "float32")
    assert (x * np.float64(2)).dtype is gx.float64
    assert (np.float64(2) * x).dtype is gx.float64
    assert (x * np.float32(2)).dtype is gx.float32
    assert gx.constant(np.float64(0.1)).dtype is gx.float64
    assert gx.evaluate(gx.constant(np.float64(0.1))) == 0.1


@pytest.mark.parametrize("name", NAMES)
def test_dtype_is_found_by_name_by_numpy_and_by_itself(name: str) -> None:
    dtype = dtype_of(name)
    assert dtype_of(dtype) is dtype_of(dtype.numpy) is dtype_of(dtype.short) is dtype
    assert pickle.loads(pickle.dumps(dtype)) is dtype
    assert dtype.numpy.itemsize * 8 == dtype.bits
    assert str(dtype["n", 3]) == f"{dtype.short}[n,3]"


@pytest.mark.parametrize("dtype", [gx.bfloat16, gx.float16, gx.float32, gx.float64])
def test_epsilon_is_the_distance_from_1(dtype: gx.DType) -> None:
    assert dtype.epsilon == float(jnp.finfo(dtype.numpy).eps)


@pytest.mark.parametrize("wrong", ["complex256", "object", "float128", "U8", "nonsense", object()])
def test_unknown_dtype_is_an_error_at_the_line(wrong: Any) -> None:
    with pytest.raises(gx.DTypeError, match=r"test_dtype.py:\d+: .* is not supported"):
        gx.input("x", (), wrong)


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.5, "int32"),
        ([1.5], "int32"),
        ([2**40], None),
        (300, "uint8"),
        ([-1], "uint8"),
        ([np.nan], "int8"),
        (2**70, "int64"),
    ],
)
def test_value_that_an_integer_dtype_can_not_hold_is_an_error(value: Any, dtype: Any) -> None:
    with pytest.raises(gx.DTypeError, match=r"test_dtype.py:\d+: .*does not fit into"):
        gx.constant(value, dtype)


@pytest.mark.parametrize(
    "make",
    [
        lambda: gx.constant(1e300),
        lambda: gx.constant([1e300]),
        lambda: gx.constant(1e-300),
        lambda: gx.input("x", ()) * 1e300,
        lambda: gx.input("x", (), "float16") + 1e-12,
    ],
)
def test_number_that_a_float_dtype_would_make_infinite_or_zero_is_an_error(make: Any) -> None:
    with pytest.raises(gx.PrecisionError, match=r"test_dtype.py:\d+: .*too (large|small)"):
        make()


def test_integers_are_divided_as_floats() -> None:
    i = gx.input("i", (), "int32")
    assert (i / i).dtype is gx.float32
    assert gx.mean(gx.input("k", (3,), "int64")).dtype is gx.float32
    assert gx.exp(i).dtype is gx.float32
