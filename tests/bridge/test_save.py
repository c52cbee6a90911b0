"""Saved graphs come back as the very nodes they were, to the last bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import graphc as gx
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
    if not wrt or isinstance(node.op.vjp, str) or not node.dtype.is_float:
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
