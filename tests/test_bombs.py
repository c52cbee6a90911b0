"""Graph bombs: everything answers in time that grows with the nodes, or says what its budget is.

No test here looks at the clock. A tree of 2**3000 or of 2**60 calls would not end at all. The table
of seconds is `python -m tests.benchmarks bombs`.
"""

from __future__ import annotations

import gc
import pickle
import warnings

import pytest

import graphc as gx
from graphc.core.node import intern_table_size
from tests.bombs import BOMBS, WORK, nested

SIZES = {
    "shared": 2000, "chain": 10_000, "wide": 6000, "row": 4000, "twice": 60, "nested": 90,
}  # fmt: skip


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("bomb", BOMBS)
def test_bomb_is_answered(bomb: str, work: str) -> None:
    x, y = BOMBS[bomb](SIZES[bomb])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            WORK[work](x, y)
        except (gx.BudgetError, gx.EngineError) as error:
            assert len(str(error)) < 2000
            assert error.mend


@pytest.mark.parametrize("bomb", BOMBS)
def test_words_on_a_bomb_are_few(bomb: str) -> None:
    _, y = BOMBS[bomb](SIZES[bomb])
    assert len(repr(y)) < 1000
    with pytest.raises(gx.GraphcError) as caught:
        gx.sum(y, axis=7)
    assert len(str(caught.value)) < 1500
    with pytest.raises(gx.ArgumentError, match="pickled"):
        pickle.dumps(y)


def test_counts_of_a_bomb_are_exact() -> None:
    _, y = BOMBS["shared"](10_000)
    assert gx.cost(y).tree_size > 2**10_000
    _, y = BOMBS["twice"](60)
    assert gx.cost(y).flops >= 2**60


def test_blocks_that_would_run_for_days_meet_a_budget() -> None:
    _, y = BOMBS["twice"](60)
    with pytest.raises(gx.BudgetError, match=r"test_bombs.py:\d+: .*steps"):
        gx.evaluate(y, x=0.5)


@pytest.mark.parametrize("size", [102, 300, 100_000])
def test_blocks_nest_up_to_a_hundred(size: int) -> None:
    with pytest.raises(gx.BudgetError):
        nested(size)


def test_a_deep_graph_dies_without_recursion() -> None:
    gc.collect()
    before = intern_table_size()
    x, y = BOMBS["chain"](200_000)
    assert intern_table_size() > before + 150_000
    del x, y
    gc.collect()
    assert intern_table_size() < before + 1000


def test_check_of_a_graph_too_long_for_xla_ends_in_verdicts() -> None:
    x, y = BOMBS["shared"](2500)
    found = gx.check(gx.Problem(y, {x: 0.7}), ("reverse", "jax"))
    assert [line.verdict for line in found.lines] == ["agrees", "not applicable"]
    assert "above 5000" in found.lines[1].words


def test_copies_of_blocks_count_where_xla_makes_them() -> None:
    x = gx.input("x", (), "float64")
    layer = gx.block(lambda a: gx.sin(gx.cos(a)) * 1.5)
    y = x
    for _ in range(100):
        y = layer(y)
    with pytest.raises(gx.BudgetError, match="blocks counted at every call, above 300"):
        gx.compile(y, budget=300)
    assert float(gx.compile(y, budget=700)(x=0.5)) == pytest.approx(float(gx.evaluate(y, x=0.5)))
