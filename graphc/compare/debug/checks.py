"""Checks that a plain run leaves out: indices, integer division and overflow, casts, sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import NumpyNamespace
from graphc.backends.run import resolve
from graphc.compare.debug.facts import broken_fact
from graphc.compare.debug.record import CheckFailure
from graphc.compare.debug.run import Frame, Lanes, Watcher
from graphc.compare.debug.singular import CHECKED, singular_words
from graphc.core.dim import Dim
from graphc.core.errors import (
    DimError,
    DivisionError,
    GraphcError,
    IndexingError,
    RangeError,
    SingularError,
    StructureError,
    show_place,
)
from graphc.core.graph import LEAF_OPS
from graphc.core.naming import call_text, describe
from graphc.core.node import Node
from graphc.core.type import TupleType
from graphc.core.walk import topological_order

#: Results of more elements than this are named by their float64 value where they wrap around.
_EXACT_ELEMENTS = 100_000

#: The largest float64, for integers past it.
_LARGEST = int(np.finfo(np.float64).max)

#: Groups whose integer results are computed, and not only moved.
_COMPUTING = frozenset({"elementwise", "reduction", "contraction"})


class Checks(Watcher):
    """Finds what is silent elsewhere and wrong: each is an error at the user's line.

    Args:
        sizes: numbers of the named sizes.
        strict: raise at the first; otherwise collect those after which the run can go on.
    """

    def __init__(self, sizes: Mapping[str, int], strict: bool) -> None:
        self.sizes = sizes
        self.strict = strict
        self.failures: list[CheckFailure] = []

    def before(self, frame: Frame, node: Node, args: Sequence[Lanes]) -> None:
        values = [a[0] for a in args]
        self._sizes(frame, node)
        name = node.op.name
        self._index(frame, node, values)
        if name in ("floor_divide", "mod") and node.dtype.is_integer:
            self._division(frame, node, values)
        elif name == "cast":
            self._cast(frame, node, values[0])

    def see(self, frame: Frame, node: Node, args: Sequence[Lanes], value: Lanes) -> None:
        if isinstance(node.type, TupleType):
            return
        computed = node.dtype.is_integer and args and node.op.group in _COMPUTING
        if computed and node.op.name != "cast":
            self._wrap(frame, node, [a[0] for a in args], value[0])
        if node.op.name in CHECKED:
            words = singular_words(node, [a[0] for a in args], value[0])
            if words is not None:
                self._fail(frame, node, SingularError, *words)
        elif node.op.name == "assume":
            words = broken_fact(node, value[0])
            if words is not None:
                self._fail(frame, node, StructureError, *words)

    def _fail(
        self,
        frame: Frame,
        node: Node,
        kind: type[GraphcError],
        rule: str,
        mend: str,
        last: bool = False,
    ) -> None:
        inside = frame.words()
        error = kind(
            f"{rule} ({inside})" if inside else rule,
            mend,
            call=call_text(node.op.name, node.args, {}),
            place=node.place,
        )
        if self.strict or kind is DimError or last:
            raise error
        self.failures.append(
            CheckFailure(
                kind=kind.__name__, words=str(error), place=show_place(node.place), error=error
            )
        )

    def _sizes(self, frame: Frame, node: Node) -> None:
        types = node.type.items if isinstance(node.type, TupleType) else (node.type,)
        for size in [s for t in types for s in t.shape if isinstance(s, Dim)]:
            number = size.value(self.sizes)
            if number < 0:
                known = ", ".join(f"{n} = {self.sizes[n]}" for n in size.names)
                self._fail(
                    frame, node, DimError, f"its size {size} is {number} for {known}",
                    "call with a larger size",
                )  # fmt: skip

    def _index(self, frame: Frame, node: Node, values: Sequence[Any]) -> None:
        for place in _places(node, values, self.sizes):
            index, size, last = values[place.operand], place.size, place.size - place.window
            inside = (index >= -size) & (index <= last)
            if place.window > 1:
                inside &= (index >= 0) | (index <= last - size)
            wrong = ~np.asarray(inside)
            if not wrong.any():
                continue
            at = first_index(wrong)
            source = node.args[place.operand]
            source = source.args[0] if source.op.name == "cast" else source
            window = node.op.name in _WINDOWS
            whole = f"; the window of {place.window} is moved inside" if window else ""
            self._fail(
                frame,
                node,
                IndexingError,
                f"index {np.asarray(index)[at]} at {show_at(source, at)} is out of range for axis "
                f"{place.axis} of size {size}{whole}{_others(wrong)}{_declared(source)}",
                f"indices go from {-size} to {last}" if size else "the axis is empty",
                last=not window,
            )

    def _division(self, frame: Frame, node: Node, values: Sequence[Any]) -> None:
        wrong = np.broadcast_to(values[1] == 0, np.broadcast_shapes(*[v.shape for v in values]))
        if not wrong.any():
            return
        at = first_index(wrong)
        number = np.broadcast_to(values[0], wrong.shape)[at]
        elsewhere = "elsewhere it gives 0" if node.op.name == "floor_divide" else ""
        self._fail(
            frame,
            node,
            DivisionError,
            f"the integer {number} is divided by 0{_element(at)}"
            f"{_others(wrong)}{_declared(node.args[1])}" + (f"; {elsewhere}" if elsewhere else ""),
            "divide by gx.where(y == 0, 1, y) where the result is not used",
        )

    def _cast(self, frame: Frame, node: Node, value: Any) -> None:
        source, target = node.args[0].dtype, node.dtype
        if not target.is_integer or source.kind == "b":
            return
        limits = np.iinfo(target.numpy)
        if source.is_float:
            wide = np.trunc(value.astype(np.float64))
            wrong = ~((wide >= float(limits.min)) & (wide < float(limits.max) + 1.0))
            if limits.max < 2**53:
                wrong = ~((wide >= limits.min) & (wide <= limits.max))
        else:
            wrong = (value < limits.min) | (value > limits.max)
        if wrong.any():
            at = first_index(wrong)
            self._fail(
                frame,
                node,
                RangeError,
                f"{show_at(node.args[0], at)} is {show_number(value[at])}, which {target.name} "
                f"can't hold: it goes from {limits.min} to {limits.max}{_others(wrong)}",
                "clip it before, or cast to a wider dtype",
            )

    def _wrap(self, frame: Frame, node: Node, values: Sequence[Any], value: Any) -> None:
        """A wrap changes the result by a multiple of 2**bits; float64 tells that from rounding."""
        params = {k: resolve(v, self.sizes) for k, v in node.params.items()}
        with np.errstate(all="ignore"):
            if node.op.domain == "integers":  # bits and whole powers know no floats
                xp = MpNamespace(50, self.sizes)
                found = xp.apply(node, [xp.convert(v) for v in values], params)
            else:
                wide = [v.astype(np.float64) if v.dtype.kind in "iu" else v for v in values]
                found = node.op.run(NumpyNamespace(self.sizes), *wide, **params)
            about = _floats(found)
            far = np.abs(about - value.astype(np.float64)) > 2.0 ** (node.dtype.bits - 1)
        wrong = far & np.isfinite(about)  # what is divided by 0 was told already
        if not wrong.any():
            return
        at = first_index(wrong)
        true = self._exact(node, values, params, at, about)
        limits = np.iinfo(node.dtype.numpy)
        self._fail(
            frame,
            node,
            RangeError,
            f"the result{_element(at)} is {true} and wraps around to {value[at]}: "
            f"{node.dtype.name} goes from {limits.min} to {limits.max}{_others(wrong)}",
            "compute in a wider integer dtype",
        )

    def _exact(
        self, node: Node, values: Sequence[Any], params: Any, at: tuple[int, ...], about: Any
    ) -> str:
        if sum(v.size for v in values) > _EXACT_ELEMENTS:
            return f"about {about[at]:.6g}"
        xp = MpNamespace(50, self.sizes)
        return str(int(xp.apply(node, [xp.convert(v) for v in values], params)[at]))


def _floats(found: Any) -> np.ndarray[Any, Any]:
    """Returns numbers as float64; integers past its range as the largest, which wraps too."""
    found = np.asarray(found)
    if found.dtype != object:
        return found.astype(np.float64)
    clipped = [min(max(int(v), -_LARGEST), _LARGEST) for v in found.flat]
    return np.array(clipped, dtype=np.float64).reshape(found.shape)


@dataclass(frozen=True, slots=True)
class _Places:
    """What an operand of a node indexes: an axis of so many elements; a window begins there."""

    operand: int
    axis: int
    size: int
    window: int = 1


def _places(node: Node, values: Sequence[Any], sizes: Mapping[str, int]) -> list[_Places]:
    """Returns what a node's index operands index; nothing for a node that has none."""
    name, params = node.op.name, node.params
    if name not in _INDEXING:
        return []
    shape = np.shape(values[0])
    if name in ("gather", "take_along_axis"):
        return [_Places(1, params["axis"], shape[params["axis"]])]
    if name in ("scatter_add", "add_along_axis"):
        return [_Places(1, params["axis"], resolve(params["size"], sizes))]
    if name in _AT:
        first = len(node.args) - len(params["axes"])
        return [_Places(first + k, a, shape[a]) for k, a in enumerate(params["axes"])]
    if name in _WINDOWS:
        first = len(node.args) - len(shape)
        window = np.shape(values[1]) if first == 2 else resolve(params["sizes"], sizes)
        return [_Places(first + a, a, shape[a], window[a]) for a in range(len(shape))]
    raise AssertionError(name)


#: Ops whose last operands index one axis each, and those whose last operands begin a window.
_AT = frozenset({"index_gather", "index_set", "index_add", "index_max", "index_min"})
_WINDOWS = frozenset({"dynamic_slice", "dynamic_update_slice"})
_ALONG = frozenset({"gather", "take_along_axis", "scatter_add", "add_along_axis"})
_INDEXING = _AT | _WINDOWS | _ALONG


def first_index(mask: Any) -> tuple[int, ...]:
    """Returns where a boolean array is first True, in the order of memory."""
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(mask)), np.shape(mask)))


def show_index(at: Sequence[int]) -> str:
    """Returns `[0,3]`, or `[]` for a scalar's only element."""
    return f"[{','.join(map(str, at))}]"


def _element(at: Sequence[int]) -> str:
    return f" at element {show_index(at)}" if at else ""


def show_at(node: Node, at: Sequence[int]) -> str:
    """Returns `ids[0,3]`, or `n` for a scalar."""
    return describe(node, 3) + (show_index(at) if at else "")


def show_number(value: Any) -> str:
    """Returns a number as people read it: seven digits, integers whole."""
    if isinstance(value, (bool, np.bool_, int, np.integer)):
        return str(value)
    return f"{float(value):.7g}"


def _others(wrong: Any) -> str:
    count = int(np.sum(wrong))
    return "" if count == 1 else f", and so at {count - 1} more of {wrong.size} elements"


def _declared(node: Node) -> str:
    """Returns which inputs an index comes from, and where they were declared."""
    leaves = [n for n in topological_order([node]) if n.op.name in LEAF_OPS][:3]
    parts = [
        f"{describe(n)}: {n.type}" + (f" is declared at {p}" if (p := show_place(n.place)) else "")
        for n in leaves
    ]
    return f"; {', '.join(parts)}" if parts else ""
