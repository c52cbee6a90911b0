"""Any bytes given to the loader end in a graph or in an error that says what is wrong."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import json
import os
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphc as gx
from graphc.bridge.load import graph_from_text
from graphc.bridge.save import graph_text
from tests.stress import mutations


def saved(tmp_path: Path, outputs: Any = None) -> tuple[Path, dict[str, Any]]:
    """Returns a saved graph's path and its JSON."""
    if outputs is None:
        x = gx.input("x", ("n", 3))
        outputs = gx.sum(gx.tanh(x) * 2.5, axis=1)
    path = gx.save(tmp_path / "graph.json", outputs)
    return path, json.loads(path.read_text())


def changed(path: Path, fields: dict[str, Any]) -> Path:
    """Writes the JSON back."""
    path.write_text(json.dumps(fields))
    return path


RAW: dict[str, bytes] = {
    "empty": b"",
    "null": b"null",
    "a number": b"7",
    "a list": b"[]",
    "another object": b"{}",
    "deep lists": b"[" * 100_000,
    "deep lists that end": b"[" * 50_000 + b"]" * 50_000,
    "deep objects": b'{"a":' * 100_000,
    "a bom": b"\xef\xbb\xbf{}",
    "utf-16": '{"format": "graphc"}'.encode("utf-16"),
    "no utf-8": b'{"format": "\xff\xfe"}',
    "gzip": gzip.compress(b"{}" * 1000),
    "zeros": bytes(1000),
    "a key twice": b'{"format": "graphc", "format": "graphc"}',
    "nan": b'{"format": NaN}',
    "a float": b'{"format": "graphc", "version": 1.0}',
    "1e308": b'{"format": "graphc", "version": 1e308}',
    "a long number": b'{"format": "graphc", "version": ' + b"9" * 5001 + b"}",
    "version 0": b'{"format": "graphc", "version": 0}',
    "version true": b'{"format": "graphc", "version": true}',
    "fields missing": b'{"format": "graphc", "version": 1}',
    "half": b'{"format": "graphc", "version": 1, "no',
    "a script": b"import os\nos.system('true')\n",
    "a pickle": b"\x80\x04\x95\x1a\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
}


@pytest.mark.parametrize("data", RAW.values(), ids=RAW)
def test_bytes_that_are_no_graph_are_an_error_with_the_file_and_a_way_out(
    data: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "odd.json"
    path.write_bytes(data)
    with pytest.raises(gx.SavedGraphError, match=r"test_load\.py:\d+: 'odd\.json' can't be.*; "):
        gx.load(path)


def test_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    path, fields = saved(tmp_path)
    with pytest.raises(
        gx.SavedGraphError, match="saved by a newer graphc: version 2, this one reads 1; upgrade"
    ):
        gx.load(changed(path, {**fields, "version": 2, "more": []}))


def test_an_operation_that_is_not_registered_is_named(tmp_path: Path) -> None:
    path, fields = saved(tmp_path)
    fields["nodes"][1][0] = "fancy_tanh"
    with pytest.raises(gx.SavedGraphError, match=r"node 1 \(fancy_tanh\).*'fancy_tanh'.*import"):
        gx.load(changed(path, fields))


def harm(fields: dict[str, Any], at: tuple[Any, ...], value: Any) -> None:
    """Puts a value into a place of the JSON."""
    for key in at[:-1]:
        fields = fields[key]
    fields[at[-1]] = value


#: Places in the JSON of `saved`, what stands there instead, and a word of the error.
HARMS: tuple[tuple[tuple[Any, ...], Any, str], ...] = (
    (("nodes",), {}, "no list"),
    (("nodes", 1, 1), [1], "does not stand before it"),
    (("nodes", 1, 1), [5], "does not stand before it"),
    (("nodes", 1, 1), [-1], "does not stand before it"),
    (("nodes", 1, 1), [True], "does not stand before it"),
    (("nodes", 1, 1), [0, 0], "takes 1 operand"),
    (("nodes", 1, 1), "00", "does not stand before it"),
    (("nodes", 1, 2), 2**62, "no type"),
    (("nodes", 1, 3), -1, "no place"),
    (("nodes", 1), ["tanh"], "node 1"),
    (("nodes", 1), None, "node 1"),
    (("nodes", 1, 0), ["tanh"], "no operation"),
    (("nodes", 1, 0), "sum", r"node 1 \(sum\)"),
    (("nodes", 0, 4, "name"), "", "no text"),
    (("nodes", 0, 4, "name"), 7, "no text"),
    (("nodes", 0, 4, "extra"), 7, "node 0"),
    (("nodes", 0, 4, "type"), ["type", 99], "no type 99"),
    (("nodes", 0, 4, "type"), ["python", "os"], "kind 'python'"),
    (("nodes", 0, 4, "type"), ["dtype", "object"], "no dtype 'object'"),
    (("nodes", 4, 4, "axis"), ["tuple", 7], "node 4"),
    (("types", 0), ["float32", [2**62]], "above 2"),
    (("types", 0), ["float32", [2**31, 2**31]], "above 2"),
    (("types", 0), ["float32", [-1]], "size -1"),
    (("types", 0), ["float32", [10**400]], "has the size"),
    (("types", 0), ["float32", [1] * 100], "at most 64"),
    (("types", 0), ["float32", [["dim", [[["n", 10**9]], 1]]]], "power above 64"),
    (("types", 0), ["float32", [["dim", [[["n", 1]], 2**70]]]], "factor above"),
    (("types", 0), ["float32", [["dim", [[["os.x", 1]], 1]]]], "a name that is none"),
    (("types", 0), ["float32", [["dim", *[[[[f"n{i}", 1]], 1] for i in range(99)]]]], "99 terms"),
    (("types", 0), ["float32", [["dim", [[], 3]]]], "no name"),
    (("types", 0), ["several", [0]], "no type 0"),
    (("types", 0), ["float33", []], "no dtype"),
    (("places", 0), [9, 1], "no file 9"),
    (("outputs",), 10**9, "no node"),
    (("outputs",), ["set", 0], "'set'"),
    (("outputs",), ["dict", ["a", 0], ["a", 0]], "key twice"),
    (("values",), {"y": ["array", "float32", [], ["0x0.0p+0"]]}, "no input"),
    (("values",), {"x": ["array", "float32", [], ["0x0.0p+0"]]}, "no input"),
    (("origins",), [[4, [3]]], "no input"),
)


@pytest.mark.parametrize(("at", "value", "word"), HARMS, ids=[str(h[:2])[:60] for h in HARMS])
def test_a_value_that_does_not_belong_is_named(
    at: tuple[Any, ...], value: Any, word: str, tmp_path: Path
) -> None:
    path, fields = saved(tmp_path)
    harm(fields, at, value)
    with pytest.raises(gx.SavedGraphError, match=word):
        gx.load(changed(path, fields))


ELEMENTS: tuple[tuple[str, list[int], Any], ...] = (
    ("float32", [1], ["0.5"]),  # not as it is written
    ("float32", [1], ["0x1.0p-200"]),  # no float32
    ("float32", [1], ["0x1.ffffffffffffep+0"]),  # too many digits
    ("float32", [1], [1]),
    ("float32", [2], ["0x0.0p+0"]),
    ("float32", [1], ["nan:zz"]),
    ("float32", [1], ["nan:00000000"]),
    ("float32", [1], ["nan:7fc00000"]),  # the usual NaN has no bits
    ("float64", [], ["0x1p99999999"]),
    ("int8", [1], [128]),
    ("uint64", [1], [-1]),
    ("int32", [1], [True]),
    ("bool", [1], [1]),
    ("complex64", [1], ["0x0.0p+0"]),
    ("float32", [2**62], []),
    ("float32", [0, 2**62, 2**62], []),
    ("float32", [100], ["0x0.0p+0"] * 100),
    ("float32", [["dim", [[["n", 1]], 1]]], ["0x0.0p+0"]),
)


@pytest.mark.parametrize(("dtype", "shape", "elements"), ELEMENTS)
def test_an_array_whose_elements_are_not_exact_is_refused(
    dtype: str, shape: list[int], elements: Any, tmp_path: Path
) -> None:
    path, fields = saved(tmp_path, gx.constant(np.float32(0.5)))
    fields["nodes"][0][4]["value"] = ["array", dtype, shape, elements]
    with pytest.raises(gx.SavedGraphError, match=r"node 0 \(constant\)"):
        gx.load(changed(path, fields))


# -- files -----------------------------------------------------------------------------------------


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing", "/dev/zero", "a\0b", "", 7):
        with pytest.raises(gx.FileError):
            gx.load(path)  # pyright: ignore[reportArgumentType]


def test_a_file_above_the_budget_is_not_read(tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    size = path.stat().st_size
    with pytest.raises(gx.BudgetError, match=f"has {size} bytes, above the {size - 1}.*budget="):
        gx.load(path, budget=size - 1)
    assert gx.load(path, budget=size) is not None
    hole = tmp_path / "hole.json"
    with open(hole, "wb") as file:
        file.truncate(2**40)  # takes no room on the disk, and would take a terabyte of memory
    tracemalloc.start()
    with pytest.raises(gx.BudgetError, match=str(2**40)):
        gx.load(hole, budget=10**6)
    assert tracemalloc.get_traced_memory()[1] < 4 * 10**6
    tracemalloc.stop()


@pytest.mark.parametrize("budget", [-1, 1.5, True, "1"])
def test_a_budget_that_is_no_number_of_bytes_is_refused(budget: Any, tmp_path: Path) -> None:
    path, _ = saved(tmp_path)
    with pytest.raises(gx.ArgumentError, match="no number of bytes"):
        gx.load(path, budget=budget)


def with_arrays(tmp_path: Path) -> tuple[Path, Path]:
    """Returns a saved graph of 100 numbers, and its file of arrays."""
    path = gx.save(tmp_path / "graph.json", gx.constant(np.arange(100.0)))
    (arrays,) = tmp_path.glob("*.safetensors")
    return path, arrays


def test_a_missing_or_exchanged_file_of_arrays_is_named(tmp_path: Path) -> None:
    path, arrays = with_arrays(tmp_path)
    good = arrays.read_bytes()
    arrays.write_bytes(good[:-1] + b"\x01")
    with pytest.raises(gx.SavedGraphError, match=f"{arrays.name}.*not those it was saved with"):
        gx.load(path)
    arrays.write_bytes(good + b"\0")
    with pytest.raises(gx.SavedGraphError, match="not those it was saved with"):
        gx.load(path)
    arrays.unlink()
    with pytest.raises(gx.SavedGraphError, match=f"missing.*{arrays.name}.*together"):
        gx.load(path)
    os.mkfifo(arrays)
    with pytest.raises(gx.FileError, match="no plain file"):
        gx.load(path)


@pytest.mark.parametrize("name", ["/etc/passwd", "../x", "0" * 63, "G" * 64, "0" * 63 + "/", 7])
def test_the_file_of_arrays_is_found_by_its_content_alone_and_never_elsewhere(
    name: Any, tmp_path: Path
) -> None:
    path, _ = with_arrays(tmp_path)
    fields = json.loads(path.read_text())
    fields["content"]["sha256"] = name
    with pytest.raises(gx.SavedGraphError, match="not described"):
        gx.load(changed(path, fields))


HEADERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "shape": lambda entry: {**entry, "shape": [2**61]},
    "dtype": lambda entry: {**entry, "dtype": "F32"},
    "unknown dtype": lambda entry: {**entry, "dtype": "OBJECT"},
    "offsets beyond": lambda entry: {**entry, "data_offsets": [0, 2**62]},
    "offsets back": lambda entry: {**entry, "data_offsets": [800, 0]},
    "offsets negative": lambda entry: {**entry, "data_offsets": [-800, 0]},
    "no offsets": lambda entry: {"dtype": "F64", "shape": [100]},
}


@pytest.mark.parametrize("lie", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("length", [None, 0, 2**62])
def test_a_file_of_arrays_that_lies_about_itself_is_refused(
    lie: Callable[[dict[str, Any]], dict[str, Any]], length: int | None, tmp_path: Path
) -> None:
    path, arrays = with_arrays(tmp_path)
    data = arrays.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.dumps({"0": lie(json.loads(data[8:end])["0"])}).encode()
    size = len(header) if length is None else length
    forged = size.to_bytes(8, "little") + header + data[end:]
    digest = hashlib.sha256(forged).hexdigest()
    fields = json.loads(path.read_text())
    fields["content"] = {"sha256": digest, "bytes": len(forged)}
    (tmp_path / f"graph.json.{digest[:16]}.safetensors").write_bytes(forged)
    with pytest.raises(gx.SavedGraphError, match=r"arrays|array 0"):
        gx.load(changed(path, fields))


# -- bombs -----------------------------------------------------------------------------------------


def bomb_of_blocks(count: int) -> dict[str, Any]:
    """Returns a file of a long chain and as many blocks that all hold it."""
    text, _ = graph_text([gx.input("x")])
    fields = json.loads(text)
    kind = ["type", 0]
    nodes: list[Any] = [["formal", [], 0, None, {"name": "x", "type": kind, "level": 1}]]
    nodes += [["sin", [n], 0, None] for n in range(count)]
    nodes += [["call", [count + n], 0, None, {"graph": ["graph", n]}] for n in range(count)]
    graphs = [[f"g{n}", [0], [count - n % 7]] for n in range(count)]
    return {**fields, "nodes": nodes, "graphs": graphs, "outputs": ["list", len(nodes) - 1]}


def test_blocks_that_overlap_end_in_a_budget_error_and_not_in_the_square(tmp_path: Path) -> None:
    path = tmp_path / "bomb.json"
    changed(path, bomb_of_blocks(3000))
    start = time.process_time()
    with pytest.raises(gx.BudgetError, match="overlap"):
        gx.load(path)
    assert time.process_time() - start < 60  # the square would take hours


def test_results_of_many_blocks_do_not_multiply(tmp_path: Path) -> None:
    x = gx.input("x")
    text, _ = graph_text([gx.sin(x)])
    fields, count = json.loads(text), 5000
    fields["types"] += [["several", [0] * count]]
    nodes: list[Any] = [["formal", [], 0, None, {"name": "x", "type": ["type", 0], "level": 1}]]
    nodes += [["sin", [n], 0, None] for n in range(count)]
    nodes += [["call", [n], 1, None, {"graph": ["graph", 0]}] for n in range(count)]
    fields |= {"nodes": nodes, "graphs": [["g", [0], [1] * count]], "outputs": 0}
    path = changed(tmp_path / "bomb.json", fields)
    tracemalloc.start()
    with pytest.raises(gx.BudgetError, match="overlap"):
        gx.load(path)
    assert tracemalloc.get_traced_memory()[1] < 100 * path.stat().st_size
    tracemalloc.stop()


def test_a_failed_load_leaves_no_nodes_behind(tmp_path: Path) -> None:
    from graphc.core.node import intern_table_size

    x = gx.input("x")
    y = x
    for _ in range(1000):
        y = gx.sin(y)
    path, fields = saved(tmp_path, y)
    fields["nodes"][-1][1] = [10**6]
    del y
    before = intern_table_size()
    with pytest.raises(gx.SavedGraphError):
        gx.load(changed(path, fields))
    assert intern_table_size() == before


# -- any bytes -------------------------------------------------------------------------------------


@given(st.binary(max_size=300))
def test_any_bytes_end_in_nodes_or_a_graphc_error(data: bytes) -> None:
    with pytest.raises(gx.GraphcError):
        graph_from_text(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.sampled_from(
        ["float", "tuple", "dim", "array", "stored", "graph", "type", "dtype", "0x1.0p+0"]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)  # fmt: skip
FIELDS = ("files", "places", "types", "arrays", "content", "graphs", "nodes", "origins", "outputs",
          "values")  # fmt: skip


@given(st.sampled_from(FIELDS), JSON)
def test_any_json_in_any_field_ends_in_nodes_or_a_graphc_error(field: str, value: Any) -> None:
    text, _ = graph_text([gx.sum(gx.tanh(gx.input("x", (3,))) * 2.5)])
    fields = json.loads(text)
    fields[field] = value
    with contextlib.suppress(gx.GraphcError):
        graph_from_text(json.dumps(fields))


@given(st.sampled_from(["axis", "keepdims", "value", "name", "type"]), JSON)
def test_any_json_for_a_parameter_ends_in_nodes_or_a_graphc_error(key: str, value: Any) -> None:
    text, _ = graph_text([gx.sum(gx.tanh(gx.input("x", (3,))) * 2.5)])
    fields = json.loads(text)
    for node in fields["nodes"]:
        if len(node) == 5 and key in node[4]:
            node[4][key] = value
    with contextlib.suppress(gx.GraphcError):
        graph_from_text(json.dumps(fields))


@pytest.mark.filterwarnings("ignore")
def test_thousands_of_damaged_files_end_in_sound_graphs_or_a_graphc_error() -> None:
    figures = mutations.run(4000, seed=1)
    assert figures.tried == 4000
    assert not figures.faults, "\n".join(figures.faults[:20])
    assert figures.loaded > 200
    assert figures.refused["SavedGraphError"] > 1000
