from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import graphc as gx
from graphc.core.calls import public_functions
from graphc.core.op import all_ops

ROOT = Path(__file__).parents[1]
HEAVY = (
    "jax jaxlib sympy scipy mpmath jinja2 pygraphviz graphviz rich click latex2mathml safetensors "
    "optax"
)
#: Ops that only graphc itself puts into a graph: slopes, parts of an index, block machinery.
INNER_OPS = set(
    "add_along_axis bessel_i bessel_moment call cofactors custom decay dft dim_size direction "
    "erfinv_slope factor_inverse factor_logdet factor_solve formal gather gaussian gelu_gate "
    "igamma_quotient implicit index_add "
    "index_gather index_max index_min index_set integer_pow inverse_positive inversion iota "
    "irdft item jax_jvp jax_vjp levelled linear_recurrence log_gamma_quantile "
    "normal_quantile_slope "
    "number one_minus_square one_plus_square polygamma_step pool_index pool_pick pool_place "
    "pow_less qr_rest random_bits random_fold_in random_integers random_normal "
    "random_permutation random_split random_uniform rdft recompute sech_squared sigmoid_slope "
    "slice slice_transpose square_minus_one step_sign svd_rest whole_pow".split()
)
#: What people call by the name of a namespace: `gx.linalg.solve`.
NAMESPACES = {*gx.fft.__all__, *gx.linalg.__all__, *gx.random.__all__}
#: What stands behind `x[...]` and a notebook's display.
INNER_FUNCTIONS = {"at", "index", "_repr_svg_"}


def run(code: str) -> str:
    """Runs Python code in a process of its own, where only this code has imported anything."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120,
        stdin=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_every_public_name_exists_and_is_listed_once() -> None:
    assert len(set(gx.__all__)) == len(gx.__all__)
    assert [name for name in gx.__all__ if not hasattr(gx, name)] == []
    assert set(gx.__all__) <= set(dir(gx))


def test_every_operation_and_function_people_call_is_public() -> None:
    # Ops that tests or other packages register live elsewhere than in graphc.
    ops = {op.name for op in all_ops() if op.run.__module__.startswith("graphc.")}
    assert ops >= INNER_OPS
    named = set(gx.__all__) | NAMESPACES
    assert sorted(ops - INNER_OPS - named) == []
    assert sorted(set(public_functions) - INNER_FUNCTIONS - named) == []
    assert sorted(set(gx._LATER) - set(gx.__all__)) == []


@pytest.mark.parametrize("name", sorted({op.name for op in all_ops()} & set(gx.__all__)))
def test_a_name_is_the_function_of_that_name_or_the_op(name: str) -> None:
    if name in public_functions:
        assert getattr(gx, name) is public_functions[name]
    elif isinstance(getattr(gx, name), gx.Op):
        assert getattr(gx, name).name == name


def test_dir_lists_ops_that_others_register_and_no_helpers() -> None:
    found = run(
        "import dataclasses, graphc as gx\n"
        "gx.register(dataclasses.replace(gx.sin, name='zig'))\n"
        "print('zig' in dir(gx), gx.zig.name, 'importlib' in dir(gx), '_LATER' in dir(gx))"
    )
    assert found == "True zig False False"


def test_import_loads_no_heavy_package() -> None:
    found = run(f"import sys, graphc; print([m for m in {HEAVY.split()} if m in sys.modules])")
    assert found == "[]"


@pytest.mark.parametrize("first", ["check", "draw", "lint", "write_report", "compile", "cost"])
def test_functions_named_like_packages_stay_functions_whatever_loads_first(first: str) -> None:
    found = run(
        f"import graphc as gx; gx.{first}; print(callable(gx.compare), callable(gx.simplify))"
    )
    assert found == "True True"


def test_unknown_name_is_an_attribute_error_that_says_where_to_look() -> None:
    with pytest.raises(AttributeError, match=r"graphc has no 'sine'; `graphc ops` lists"):
        gx.__getattr__("sine")
