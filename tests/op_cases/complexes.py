"""Cases of complex numbers, each a real function of the two real parts it is made of.

So the loops over all cases hold the rules for complex operands against differences as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graphc as gx
from graphc.core.node import Node, apply_named
from tests.every_op_cases import Case, case

_APART = {"ranges": ((0.3, 1.6), (0.4, 1.5))}
FUNCTIONS: dict[str, Callable[[Node], Node]] = {
    **{
        name: getattr(gx, name)
        for name in (
            "abs acos acosh angle asin asinh atan atanh conj cos cosh exp expm1 log log1p "
            "reciprocal rsqrt sigmoid sign sin sinh softplus sqrt square tan tanh"
        ).split()
    },
    "integer power": lambda z: z**3,
    "negative power": lambda z: z**-2,
    "real power": lambda z: z**2.5,
    "complex power": lambda z: z ** (1 - 0.5j),
    "power of a number": lambda z: (0.5 + 1j) ** z,
    "power of itself": lambda z: z**z,
    "product and quotient": lambda z: (z * (1 - 2j) + 0.5) / (z - 3j),
    "sums": lambda z: gx.sum(z) * z + gx.mean(z) + gx.prod(z),
    "choice": lambda z: gx.where(gx.real(z) > 1, z * z, 1j * z),
    "elements": lambda z: gx.take(z, [1, 0, 1]) * z[0] + gx.concat([z, z[1:]]),
    "matrix product": lambda z: gx.constant([[1j, 2], [0.5, 1 - 1j]], z.dtype) @ z,
    "einsum": lambda z: gx.einsum("i,j,j->i", z, z, z),
}


def number(x: Node, y: Node) -> Node:
    """Returns the complex number of two real ones; 16-bit floats are widened."""
    wide = [gx.cast(v, "float32") if v.dtype.bits == 16 else v for v in (x, y)]
    return gx.complex(*wide)


def seen(w: Node) -> Node:
    """Returns a real number in which both parts of a complex one show."""
    return gx.real(w) + gx.imag(w) * 0.75


def _of(function: Callable[[Node], Any]) -> Callable[[Node, Node], Node]:
    return lambda x, y: seen(function(number(x, y)))


def _transform(name: str, **params: Any) -> Callable[[Node], Node]:
    return lambda z: apply_named(name, z, **params)


def _real(x: Node) -> Node:
    return gx.cast(x, "float32") if x.dtype.bits == 16 or not x.dtype.is_float else x


NORMS = ("backward", "ortho", "forward")

BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "complex": lambda: [
        case("complex", _of(lambda z: z * z), (2,), (2,), label="complex"),
        case("complex", _of(lambda z: z * z), (2,), (2, 1), label="complex-broadcast",
             named=False),
        *[
            case("complex", _of(f), (2,), (2,), label=f"complex-{name}", named=False, **_APART)
            for name, f in FUNCTIONS.items()
        ],
    ],
    "real": lambda: [case("real", lambda x, y: gx.real(number(x, y) ** 2), (2,), (2,))],
    "imag": lambda: [case("imag", lambda x, y: gx.imag(number(x, y) ** 2), (2,), (2,))],
    "conj": lambda: [case("conj", _of(lambda z: gx.conj(z) * z**2), (2,), (2,))],
    "dft": lambda: [
        case("dft", _of(_transform("dft", axes=(1,), inverse=inverse, norm=norm)),
             (2, n), (2, n), label=f"dft-{n}-{norm}-{inverse}")
        for n, norm, inverse in ((3, "backward", False), (4, "ortho", True), (1, "forward", True))
    ] + [
        case("dft", _of(_transform("dft", axes=(0, 1), inverse=False, norm="backward")),
             (2, 3), (2, 3), label="dft-both"),
    ],
    "rdft": lambda: [
        case("rdft", lambda x, n=norm: seen(apply_named("rdft", _real(x), axis=1, norm=n)),
             (2, size), label=f"rdft-{size}-{norm}")
        for size, norm in ((4, "backward"), (5, "ortho"), (1, "forward"))
    ],
    "irdft": lambda: [
        case("irdft", lambda x, y, n=n, how=norm: apply_named(
            "irdft", number(x, y), axis=1, n=n, norm=how), (2, n // 2 + 1), (2, n // 2 + 1),
            label=f"irdft-{n}-{norm}")
        for n, norm in ((4, "backward"), (5, "ortho"), (1, "forward"))
    ],
}  # fmt: skip
