"""Layers that read a sequence step by step: RNN, LSTM and GRU, one `scan` each.

The operand is `[batch, time, features]`, as everything else here is batch first; the loop runs over
a leading time axis, so the operand is turned once before and the states once after. All gates are
one product, and what the operand adds to them is one product for all steps, outside of the loop.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.dtype import DType
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, as_node
from graphc.nn.activations import activation_of, check_activation
from graphc.nn.dense import float_of
from graphc.nn.init import Initialiser
from graphc.nn.naming import Scope, Token, entered, flag, layer, named, number, own_token, whole
from graphc.ops.contraction import matmul
from graphc.ops.exponential import sigmoid
from graphc.ops.flow.scan import scan
from graphc.ops.names import zeros
from graphc.ops.shaping import concat, transpose
from graphc.ops.trigonometry import tanh

#: `step(states, added, product)`: the next states; `added` is what the operand adds to the gates,
#: and `product` takes the hidden state to its part of them.
Step = Callable[[list[Node], Node, Callable[[Node], Node]], list[Node]]


def _sequence(x: Any) -> Node:
    node = as_node(x)
    if node.ndim != 3:
        raise ShapeError(
            f"the operand is {node.type}, not [batch, time, features]",
            "add the axis that is missing: gx.expand_dims(x, -1)",
        )
    return node


def _check(layer: Any) -> None:
    whole("units", layer.units)
    flag("sequences", layer.sequences)
    flag("reverse", layer.reverse)


def _first_states(given: Any, count: int, node: Node, units: int, dtype: DType) -> list[Node]:
    shape = (node.shape[0], units)
    if given is None:
        return [zeros(shape, dtype)] * count
    parts: list[Any] = list(given) if isinstance(given, (list, tuple)) else [given]
    states = [as_node(part, dtype) for part in parts]
    if len(states) != count or any(state.shape != shape for state in states):
        raise ShapeError(
            f"the first state is {', '.join(str(s.type) for s in states)}",
            f"give {count} of the shape {list(shape)}",
        )
    return states


def _gates(layer: Any, scope: Scope, node: Node, count: int, bias: Any) -> tuple[Node, Node]:
    """Returns what the operand adds to all gates, time first, and the states' own weight."""
    dtype, units = float_of(node), layer.units
    first = transpose(node, (1, 0, 2))
    weight = scope.param("weight", (node.shape[-1], count * units), dtype, layer.weight_init)
    again = scope.param("recurrent", (units, count * units), dtype, layer.recurrent_init)
    return matmul(first, weight) + scope.param("bias", (count * units,), dtype, bias), again


def _loop(
    layer: Any, step: Step, states: Sequence[Node], added: Node, again: Node
) -> tuple[Node, list[Node]]:
    """Returns the hidden states as the layer gives them out, and the last states."""

    def body(carry: list[Node], entry: Node) -> tuple[list[Node], Any]:
        following = step(carry, entry, lambda hidden: matmul(hidden, again))
        return following, following[0] if layer.sequences else None

    body.__name__ = f"{type(layer).__name__} step"
    last, hidden = scan(body, list(states), added, reverse=layer.reverse)
    return transpose(hidden, (1, 0, 2)) if layer.sequences else last[0], last


@layer
class RNN:
    """A plain recurrent layer: h = activation(x W + h U + b).

    Args:
        units: how many numbers a state has.
        activation: of the sums.
        sequences: True returns the state after each step, `[batch, time, units]`; False the last.
        reverse: read from the last step to the first.
        weight_init: the first value of the operand's weight `[features, units]`.
        recurrent_init: that of the state's own weight `[units, units]`.
        bias_init: that of the bias.
        name: see `graphc.nn`.

    Source: Elman, "Finding Structure in Time" (1990).
    """

    units: int
    activation: Any = "tanh"
    sequences: bool = True
    reverse: bool = False
    weight_init: Any = "glorot"
    recurrent_init: Any = "orthogonal"
    bias_init: Any = "zeros"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        _check(self)
        check_activation(self.activation)

    def __call__(self, x: Any, *, training: bool = False, initial: Any = None) -> Node:
        """Returns the states, or the last; `initial` is the first state `[batch, units]`."""
        return self.run(x, initial)[0]

    def run(self, x: Any, initial: Any = None) -> tuple[Node, Node]:
        """Returns what a call returns, and the last state, with which to go on."""
        node, bend = _sequence(x), activation_of(self.activation)
        with entered(self, node) as scope:
            added, again = _gates(self, scope, node, 1, self.bias_init)
            states = _first_states(initial, 1, node, self.units, added.dtype)
            step: Step = lambda carry, entry, product: [bend(entry + product(carry[0]))]
            made, last = _loop(self, step, states, added, again)
            return made, last[0]


@layer
class LSTM:
    """Long short-term memory, its four gates in one product.

    i, f, g, o = parts of x W + h U + b; c = sigmoid(f) c + sigmoid(i) tanh(g);
    h = sigmoid(o) tanh(c).

    Args:
        units: how many numbers each of its two states has.
        sequences: True returns h after each step, `[batch, time, units]`; False the last.
        reverse: read from the last step to the first.
        weight_init: the first value of the operand's weight `[features, 4 units]`.
        recurrent_init: that of h's own weight `[units, 4 units]`.
        forget_bias: the first value of the bias of f; that of the others is 0. At 1 the layer
            remembers before it has learnt to.
        name: see `graphc.nn`.

    Source: Hochreiter and Schmidhuber, "Long Short-Term Memory" (1997); Gers, Schmidhuber and
    Cummins, "Learning to Forget" (2000); the bias: Jozefowicz, Zaremba and Sutskever (2015).
    """

    units: int
    sequences: bool = True
    reverse: bool = False
    weight_init: Any = "glorot"
    recurrent_init: Any = "orthogonal"
    forget_bias: float = 1.0
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        _check(self)
        number("forget_bias", self.forget_bias)

    def __call__(self, x: Any, *, training: bool = False, initial: Any = None) -> Node:
        """Returns h after each step, or the last; `initial` is a pair h, c of `[batch, units]`."""
        return self.run(x, initial)[0]

    def run(self, x: Any, initial: Any = None) -> tuple[Node, tuple[Node, Node]]:
        """Returns what a call returns, and the last h and c, with which to go on."""
        node, units = _sequence(x), self.units
        bias = Initialiser("parts", (0.0, float(self.forget_bias), 0.0, 0.0))

        def step(carry: list[Node], entry: Node, product: Callable[[Node], Node]) -> list[Node]:
            gates = entry + product(carry[0])
            keep, take = sigmoid(gates[:, units : 2 * units]), sigmoid(gates[:, :units])
            cell = keep * carry[1] + take * tanh(gates[:, 2 * units : 3 * units])
            return [sigmoid(gates[:, 3 * units :]) * tanh(cell), cell]

        with entered(self, node) as scope:
            added, again = _gates(self, scope, node, 4, bias)
            states = _first_states(initial, 2, node, units, added.dtype)
            made, last = _loop(self, step, states, added, again)
            return made, (last[0], last[1])


@layer
class GRU:
    """A gated recurrent unit, its three gates in one product.

    r = sigmoid(x W_r + h U_r + b_r); z likewise; n = tanh(x W_n + b_n + r (h U_n + c));
    h = (1 - z) n + z h. The reset gate stands after the product, as in cuDNN and PyTorch, because
    only so the state's three products are one.

    Args:
        units: how many numbers a state has.
        sequences: True returns the state after each step, `[batch, time, units]`; False the last.
        reverse: read from the last step to the first.
        weight_init: the first value of the operand's weight `[features, 3 units]`: r, z, n.
        recurrent_init: that of the state's own weight `[units, 3 units]`.
        bias_init: that of both biases.
        name: see `graphc.nn`.

    Source: Cho et al., "Learning Phrase Representations using RNN Encoder-Decoder" (2014).
    """

    units: int
    sequences: bool = True
    reverse: bool = False
    weight_init: Any = "glorot"
    recurrent_init: Any = "orthogonal"
    bias_init: Any = "zeros"
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        _check(self)

    def __call__(self, x: Any, *, training: bool = False, initial: Any = None) -> Node:
        """Returns the states, or the last; `initial` is the first state `[batch, units]`."""
        return self.run(x, initial)[0]

    def run(self, x: Any, initial: Any = None) -> tuple[Node, Node]:
        """Returns what a call returns, and the last state, with which to go on."""
        node, units = _sequence(x), self.units
        with entered(self, node) as scope:
            added, again = _gates(self, scope, node, 3, self.bias_init)
            inner = scope.param("recurrent_bias", (units,), added.dtype, self.bias_init)

            def step(carry: list[Node], entry: Node, product: Callable[[Node], Node]) -> list[Node]:
                hidden = carry[0]
                own = product(hidden)
                both = sigmoid(entry[:, : 2 * units] + own[:, : 2 * units])
                reset, stay = both[:, :units], both[:, units:]
                new = tanh(entry[:, 2 * units :] + reset * (own[:, 2 * units :] + inner))
                return [new + stay * (hidden - new)]

            states = _first_states(initial, 1, node, units, added.dtype)
            made, last = _loop(self, step, states, added, again)
            return made, last[0]


@layer
class Bidirectional:
    """Two recurrent layers, one from the first step on and one from the last, side by side.

    Args:
        forward: an RNN, LSTM or GRU.
        backward: the other; like the first, with weights of its own, unless given.
        name: see `graphc.nn`.

    Called with `f[batch, time, features]`, it returns the features of both, the first's first.

    Source: Schuster and Paliwal, "Bidirectional Recurrent Neural Networks" (1997).
    """

    forward: Any
    backward: Any = None
    name: str | None = named(default=None)
    token: Token = own_token()

    def __post_init__(self) -> None:
        if self.backward is None and isinstance(self.forward, (RNN, LSTM, GRU)):
            other = dataclasses.replace(self.forward, reverse=not self.forward.reverse, name=None)
            object.__setattr__(self, "backward", other)
        for part in (self.forward, self.backward):
            if not isinstance(part, (RNN, LSTM, GRU)):
                raise ArgumentError(
                    f"{show_value(part)} is no recurrent layer", "for example nn.LSTM(16)"
                )
        first: Any = self.forward
        second: Any = self.backward
        if first.sequences != second.sequences:
            raise ArgumentError("one layer returns all states and the other the last", "choose one")

    def __call__(self, x: Any, *, training: bool = False) -> Node:
        """Returns `f[batch, time, features]`, or `f[batch, features]` of the last states."""
        node = _sequence(x)
        with entered(self, node, children=(self.forward, self.backward)):
            return concat([self.forward(node), self.backward(node)], axis=-1)
