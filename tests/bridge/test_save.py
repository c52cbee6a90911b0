"""Saved graphs come back as the very nodes they were, to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import graphc as gx
from graphc.core.const import Const
from graphc.core.node import apply_named
from graphc.core.walk import topological_order
from tests.every_op_cases import Case, all_cases

CASES = all_cases()


def back(path: Path, outputs: Any, values: Any = None) -> Any:
    """Returns what is loaded after saving."""
    return gx.load(gx.save(path / "graph.json", outputs, values))


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("case", CASES, ids=[c.label for c in CASES])
def test_every_operation_comes_back_as_the_same_nodes(
    case: Case, dtype: str, tmp_path: Path
) -> None:
    node = case.build(*case.inputs(dtype, lead=gx.dim("n") if case.named else None))
    assert back(tmp_path, node) is node


@pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")
@pytest.mark.parametrize("case", CASES, ids=[c.label for c in CASES])
def test_gradients_of_every_operation_come_back_as_the_same_nodes(
    case: Case, tmp_path: Path
) -> None:
    inputs = case.inputs()
    wrt = [inputs[i] for i in case.floats()]
    node = case.build(*inputs)
    without = any(isinstance(n.op.vjp, str) for n in topological_order([node]))
    if not wrt or without or not node.dtype.is_float:
        assert back(tmp_path, node) is node
        return
    found = gx.grad(gx.sum(node), wrt, unreachable="zero")
    assert all(a is b for a, b in zip(back(tmp_path, found), found, strict=True))


def test_a_nest_comes_back_as_it_was(tmp_path: Path) -> None:
    x = gx.input("x")
    nest = {"b": [x, (x + 1, {"": x * 2})], "a": (), "c": [[], {}]}
    found = back(tmp_path, nest)
    assert list(found) == ["b", "a", "c"]
    assert found["b"][0] is x
    assert type(found["b"][1]) is tuple
    assert found["b"][1][0] is x + 1
    assert found["b"][1][1][""] is x * 2
    assert (found["a"], found["c"]) == ((), [[], {}])


def bits(count: int, dtype: Any) -> np.ndarray[Any, Any]:
    """Returns numbers of every kind: random bits, and the odd ones."""
    kind = np.dtype(dtype)
    raw = np.random.default_rng(1).integers(0, 256, count * kind.itemsize, dtype=np.uint8)
    found = raw.view(kind).copy()
    with np.errstate(all="ignore"):
        odd = np.array([np.nan, -np.nan, np.inf, -np.inf, 0.0, -0.0]).astype(kind)
    found[: len(odd)] = odd
    return found


FLOATS = (np.float64, np.float32, np.float16, ml_dtypes.bfloat16)
INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)]


@pytest.mark.parametrize("count", [60, 500])
@pytest.mark.parametrize("dtype", FLOATS)
def test_every_bit_of_a_float_comes_back_payloads_of_nan_included(
    dtype: Any, count: int, tmp_path: Path
) -> None:
    array = bits(count, dtype)
    node = apply_named("constant", value=Const(array))
    x = gx.input("x", (count,), np.dtype(dtype).name)
    path = gx.save(tmp_path / "bits.json", [node, x], {x: array})
    again, values = gx.load_with_values(path)
    assert again[0] is node
    assert values["x"].dtype == array.dtype
    assert values["x"].tobytes() == array.tobytes()


@pytest.mark.parametrize("count", [4, 500])
@pytest.mark.parametrize("name", INTEGERS)
def test_the_ends_of_integers_come_back(name: str, count: int, tmp_path: Path) -> None:
    info = np.iinfo(name)
    array = np.resize(np.array([info.min, info.max, 0, 1], name), count)
    assert back(tmp_path, gx.constant(array)) is gx.constant(array)
    truths = np.resize([True, False], count)
    assert back(tmp_path, gx.constant(truths)) is gx.constant(truths)


def test_another_process_reads_the_same_graph_and_writes_the_same_bytes(tmp_path: Path) -> None:
    n = gx.dim("n")
    x = gx.input("x", (n, 3), "float64")
    w = gx.param("w", (3,), "float64", init=np.arange(3.0))
    table = gx.constant(np.arange(300.0).reshape(100, 3))
    layer = gx.block(lambda a, b: (gx.tanh(a @ b), gx.sum(a)))
    first, second = layer(x, w)
    loss = gx.sum(first) * second + gx.sum(gx.map(lambda row: gx.exp(row @ w), x) + gx.sum(table))
    nest = {"loss": loss, "more": (gx.grad(loss, w), [x[1:], gx.reshape(x, (n * 3,))])}
    path = gx.save(tmp_path / "first.json", nest, {"w": np.ones(3), x: np.zeros((2, 3))})
    program = (
        "import sys, graphc as gx; nest, values = gx.load_with_values(sys.argv[1]); "
        "gx.save(sys.argv[2], nest, values)"
    )
    for seed in ("0", "1"):
        second_path = tmp_path / f"again{seed}.json"
        subprocess.run(
            [sys.executable, "-c", program, path, second_path],
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": "Asia/Tokyo", "LC_ALL": "C"},
            cwd=Path(__file__).parents[2],
        )
        assert second_path.read_bytes() == path.read_bytes()
        assert gx.load(second_path)["loss"] is loss


def test_a_place_is_kept_without_its_folder(tmp_path: Path) -> None:
    path = gx.save(tmp_path / "graph.json", gx.input("only here", (17,)))
    assert str(Path(__file__).parent) not in path.read_text()
    node = gx.load(path)
    assert node.place is not None
    assert os.path.basename(node.place[0]) == "test_save.py"


def test_inputs_that_a_derivative_lost_are_still_welcome(tmp_path: Path) -> None:
    x = gx.input("x", ("n",))
    path = gx.save(tmp_path / "graph.json", gx.grad(gx.sum(x * 3.0) / 3.0, x))
    again = gx.load(path)
    assert np.array_equal(gx.evaluate(again, x=np.zeros(4, np.float32)), np.ones(4))


def test_a_function_that_makes_first_values_is_left_out_and_nothing_else_is(tmp_path: Path) -> None:
    made = gx.param("w", (2,), init=lambda generator, shape: np.zeros(shape))
    again = back(tmp_path, made)
    assert again is gx.param("w", (2,))


def test_names_may_be_anything(tmp_path: Path) -> None:
    for name in ('"</script>\n\0', "\ud800", "層" * 1000, "🙂"):
        node = gx.input(name) + 1
        assert back(tmp_path, {name: node})[name] is node


def test_a_chain_of_any_length_is_flat_in_the_file(tmp_path: Path) -> None:
    node = gx.input("x")
    for _ in range(20_000):
        node = gx.sin(node)
    assert back(tmp_path, node) is node


def test_what_is_no_longer_needed_goes_and_other_files_stay(tmp_path: Path) -> None:
    other = tmp_path / "graph.json.backup.safetensors"
    other.write_text("")
    path = tmp_path / "graph.json"
    for number in range(3):
        gx.save(path, gx.constant(np.full(100, float(number))))
    assert len(list(tmp_path.glob("graph.json.????????????????.safetensors"))) == 1
    gx.save(path, gx.input("x"))
    assert {p.name for p in tmp_path.iterdir()} == {path.name, other.name}


def test_a_link_stays_a_link_and_its_arrays_stand_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link = tmp_path / "link.json"
    link.symlink_to(tmp_path / "there" / "real.json")
    node = gx.constant(np.arange(100.0))
    assert gx.load(gx.save(link, node)) is node
    assert link.is_symlink()
    assert len(list((tmp_path / "there").iterdir())) == 2


def test_what_can_not_be_saved_says_why(tmp_path: Path) -> None:
    x = gx.input("x")
    path = tmp_path / "graph.json"
    deep: Any = x
    for _ in range(100):
        deep = [deep]
    cases: list[tuple[Any, Any, type[gx.GraphcError]]] = [
        (3, None, gx.ArgumentError),
        ([x, None], None, gx.ArgumentError),
        ({1: x}, None, gx.ArgumentError),
        (deep, None, gx.BudgetError),
        (x, {"y": 1}, gx.ArgumentError),
        (x, {"x": [1, 2]}, gx.ShapeError),
        (x, {"x": "a"}, gx.ArgumentError),
        (x, {"x": [x]}, gx.ArgumentError),
        (x, {"x": np.ma.masked_array(1.0, True)}, gx.ArgumentError),
        (x, {"x": 1e300}, gx.PrecisionError),
        (gx.input("i", (), "int32"), {"i": 1.5}, gx.DTypeError),
        (gx.input("i", (), "int32"), {"i": np.float64(1.5)}, gx.DTypeError),
        (gx.input("i", (), "int8"), {"i": 300}, gx.DTypeError),
        (gx.input("b", (), "bool"), {"b": 2}, gx.DTypeError),
        (gx.input("x", (2,)), {"x": [[1], [2, 3]]}, gx.ArgumentError),
        (x, {x: 1, "x": 1}, gx.ArgumentError),
        (x, 5, gx.ArgumentError),
        (gx.input("z", (1,) * 65), None, gx.BudgetError),
        ([x, gx.input("x", (3,))], None, gx.NameClashError),
    ]
    for outputs, values, error in cases:
        with pytest.raises(error, match=r"save\(.*\) at test_save\.py:\d+"):
            gx.save(path, outputs, values)
    for target in (tmp_path, tmp_path / "missing" / "a.json", "a\0b", 7):
        with pytest.raises(gx.FileError, match=r"test_save\.py:\d+"):
            gx.save(target, x)  # pyright: ignore[reportArgumentType]
    assert list(tmp_path.iterdir()) == []
