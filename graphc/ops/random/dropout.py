"""Dropout: a random part of the elements set to 0, the others scaled up."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.calls import public
from graphc.core.errors import ArgumentError, DTypeError, show_value
from graphc.core.node import Node, as_node
from graphc.ops.chain import masked
from graphc.ops.random.draws import bernoulli
from graphc.ops.random.keys import as_key


@public
def dropout(x: Any, key: Any, rate: Any) -> Node:
    """Returns x with each element set to 0 with probability `rate`, the others divided by 1 - rate.

    The mean stays what it is, so a network is evaluated without dropout and without scaling. The
    derivative passes through the elements kept. An element dropped may be anything, NaN included.

    Args:
        x: `f[...]`.
        key: `u32[2]`; the same key drops the same elements, whatever the dtype.
        rate: a number in [0, 1); 0 returns x itself.

    Raises:
        ArgumentError: the rate is no number in [0, 1), or the key no key.
        DTypeError: x has no float dtype.

    Source: Srivastava et al., JMLR 15 (2014), in the inverted form, section 10.
    """
    node = as_node(x)
    drawn_from = as_key(key)
    if not node.dtype.is_inexact:
        raise DTypeError(f"dropout of {node.type} would round", "cast first: gx.cast(x, 'float32')")
    number = isinstance(rate, (int, float)) and not isinstance(rate, bool)
    if not number or math.isnan(rate) or not 0 <= rate < 1:
        raise ArgumentError(
            f"rate={show_value(rate)} is no probability in [0, 1)",
            "it is the share of elements that are dropped, for example 0.5",
        )
    if rate == 0:
        return node
    keep = 1 - float(rate)
    return masked(bernoulli(drawn_from, keep, node.shape), node / keep)
