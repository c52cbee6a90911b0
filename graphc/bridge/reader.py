"""From the JSON text of a saved graph to nodes, one after the other, trusting nothing in it."""

from __future__ import annotations

import json
import re
from typing import Any

import numpy as np

from graphc.bridge.saved import (
    MAX_NEST,
    VERSION,
    decode_array,
    decode_parameter,
    decode_shape,
    decode_type,
    dtype_by_name,
    index_of,
    unreadable,
    work_budget,
)
from graphc.core.const import Const
from graphc.core.dim import Dim
from graphc.core.dtype import real_part
from graphc.core.errors import BudgetError, GraphcError, Place, SavedGraphError
from graphc.core.graph import LEAF_OPS, Graph, leaves
from graphc.core.node import Node, make, place_new_nodes
from graphc.core.op import Op, op_named
from graphc.core.tree import flatten
from graphc.core.type import TupleType, Type
from graphc.core.walk import collection_paused, topological_order
from graphc.ops.source import exact_number, is_spec, number_op

_FIELDS = (
    "format", "version", "files", "places", "types", "arrays", "content", "graphs", "nodes",
    "origins", "outputs", "values",
)  # fmt: skip
_DIGEST = re.compile("[0-9a-f]{64}", re.ASCII)


def _parse(data: bytes) -> Any:
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_pairs,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except RecursionError:
        raise unreadable("it is nested too deep") from None
    except ValueError as error:  # no UTF-8, no JSON, an integer of thousands of digits
        raise unreadable(f"it is no JSON of ours: {str(error)[:200]}") from None


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_float(text: str) -> float:
    raise ValueError(f"the number {text[:40]} is no integer: floats are hexadecimal")


class Reader:
    """Makes the nodes one after the other; what refers forward is refused."""

    def __init__(self, data: bytes) -> None:
        fields = _parse(data)
        if not isinstance(fields, dict) or fields.get("format") != "graphc":
            raise unreadable("it is no graph of graphc")
        version = fields.get("version")
        if type(version) is int and version > VERSION:
            raise SavedGraphError(
                f"it was saved by a newer graphc: version {str(version)[:20]}, this one reads "
                f"{VERSION}",
                "upgrade graphc",
            )
        if version != VERSION or type(version) is not int:
            raise unreadable("its version is none that ever was")
        if sorted(fields) != sorted(_FIELDS):
            raise unreadable(f"its fields are {', '.join(sorted(fields))[:200]}")
        self.fields = fields
        self.content = _content(fields["content"])
        self.made: list[Node] = []
        self.graphs: dict[int, Graph] = {}
        self.work = 0

    def read(self, arrays: bytes) -> tuple[Any, dict[str, np.ndarray[Any, Any]]]:
        """Returns the nest of outputs and the values."""
        what = "its tables"
        try:
            self.stored = _stored(self.fields["arrays"], arrays)
            self.types: list[Type] = []
            for entry in self.fields["types"]:
                self.types.append(decode_type(entry, self.types))
            self.places = self._places()
            what = "its nodes"
            self._make_nodes()
            what = "its outputs"
            self._add_origins()
            outputs = self._nest(self.fields["outputs"], 0)
            what = "its values"
            return outputs, self._values(outputs)
        except GraphcError:
            raise
        except Exception as error:
            raise _wrong(what, error) from None

    def _places(self) -> list[Place]:
        files = [str(name) for name in self.fields["files"]]
        found: list[Place] = []
        for file, line in self.fields["places"]:
            if type(line) is not int or line < 0:
                raise unreadable("a place has a line that is no number")
            found.append((files[index_of(file, len(files), "file")], line))
        return found

    def _make_nodes(self) -> None:
        entries = self.fields["nodes"]
        if not isinstance(entries, list):
            raise unreadable("its nodes are no list")
        limit = work_budget(len(entries))
        with collection_paused():
            before = place_new_nodes(None)
            try:
                for number, entry in enumerate(entries):
                    try:
                        self._make_node(entry)
                    except Exception as error:
                        raise _wrong(_entry_name(number, entry), error) from None
                    entries[number] = None  # read: its memory is free for the nodes
                    if self.work > limit:
                        raise BudgetError(
                            f"its blocks overlap so much that {len(entries)} nodes take over "
                            f"{limit} steps",
                            "save the outputs in several files",
                        )
            finally:
                place_new_nodes(before)

    def _make_node(self, entry: Any) -> None:
        name, operands, kind, place, *rest = entry
        if len(rest) > 1 or (rest and not isinstance(rest[0], dict)):
            raise unreadable("it has more parts than a node has")
        made = self.made
        count = len(made)
        for operand in operands:
            if type(operand) is not int or not 0 <= operand < count:
                raise unreadable(f"its operand {str(operand)[:40]} does not stand before it")
        declared = self.types[index_of(kind, len(self.types), "type")]
        if type(declared) is TupleType:
            self.work += len(declared.items)
        params = None
        if rest:
            params = {
                key: decode_parameter(value, self.stored, self.types, self._graph)
                for key, value in rest[0].items()
            }
        if place is None:
            place_new_nodes(None)
        else:
            place_new_nodes(self.places[index_of(place, len(self.places), "place")])
        op, args = _op(name), tuple([made[operand] for operand in operands])
        _check_operands(op, args)
        node = make(op, args, params)
        if node.type is not declared and node.type != declared:
            raise unreadable(f"it is declared {declared}, and its operation makes {node.type}")
        if node.op.group == "source":
            _check_source(node)
        made.append(node)

    def _graph(self, number: Any) -> Graph:
        graph = self.graphs.get(number) if type(number) is int else None
        if graph is None:
            entries = self.fields["graphs"]
            name, *parts = entries[index_of(number, len(entries), "block")]
            inputs, outputs = (
                [self.made[index_of(n, len(self.made), "node before the block")] for n in part]
                for part in parts
            )
            if not isinstance(name, str):
                raise unreadable("a block has a name that is no text")
            self.work += len(topological_order(outputs))
            graph = self.graphs[number] = Graph(inputs, outputs, name)
        self.work += len(graph.inputs) + len(graph.outputs)
        return graph

    def _add_origins(self) -> None:
        for number, origin in self.fields["origins"]:
            node = self.made[index_of(number, len(self.made), "node")]
            found = [self.made[index_of(n, len(self.made), "node")] for n in origin]
            if any(other.op.name not in ("input", "param") for other in found):
                raise unreadable("an origin is no input")
            node.origin = tuple(dict.fromkeys([*node.origin, *found]))

    def _nest(self, tree: Any, depth: int) -> Any:
        if depth > MAX_NEST:
            raise unreadable(f"its outputs are nested deeper than {MAX_NEST}")
        if not isinstance(tree, list):
            return self.made[index_of(tree, len(self.made), "node")]
        kind, *parts = tree
        if kind == "dict":
            found: dict[str, Any] = {}
            for key, child in parts:
                if not isinstance(key, str) or key in found:
                    raise unreadable("a dict of outputs has a key twice, or one that is no text")
                found[key] = self._nest(child, depth + 1)
            return found
        if kind not in ("list", "tuple"):
            raise unreadable(f"its outputs stand in a {str(kind)[:40]!r}")
        children = [self._nest(part, depth + 1) for part in parts]
        return children if kind == "list" else tuple(children)

    def _values(self, outputs: Any) -> dict[str, np.ndarray[Any, Any]]:
        values = self.fields["values"]
        if not isinstance(values, dict):
            raise unreadable("its values are no mapping")
        if not values:
            return {}
        known = {str(node.name): node for node in leaves(flatten(outputs)[0])}
        found: dict[str, np.ndarray[Any, Any]] = {}
        for name, parts in values.items():
            array = decode_array(parts, self.stored).array
            node = known.get(name)
            if node is None or array.ndim != node.ndim:
                raise unreadable(f"the value of {name[:40]!r} is that of no input")
            found[name] = array.copy()
        return found


def _check_operands(op: Op, args: tuple[Node, ...]) -> None:
    """Raises where operands do not have the one dtype to which `apply` would have brought them."""
    if op.meet == "none":
        return
    meeting = args[1:] if op.meet == "tail" else args
    dtypes = {arg.type.dtype for arg in meeting}
    if len(dtypes) > 1 or (op.meet == "float" and not all(d.is_inexact for d in dtypes)):
        raise unreadable("its operands are not of one dtype that it takes")


def _check_source(node: Node) -> None:
    """Raises for what `gx.input` and its like refuse before their operation is asked."""
    params = node.params
    if node.args:
        raise unreadable("it has operands")
    if node.op is number_op:
        exact_number(params["name"])
    size = params.get("size", 0)
    if not isinstance(size, Dim) and (type(size) is not int or size < 0):
        raise unreadable("its size is none")
    if node.op.name in LEAF_OPS:
        if not isinstance(params["name"], str) or not params["name"]:
            raise unreadable("its name is no text")
        level, init = params.get("level", 0), params.get("init")
        if type(level) is not int or level < 0:
            raise unreadable("its level is no number")
        if init is not None and not is_spec(init):
            kind = (init.array.dtype, init.array.shape)
            if kind not in ((node.dtype.numpy, ()), (node.dtype.numpy, node.shape)):
                raise unreadable("its first value is not of its type")


def _op(name: Any) -> Op:
    try:
        return op_named(name)
    except (GraphcError, TypeError):
        raise SavedGraphError(
            f"there is no operation {str(name)[:80]!r} here",
            "import the package that registers it, or upgrade graphc",
        ) from None


def _entry_name(number: int, entry: Any) -> str:
    named = isinstance(entry, list) and entry and isinstance(entry[0], str)
    return f"node {number} ({entry[0][:40]})" if named else f"node {number}"


def _wrong(what: str, error: Exception) -> GraphcError:
    """Returns the error that says what of a file is wrong."""
    if isinstance(error, BudgetError):
        return BudgetError(f"{what}: {error.rule}", error.mend)
    if isinstance(error, GraphcError):
        return SavedGraphError(f"{what}: {error.rule}", error.mend)
    return unreadable(f"{what} can't be read: {type(error).__name__}: {str(error)[:200]}")


def _content(content: Any) -> tuple[str, int] | None:
    if content is None:
        return None
    if not isinstance(content, dict) or len(content) != 2:
        raise unreadable("the content of its file of arrays is not described")
    digest, size = (content.get(key) for key in ("sha256", "bytes"))
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest) or type(size) is not int:
        raise unreadable("the content of its file of arrays is not described")
    return digest, size


def _stored(entries: Any, data: bytes) -> list[Const]:
    """Returns the arrays of the safetensors file, each as it is declared."""
    if not entries and not data:
        return []
    from safetensors import deserialize  # 10 ms that small graphs need not pay

    try:
        tensors = dict(deserialize(data))
    except Exception as error:
        raise unreadable(f"its file of arrays can't be read: {str(error)[:200]}") from None
    if sorted(tensors) != sorted(str(number) for number in range(len(entries))):
        raise unreadable("its file of arrays has others than are declared")
    found: list[Const] = []
    for number, (name, sizes) in enumerate(entries):
        tensor, dtype, shape = tensors[str(number)], dtype_by_name(name), decode_shape(sizes)
        parts = [2] if dtype.kind == "c" else []  # a complex number is two real ones
        stored = _TENSOR_NAMES[real_part(dtype).name]
        if list(tensor["shape"]) != [*shape, *parts] or tensor["dtype"] != stored:
            raise unreadable(f"its array {number} is not of the declared type")
        array = np.frombuffer(tensor["data"], dtype=dtype.numpy).reshape([*shape])
        if dtype.kind == "b" and array.view(np.uint8).max(initial=0) > 1:
            raise unreadable(f"its array {number} has a truth value that is neither 0 nor 1")
        found.append(Const(array))
    return found


#: What safetensors calls our dtypes.
_TENSOR_NAMES = {
    "bool": "BOOL", "uint8": "U8", "uint16": "U16", "uint32": "U32", "uint64": "U64",
    "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64",
}  # fmt: skip
