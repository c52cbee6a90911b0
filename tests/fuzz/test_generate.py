"""Random graphs follow from seed and index alone, and hold what they are meant to hold."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

import graphc as gx
from graphc.core.op import Op, all_ops, registry
from graphc.core.walk import topological_order
from graphc.fuzz import generate as generator
from graphc.fuzz import records
from graphc.fuzz.generate import KINDS, generate, op_names
from graphc.fuzz.values import edges
from graphc.ops.define import elementwise

PRINT = """
import hashlib
from graphc.bridge.save import graph_text
from graphc.fuzz.generate import generate
digest = hashlib.sha256()
for kind in ("scalar", "tensor"):
    for index in INDICES:
        case = generate(kind, 9, index)
        digest.update(graph_text([case.output])[0].encode())
        for value in case.values.values():
            digest.update(value.tobytes())
print(digest.hexdigest())
"""


def digest_in_process(hash_seed: str, indices: str) -> str:
    made = subprocess.run(
        [sys.executable, "-c", PRINT.replace("INDICES", indices)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout


def test_graphs_are_the_same_in_every_process_and_hash_seed() -> None:
    assert len({digest_in_process(seed, "range(25)") for seed in ("0", "1", "77")}) == 1


def test_a_graph_does_not_depend_on_those_made_before() -> None:
    alone = generate("tensor", 4, 7)
    for index in range(7):
        generate("tensor", 4, index)
    again = generate("tensor", 4, 7)
    assert again.output is alone.output
    assert set(again.values) == set(alone.values)


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_are_float_scalars_with_a_value_for_every_leaf(kind: str) -> None:
    for index in range(60):
        case = generate(kind, 3, index)
        assert case.output.shape == () and case.output.dtype.is_float
        assert set(case.leaves) == set(case.values)
        assert case.wrt
        for node, value in case.values.items():
            assert value.dtype == node.dtype.numpy
        assert np.shape(gx.evaluate(case.output, dict(case.values))) == ()


def test_graphs_share_broadcast_tie_and_hold_blocks_and_edges() -> None:
    shared = broadcast = ties = blocks = extreme = named = 0
    dtypes: set[str] = set()
    for index in range(300):
        case = generate("tensor", 2, index)
        order = topological_order([case.output])
        uses = [a for n in order for a in n.args if a.args]
        shared += len(uses) > len(set(uses))
        broadcast += any(
            n.op.group == "elementwise" and len({a.shape for a in n.args}) > 1 for n in order
        )
        ties += any(len(n.args) == 2 and n.args[0] is n.args[1] for n in order)
        blocks += bool({"call", "map"} & op_names(case))
        dtypes |= {n.dtype.name for n in case.wrt}
        named += any(not n.type.is_static for n in case.wrt)
        numbers = np.concatenate([np.ravel(v).astype(float) for v in case.values.values()])
        extreme += bool(
            np.any((np.abs(numbers) > 1e30) | ((numbers != 0) & (abs(numbers) < 1e-30)))
        )
    counts = (shared, broadcast, ties, blocks, extreme, named)
    assert min(counts) >= 3, counts
    assert dtypes == {"float64", "float32", "bfloat16", "float16"}


def test_edges_reach_the_ends_of_the_range() -> None:
    found = edges(gx.float64)
    assert found.max() == np.finfo(np.float64).max
    assert 0 < found[found > 0].min() < np.finfo(np.float64).tiny
    assert np.signbit(found[found == 0]).any()


def test_a_new_op_is_drawn_without_a_line_of_its_own() -> None:
    made: Op = elementwise(
        "cube_for_this_test",
        run=lambda xp, x: xp.multiply(x, xp.multiply(x, x)),
        partials=(lambda out, x: x * x * 3,),
        formula=lambda m, x: x * x * x,
        latex="{0}^3",
        flops=2,
        domain="every x",
        ulp=1.0,
        doc="Returns x * x * x.",
    )
    generator._ops.cache_clear()
    records.sightings.cache_clear()
    try:
        assert made in list(all_ops())
        assert any(made.name in op_names(generate("scalar", 0, i)) for i in range(200))
    finally:
        del registry[made.name]
        generator._ops.cache_clear()
        records.sightings.cache_clear()
