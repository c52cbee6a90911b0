"""Wrong calls of special functions and of bits: each error at the caller's line, with a way out."""

from __future__ import annotations

import graphc as gx
from tests.bad_input_checker import Case, wrong_calls

x = gx.input("x", (3,), "float64")
y = gx.input("y", (4,), "float64")
k = gx.input("k", (3,), "int32")
mask = gx.input("mask", (3,), "bool")
z = gx.input("z", (3,), "complex128")

ONE = (
    "erfinv erfcinv normal_quantile gamma lgamma digamma gammasgn i0 i1 i0e i1e entr log2 log10 "
    "exp2 cbrt logit"
).split()
TWO = (
    "beta betaln zeta igamma igammac xlogy xlog1py logaddexp logaddexp2 copysign nextafter".split()
)
BITS = ("bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift").split()

CASES: dict[str, list[Case]] = {
    "shapes": [(lambda n=n: getattr(gx, n)(x, y), gx.ShapeError, "3") for n in TWO],
    "complex": [
        (lambda n=n: getattr(gx, n)(z), gx.DTypeError, "complex")
        for n in ONE
        if n not in ("log2", "log10")  # these are analytic, and take them
    ],
    "no number": [(lambda n=n: getattr(gx, n)("a"), gx.GraphcError, n) for n in ONE],
    "order": [
        (lambda: gx.polygamma(-1, x), gx.ArgumentError, "n=-1"),
        (lambda: gx.polygamma(101, x), gx.ArgumentError, "0 to 100"),
        (lambda: gx.polygamma(1.0, x), gx.ArgumentError, "n=1.0"),
        (lambda: gx.polygamma(True, x), gx.ArgumentError, "n=True"),
        (lambda: gx.polygamma(x, x), gx.ArgumentError, "n="),
    ],
    "bits": [
        *[(lambda n=n: getattr(gx, n)(x, k), gx.DTypeError, "neither bool nor") for n in BITS],
        (lambda: x & k, gx.DTypeError, "compare first"),
        (lambda: mask & k, gx.DTypeError, "compare first"),
        (lambda: ~x, gx.DTypeError, "compare first"),
        (lambda: x << 2, gx.DTypeError, "neither bool nor"),
    ],
    "replacements": [
        (lambda: gx.nan_to_num(x, nan=None), gx.ArgumentError, "nan=None"),
        (lambda: gx.nan_to_num(x, posinf="a"), gx.ArgumentError, "posinf"),
        (lambda: gx.nan_to_num(x, neginf=True), gx.ArgumentError, "neginf=True"),
    ],
    "signs": [(lambda: gx.signbit(mask), gx.DTypeError, "bool")],
}


test_wrong_call_is_refused_at_its_line = wrong_calls(CASES)
