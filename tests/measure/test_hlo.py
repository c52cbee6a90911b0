"""hlo_size against a module written by hand and against XLA's own objects."""

from __future__ import annotations

import graphc as gx
from graphc.measure.hlo import hlo_size

MODULE = """HloModule jit_f, is_scheduled=true, entry_computation_layout={(f32[3]{0})->f32[3]{0}}

%fused (p0: f32[3], p1: (f32[], s32[])) -> f32[3] {
  %p0 = f32[3]{0} parameter(0)
  %p1 = (f32[], s32[]) parameter(1)
  ROOT %sine.1 = f32[3]{0} sine(%p0), metadata={op_name="jit(f)/add(" source_line=3}
}

ENTRY %main.4 (x.1: f32[3]) -> f32[3] {
  %x.1 = f32[3]{0} parameter(0)
  constant.7 = f32[] constant(2), sharding={replicated}
  %while.2 = (s32[], f32[3]{0}, /*index=2*/(f32[], s32[])) while(%x.1), condition=%c, body=%b
  ROOT %fusion = f32[3]{0} fusion(%x.1), kind=kLoop, calls=%fused
}

"""


def test_instructions_are_counted_in_every_computation() -> None:
    found = hlo_size(MODULE)
    assert (found.instructions, found.entry, found.computations) == (7, 4, 2)
    assert found.counts == {"constant": 1, "fusion": 1, "parameter": 3, "sine": 1, "while": 1}


def test_count_is_that_of_xla_s_own_objects() -> None:
    x, w = gx.input("x", (3, 4)), gx.param("w", (4, 5))
    compiled = gx.compile(gx.grad(gx.sum(gx.softmax(x @ w) ** 2), w))
    (module,) = compiled.lower().compile().runtime_executable().hlo_modules()
    computations = module.computations()
    found = hlo_size(compiled.hlo())
    assert found.computations == len(computations)
    assert found.instructions == sum(len(c.instructions()) for c in computations)
    assert found.instructions == sum(found.counts.values())
    assert "unknown" not in found.counts


def test_text_that_is_no_module_has_nothing() -> None:
    assert hlo_size("").instructions == 0
