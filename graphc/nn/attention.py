"""Attention over a sequence, and the transformer's block made of it."""

from __future__ import annotations

import math
from typing import Any

from graphc.core.dtype import DEFAULT_INT
from graphc.core.errors import DTypeError, ShapeError
from graphc.core.node import Node, apply_named, as_node, scalar
from graphc.nn.activations import activation_of, check_activation
from graphc.nn.containers import call_layer
from graphc.nn.dense import Dense, affine, float_of
from graphc.nn.dropout import Dropout
from graphc.nn.naming import Token, entered, flag, layer, named, number, one_of, own_token, whole
from graphc.nn.norms import LayerNorm, RMSNorm
from graphc.ops.contraction import einsum
from graphc.ops.reduction import max as max_over
from graphc.ops.shaping import reshape
from graphc.ops.softmax import softmax
from graphc.ops.source import iota_op


def dot_product_attention(
    query: Node,
    key: Node,
    value: Node,
    mask: Node | None = None,
    *,
    causal: bool = False,
    empty: str = "nan",
) -> Node:
    """Returns softmax(query key / sqrt(size)) value, for each head by itself.

    Args:
        query: `f[batch, queries, heads, size]`.
        key: `f[batch, keys, heads, size]`.
        value: `f[batch, keys, heads, size]`.
        mask: what may be seen, `b[batch, keys]` or `b[batch, queries, keys]`.
        causal: whether a query sees no key after its own place; there are then as many of both.
        empty: what a query gives that may see nothing: "nan", or "zero".

    Returns:
        `f[batch, queries, heads, size]`.

    Raises:
        ShapeError: the sizes do not fit.
        DTypeError: the mask is not boolean.

    Source: Vaswani et al., "Attention Is All You Need" (2017), equation 1.
    """
    size = query.shape[-1]
    if not isinstance(size, int):
        raise ShapeError(f"the heads have the named size {size}", "give a number")
    scores = einsum("bqhd,bkhd->bhqk", query * (1 / math.sqrt(size)), key)
    seen = _seen(scores, mask, causal)
    if seen is None:
        return einsum("bhqk,bkhd->bqhd", softmax(scores, -1), value)
    dtype = scores.dtype
    if mask is not None and empty == "zero":
        # Such rows are made harmless before the softmax: a NaN within it would reach the slopes.
        wide = apply_named("broadcast_to", seen, shape=scores.shape)
        some = max_over(wide.astype(DEFAULT_INT), -1, keepdims=True) > 0
        open_ = apply_named("logical_or", seen, apply_named("logical_not", some))
        shares = softmax(apply_named("where", open_, scores, scalar(-math.inf, dtype)), -1)
        shares = apply_named("where", some, shares, scalar(0.0, dtype))
    else:
        shares = softmax(apply_named("where", seen, scores, scalar(-math.inf, dtype)), -1)
    return einsum("bhqk,bkhd->bqhd", shares, value)


def _seen(scores: Node, mask: Node | None, causal: bool) -> Node | None:
    """Returns what may be seen, `b[batch or 1, 1, queries or 1, keys]`, None for everything."""
    batch, _, queries, keys = scores.shape
    found: Node | None = None
    if causal:
        if queries != keys:
            raise ShapeError(
                f"a causal mask of {queries} queries and {keys} keys has no diagonal",
                "leave causal out, or give a mask",
            )
        places = iota_op(size=keys, dtype=DEFAULT_INT)
        found = reshape(places, (1, 1, 1, keys)) <= reshape(places, (1, 1, queries, 1))
    if mask is None:
        return found
    if mask.dtype.kind != "b":
        raise DTypeError(f"the mask is {mask.type}, not boolean", "compare it: mask != 0")
    if mask.shape == (batch, keys):
        wide = reshape(mask, (batch, 1, 1, keys))
    elif mask.shape == (batch, queries, keys):
        wide = reshape(mask, (batch, 1, queries, keys))
    else:
        raise ShapeError(
            f"the mask is {mask.type}",
            f"give [{batch}, {keys}] for keys, or [{batch}, {queries}, {keys}]",
        )
    return wide if found is None else apply_named("logical_and", found, wide)


@layer
class MultiHeadAttention:
    """Several heads, each of which gathers values by how its query fits their keys.

    Args:
        heads: how many.
        head_features: the size of each head's queries, keys and values; the operand's features
            divided by the heads, unless given.
        features: the size of the result; the operand's, unless given.
        causal: whether a place sees none after itself.
        bias: whether there are biases.
        dropout: the rate at which elements of the result are dropped in training.
        empty: what a place gives that may see nothing at all: "nan", or "zero".
        weight_init: the weights' initialiser. Queries, keys and values are one weight, `[features,
            3 * heads * head_features]`, in self-attention; queries by themselves otherwise.
        name: see `graphc.nn`.

    Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.2.
    """

    heads: int
    head_features: int | None = None
    features: int | None = None
    causal: bool = False
    bias: bool = True
    dropout: float = 0.0
    empty: str = "nan"
    weight_init: Any = "glorot"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("heads", self.heads)
        for name in ("head_features", "features"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name))
        flag("causal", self.causal)
        flag("bias", self.bias)
        number("dropout", self.dropout, 0.0, 1.0)
        one_of("empty", self.empty, ("nan", "zero"))

    def __call__(
        self, x: Any, context: Any = None, *, mask: Any = None, training: bool = False
    ) -> Node:
        """Returns `f[batch, time, features]`.

        Args:
            x: `f[batch, time, features]`, what asks.
            context: `f[batch, keys, any]`, what is asked: another sequence; x itself unless given.
            mask: what may be seen, `b[batch, keys]` or `b[batch, time, keys]`.
            training: whether elements are dropped.
        """
        node = _sequence(x, "the operand")
        other = None if context is None else _sequence(context, "the context")
        size = self._head_size(node)
        width = self.heads * size
        bias = "zeros" if self.bias else None
        with entered(self, node, kind="attention") as scope:
            if other is None:
                made = affine(scope, node, 3 * width, self.weight_init, bias, suffix="_qkv")
                query, key, value = (_cut(made, part, 3, self.heads, size) for part in range(3))
            else:
                if other.shape[0] != node.shape[0]:
                    raise ShapeError(f"{node.type} and {other.type} have different batches")
                asked = affine(scope, node, width, self.weight_init, bias, suffix="_q")
                query = _cut(asked, 0, 1, self.heads, size)
                made = affine(scope, other, 2 * width, self.weight_init, bias, suffix="_kv")
                key, value = (_cut(made, part, 2, self.heads, size) for part in range(2))
            seen = None if mask is None else as_node(mask)
            found = dot_product_attention(
                query, key, value, seen, causal=self.causal, empty=self.empty
            )
            flat = reshape(found, (*found.shape[:2], width))
            out = self.features or node.shape[-1]
            if not isinstance(out, int):
                raise ShapeError(f"the features have the named size {out}", "give features=")
            result = affine(scope, flat, out, self.weight_init, bias, suffix="_out")
            if self.dropout and training:
                result = Dropout(self.dropout)(result, training=True)
            return result

    def _head_size(self, node: Node) -> int:
        if self.head_features is not None:
            return self.head_features
        features = node.shape[-1]
        if not isinstance(features, int) or features % self.heads:
            raise ShapeError(
                f"{features} features do not divide among heads={self.heads}",
                "choose a divisor, or give head_features",
            )
        return features // self.heads


def _sequence(x: Any, what: str) -> Node:
    node = as_node(x)
    if node.ndim != 3:
        raise ShapeError(f"{what} is {node.type}, not [batch, time, features]", "reshape it")
    float_of(node)
    return node


def _cut(made: Node, part: int, parts: int, heads: int, size: int) -> Node:
    """Returns one of the parts that stand side by side in the features, head by head."""
    width = heads * size
    own = made if parts == 1 else made[..., part * width : (part + 1) * width]
    return reshape(own, (*made.shape[:-1], heads, size))


@layer
class TransformerBlock:
    """Attention, then two dense layers at each place, each around a shortcut.

    Args:
        heads: of the attention.
        hidden: units between the two dense layers; four times the features unless given.
        activation: between them.
        causal: whether a place sees none after itself.
        dropout: the rate in training, after both parts.
        norm: "layer" or "rms".
        before: True normalises before each part, and the shortcut stays as it is; False after the
            sum, as the transformer first had it.
        weight_init: the weights' initialiser.
        name: see `graphc.nn`.

    Source: Vaswani et al., "Attention Is All You Need" (2017), section 3.1; Xiong et al., "On Layer
    Normalization in the Transformer Architecture" (2020).
    """

    heads: int
    hidden: int | None = None
    activation: Any = "gelu"
    causal: bool = False
    dropout: float = 0.0
    norm: str = "layer"
    before: bool = True
    weight_init: Any = "glorot"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        whole("heads", self.heads)
        if self.hidden is not None:
            whole("hidden", self.hidden)
        check_activation(self.activation)
        flag("causal", self.causal)
        number("dropout", self.dropout, 0.0, 1.0)
        one_of("norm", self.norm, ("layer", "rms"))
        flag("before", self.before)

    def __call__(self, x: Any, *, mask: Any = None, training: bool = False) -> Node:
        """Returns `f[batch, time, features]`; `mask` as for `MultiHeadAttention`."""
        node = _sequence(x, "the operand")
        features = node.shape[-1]
        if not isinstance(features, int):
            raise ShapeError(f"the features have the named size {features}", "give a number")
        with entered(self, node, kind="block"):
            node = self._around(node, lambda inner: self._attend(inner, mask), training)
            return self._around(node, lambda inner: self._think(inner, features), training)

    def _attend(self, node: Node, mask: Any) -> Node:
        attention = MultiHeadAttention(
            self.heads, causal=self.causal, weight_init=self.weight_init, name="attention"
        )
        return attention(node, mask=mask)

    def _think(self, node: Node, features: int) -> Node:
        hidden = Dense(self.hidden or 4 * features, weight_init=self.weight_init)(node)
        return Dense(features, weight_init=self.weight_init)(activation_of(self.activation)(hidden))

    def _around(self, node: Node, part: Any, training: bool) -> Node:
        norm = LayerNorm() if self.norm == "layer" else RMSNorm()
        made = part(call_layer(norm, node, training) if self.before else node)
        made = Dropout(self.dropout)(made, training=training)
        return node + made if self.before else call_layer(norm, node + made, training)
