"""How a compiled graph calls XLA: packed arguments and results, and donated arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
from jax.core import Tracer

from graphc.backends.arguments import as_declared
from graphc.backends.jax import lower
from graphc.backends.packing import Packing, packed_values, packing_of, unpacked
from graphc.backends.run import bind_sizes
from graphc.core.errors import ArgumentError
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten


class Flat:
    """The jitted function of lists of arrays behind a compiled graph.

    Made once; what it holds never changes.

    Args:
        lowered: makes JAX values of the outputs.
        nodes: the outputs as they are compiled; None where sizes have names.
        inputs: all inputs.
        donated: those that are donated.

    Attributes:
        packing: what is passed as one, None where nothing is.
        donated: inputs whose arrays the results may be written into.
    """

    def __init__(
        self,
        lowered: Callable[[Mapping[Node, Any], Mapping[str, int]], list[Any]],
        nodes: Sequence[Node] | None,
        inputs: Sequence[Node],
        donated: Sequence[Node],
    ) -> None:
        self.donated = tuple(donated)
        self.packing: Packing | None = None
        if nodes is not None:
            kept = set(self.donated)
            # With donation there is no other way for a call, so nothing is packed that need not be.
            others = [n for n in inputs if n not in kept]
            self.packing = packing_of(nodes, others, many=not donated)
        packing = self.packing
        kept = set(self.donated)
        plain = inputs if packing is None else packing.inputs
        self._plain = tuple(n for n in plain if n not in kept)
        packs = [] if packing is None else [pack.formal for pack in packing.packs]
        leaves = (*packs, *self.donated, *self._plain)

        def function(packed: Any, given: Any, others: Any) -> list[Any]:
            values = [*packed, *given, *others]
            arrays = {n: as_declared(n, v) for n, v in zip(leaves, values, strict=True)}
            sizes = bind_sizes(leaves, [arrays[n].shape for n in leaves])
            if packing is None:
                return lowered(arrays, sizes)
            return lower(packing.results, arrays, sizes)

        self._jitted = jax.jit(function, donate_argnums=(1,) if donated else ())

    def __call__(self, given: Mapping[Node, Any]) -> list[Any] | None:
        """Returns the outputs; None where the plain way must be gone: JAX traces, values misfit."""
        arguments = self._arguments(given)
        if arguments is None:
            return None
        if self.donated:
            self._check(given)
        results = self._jitted(*arguments)
        return results if self.packing is None else unpacked(self.packing, results)

    def trace(self, given: Mapping[Node, Any]) -> Any:
        """Returns JAX's Traced object of the call that values, or types of them, would make.

        None where that is the plain one.
        """
        arguments = self._arguments(given)
        return None if arguments is None else self._jitted.trace(*arguments)

    def _arguments(self, given: Mapping[Node, Any]) -> tuple[Any, Any, Any] | None:
        for kind in set(map(type, given.values())):
            if issubclass(kind, Tracer):
                return None
        packed = [] if self.packing is None else packed_values(self.packing, given)
        if packed is None:
            return None
        mine, others = [given[n] for n in self.donated], [given[n] for n in self._plain]
        return tuple(packed), tuple(mine), tuple(others)

    def _check(self, given: Mapping[Node, Any]) -> None:
        """Raises ArgumentError for an array that can't be given away."""
        if len(set(map(id, given.values()))) < len(given):
            self._check_shared(given)
        for node in self.donated:
            value = given[node]
            if not isinstance(value, jax.Array):
                continue
            if value.is_deleted():
                raise _gone(node)
            if value.dtype != node.type.dtype.numpy:
                raise ArgumentError(
                    f"{describe(node)} is donated and declared {node.type}, the array is "
                    f"{value.dtype}: nothing fits into it",
                    "pass an array of the declared dtype",
                )

    def _check_shared(self, given: Mapping[Node, Any]) -> None:
        """Raises ArgumentError where a donated array is passed twice."""
        seen: dict[int, Node] = {}
        for node, value in given.items():
            other = seen.setdefault(id(value), node) if isinstance(value, jax.Array) else node
            pair = (other, node)
            if other is not node and any(n in self.donated for n in pair):
                names = " and ".join(describe(n) for n in pair)
                raise ArgumentError(
                    f"{names} are one array, and it is donated", "pass a copy: jnp.copy(x)"
                )


def gone(given: Mapping[Node, Any]) -> ArgumentError | None:
    """Returns an error in words where an array was donated away before."""
    for node, value in given.items():
        known = isinstance(value, jax.Array) and not isinstance(value, Tracer)
        if known and value.is_deleted():
            return _gone(node)
    return None


def _gone(node: Node) -> ArgumentError:
    return ArgumentError(
        f"the array passed for {describe(node)} was donated to an earlier call, and its memory "
        "holds another result",
        "pass what that call returned, or a copy",
    )


def donated_inputs(
    donate: Any, inputs: Sequence[Any] | None, listed: Sequence[Node], nodes: Sequence[Node]
) -> list[Node]:
    """Returns the inputs that are donated.

    Args:
        donate: nodes, names, or positions of arguments; one of them or a list.
        inputs: the arguments as nests, None where values are passed by name.
        listed: all inputs.
        nodes: the outputs.

    Raises:
        ArgumentError: one is no input, or no result is of its type.
    """
    if donate is None:
        return []
    given = [donate] if isinstance(donate, (Node, str, int)) else donate
    if isinstance(donate, bool) or not isinstance(given, (list, tuple)):
        raise ArgumentError(
            f"donate={donate!r} names no inputs", 'for example donate=["x"], donate=x or donate=0'
        )
    names = {n.params["name"]: n for n in listed}
    known = set(listed)
    found: dict[Node, None] = {}
    for entry in given:
        if isinstance(entry, Node) and entry in known:
            found[entry] = None
        elif isinstance(entry, str) and entry in names:
            found[names[entry]] = None
        elif isinstance(entry, int) and not isinstance(entry, bool) and inputs is not None:
            if not 0 <= entry < len(inputs):
                raise ArgumentError(
                    f"donate names argument {entry}, the function takes {len(inputs)}",
                    "count from 0",
                )
            found.update(dict.fromkeys(flatten(inputs[entry])[0]))
        elif isinstance(entry, int) and not isinstance(entry, bool):
            raise ArgumentError(
                f"donate={entry} is a position, and values are passed by name",
                "name the input, or compile with inputs=[...]",
            )
        else:
            what = describe(entry) if isinstance(entry, Node) else repr(entry)
            raise ArgumentError(
                f"donate names {what}, which is no input of this graph",
                f"the inputs are {', '.join(list(names)[:12]) or 'none'}",
            )
    free: list[Any] = [n.type for n in nodes]
    for node in found:
        if node.type not in free:
            raise ArgumentError(
                f"{describe(node)}: {node.type} is donated, and no result "
                f"{'is left' if any(n.type == node.type for n in nodes) else 'is'} of that type "
                "to be written into it",
                "donate inputs that a result can take the place of, as a state by its next state",
            )
        free.remove(node.type)
    return list(found)
