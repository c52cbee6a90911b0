"""A whole training step as one graph: forward pass, backward pass and update."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.dtype import int32
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.diff.reverse import reverse
from graphc.nn.parameters import first_value
from graphc.ops.source import input as input_node
from graphc.ops.source import param
from graphc.render.draw import draw as draw_graph
from graphc.render.picture import Picture
from graphc.train.model import nest, read_model
from graphc.train.rules import RULES, Rule


@dataclass(frozen=True, slots=True, eq=False)
class StepGraph:
    """One training step as graph.

    `gx.compile(step.outputs, step.inputs)` is a function that takes parameters, state of the rule,
    state of the graph, count and data, and returns their next values and the loss.

    Attributes:
        outputs: `{"loss", "parameters", "slots", "state", "count"}`: the loss before the step,
            and nests of what comes after it.
        inputs: what they are made from: nests `[parameters, slots, state, count, data]`.
        gradients: the gradient of each parameter, by name.
        parameters: each parameter, by name.
        new: its next value, by name.
        rule: the update rule.
    """

    outputs: dict[str, Any]
    inputs: list[Any]
    gradients: dict[str, Node]
    parameters: dict[str, Node]
    new: dict[str, Node]
    rule: Rule

    def first(self, seed: int = 0) -> list[Any]:
        """Returns the first values of parameters, slots, state and count, in `inputs`' nests."""
        parameters, slots, state, _, _ = self.inputs
        made = [_map(part, lambda node: first_value(node, seed)) for part in
                (parameters, slots, state)]  # fmt: skip
        return [*made, np.zeros((), np.int32)]

    def draw(self, path: str | os.PathLike[str] | None = None, **options: Any) -> Picture:
        """Draws the step: both passes mirrored, and each parameter's update, see `gx.draw`."""
        targets = list(self.parameters.values())
        record = reverse(self.outputs["loss"], targets)
        updates = {p: self.new[name] for name, p in self.parameters.items()}
        updates |= dict(zip(flatten(self.inputs[1])[0], flatten(self.outputs["slots"])[0],
                            strict=True))  # fmt: skip
        options.setdefault("name", "loss")
        return draw_graph(
            self.outputs["loss"], path, kind="update", wrt=targets, record=record,
            updates=updates, **options,
        )  # fmt: skip


@guarded("train.step_graph")
def step_graph(loss: Node, rule: Any = "sgd") -> StepGraph:
    """Returns forward pass, backward pass and update as one graph.

    Args:
        loss: a float scalar with parameters.
        rule: a rule of `train.rules`, or the name of one.

    Returns:
        The graph: its outputs and inputs are nests that `gx.compile` takes.

    Raises:
        ArgumentError: there is no such rule, or the loss has no parameter.
    """
    if isinstance(rule, str):
        if rule not in RULES:
            raise ArgumentError(
                f"there is no rule {show_value(rule)}", f"there are {', '.join(RULES)}"
            )
        rule = RULES[rule]()
    if not isinstance(rule, Rule):
        raise ArgumentError(
            f"{show_value(rule)} is no update rule", "for example train.rules.adam(1e-3)"
        )
    model = read_model(loss, {})
    targets = list(model.parameters.values())
    gradients = dict(zip(model.parameters, reverse(loss, targets).gradients, strict=True))
    count = input_node("step:count", (), int32)
    slots: dict[str, Node] = {}
    new: dict[str, Node] = {}
    new_slots: dict[str, Node] = {}
    for name, parameter in model.parameters.items():
        own = {
            slot: param(
                f"{name}:{slot}", parameter.shape, parameter.dtype, init=first, trainable=False
            )
            for slot, first in rule.slots.items()
        }
        new[name], after = rule(parameter, gradients[name], own, count)
        for slot, node in own.items():
            slots[f"{name}:{slot}"] = node
            new_slots[f"{name}:{slot}"] = after[slot]
    outputs = {
        "loss": loss, "parameters": nest(new), "slots": nest(new_slots),
        "state": nest({**model.state, **model.updates}), "count": count + 1,
    }  # fmt: skip
    inputs = [nest(model.parameters), nest(slots), nest(model.state), count, dict(model.inputs)]
    return StepGraph(outputs, inputs, gradients, dict(model.parameters), new, rule)


def _map(tree: Any, function: Any) -> Any:
    if isinstance(tree, Mapping):
        return {key: _map(value, function) for key, value in tree.items()}
    return function(tree)
