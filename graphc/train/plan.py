"""A training as one value: what `graphc train FILE.py` runs."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.node import Node
from graphc.train.data import closest
from graphc.train.fit import fit
from graphc.train.run import Run

_OPTIONS = [name for name in inspect.signature(fit).parameters if name not in ("loss", "data")]


class Plan:
    """A loss, its data and the options of `train.fit`, to be run later, by default or changed.

    Args:
        loss: the loss.
        data: arrays by the names of its inputs; or a function that returns them, called when the
            plan runs.
        options: those of `train.fit`.

    Raises:
        ArgumentError: there is no such option, or the loss is no node.
    """

    __slots__ = ("data", "loss", "options")

    @guarded("train.Plan", direct=True)
    def __init__(self, loss: Node, data: Any, **options: Any) -> None:
        if not isinstance(loss, Node):
            raise ArgumentError(f"the loss is {show_value(loss)}, no graph value", "pass a node")
        if not isinstance(data, Mapping) and not callable(data):
            raise ArgumentError(
                f"the data are {show_value(data)}, no dict", 'give {"x": array} or a function'
            )
        for name in options:
            if name not in _OPTIONS:
                raise ArgumentError(
                    f"train.fit has no option {show_value(name)}",
                    closest(name, _OPTIONS, "it has"),
                )
        self.loss, self.data, self.options = loss, data, dict(options)

    def run(self, **changes: Any) -> Run:
        """Trains, with some options changed, and returns the run."""
        data: Any = self.data() if callable(self.data) else self.data
        return fit(self.loss, data, **{**self.options, **changes})

    def __repr__(self) -> str:
        return f"<plan of {self.loss!r}, {', '.join(f'{k}={show_value(v, 20)}' for k, v in self.options.items())}>"  # noqa: E501
