"""Operations on the bits of integers: elementwise records, and what people call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphc.core.calls import public
from graphc.core.dtype import bool_
from graphc.core.errors import DTypeError
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.core.op import Op
from graphc.core.type import TensorType
from graphc.ops.define import NO_NUMBERS, elementwise
from graphc.ops.logic import logical_and, logical_not, logical_or, logical_xor


def _require_integers(*types: TensorType) -> None:
    for position, t in enumerate(types):
        if not t.dtype.is_integer:
            raise DTypeError(
                f"operand {position} is {t}, neither bool nor integer",
                "compare first, for example x > 0",
            )


def _bitwise(
    name: str, run: Callable[..., Any], formula: Callable[..., Any], latex: str, doc: str
) -> Op:
    return elementwise(
        name,
        run=run,
        partials=NO_NUMBERS,
        arity=2,
        formula=formula,
        latex=latex,
        flops=1,
        domain="integers",
        ulp=0.0,
        meet="all",
        check=_require_integers,
        doc=doc,
    )


def _shifted(name: str) -> Callable[..., Any]:
    def run(xp: Any, x: Any, y: Any) -> Any:
        # What a processor makes of a count past the width differs; NumPy and XLA agree by this.
        bits = x.dtype.itemsize * 8
        inside = (y >= 0) & (y < bits)
        moved = getattr(xp, name)(x, xp.where(inside, y, xp.zeros_like(y)))
        gone = xp.where(x < 0, -xp.ones_like(x), 0) if name == "right_shift" else xp.zeros_like(x)
        return xp.where(inside, moved, gone).astype(x.dtype)

    return run


and_op = _bitwise(
    "bitwise_and",
    lambda xp, x, y: xp.bitwise_and(x, y),
    lambda m, x, y: x & y,
    r"{0} \mathbin{{\&}} {1}",
    "Returns the bits that are in both of two integers.",
)
or_op = _bitwise(
    "bitwise_or",
    lambda xp, x, y: xp.bitwise_or(x, y),
    lambda m, x, y: x | y,
    r"{0} \mathbin{{|}} {1}",
    "Returns the bits that are in either of two integers.",
)
xor_op = _bitwise(
    "bitwise_xor",
    lambda xp, x, y: xp.bitwise_xor(x, y),
    lambda m, x, y: x ^ y,
    r"{0} \oplus {1}",
    "Returns the bits that are in one of two integers only.",
)
left_op = _bitwise(
    "bitwise_left_shift",
    _shifted("left_shift"),
    lambda m, x, y: x << y if 0 <= y < 64 else 0,
    r"{0} \ll {1}",
    "Returns x * 2**y, cut to its width; 0 for a count that is negative or past the width.",
)
right_op = _bitwise(
    "bitwise_right_shift",
    _shifted("right_shift"),
    lambda m, x, y: x >> (y if 0 <= y < 64 else 64),
    r"{0} \gg {1}",
    "Returns floor(x / 2**y); all sign bits for a count that is negative or past the width.",
)


def _is_bool(x: Any) -> bool:
    node = as_node(x)
    return isinstance(node.type, TensorType) and node.dtype is bool_


def _meet(integers: Op, booleans: Op, x: Any, y: Any) -> Node:
    # A boolean beside an integer is a slip of precedence, a & b > 3; the logical op refuses it.
    return (booleans if _is_bool(x) or _is_bool(y) else integers)(x, y)


@public
def bitwise_and(x: Any, y: Any) -> Node:
    """Returns the bits in both of two integers; of booleans `logical_and`. Also x & y.

    Raises:
        DTypeError: an operand is a float.
    """
    return _meet(and_op, logical_and, x, y)


@public
def bitwise_or(x: Any, y: Any) -> Node:
    """Returns the bits in either of two integers; of booleans `logical_or`. Also x | y.

    Raises:
        DTypeError: an operand is a float.
    """
    return _meet(or_op, logical_or, x, y)


@public
def bitwise_xor(x: Any, y: Any) -> Node:
    """Returns the bits in one of two integers only; of booleans `logical_xor`. Also x ^ y.

    Raises:
        DTypeError: an operand is a float.
    """
    return _meet(xor_op, logical_xor, x, y)


@public
def bitwise_invert(x: Any) -> Node:
    """Returns an integer with each bit turned; of booleans `logical_not`. Also ~x.

    Raises:
        DTypeError: the operand is a float.
    """
    node = as_node(x)
    if isinstance(node.type, TensorType) and node.dtype is bool_:
        return logical_not(node)
    _require_integers(node.type)
    full = np.iinfo(node.dtype.numpy).max if node.dtype.kind == "u" else -1
    return apply_named("sub", scalar(full, node.dtype), node)


@public
def bitwise_left_shift(x: Any, y: Any) -> Node:
    """Returns the integers x * 2**y, cut to their width; 0 for a count past it. Also x << y.

    Raises:
        DTypeError: an operand is no integer.
    """
    return left_op(x, y)


@public
def bitwise_right_shift(x: Any, y: Any) -> Node:
    """Returns the integers floor(x / 2**y). Also x >> y.

    Raises:
        DTypeError: an operand is no integer.
    """
    return right_op(x, y)
