"""`save`: a graph and values of its inputs as one flat JSON file, large arrays beside it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphc.backends.values import as_value
from graphc.bridge.saved import (
    MAX_NEST,
    VERSION,
    encode_array,
    encode_parameter,
    encode_type,
    work_budget,
)
from graphc.core.calls import guarded
from graphc.core.const import Const
from graphc.core.dtype import dtype_of
from graphc.core.errors import ArgumentError, BudgetError, Place, SavedGraphError, ShapeError
from graphc.core.files import folder_locked, write_atomic
from graphc.core.graph import Graph, leaves
from graphc.core.literals import array_of
from graphc.core.naming import describe, describe_operand
from graphc.core.node import Node
from graphc.core.type import TupleType, Type
from graphc.core.walk import collection_paused, orders_shared, topological_order


@guarded("save")
def save(
    path: str | os.PathLike[str], outputs: Any, values: Mapping[Any, Any] | None = None
) -> Path:
    """Writes a graph into a file that `gx.load` reads again, exactly.

    The file is JSON and flat; digits are exact. Arrays of more than 64 elements go to a safetensors
    file beside it, `NAME.HASH.safetensors`: the two belong together. Each is written whole or not
    at all, and the JSON, which names the other by its content, last: whenever the program stops,
    what was there before or what is new can be loaded. The same graph gives the same bytes.

    Left out is a parameter's `init` where it is a function, which is a program. Of the place where
    a node was written, the file's name and line are kept, not its folder.

    Args:
        path: the file, by custom `NAME.json`; its folder must exist. What is there is replaced.
        outputs: a node or a nest (dict with text keys, list, tuple) of nodes.
        values: for inputs, by name or node, numbers or arrays: parameters, a problem's inputs.
            Arrays keep their dtype; a Python number takes that of its input. What `gx.evaluate`
            would refuse is refused.

    Returns:
        The path of the JSON file.

    Raises:
        FileError: the file can't be written.
        ArgumentError: an output is no node, or a value belongs to no input or is no array.
        ShapeError, DTypeError, PrecisionError: a value does not fit its input.
        SavedGraphError: an operation of another package has a function among its parameters.
        BudgetError: a value has more than 64 axes, or a named size more than 64 terms.
    """
    nodes = list(_nodes_in(outputs, 0))
    with collection_paused(), orders_shared():
        text, arrays = graph_text(nodes, outputs, _named_values(leaves(nodes), values))
    target = _real_path(path)
    with folder_locked(target.parent):
        keep = companion_path(target, hashlib.sha256(arrays).hexdigest())
        if arrays:
            write_atomic(keep, arrays)
        write_atomic(target, text)
        for old in _companions(target):
            if not arrays or old != keep:
                with contextlib.suppress(OSError):
                    old.unlink()
    return Path(path)


def graph_text(
    nodes: Sequence[Node], nest: Any = None, values: Mapping[str, Any] | None = None
) -> tuple[str, bytes]:
    """Returns the JSON text of a graph, and the bytes of its file of arrays (none: empty).

    Args:
        nodes: the outputs.
        nest: the nest they stand in; a list unless given.
        values: arrays by the names of inputs.
    """
    writer = _Writer()
    writer.add(nodes)
    writer.add_origins()
    outputs = _numbered(list(nodes) if nest is None else nest, writer.numbers)
    encoded = {name: encode_array(value, writer.store) for name, value in (values or {}).items()}
    writer.check_work()
    arrays = _safetensors(writer.arrays)
    return writer.text(outputs, encoded, arrays), arrays


def companion_path(target: Path, digest: str) -> Path:
    """Returns where the arrays of a saved graph stand: beside it, named by their content."""
    return target.with_name(f"{target.name}.{digest[:16]}.safetensors")


def _companions(target: Path) -> list[Path]:
    """Returns the files of arrays that were ever written for this graph and are there."""
    pattern = re.compile(re.escape(target.name) + r"\.[0-9a-f]{16}\.safetensors")
    try:
        names = sorted(os.listdir(target.parent))
    except OSError:
        return []
    return [target.with_name(name) for name in names if pattern.fullmatch(name)]


def _real_path(path: str | os.PathLike[str]) -> Path:
    # A link stays a link: the arrays stand beside the file itself, where it is replaced.
    try:
        return Path(os.path.realpath(path))
    except (TypeError, ValueError):
        return write_atomic(path, b"")  # says what is wrong with it


# -- what is saved ---------------------------------------------------------------------------------


def _nodes_in(tree: Any, depth: int) -> Iterator[Node]:
    """Yields the nodes of a nest, in order."""
    if isinstance(tree, Node):
        if isinstance(tree.type, TupleType):
            raise ArgumentError(
                f"{describe(tree)} has {len(tree.type.items)} results", "save them: list(value)"
            )
        yield tree
        return
    if type(tree) not in (dict, list, tuple):
        raise ArgumentError(
            f"{describe_operand(tree)} is no graph value, dict, list or tuple",
            "save nodes, for example gx.save(path, {'loss': loss})",
        )
    if depth >= MAX_NEST:
        raise BudgetError(f"the outputs are nested deeper than {MAX_NEST}", "flatten them")
    if isinstance(tree, dict) and not all(isinstance(key, str) for key in tree):
        raise ArgumentError("a dict of outputs has a key that is no text", "use names as keys")
    for child in tree.values() if isinstance(tree, dict) else tree:
        yield from _nodes_in(child, depth + 1)


def _numbered(tree: Any, numbers: Mapping[Node, int]) -> Any:
    """Returns a nest as JSON, with the number of each node."""
    if isinstance(tree, Node):
        return numbers[tree]
    if isinstance(tree, dict):
        return ["dict", *[[key, _numbered(child, numbers)] for key, child in tree.items()]]
    return [type(tree).__name__, *[_numbered(child, numbers) for child in tree]]


def _named_values(inputs: Sequence[Node], values: Any) -> dict[str, np.ndarray[Any, Any]]:
    """Returns the values by the inputs' names, in the inputs' order."""
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise ArgumentError(f"values={describe_operand(values)} is no mapping", "write {x: value}")
    known = {str(node.name): node for node in inputs}
    found: dict[str, np.ndarray[Any, Any]] = {}
    for key, value in values.items():
        name = key.name if isinstance(key, Node) else key
        node = known.get(name) if isinstance(name, str) else None
        if node is None or (isinstance(key, Node) and key is not node):
            raise ArgumentError(
                f"{describe_operand(key)} is no input of the outputs",
                f"the inputs are {', '.join(known) or 'none'}",
            )
        if node.op.name == "formal":
            raise ArgumentError(f"{describe(node)} belongs to a block", "give values of inputs")
        if str(name) in found:
            raise ArgumentError(f"{describe(node)} has two values", "give it by name or by node")
        found[str(name)] = _value(node, value)
    return {name: found[name] for name in known if name in found}


def _value(node: Node, value: Any) -> np.ndarray[Any, Any]:
    array = as_value(node, value)  # which refuses what `evaluate` would refuse
    if hasattr(value, "dtype"):
        given = array_of(value)
        array = given.astype(dtype_of(given.dtype).numpy, copy=False)  # in this byte order
    sizes = zip(node.shape, array.shape, strict=False)
    fits = all(size == have for size, have in sizes if isinstance(size, int))
    if array.ndim != node.ndim or not fits:
        raise ShapeError(
            f"{describe(node)} is declared {node.type}, the value has shape {list(array.shape)}",
            "give a value of that shape",
        )
    return array


# -- how it is written -----------------------------------------------------------------------------


class _Writer:
    """Numbers nodes, types, places, blocks and arrays as they come; writes a line for a node."""

    def __init__(self) -> None:
        self.numbers: dict[Node, int] = {}
        self.lines: list[str] = []
        self.quoted: dict[str, str] = {}
        self.types: dict[Type, int] = {}
        self.type_lines: list[str] = []
        self.known_types: dict[int, int] = {}
        self.files: dict[str, int] = {}
        self.places: dict[tuple[int, int], int] = {}
        self.known_places: dict[Place, int] = {}
        self.graphs: dict[Graph, int] = {}
        self.arrays: dict[Const, int] = {}
        self.origins: list[str] = []
        self.work = 0

    def add(self, roots: Sequence[Node]) -> int:
        """Adds what the roots need, blocks' bodies before the nodes that carry them.

        It calls itself for a body, and blocks nest 100 deep at most. Returns how many nodes
        the roots need.
        """
        order = topological_order(roots)
        for node in order:
            if node in self.numbers:
                continue
            for graph in _graphs_in(node.params.values()) if node.params else ():
                if graph not in self.graphs:
                    self.work += self.add([*graph.inputs, *graph.outputs])
                    self.graphs[graph] = len(self.graphs)
                self.work += len(graph.inputs) + len(graph.outputs)
            if node not in self.numbers:  # its block may hold it too
                self.lines.append(self._line(node))
                self.numbers[node] = len(self.numbers)
        return len(order)

    def add_origins(self) -> None:
        """Adds the inputs that derivatives came from and no longer need."""
        for node in [node for node in self.numbers if node.origin]:
            self.add(node.origin)
            self.origins.append(_json([self.numbers[node], [self.numbers[n] for n in node.origin]]))

    def check_work(self) -> None:
        """Raises BudgetError for blocks that overlap so much that loading would be refused."""
        if self.work > work_budget(len(self.numbers)):
            raise BudgetError(
                f"the graph's blocks share their nodes so much that loading takes {self.work} "
                f"steps for {len(self.numbers)} nodes",
                "build the blocks inline, or save fewer outputs in one file",
            )

    def _line(self, node: Node) -> str:
        kind = self.known_types.get(id(node.type))
        if kind is None:  # types live as long as their nodes, so an id stays what it is
            kind = self.known_types[id(node.type)] = self.type_number(node.type)
        if isinstance(node.type, TupleType):
            self.work += len(node.type.items)
        place = "null" if node.place is None else self._place_number(node.place)
        operands = ",".join([str(self.numbers[arg]) for arg in node.args])
        start = f"[{self._quoted(node.op.name)},[{operands}],{kind},{place}"
        return f"{start},{_json(self._params(node))}]" if node.params else f"{start}]"

    def _quoted(self, name: str) -> str:
        known = self.quoted.get(name)
        if known is None:
            known = self.quoted[name] = _json(name)
        return known

    def _params(self, node: Node) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in node.params.items():
            if node.op.name == "param" and name == "init" and callable(value):
                value = None  # a program; the initial values can be saved beside the graph
            if node.op.name == "param" and name == "owner":
                continue  # an object of this process, which keeps accidents of one name apart
            try:
                found[name] = encode_parameter(value, self.store, self.type_number, self.graphs)
            except SavedGraphError as error:
                raise SavedGraphError(
                    f"{describe(node)} can't be saved: of {name!r}, {error.rule}", error.mend
                ) from None
        return found

    def type_number(self, kind: Type) -> int:
        """Returns a type's number in the table of types."""
        if kind not in self.types:
            line = _json(encode_type(kind, self.type_number))
            self.types[kind] = len(self.types)
            self.type_lines.append(line)
        return self.types[kind]

    def _place_number(self, place: Place) -> int:
        known = self.known_places.get(place)
        if known is None:
            file = self.files.setdefault(os.path.basename(place[0]), len(self.files))
            known = self.places.setdefault((file, place[1]), len(self.places))
            self.known_places[place] = known
        return known

    def store(self, array: Const) -> int:
        """Returns a large array's number in the file of arrays."""
        return self.arrays.setdefault(array, len(self.arrays))

    def text(self, outputs: Any, values: dict[str, Any], arrays: bytes) -> str:
        """Returns the whole file: one line for each node, type and block."""
        stored = [[c.array.dtype.name, list(c.array.shape)] for c in self.arrays]
        content = {"sha256": hashlib.sha256(arrays).hexdigest(), "bytes": len(arrays)}
        graphs = [
            _json([g.name, *[[self.numbers[n] for n in part] for part in (g.inputs, g.outputs)]])
            for g in self.graphs
        ]
        fields = {
            "format": '"graphc"',
            "version": str(VERSION),
            "files": _json(list(self.files)),
            "places": _json(list(self.places)),
            "types": _lines(self.type_lines),
            "arrays": _json(stored),
            "content": _json(content if arrays else None),
            "graphs": _lines(graphs),
            "nodes": _lines(self.lines),
            "origins": _lines(self.origins),
            "outputs": _json(outputs),
            "values": _json(values),
        }
        return "{\n" + ",\n".join([f'"{key}": {text}' for key, text in fields.items()]) + "\n}\n"


def _graphs_in(values: Iterable[Any]) -> Iterator[Graph]:
    """Yields the graphs among parameters and in tuples among them."""
    for value in values:
        if isinstance(value, Graph):
            yield value
        elif isinstance(value, (tuple, list)):
            yield from _graphs_in(value)


def _json(value: Any) -> str:
    # ASCII alone: whatever a name holds, lone surrogates included, comes back as it was.
    return json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))


def _lines(lines: Sequence[str]) -> str:
    return "[\n" + ",\n".join(lines) + "\n]" if lines else "[]"


def _real_parts(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Returns a complex array as real ones in a last axis of size 2, and any other as it is."""
    if array.dtype.kind != "c":
        return array
    return array.view(array.real.dtype).reshape((*array.shape, 2))


def _safetensors(arrays: Iterable[Const]) -> bytes:
    found = {str(number): _real_parts(const.array) for number, const in enumerate(arrays)}
    if not found:
        return b""
    from safetensors.numpy import save as to_bytes  # 10 ms that small graphs need not pay

    return bytes(to_bytes(found))
