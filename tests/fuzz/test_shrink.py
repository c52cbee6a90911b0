"""What fails becomes small: five nodes or fewer, and it still fails."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc.core.walk import topological_order
from graphc.fuzz.bench import Bench
from graphc.fuzz.generate import Case, generate, op_names
from graphc.fuzz.oracles import judge
from graphc.fuzz.regress import shrunk
from graphc.fuzz.shrink import shrink, size
from tests.compare.faults import planted, scaled

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")

FAULTS = [
    ("tanh", "scalar", "vjp"),
    ("div", "scalar", "jvp"),
    ("hypot", "scalar", "vjp"),
    ("where", "scalar", "vjp"),
    ("matmul", "tensor", "vjp"),
    ("softmax", "tensor", "jvp"),
    ("gather", "tensor", "vjp"),
    ("einsum", "tensor", "jvp"),
    ("concat", "tensor", "vjp"),
]


@pytest.mark.parametrize(("op", "kind", "direction"), FAULTS, ids=lambda v: str(v))
def test_planted_fault_shrinks_to_five_nodes(op: str, kind: str, direction: str) -> None:
    with planted(op, direction, scaled(1 + 1e-12)):
        for index in range(2000):
            case = generate(kind, 8, index)
            if op not in op_names(case) or size(case) < 8:
                continue
            findings = judge(Bench(case)).findings
            if findings:
                break
        else:
            pytest.fail(f"no graph shows the fault in {op}")
        oracle = findings[0].oracle
        small = shrunk(case, oracle)
        assert size(small) <= 5, small.output
        assert op in op_names(small)
        assert oracle in {f.oracle for f in judge(Bench(small)).findings}


def test_shrinking_asks_no_more_often_than_allowed() -> None:
    asked: list[Case] = []

    def fails(case: Case) -> bool:
        asked.append(case)
        return True

    case = generate("tensor", 1, 3)
    assert size(shrink(case, fails, tries=5)) <= size(case)
    assert len(asked) <= 5


def test_values_become_plain_numbers_and_shapes_small() -> None:
    x = gx.input("x", (3, 2), "float64")
    case = Case(gx.sum(gx.sin(x) * gx.exp(x)), {x: np.full((3, 2), 0.123456)})

    def holds_sine(case: Case) -> bool:
        return any(n.op.name == "sin" for n in topological_order([case.output]))

    small = shrink(case, holds_sine)
    values: list[Any] = [np.size(v) for v in small.values.values()]
    assert values == [1]
    assert size(small) <= 3
