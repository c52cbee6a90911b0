"""`function`: a decorator that makes a Python function a graph, once, when it is declared."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from graphc.backends.numpy import evaluate
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.graph import Graph
from graphc.core.naming import describe
from graphc.core.node import Node, apply_named, as_node
from graphc.core.tree import flatten
from graphc.core.type import TensorType


class GraphFunction:
    """A Python function that has become a graph.

    Called with graph values it returns graph values; called with numbers and arrays alone it
    returns arrays, computed with NumPy.

    Attributes:
        inputs: the input nodes by the function's own parameter names.
        output: what the function returned: a node or a nest of nodes. Differentiate, compile, draw
            or compare this.
        graph: the same as a closed Graph.
        name: the function's name.
    """

    inputs: Mapping[str, Node]
    graph: Graph

    def __init__(self, function: Callable[..., Any], types: Mapping[str, TensorType]) -> None:
        self.__wrapped__ = function
        self.__doc__ = function.__doc__
        self.name = getattr(function, "__name__", "function")
        self.inputs = {n: apply_named("input", name=n, type=t) for n, t in types.items()}
        self.output = function(**self.inputs)
        leaves, _ = flatten(self.output)
        for leaf in leaves:
            if not isinstance(leaf, Node):
                raise ArgumentError(f"{self.name} returned {leaf!r}, which is no graph value")
        self.graph = Graph(list(self.inputs.values()), leaves, self.name)

    def __call__(self, *args: Any, **named: Any) -> Any:
        given = self._bind(args, named)
        if any(isinstance(v, Node) for v in given.values()):
            nodes = {n: as_node(given[n], self.inputs[n].dtype) for n in self.inputs}
            for name, node in nodes.items():
                _check_fits(self.inputs[name], node)
            return self.__wrapped__(**nodes)
        return evaluate(self.output, {self.inputs[n]: given[n] for n in self._used()})

    def __repr__(self) -> str:
        types = ", ".join(f"{n}: {node.type}" for n, node in self.inputs.items())
        return f"<graph function {self.name}({types})>"

    def _bind(self, args: tuple[Any, ...], named: dict[str, Any]) -> dict[str, Any]:
        names = list(self.inputs)
        call = f"{self.name}({', '.join(names)})"
        if len(args) > len(names):
            raise ArgumentError(
                f"{len(args)} arguments for {len(names)} inputs", "pass one for each", call=call
            )
        given = dict(zip(names, args, strict=False))
        for name, value in named.items():
            if name in given or name not in self.inputs:
                what = "is given twice" if name in given else "is no input"
                raise ArgumentError(
                    f"{name!r} {what}", f"the inputs are {', '.join(names)}", call=call
                )
            given[name] = value
        missing = [n for n in names if n not in given]
        if missing:
            raise ArgumentError(f"no value for {', '.join(missing)}", "pass every input", call=call)
        return given

    def _used(self) -> list[str]:
        used = {n.params["name"] for n in self.graph.order() if n.op.name == "input"}
        return [n for n in self.inputs if n in used]


def _check_fits(declared: Node, node: Node) -> None:
    """Raises ShapeError where a graph value can't be the input: named sizes fit any size."""
    pairs = zip(declared.shape, node.shape, strict=False)
    differs = any(isinstance(d, int) and isinstance(s, int) and d != s for d, s in pairs)
    if differs or declared.ndim != node.ndim:
        raise ShapeError(
            f"{describe(declared)} is declared {declared.type}, {describe(node, 3)} is {node.type}",
            "pass a value of the declared shape",
        )


@guarded("function")
def function(*given: Any, **types: TensorType) -> Any:
    """Makes a Python function a graph: `@gx.function(x=gx.float32["batch", 3], w=gx.float32[3])`.

    Types are given by parameter name, or written as annotations (`def f(x: gx.float32[3])`, where
    annotations are not strings), and then `@gx.function` stands alone.

    Args:
        given: the function, where the decorator stands alone.
        types: for each parameter a TensorType, or a dtype for a scalar.

    Returns:
        A GraphFunction.

    Raises:
        ArgumentError: a parameter has no type, or a type no parameter.
    """
    if len(given) > 1 or (given and not callable(given[0])):
        raise ArgumentError("types are given by name", "write @gx.function(x=gx.float32[3])")

    def made(target: Callable[..., Any]) -> GraphFunction:
        try:
            parameters = inspect.signature(target).parameters
        except (TypeError, ValueError):
            raise ArgumentError(
                f"{show_value(target)} does not tell its parameters", "decorate a Python function"
            ) from None
        name = getattr(target, "__name__", "the function")
        extra = [n for n in types if n not in parameters]
        if extra:
            raise ArgumentError(f"{name} has no parameter {extra[0]!r}")
        found: dict[str, TensorType] = {}
        for key, parameter in parameters.items():
            chosen = types.get(key, parameter.annotation)
            found[key] = _type(name, key, chosen)
        return GraphFunction(target, found)

    return made(given[0]) if given else made


def _type(function_name: str, key: str, chosen: Any) -> TensorType:
    if isinstance(chosen, TensorType):
        return chosen
    if hasattr(chosen, "short") and hasattr(chosen, "bits"):
        return chosen[()]
    raise ArgumentError(
        f"the parameter {key!r} of {function_name} has no type",
        f'give it to the decorator: @gx.function({key}=gx.float32["batch", 3])',
    )
