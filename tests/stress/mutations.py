"""Damages saved graphs in thousands of ways: `python -m tests.stress.mutations --count N --seed S`.

Each damaged file must end in nodes or a GraphcError, in bounded time and memory; what loads must be
a sound graph: it saves to a file that loads to itself, and it evaluates or says why not.
"""

from __future__ import annotations

import argparse
import collections
import copy
import hashlib
import json
import random
import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import graphc as gx
from graphc.bridge.load import graph_from_text
from graphc.bridge.save import graph_text
from graphc.core.const import Const
from graphc.core.graph import bodies
from graphc.core.node import Node, make
from graphc.core.op import all_ops
from graphc.core.type import TensorType
from graphc.core.walk import topological_order
from tests.every_op_cases import all_cases

#: Seconds of one processor and bytes (beside 40 for each of the file's) that loading may take.
SECONDS, BYTES = 2.0, 4_000_000
#: Elements up to which what was loaded is evaluated too.
SMALL = 20_000

#: What stands in for a value somewhere in the JSON.
NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 63, 2**31, 2**62, 2**63, 2**64, 10**400, "", "x", "nan",
    "float32", "bool", "complex64", "\ud800", "a" * 1000, "../../etc/passwd", [], {}, [[]], [0],
    ["tuple"], ["tuple", ["tuple"]], ["float", "inf"], ["float", "nan"], ["float", "0x1.8p+1"],
    ["float", "-0x0.0p+0"], ["dtype", "int8"], ["dtype", "complex128"], ["dim", [[["n", 1]], 1]],
    ["dim", [[["n", 64]], 2**62], [[["n", 1], ["z", 2]], -1]], ["dim", [[], 3]], ["type", 0],
    ["graph", 0], ["graph", -1], ["stored", 0], ["array", "float32", [], ["0x1.0p+0"]],
    ["array", "int8", [2], [1, -128]], ["slice", None, 3, None], ["int", "0x" + "f" * 40],
    ["several", [0]], {"x": 1},
)  # fmt: skip


@dataclass
class Figures:
    """What a run of trials came to.

    Attributes:
        tried: damaged files.
        loaded: those that still were graphs.
        refused: by the class of the error.
        evaluated: graphs that gave values; the others said why not.
        slowest: seconds of one processor.
        largest: bytes beyond 40 for each byte of the file, where memory was watched.
        faults: what went wrong, with the seed of the case.
    """

    tried: int = 0
    loaded: int = 0
    refused: collections.Counter[str] = field(default_factory=collections.Counter)
    evaluated: int = 0
    slowest: float = 0.0
    largest: int = 0
    faults: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        errors = ", ".join(f"{name} {count}" for name, count in self.refused.most_common())
        return (
            f"{self.tried} damaged files: {self.loaded} still graphs ({self.evaluated} evaluated), "
            f"refused: {errors or 'none'}; slowest {self.slowest:.3f} s, "
            f"{self.largest} bytes beyond 40 a byte; {len(self.faults)} faults"
        )


def corpus() -> list[tuple[str, bytes]]:
    """Returns saved graphs: every operation, gradients, blocks, large arrays, odd numbers."""
    found: list[list[Node]] = []
    cases = all_cases()
    for start in range(0, len(cases), 6):
        part = cases[start : start + 6]
        found.append([case.build(*case.inputs()) for case in part])
    n = gx.dim("n")
    x, w = gx.input("x", (n, 3), "float64"), gx.param("w", (3,), "float64", init=[1.0, 2.0, 3.0])

    @gx.block
    def layer(a: Node, b: Node) -> tuple[Node, Node]:
        return gx.tanh(a @ b), gx.sum(a)

    first, second = layer(x, w)
    loss = gx.sum(first) * second + gx.sum(gx.map(lambda row: gx.exp(row @ w), x))
    found.append([loss, *gx.grad(loss, [w, x]), gx.reshape(x, (n * 3,)), x[1:]])
    table = np.arange(200.0).reshape(20, 10)
    found.append([gx.constant(table), gx.constant(table.astype("int32")), gx.constant(table > 9)])
    odd = np.array([np.nan, -np.inf, -0.0, 5e-324])
    found.append([gx.constant(odd), gx.constant(odd.astype("float16")), gx.pow(x, 2.5)])
    return [graph_text(nodes) for nodes in found]


# -- damage ----------------------------------------------------------------------------------------


def flip_bits(data: bytes, draw: random.Random) -> bytes:
    """Returns the bytes with up to eight bits flipped."""
    changed = bytearray(data)
    for _ in range(draw.randint(1, 8)):
        if changed:
            changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def cut(data: bytes, draw: random.Random) -> bytes:
    """Returns the bytes up to, or from, some place, or without a part."""
    start, end = sorted(draw.randint(0, len(data)) for _ in range(2))
    return draw.choice((data[:start], data[start:], data[:start] + data[end:]))


def splice(data: bytes, draw: random.Random) -> bytes:
    """Returns the bytes with one part put into another place, once or many times."""
    start = draw.randint(0, len(data))
    part = data[start : start + draw.randint(1, 60)] * draw.choice((1, 1, 2, 300))
    at = draw.randint(0, len(data))
    return data[:at] + part + data[at + draw.choice((0, len(part))) :]


def restructure(data: bytes, draw: random.Random) -> bytes:
    """Returns the JSON with one to three values exchanged for others, and still JSON."""
    tree = json.loads(data)
    for _ in range(draw.choice((1, 1, 1, 2, 3))):
        nodes = tree.get("nodes")
        inner = isinstance(nodes, list) and nodes and draw.random() < 0.7
        _change(draw.choice(nodes) if inner else tree, draw)
    return json.dumps(tree).encode("utf-8")


def _change(tree: Any, draw: random.Random) -> None:
    if not isinstance(tree, (dict, list)):
        return
    holder, key = _spot(tree, draw)
    if holder is None:
        return
    value = holder[key]
    kind = draw.randrange(8)
    if kind == 0 and isinstance(holder, list):
        del holder[key]
    elif kind == 1 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(value))
    elif kind == 2 and isinstance(holder, list):
        other = draw.randrange(len(holder))
        holder[key], holder[other] = holder[other], holder[key]
    elif kind == 3 and type(value) is int:
        holder[key] = value + draw.choice((-1, 1, -1000, 1000, 2**62))
    elif kind == 4 and isinstance(value, str):
        holder[key] = draw.choice([op.name for op in all_ops()])
    elif kind == 5 and isinstance(holder, dict):
        holder[draw.choice(("x", "axis", "name", "shape", "init", key + "_"))] = holder.pop(key)
    elif kind == 6:
        other, place = _spot(tree, draw)
        holder[key] = copy.deepcopy(other[place]) if other is not None else None
    else:
        holder[key] = copy.deepcopy(draw.choice(NASTY))


def _spot(tree: Any, draw: random.Random) -> tuple[Any, Any]:
    """Returns a random place in a tree, deep ones as likely as high ones."""
    holder, key = None, None
    for _ in range(draw.randint(1, 8)):
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        if not keys:
            break
        holder, key = tree, draw.choice(keys)
        tree = holder[key]
        if not isinstance(tree, (dict, list)):
            break
    return holder, key


def harm_arrays(text: str, arrays: bytes, draw: random.Random) -> tuple[bytes, bytes]:
    """Returns the file of arrays damaged, and the JSON with the checksum that this then has."""
    harmed = draw.choice((flip_bits, cut, splice, _harm_header))(arrays, draw)
    tree = json.loads(text)
    tree["content"] = {"sha256": hashlib.sha256(harmed).hexdigest(), "bytes": len(harmed)}
    return json.dumps(tree).encode("utf-8"), harmed


def _harm_header(arrays: bytes, draw: random.Random) -> bytes:
    length = int.from_bytes(arrays[:8], "little")
    header = restructure(arrays[8 : 8 + length], draw)
    size = draw.choice((len(header), len(header), 2**62, 0, len(header) + 1))
    return size.to_bytes(8, "little") + header + arrays[8 + length :]


def damage(text: str, arrays: bytes, draw: random.Random) -> tuple[bytes, bytes]:
    """Returns one damaged copy of a saved graph."""
    if arrays and draw.random() < 0.4:
        return harm_arrays(text, arrays, draw)
    data = text.encode("utf-8")
    how: Callable[[bytes, random.Random], bytes] = draw.choice(
        (flip_bits, cut, splice, restructure, restructure, restructure, restructure)
    )
    return how(data, draw), arrays


def rewire(nodes: Sequence[Node], draw: random.Random) -> Node:
    """Returns a node with its operation, operands or parameters exchanged, as its rule makes it.

    A file that says the right type of such a node passes the loader's comparison of types.
    """
    node = draw.choice(nodes)
    args, params, op = list(node.args), dict(node.params), node.op
    kind = draw.randrange(4)
    if kind == 0 and args:
        args[draw.randrange(len(args))] = draw.choice(nodes)
    elif kind == 1:
        op = draw.choice(nodes).op
    elif kind == 2 and params:
        name = draw.choice(list(params))
        params[name] = _harmed(params[name], draw)
    elif params:
        other = draw.choice(nodes)
        params = {**params, **{k: v for k, v in other.params.items() if k in params}}
    return make(op, tuple(args), params)


def _harmed(value: Any, draw: random.Random) -> Any:
    if isinstance(value, tuple) and value and draw.random() < 0.7:
        parts = list(value)
        at = draw.randrange(len(parts))
        kind = draw.randrange(4)
        if kind == 0:
            del parts[at]
        elif kind == 1:
            parts.insert(at, parts[at])
        else:
            parts[at] = _harmed(parts[at], draw)
        return tuple(parts)
    if type(value) is int and draw.random() < 0.7:
        return value + draw.choice((-100, -7, -1, 1, 2, 7, 100, 2**40))
    plain = (
        None,
        True,
        False,
        0,
        -1,
        1,
        3,
        2**62,
        "",
        "x",
        "nan",
        0.5,
        -0.0,
        float("nan"),
        (),
        (0,),
    )
    return draw.choice(
        (*plain, (1, 1), (5,), gx.dim("n"), gx.int8, gx.float32[3], Const(np.ones(3)))
    )


# -- trials ----------------------------------------------------------------------------------------


def attempt(data: bytes, arrays: bytes, figures: Figures, label: str, watch: bool) -> None:
    """Loads one damaged file and notes what came of it."""
    figures.tried += 1
    if watch:
        tracemalloc.start()
    start = time.process_time()
    nodes: list[Any] | None = None
    try:
        nodes = graph_from_text(data, arrays)
    except gx.GraphcError as error:
        figures.refused[type(error).__name__] += 1
    except Exception as error:
        figures.faults.append(f"{label}: {type(error).__name__}: {error}")
    seconds = time.process_time() - start
    figures.slowest = max(figures.slowest, seconds)
    if seconds > SECONDS:
        figures.faults.append(f"{label}: {seconds:.2f} s")
    if watch:
        beyond = tracemalloc.get_traced_memory()[1] - 40 * (len(data) + len(arrays))
        tracemalloc.stop()
        figures.largest = max(figures.largest, beyond)
        if beyond > BYTES:
            figures.faults.append(f"{label}: {beyond} bytes")
    if nodes is not None:
        figures.loaded += 1
        _check_sound(nodes, figures, label)


def attempt_rewired(nodes: Sequence[Node], figures: Figures, label: str, seed: str) -> None:
    """Saves a graph with a node exchanged, and loads it again."""
    try:
        made = rewire(nodes, random.Random(seed))
        text, arrays = graph_text([made])
    except Exception:  # what the rule refuses, the loader refuses: `attempt` sees to its words
        figures.tried += 1
        figures.refused["at the rule"] += 1
        return
    attempt(text.encode("utf-8"), arrays, figures, label, False)


def _check_sound(nest: list[Any], figures: Figures, label: str) -> None:
    """Notes a fault unless what loaded is a graph that saves, loads to itself, and evaluates."""
    nodes = _flat(nest)
    try:
        repr(nodes)
        again = graph_from_text(*graph_text(nodes))
        if any(a is not b for a, b in zip(again, nodes, strict=True)):
            figures.faults.append(f"{label}: saved again, it loads to other nodes")
        if _is_small(nodes):
            _evaluate(nodes)
            figures.evaluated += 1
    except gx.GraphcError:
        pass
    except Exception as error:
        shown = [(n.op.name, [str(a.type) for a in n.args], dict(n.params)) for n in nodes[:2]]
        figures.faults.append(f"{label}: loaded, then {type(error).__name__}: {error}: {shown}")


def _flat(nest: Any) -> list[Node]:
    if isinstance(nest, Node):
        return [nest]
    children = nest.values() if isinstance(nest, dict) else nest
    return [leaf for child in children for leaf in _flat(child)]


def _is_small(nodes: Sequence[Node]) -> bool:
    for count, node in enumerate(topological_order(nodes)):
        kinds = node.type.items if not isinstance(node.type, TensorType) else (node.type,)
        for kind in kinds:
            sizes = [5 if not isinstance(s, int) else s for s in kind.shape]
            if np.prod([float(s) for s in sizes]) > SMALL:
                return False
        # Repeated 2**40 times, any operation is slow: that is the graph's doing, not the file's.
        if any(type(value) is int and abs(value) > 1000 for value in node.params.values()):
            return False
        if node.op.name in ("jax_vjp", "jax_jvp") or count > 2000:
            return False
        for body in bodies(node):
            if not _is_small(body.outputs):
                return False
    return True


def _evaluate(nodes: Sequence[Node]) -> None:
    leaves = [n for n in topological_order(nodes) if n.op.name in ("input", "param")]
    sizes = {name: 5 for n in leaves for s in n.shape if not isinstance(s, int) for name in s.names}
    values = {
        n: np.zeros([s if isinstance(s, int) else s.value(sizes) for s in n.shape], n.dtype.numpy)
        for n in leaves
        if not any(not isinstance(s, int) and not 0 <= s.value(sizes) < 50 for s in n.shape)
    }
    gx.evaluate(list(nodes), values)


def run(count: int, seed: int, watch_every: int = 50) -> Figures:
    """Tries that many damaged files; memory is watched in every so many, for that is slow."""
    figures = Figures()
    whole = corpus()
    parts = [topological_order(graph_from_text(*pair)) for pair in whole]
    for number in range(count):
        draw = random.Random(f"{seed}/{number}")
        text, arrays = draw.choice(whole)
        if number % 3 == 0:
            nodes = parts[draw.randrange(len(parts))]
            attempt_rewired(nodes, figures, f"seed {seed}/{number}", f"{seed}/{number}/node")
            continue
        data, harmed = damage(text, arrays, draw)
        watch = number % watch_every == 0
        attempt(data, harmed, figures, f"seed {seed}/{number}", watch)
    return figures


def main() -> None:
    """Runs the trials and prints the figures; exits 1 where something went wrong."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    figures = run(given.count, given.seed)
    print("\n".join([*figures.faults[:50], str(figures)]))
    sys.exit(bool(figures.faults))


if __name__ == "__main__":
    main()
