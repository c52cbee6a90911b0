"""Update rules written as graph: a parameter, its slope and their state give the next ones.

A rule's step is graph like any other, so forward pass, backward pass and update are one graph that
is drawn, compiled and measured as one (`train.step_graph`). The formulas are Optax's, term by term,
and agree with it to rounding.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp

from graphc.backends.compile import compile
from graphc.core.calls import guarded
from graphc.core.dtype import int32
from graphc.core.errors import ArgumentError, show_value
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.ops.exponential import rsqrt, sqrt
from graphc.ops.logic import cast, where, zeros_like
from graphc.ops.power import pow
from graphc.ops.source import input as input_node

#: `formula(parameter, slope, state, rate, count, settings)`: the new parameter and state.
Formula = Callable[
    [Node, Node, Mapping[str, Node], Any, Node, Mapping[str, Any]], tuple[Node, dict[str, Node]]
]


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """An update rule; call it with nodes, or give it to `fit` as the optimiser.

    Attributes:
        name: what it is called.
        learning_rate: a number or a scalar node.
        settings: its other numbers.
        slots: the arrays it keeps for each parameter, and what they are filled with at first.
        formula: the step.
    """

    name: str
    learning_rate: Any
    settings: Mapping[str, Any]
    slots: Mapping[str, float]
    formula: Formula

    def __call__(
        self, parameter: Node, gradient: Node, state: Mapping[str, Node], count: Node,
        learning_rate: Any = None,
    ) -> tuple[Node, dict[str, Node]]:  # fmt: skip
        """Returns the new parameter and its new state, as graph.

        Args:
            parameter: `f[...]`.
            gradient: of the same shape.
            state: a node of that shape for each slot.
            count: `i32`: steps that are done.
            learning_rate: a number or scalar node; the rule's own unless given.

        Raises:
            ArgumentError: a slot is missing, or an operand is no graph value.
        """
        for what, node in (("parameter", parameter), ("gradient", gradient), ("count", count)):
            if not isinstance(node, Node):
                raise ArgumentError(f"the {what} is {show_value(node)}, no graph value", "pass it")
        if not isinstance(state, Mapping) or sorted(state) != sorted(self.slots):
            raise ArgumentError(
                f"the state of {self.name} is {show_value(state)}",
                f"give a dict with {', '.join(self.slots) or 'nothing'}",
            )
        if gradient.shape != parameter.shape:
            raise ArgumentError(
                f"{describe(parameter)} is {parameter.type}, its gradient {gradient.type}",
                "pass the gradient of that parameter",
            )
        rate = self.learning_rate if learning_rate is None else learning_rate
        if isinstance(rate, Node) and rate.dtype is not parameter.dtype:
            rate = cast(rate, parameter.dtype)
        if gradient.dtype is not parameter.dtype:
            gradient = cast(gradient, parameter.dtype)
        return self.formula(parameter, gradient, state, rate, count, self.settings)

    # -- as an optimiser of `fit` --

    def init(self, parameters: Mapping[str, Any], options: Any = None) -> Any:
        """Returns the first state of all parameters."""
        del options
        slots = {
            n: {s: jnp.full_like(p, first) for s, first in self.slots.items()}
            for n, p in parameters.items()
        }
        return {"count": jnp.zeros((), jnp.int32), "slots": slots}

    def step(
        self, slopes: Any, state: Any, parameters: Any, rate: Any, options: Any, value: Any,
        value_of: Any,
    ) -> tuple[Any, Any]:  # fmt: skip
        """Returns new parameters and state; traced by JAX."""
        del options, value, value_of
        new: dict[str, Any] = {}
        slots: dict[str, Any] = {}
        for name, array in parameters.items():
            run = self._compiled(array.shape, array.dtype.name)
            given = (array, slopes[name], state["slots"][name], jnp.asarray(rate, array.dtype))
            new[name], slots[name] = run(*given, state["count"])
        return new, {"count": state["count"] + 1, "slots": slots}

    def _compiled(self, shape: tuple[int, ...], dtype: str) -> Any:
        parameter, slope = (input_node(n, shape, dtype) for n in ("parameter", "slope"))
        slots = {s: input_node(f"slot {s}", shape, dtype) for s in self.slots}
        rate, count = input_node("rate", (), dtype), input_node("count", (), int32)
        made = self(parameter, slope, slots, count, rate)
        inputs = [parameter, slope, slots, rate, count]
        return compile(list(made), inputs, jit=False).function


def _check(name: str, value: Any, low: float, high: float, closed: bool = True) -> float:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = number and math.isfinite(value) and low <= value and value <= high
    if not fits or (not closed and value in (low, high)):
        raise ArgumentError(
            f"{name}={show_value(value)} is no number from {low:g} to {high:g}"
            f"{'' if closed else ', ends excluded'}",
            "give such a number",
        )
    return float(value)


def _rate(value: Any) -> Any:
    if isinstance(value, Node):
        if value.shape != () or not value.dtype.is_float:
            raise ArgumentError(
                f"learning_rate {describe(value)} is {value.type}", "give a float scalar"
            )
        return value
    return _check("learning_rate", value, 0.0, math.inf, closed=False)


@guarded("train.rules.sgd")
def sgd(learning_rate: Any = 0.01) -> Rule:
    """Returns gradient descent: p - rate g."""
    return Rule("sgd", _rate(learning_rate), {}, {}, lambda p, g, s, rate, t, c: (p - g * rate, {}))


def _momentum(
    p: Node, g: Node, s: Mapping[str, Node], rate: Any, t: Node, c: Mapping[str, Any]
) -> tuple[Node, dict[str, Node]]:
    trace = g + s["trace"] * c["momentum"]
    change = g + trace * c["momentum"] if c["nesterov"] else trace
    return p - change * rate, {"trace": trace}


@guarded("train.rules.momentum")
def momentum(learning_rate: Any = 0.01, momentum: float = 0.9) -> Rule:
    """Returns descent with momentum: m = g + momentum m, p - rate m.

    Source: Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
    """
    settings = {"momentum": _check("momentum", momentum, 0, 1), "nesterov": False}
    return Rule("momentum", _rate(learning_rate), settings, {"trace": 0.0}, _momentum)


@guarded("train.rules.nesterov")
def nesterov(learning_rate: Any = 0.01, momentum: float = 0.9) -> Rule:
    """Returns Nesterov's momentum: m = g + momentum m, p - rate (g + momentum m).

    Source: Sutskever et al., "On the importance of initialization and momentum in deep learning",
    2013, in the form that evaluates the slope at the parameter itself.
    """
    settings = {"momentum": _check("momentum", momentum, 0, 1), "nesterov": True}
    return Rule("nesterov", _rate(learning_rate), settings, {"trace": 0.0}, _momentum)


def _adagrad(
    p: Node, g: Node, s: Mapping[str, Node], rate: Any, t: Node, c: Mapping[str, Any]
) -> tuple[Node, dict[str, Node]]:
    total = s["sum"] + g * g
    scale = where(total > 0, rsqrt(total + c["eps"]), zeros_like(total))
    return p - scale * g * rate, {"sum": total}


@guarded("train.rules.adagrad")
def adagrad(learning_rate: Any = 0.01, initial: float = 0.1, eps: float = 1e-7) -> Rule:
    """Returns Adagrad: s = s + g^2, p - rate g / sqrt(s + eps), s = `initial` at first.

    Source: Duchi, Hazan, Singer, "Adaptive Subgradient Methods", 2011.
    """
    first = _check("initial", initial, 0, math.inf)
    settings = {"eps": _check("eps", eps, 0, 1)}
    return Rule("adagrad", _rate(learning_rate), settings, {"sum": first}, _adagrad)


def _rmsprop(
    p: Node, g: Node, s: Mapping[str, Node], rate: Any, t: Node, c: Mapping[str, Any]
) -> tuple[Node, dict[str, Node]]:
    mean = g * g * (1 - c["decay"]) + s["mean"] * c["decay"]
    return p - g * rsqrt(mean + c["eps"]) * rate, {"mean": mean}


@guarded("train.rules.rmsprop")
def rmsprop(learning_rate: Any = 1e-3, decay: float = 0.9, eps: float = 1e-8) -> Rule:
    """Returns RMSProp: s = decay s + (1 - decay) g^2, p - rate g / sqrt(s + eps).

    Source: Tieleman and Hinton, "Lecture 6.5: RMSProp", 2012.
    """
    settings = {"decay": _check("decay", decay, 0, 1), "eps": _check("eps", eps, 0, 1)}
    return Rule("rmsprop", _rate(learning_rate), settings, {"mean": 0.0}, _rmsprop)


def _adam(
    p: Node, g: Node, s: Mapping[str, Node], rate: Any, t: Node, c: Mapping[str, Any]
) -> tuple[Node, dict[str, Node]]:
    b1, b2 = c["b1"], c["b2"]
    first = g * (1 - b1) + s["first"] * b1
    second = g * g * (1 - b2) + s["second"] * b2
    time = cast(t + 1, p.dtype)
    # The means begin at 0; dividing takes that out (Kingma and Ba, section 3).
    mean = first / (1 - pow(b1, time))
    spread = second / (1 - pow(b2, time))
    change = mean / (sqrt(spread) + c["eps"])
    if c["weight_decay"]:
        change = change + p * c["weight_decay"]
    return p - change * rate, {"first": first, "second": second}


@guarded("train.rules.adam")
def adam(learning_rate: Any = 1e-3, b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8) -> Rule:
    """Returns Adam: running means of g and g^2, freed of their start at 0, and their quotient.

    Source: Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2015, algorithm 1.
    """
    return _adam_rule("adam", learning_rate, b1, b2, eps, 0.0)


@guarded("train.rules.adamw")
def adamw(
    learning_rate: Any = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    weight_decay: float = 1e-4,
) -> Rule:
    """Returns Adam with decoupled weight decay: weight_decay p is added to the change.

    Source: Loshchilov and Hutter, "Decoupled Weight Decay Regularization", 2019.
    """
    return _adam_rule("adamw", learning_rate, b1, b2, eps, weight_decay)


def _adam_rule(name: str, rate: Any, b1: Any, b2: Any, eps: Any, decay: Any) -> Rule:
    settings = {
        "b1": _check("b1", b1, 0, 1), "b2": _check("b2", b2, 0, 1), "eps": _check("eps", eps, 0, 1),
        "weight_decay": _check("weight_decay", decay, 0, math.inf),
    }  # fmt: skip
    return Rule(name, _rate(rate), settings, {"first": 0.0, "second": 0.0}, _adam)


#: Every rule by name.
RULES: dict[str, Callable[..., Rule]] = {
    "sgd": sgd, "momentum": momentum, "nesterov": nesterov, "adagrad": adagrad,
    "rmsprop": rmsprop, "adam": adam, "adamw": adamw,
}  # fmt: skip
