"""What is compared: an output, the values of its inputs, and what to differentiate by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphc.backends.run import bind_sizes, name_values
from graphc.backends.values import as_value
from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, GradError, Place, show_value, user_place
from graphc.core.graph import leaves
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.core.tree import flatten
from graphc.core.walk import topological_order
from graphc.ops.formulas import with_gradient, without_formulas


class Problem:
    """A scalar graph with values, ready to be compared, checked and drawn.

    Args:
        output: a float scalar node.
        values: for each input, by name or node, a number or an array.
        wrt: the nodes to differentiate by, inputs or parameters; all float parameters, or where
            there are none all float inputs, unless given.
        name: a short title; `output` unless given.
        description: a sentence or two for the report.
        analytic: for each of `wrt` (or some) the author's own formula for the gradient, as graph.
        grow: `grow(n)` returns the same problem at size n, for the report's swell curves.
        sizes: the sizes at which it is grown.
        vectors: float nodes of the same inputs, by name, for example residuals: the report shows
            how their Jacobians by `wrt` are planned, with predicted and measured costs.
        hessian: whether it shows that of the Hessian too.

    Raises:
        ArgumentError: a value is missing or extra, or `wrt` is no input of the output.
        ShapeError, DTypeError, DimError: a value does not fit its declaration.
        GradError: the output is no float scalar, or a `wrt` is not float.
    """

    __slots__ = (
        "analytic", "description", "grow", "hessian", "inputs", "name", "output", "place", "sizes",
        "values", "vectors", "wrt",
    )  # fmt: skip

    output: Node
    inputs: tuple[Node, ...]
    values: dict[Node, Any]
    wrt: tuple[Node, ...]
    place: Place | None
    vectors: dict[str, Node]
    hessian: bool

    @guarded("Problem")
    def __init__(
        self,
        output: Node,
        values: Mapping[Any, Any] | None = None,
        *,
        wrt: Any = None,
        name: str = "",
        description: str = "",
        analytic: Mapping[Node, Any] | None = None,
        grow: Callable[[int], Problem] | None = None,
        sizes: Sequence[int] = (),
        vectors: Mapping[str, Node] | None = None,
        hessian: bool = False,
    ) -> None:
        self.place = user_place()
        if not isinstance(output, Node):
            raise ArgumentError(
                f"the output {output!r} is no graph value", "build it from gx.input and ops"
            )
        _check_words(name, description)
        _check_growth(grow, sizes)
        if output.ndim or not output.dtype.is_float:
            raise GradError(
                f"the output {describe(output, 3)} is {output.type}, not a float scalar",
                "take gx.sum or gx.mean of it",
            )
        self.output = output
        self.inputs = tuple(leaves([output]))
        self.wrt = tuple(self._chosen(wrt))
        if analytic is not None and not isinstance(analytic, Mapping):
            raise ArgumentError(
                f"analytic={analytic!r} is no mapping", "write analytic={w: formula}"
            )
        if analytic:
            output = with_gradient(output, dict(analytic))
            self.inputs = tuple(leaves([output]))
        self.output = output
        given = name_values(self.inputs, {} if values is None else values)
        self.values = {n: as_value(n, given[n]) for n in self.inputs}
        bind_sizes(self.inputs, [self.values[n].shape for n in self.inputs])
        self.name = name or "output"
        self.description = description
        self.analytic = dict(analytic or {})
        self.grow = grow
        self.sizes = tuple(sizes)
        self.vectors = _checked_vectors(vectors, self.inputs)
        if not isinstance(hessian, bool):
            raise ArgumentError(
                f"hessian={show_value(hessian)} is neither True nor False", "say one of them"
            )
        self.hessian = hessian

    def _chosen(self, wrt: Any) -> list[Node]:
        if wrt is None:
            floats = [n for n in self.inputs if n.dtype.is_float]
            params = [n for n in floats if n.op.name == "param"]
            if not floats:
                raise GradError(
                    f"{describe(self.output, 3)} has no float input to differentiate by",
                    "build it from gx.input or gx.param of a float dtype",
                )
            return params or floats
        nodes, _ = flatten(wrt)
        known = {n.params["name"]: n for n in self.inputs}
        found: list[Node] = []
        for node in nodes:
            node = known.get(node, node) if isinstance(node, str) else node
            if not isinstance(node, Node) or not any(node is n for n in self.inputs):
                what = describe(node) if isinstance(node, Node) else repr(node)
                raise ArgumentError(
                    f"the output does not depend on {what}",
                    f"its inputs are {', '.join(known) or 'none'}",
                )
            if not node.dtype.is_float:
                raise GradError(
                    f"{describe(node)} is {node.type}: only a float has a derivative",
                    "leave it out of wrt",
                )
            found.append(node)
        if not found:
            raise ArgumentError("wrt names nothing", "leave it out for all parameters")
        return found

    def __repr__(self) -> str:
        return f"<problem {self.name}: {describe(self.output, 6)}>"

    @property
    def plain(self) -> Node:
        """The output without the author's formulas beside it."""
        return without_formulas([self.output])[0]

    def node_count(self) -> int:
        """Returns how many nodes the graph has."""
        return len(topological_order([self.plain]))


def _checked_vectors(vectors: Any, inputs: Sequence[Node]) -> dict[str, Node]:
    if vectors is not None and not isinstance(vectors, Mapping):
        raise ArgumentError(
            f"vectors={show_value(vectors)} is no mapping", "write vectors={'residuals': r}"
        )
    known = set(inputs)
    found: dict[str, Node] = {}
    for name, node in (vectors or {}).items():
        if not isinstance(name, str):
            raise ArgumentError(f"{show_value(name)} is no name", "name each of vectors by a str")
        if not isinstance(node, Node) or not node.type.dtype.is_float:
            raise GradError(
                f"{show_value(node)} in vectors is no float node", "give what has a Jacobian"
            )
        strange = [n for n in leaves([node]) if n not in known]
        if strange:
            raise ArgumentError(
                f"{name} depends on {describe(strange[0])}, and the output does not",
                "give vectors of the output's own inputs",
            )
        found[name] = without_formulas([node])[0]
    return found


def _check_words(name: Any, description: Any) -> None:
    for what, value in (("name", name), ("description", description)):
        if not isinstance(value, str):
            raise ArgumentError(f"{what}={value!r} is no text", f"give {what} as a str")


def _check_growth(grow: Any, sizes: Any) -> None:
    if grow is not None and not callable(grow):
        raise ArgumentError(
            f"grow={grow!r} is no function", "give a function of n that returns a gx.Problem"
        )
    listed = isinstance(sizes, (Sequence, range)) and not isinstance(sizes, str)
    if not listed or not all(isinstance(n, int) for n in sizes):
        raise ArgumentError(
            f"sizes={sizes!r} is no list of integers", "for example sizes=(1, 2, 4)"
        )
