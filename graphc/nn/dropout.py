"""Dropout: hidden units left out by chance while training."""

from __future__ import annotations

from typing import Any

from graphc.core.node import Node, as_node
from graphc.nn.naming import Token, entered, flag, layer, named, number, own_token
from graphc.nn.parameters import key
from graphc.ops.random.dropout import dropout
from graphc.ops.random.keys import fold_in


@layer
class Dropout:
    """While training each element is 0 with the probability `rate`, and the others grow to match.

    The numbers come from the input `nn.key()`, into which the layer folds its own name: the same
    key gives the same mask in every process, and two layers have masks of their own. At inference
    it is the identity.

    Args:
        rate: from 0 to below 1.
        name: see `graphc.nn`.

    Source: Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting"
    (2014); what is kept is divided by 1 - rate at once ("inverted"), so inference needs nothing.
    """

    rate: float = 0.5
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        number("rate", self.rate, 0.0, 1.0)

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns x, or in training x with elements dropped."""
        node = as_node(x)
        with entered(self, node):
            if not flag("training", training) or self.rate == 0:
                return node
            path: str = self.token.path or "dropout"
            return dropout(node, fold_in(key(), path), self.rate)
