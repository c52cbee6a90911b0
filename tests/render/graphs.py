"""Graphs and reverse passes that the tests of pictures share."""

from __future__ import annotations

from typing import Any

import graphc as gx
from graphc.backends.numpy import evaluate
from graphc.core.node import Node
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from graphc.diff.reverse import ReverseRecord, reverse


def scalar(name: str) -> Node:
    return gx.input(name, (), gx.float64)


def product() -> tuple[Node, dict[Node, float]]:
    """(x + y) * z at (-2, 5, -4): the gradient is (-4, -4, 3)."""
    x, y, z = scalar("x"), scalar("y"), scalar("z")
    return (x + y) * z, {x: -2.0, y: 5.0, z: -4.0}


def neuron() -> tuple[Node, dict[Node, float]]:
    w0, x0, w1, x1, w2 = (scalar(n) for n in ("w0", "x0", "w1", "x1", "w2"))
    output = 1 / (1 + gx.exp(-(w0 * x0 + w1 * x1 + w2)))
    return output, {w0: 2.0, x0: -1.0, w1: -3.0, x1: -2.0, w2: -3.0}


def logistic(rounds: int) -> tuple[Node, dict[Node, float]]:
    x = value = scalar("x")
    for _ in range(rounds - 1):
        value = 4 * value * (1 - value)
    return value, {x: 0.3}


def chain(length: int) -> Node:
    value = scalar("x")
    for _ in range(length):
        value = gx.sin(value)
    return value


def network() -> tuple[Node, list[Node]]:
    images, labels = gx.input("X", ("batch", 64)), gx.input("label", ("batch", 10))
    w1, b1 = gx.param("W1", (64, 32)), gx.param("b1", (32,))
    w2, b2 = gx.param("W2", (32, 10)), gx.param("b2", (10,))
    logits = gx.relu(images @ w1 + b1) @ w2 + b2
    loss = -(labels * gx.log_softmax(logits, axis=1)).sum(axis=1).mean()
    return loss, [w1, b1, w2, b2]


def reverse_pass(output: Node, given: dict[Node, float]) -> tuple[ReverseRecord, dict[Node, Any]]:
    """Returns the record and the values of every node in it."""
    record = reverse(output, list(given))
    roots = [output, *record.adjoints.values(), *[c.value for c in record.contributions]]
    order = [n for n in topological_order(roots) if isinstance(n.type, TensorType)]
    return record, dict(zip(order, evaluate(order, given), strict=True))
