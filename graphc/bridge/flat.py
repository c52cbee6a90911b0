"""Graphs as flat JSON: a list of nodes by number, digits exact, nothing that runs.

Version 1: `{"format": "graphc", "version": 1, "nodes": [[op, [operands], {params}], ...],
"outputs": [...]}`; a parameter is a plain value or a tagged list such as `["dtype", "float32"]`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphc.core import dtype as dtypes
from graphc.core.const import Const
from graphc.core.dim import Dim
from graphc.core.dtype import DType, dtype_of
from graphc.core.errors import FormatError
from graphc.core.graph import Graph
from graphc.core.node import Node, make
from graphc.core.op import op_named
from graphc.core.type import TensorType
from graphc.core.walk import topological_order

VERSION = 1
_COMPLEX = ("complex64", "complex128")


def dumps(outputs: Sequence[Node]) -> str:
    """Returns nodes as JSON text; a parameter's `init` function is left out: it is a program."""
    return json.dumps({"format": "graphc", "version": VERSION, **_encode_nodes(outputs)})


def loads(text: str) -> list[Node]:
    """Returns the nodes of `dumps`.

    Raises:
        FormatError: the text is no graph of this version.
    """
    try:
        data = json.loads(text)
        if data.get("format") != "graphc" or data.get("version") != VERSION:
            raise FormatError(f"this is no graphc graph of version {VERSION}")
        return _decode_nodes(data)
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        if isinstance(error, FormatError):
            raise
        raise FormatError(f"this is no graphc graph: {type(error).__name__}: {error}") from None


def _encode_nodes(outputs: Sequence[Node]) -> dict[str, Any]:
    order = topological_order(outputs)
    number = {node: i for i, node in enumerate(order)}
    nodes = [
        [n.op.name, [number[a] for a in n.args], {k: _encode(v) for k, v in n.params.items()}]
        for n in order
    ]
    return {"nodes": nodes, "outputs": [number[o] for o in outputs]}


def _decode_nodes(data: Any) -> list[Node]:
    made: list[Node] = []
    for name, operands, params in data["nodes"]:
        args = tuple(made[i] for i in operands)
        made.append(make(op_named(name), args, {k: _decode(v) for k, v in params.items()}))
    return [made[i] for i in data["outputs"]]


def _encode(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return ["float", value.hex()]
    if isinstance(value, tuple):
        return ["tuple", [_encode(v) for v in value]]
    if isinstance(value, DType):
        return ["dtype", value.name]
    if isinstance(value, Dim):
        return ["dim", [[list(map(list, m)), c] for m, c in value.terms]]
    if isinstance(value, TensorType):
        return ["type", [_encode(s) for s in value.shape], value.dtype.name]
    if isinstance(value, Const):
        return ["array", *encode_array(value.array)]
    if isinstance(value, Graph):
        inputs = _encode_nodes([*value.inputs, *value.outputs])
        return ["graph", inputs, len(value.inputs), value.name]
    if callable(value):
        return None
    raise FormatError(f"a parameter of type {type(value).__name__} can't be saved")


def _decode(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    tag, *rest = value
    if tag == "float":
        return float.fromhex(rest[0])
    if tag == "tuple":
        return tuple(_decode(v) for v in rest[0])
    if tag == "dtype":
        return _dtype(rest[0])
    if tag == "dim":
        return Dim({tuple((str(n), int(p)) for n, p in m): int(c) for m, c in rest[0]})
    if tag == "type":
        return TensorType(tuple(_decode(s) for s in rest[0]), _dtype(rest[1]))
    if tag == "array":
        return Const(decode_array(rest))
    if tag == "graph":
        nodes = _decode_nodes(rest[0])
        return Graph(nodes[: rest[1]], nodes[rest[1] :], str(rest[2]))
    raise FormatError(f"there is no parameter kind {tag!r}")


def _dtype(name: str) -> DType:
    return getattr(dtypes, name) if name in _COMPLEX else dtype_of(name)


def encode_array(array: np.ndarray[Any, Any]) -> list[Any]:
    """Returns dtype name, shape and base64 of the bytes, little endian."""
    plain = np.ascontiguousarray(array)
    if plain.dtype.byteorder == ">":
        plain = plain.astype(plain.dtype.newbyteorder("<"))
    return [array.dtype.name, list(array.shape), base64.b64encode(plain.tobytes()).decode("ascii")]


def decode_array(parts: Sequence[Any]) -> np.ndarray[Any, Any]:
    """Returns the array of `encode_array`."""
    name, shape, data = parts
    raw = base64.b64decode(data, validate=True)
    return np.frombuffer(raw, dtype=dtype_of(name).numpy).reshape([int(s) for s in shape]).copy()
