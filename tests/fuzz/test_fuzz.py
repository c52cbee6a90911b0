"""2,000 random graphs with fixed seeds: no oracle finds anything in any of them."""

from __future__ import annotations

import pytest

import graphc as gx
from graphc.core.op import all_ops
from graphc.fuzz.generate import KINDS, generate, op_names, undrawn
from graphc.fuzz.records import COSTLY, EXCLUDED, judged
from graphc.fuzz.run import Summary, fuzz

#: 20 parts of 89 scalar and 11 tensor graphs.
PARTS, SCALAR, TENSOR, SEED = 20, 89, 11, 1

pytestmark = pytest.mark.filterwarnings("ignore::graphc.NonDifferentiableWarning")


def run_part(part: int) -> Summary:
    summary = fuzz(scalar=SCALAR, seed=SEED, start=part * SCALAR)
    summary.add(fuzz(tensor=TENSOR, seed=SEED, start=part * TENSOR))
    return summary


@pytest.mark.parametrize("part", range(PARTS))
def test_no_oracle_finds_anything_in_random_graphs(part: int) -> None:
    summary = run_part(part)
    assert summary.graphs == {"scalar": SCALAR, "tensor": TENSOR}
    found = [f"{f.kind} {f.seed} {f.index} {f.oracle}: {f.words}" for f in summary.found]
    assert not found, "\n".join(found)
    # Most graphs have a truth: a fuzzer that can't tell finds nothing.
    assert sum(summary.without_truth.values()) <= 0.2 * (SCALAR + TENSOR)
    assert summary.held["truth of reverse"] >= 0.8 * (SCALAR + TENSOR)
    assert summary.held["jit of the value"] >= 1


def test_every_op_with_a_rule_is_drawn_among_the_2000() -> None:
    drawn: set[str] = set()
    for kind, count in zip(KINDS, (PARTS * SCALAR, PARTS * TENSOR), strict=True):
        for index in range(count):
            drawn |= op_names(generate(kind, SEED, index))
    wanted = {op.name for op in all_ops() if judged(op)}
    assert wanted <= drawn, sorted(wanted - drawn)
    assert not undrawn()


def test_what_is_never_drawn_says_why() -> None:
    names = {op.name for op in all_ops()}
    assert all(name in names and why for name, why in {**EXCLUDED, **COSTLY}.items())


def test_wrong_counts_are_refused() -> None:
    with pytest.raises(gx.ArgumentError, match="scalar=-1 is no count"):
        fuzz(scalar=-1)
    with pytest.raises(gx.ArgumentError, match="jobs=0"):
        fuzz(jobs=0)
    with pytest.raises(gx.ArgumentError, match="no kind 'vector'"):
        generate("vector", 0, 0)


def test_two_processes_find_what_one_finds() -> None:
    alone, together = fuzz(scalar=24, seed=5), fuzz(scalar=24, seed=5, jobs=2)
    assert alone.held == together.held
    assert alone.undecided == together.undecided
    assert alone.ops == together.ops
