"""The page of stable forms names every rule with its domain, what is lost, and its figures."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from graphc.simplify.rules import ALL_RULES

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/stable.md"


def builder() -> Any:
    spec = importlib.util.spec_from_file_location("build_stable", ROOT / "docs/build_stable.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_page_has_the_rules_of_now() -> None:
    words = builder().words()
    assert PAGE.read_text(encoding="utf-8").startswith(words), "run: python -m docs.build_stable"


def test_page_has_figures_of_every_rule_on_both_backends_in_both_dtypes() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for title in ("NumPy, float64", "XLA, float64", "NumPy, float32", "XLA, float32"):
        table = text.split(f"### {title}\n")[1].split("\n### ")[0]
        rows = {line.split("|")[1].strip() for line in table.splitlines() if line.startswith("| ")}
        assert {r.name for r in ALL_RULES if r.validity == "stable"} <= rows


def test_measuring_finds_the_loss_before_and_the_digits_after() -> None:
    module = builder()
    (rule,) = [r for r in ALL_RULES if r.name == "softplus"]
    for dtype in ("float64", "float32"):
        found = module.measure(rule, dtype, module.with_numpy)
        assert np.isinf(found.value_before) and np.isinf(found.slope_before)
        assert max(found.value_after, found.slope_after, found.derived_first) < 2
