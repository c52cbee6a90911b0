"""Cases of random numbers: the key is an input, `u32[2]`."""

from __future__ import annotations

from collections.abc import Callable

import graphc as gx
from graphc.core.node import Node
from tests.every_op_cases import Case, case

_KEY = {"ranges": ((0.0, 4e9), (-2.0, 2.0)), "dtypes": ("uint32", "float"), "named": False}


def _times(draw: Callable[[Node], Node]) -> Callable[..., Node]:
    """Returns the draw times the second input, so that there is something to differentiate."""
    return lambda key, x: gx.cast(draw(key), x.dtype) * x


def _whole(draw: Callable[..., Node]) -> Callable[..., Node]:
    return lambda key, x: gx.cast(draw(key), x.dtype) * (x * 1e-3)


BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "random_bits": lambda: [
        case("random_bits", _whole(lambda k, d=d: gx.random.bits(k, (3,), d)), (2,), (3,),
             label=f"random_bits-{d}", **_KEY)
        for d in ("uint8", "uint16", "uint32", "uint64")
    ],
    "random_split": lambda: [
        case("random_split", _whole(lambda k: gx.random.split(k, 3)), (2,), (3, 2), **_KEY)
    ],
    "random_fold_in": lambda: [
        case("random_fold_in", _whole(lambda k: gx.random.fold_in(k, 7)), (2,), (2,), **_KEY)
    ],
    "random_uniform": lambda: [
        case("random_uniform", _times(lambda k: gx.random.uniform(k, (3,))),
             (2,), (3,), **_KEY)
    ],
    "random_normal": lambda: [
        case("random_normal", _times(lambda k: gx.random.normal(k, (3,))),
             (2,), (3,), **_KEY)
    ],
    "random_integers": lambda: [
        case("random_integers", _whole(lambda k: gx.random.randint(k, (3,), -5, 9)),
             (2,), (3,), **_KEY)
    ],
    "random_permutation": lambda: [
        case("random_permutation", _whole(lambda k: gx.random.permutation(k, 3)),
             (2,), (3,), **_KEY)
    ],
}  # fmt: skip
