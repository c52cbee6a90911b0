"""`stable=True`: the graph is made stable before it is differentiated, and its derivative after."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from graphc.core.errors import ArgumentError, show_value
from graphc.core.naming import call_text
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import rebuild, topological_order
from graphc.ops.source import input_op

#: Engines that show what they are given: their results are left as they are.
_LEFT_ALONE = ("numeric", "jax")


def with_stable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a function of (output, wrt, ...) that differentiates the option `stable`."""
    signature = inspect.signature(function)
    output, wrt, *_ = signature.parameters

    @functools.wraps(function)
    def called(*args: Any, stable: bool = False, **options: Any) -> Any:
        if stable is False:
            return function(*args, **options)
        if stable is not True:
            raise ArgumentError(
                f"stable={show_value(stable)} is neither True nor False",
                "say one of them",
                call=call_text(function.__name__, args, {**options, "stable": stable}),
            )
        try:
            bound = signature.bind(*args, **options)
        except TypeError:
            return function(*args, **options)  # which says what is wrong with the call
        given = bound.arguments
        given[output] = _stable_output(given[output], given[wrt])
        result = function(*bound.args, **bound.kwargs)
        return _stable_result(result, given[wrt], given.get("engine"))

    called.__signature__ = _with_option(signature)  # pyright: ignore[reportAttributeAccessIssue]
    return called


def _with_option(signature: inspect.Signature) -> inspect.Signature:
    """Returns a signature with `stable` as its last named option."""
    option = inspect.Parameter(
        "stable", inspect.Parameter.KEYWORD_ONLY, default=False, annotation="bool"
    )
    given = list(signature.parameters.values())
    rest = [p for p in given if p.kind is inspect.Parameter.VAR_KEYWORD]
    named = [p for p in given if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return signature.replace(parameters=[*named, option, *rest])


def stable_form(outputs: Sequence[Node], wrt: Sequence[Node]) -> list[Node]:
    """Returns the outputs in their stable form, in which every one of `wrt` is still a node.

    What one differentiates by may stand inside the graph; it is no part of a pattern then: with
    e = exp(x), log(1 + e) differentiated by e stays a function of e.
    """
    from graphc.simplify.passes import simplify  # the rules take 20 ms to load

    inner = [node for node in wrt if node.args]
    stand_ins = [
        input_op(name=f"stand-in {number}", type=node.type) for number, node in enumerate(inner)
    ]
    plain = rebuild(outputs, dict(zip(inner, stand_ins, strict=True)))
    stable = simplify(plain, stable=True)
    return rebuild(stable, dict(zip(stand_ins, inner, strict=True)))


def _stable_output(output: Any, wrt: Any) -> Any:
    """Returns what is differentiated in its stable form; what is no node as it is.

    It is left as it is, too, where a `wrt` would fall out: x * exp(y) / exp(y) is x, but its
    derivative by y was asked for.
    """
    nodes = _nodes(wrt)
    if not isinstance(output, Node) or not nodes:
        return output
    (made,) = stable_form([output], nodes)
    have = set(topological_order([made]))
    return made if all(node in have for node in nodes) else output


def _stable_result(result: Any, wrt: Any, engine: Any) -> Any:
    """Returns a derivative in its stable form, except where the engine's own form is the point."""
    if engine in _LEFT_ALONE:
        return result
    made, restore = flatten(result)
    return restore(stable_form(made, _nodes(wrt)))


def _nodes(wrt: Any) -> list[Node]:
    nodes, _ = flatten(wrt)
    return [node for node in nodes if isinstance(node, Node)]
