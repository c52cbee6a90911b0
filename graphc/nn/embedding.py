"""Layers that turn numbers of words, and places in a sequence, into vectors."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.dtype import DEFAULT_FLOAT, dtype_of
from graphc.core.errors import ArgumentError, DTypeError, ShapeError
from graphc.core.node import Node, as_node
from graphc.nn.dense import float_of, operand
from graphc.nn.init import scaled
from graphc.nn.naming import Scope, Token, entered, layer, named, own_token, sized, whole
from graphc.ops.contraction import einsum
from graphc.ops.exponential import exp
from graphc.ops.indexing import take
from graphc.ops.shaping import concat, reshape
from graphc.ops.source import iota_op
from graphc.ops.trigonometry import cos, sin


@layer
class Embedding:
    """A vector for each of `count` words.

    Args:
        count: how many words there are.
        features: the size of each vector.
        weight_init: the first value of the table `[count, features]`; normal numbers of variance
            1 / features unless given.
        dtype: of the table.
        name: see `graphc.nn`.

    Called with numbers of words, `i[...]`, it returns `f[..., features]`. A number out of range is
    an error in the NumPy evaluator and NaN in compiled code, as for `gx.take`.
    """

    count: int
    features: int
    weight_init: Any = scaled(1.0, "out", "normal")
    dtype: Any = DEFAULT_FLOAT
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("count", self.count)
        whole("features", self.features)
        if not dtype_of(self.dtype).is_float:
            raise DTypeError(f"dtype={self.dtype} is no float", "take gx.float32")

    def _table(self, scope: Scope) -> Node:
        shape = (self.count, self.features)
        return scope.param("weight", shape, dtype_of(self.dtype), self.weight_init)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns the vectors of words."""
        node = as_node(x)
        if not node.dtype.is_integer:
            raise DTypeError(f"{node.type} are no numbers of words", "cast them to int32")
        with entered(self, node) as scope:
            return take(self._table(scope), node, axis=0)

    def attend(self, x: Any) -> Node:
        """Returns the product of each vector with that of each word: logits by the same table.

        Args:
            x: `f[..., features]`.

        Returns:
            `f[..., count]`.
        """
        node = operand(x)
        sized("features", self.features, node.shape[-1])
        with entered(self, node) as scope:
            return einsum("...f,wf->...w", node, self._table(scope))


@layer
class PositionEmbedding:
    """Adds to each place of a sequence a vector of its own, which is learnt.

    Args:
        length: the longest sequence.
        weight_init: the first value of the table `[length, features]`.
        name: see `graphc.nn`.

    Called with `f[batch, time, features]`, it returns the same shape.
    """

    length: int
    weight_init: Any = "normal"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("length", self.length)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns x with the places added."""
        node = operand(x, 2)
        time, features = node.shape[-2:]
        if not isinstance(time, int) or time > self.length:
            raise ShapeError(
                f"a sequence of {time} is not known to fit into length={self.length}",
                "give a number along the time axis, or a longer table",
            )
        with entered(self, node, kind="position") as scope:
            shape = (self.length, features)
            table = scope.param("weight", shape, float_of(node), self.weight_init)
            return node + (table if time == self.length else table[:time])


@layer
class SinusoidalPositions:
    """Adds to each place of a sequence sines and cosines of its number; nothing is learnt.

    The first half of the features has sin(t / base**(2 i / features)), the second half the cosines.

    Args:
        base: the longest wave's length over 2 pi.

    Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.5; there sines and cosines
    alternate, which is the same but for the order of the features.
    """

    base: float = 10_000.0
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        if isinstance(self.base, bool) or not isinstance(self.base, (int, float)) or self.base <= 1:
            raise ArgumentError(f"base={self.base!r} is no number above 1", "take 10_000")

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns x with the places added."""
        node = operand(x, 2)
        time, features = node.shape[-2:]
        if not isinstance(features, int) or features % 2:
            raise ShapeError(f"{features} features are not even", "use an even number")
        dtype = float_of(node)
        places = reshape(iota_op(size=time, dtype=dtype), (time, 1))
        waves = iota_op(size=features // 2, dtype=dtype) * (-2 * math.log(self.base) / features)
        angles = places * exp(waves)
        return node + concat([sin(angles), cos(angles)], axis=-1)
