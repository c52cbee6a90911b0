"""Every public function and op meets every kind of value: a result or an error of ours."""

from __future__ import annotations

import contextlib
import datetime
import decimal
import fractions
import inspect
import math
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import graphc as gx
from graphc.core.op import all_ops

F = "float64"
x, v, A = gx.input("x", (), F), gx.input("v", (3,), F), gx.input("A", (3, 4), F)
BASES = (x, A)
deep: list[Any] = [1.0]
for _ in range(2000):
    deep = [deep]
itself: list[Any] = []
itself.append(itself)


class Column:
    """Fails whatever one asks of it."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no such column")


#: One or more of every kind of value that people pass.
VALUES: dict[str, Any] = {
    "node": x, "vector": v, "integers": gx.input("k", (3,), "int32"),
    "booleans": gx.input("m", (3,), "bool"), "named size": gx.input("r", ("batch", 4), F),
    "half": gx.input("h", (3,), "bfloat16"), "none": None, "text": "x", "empty": "",
    "surrogate": "\ud800", "nul": "\x00", "long text": "a" * 100_000, "bytes": b"abc",
    "nan": math.nan, "infinity": math.inf, "half number": 1.5, "true": True, "zero": 0, "one": 1,
    "minus one": -1, "minus nine": -9, "five": 5, "2**40": 2**40, "2**63": 2**63,
    "10**400": 10**400, "-10**400": -(10**400), "10**5000": 10**5000, "complex": 1 + 2j,
    "fraction": fractions.Fraction(1, 3), "decimal": decimal.Decimal("1.5"),
    "date": datetime.date(2020, 1, 1), "list": [1.0, 2.0], "nested": [[1.0, 2.0], [3.0, 4.0]],
    "ragged": [1, [2]], "deep": deep, "itself": itself, "nodes": [x, x], "nothing": [],
    "axes": (0, 1), "twice": (0, 0), "huge": (2**40, 2**40), "set": {1.0}, "dict": {"a": 1.0},
    "range": range(3), "slice": slice(0, 2), "ellipsis": ..., "array": np.zeros((2, 3)),
    "no elements": np.zeros((0,)), "objects": np.array([object()]), "words": np.array(["a"]),
    "complexes": np.array([1j]), "dates": np.array(["2020-01-01"], "datetime64[D]"),
    "record": np.zeros(2, [("a", "i4")]), "masked": np.ma.masked_array([1.0, 2.0], [0, 1]),
    "np float": np.float64(2.5), "np int": np.int64(3), "np bool": np.bool_(True),
    "np uint": np.uint64(2**63), "np text": np.str_("x"), "longdouble": np.longdouble(1) / 3,
    "jax": jnp.ones(3), "column": Column(), "object": object(), "type": int, "function": len,
    "module": gx, "size": gx.dim("n"), "dtype": gx.float32, "tensor type": gx.float32[3],
    "graph": gx.Graph([x], [x * x]), "op": gx.sin, "error": ValueError("x"),
}  # fmt: skip

#: Classes that are made by us alone, and functions whose work on a good argument takes seconds.
LEFT_OUT = {"Comparison", "Compiled", "DType", "Dim", "Node", "Op", "TensorType"}


def public_functions() -> dict[str, Callable[..., Any]]:
    """Returns what people can call, ops without a public name included."""
    found = {n: getattr(gx, n) for n in gx.__all__ if n not in LEFT_OUT}
    for space in (gx.fft, gx.linalg, gx.random):
        short = space.__name__.rpartition(".")[2]
        found |= {f"{short}.{n}": getattr(space, n) for n in space.__all__}
    found = {
        n: f
        for n, f in found.items()
        if callable(f) and not (isinstance(f, type) and (issubclass(f, Exception) or is_record(f)))
    }
    # A record whose operands are sub-graphs' is made by block and map, not by people.
    return found | {
        op.name: op for op in all_ops() if op.name not in found and op.group != "control"
    }


def is_record(kind: type) -> bool:
    """Tells whether a class is one that we make and people only read."""
    return kind.__init__.__qualname__ != "Graph.__init__" and kind.__name__ not in (
        "Graph",
        "Problem",
    )


FUNCTIONS = public_functions()


def calls(function: Callable[..., Any]) -> Iterator[tuple[str, tuple[Any, ...], dict[str, Any]]]:
    """Yields calls with one value out of place, each with a word for it."""
    target = function.run if isinstance(function, gx.Op) else function
    names = list(inspect.signature(target).parameters)[1:]
    for word, value in VALUES.items():
        yield f"({word})", (value,), {}
        for base in BASES:
            yield f"({base.name}, {word})", (base, value), {}
            yield f"({word}, {base.name})", (value, base), {}
            for name in names:
                yield f"({base.name}, {name}={word})", (base,), {name: value}
        yield f"(v, v, {word})", (v, v, value), {}
    yield "()", (), {}
    yield "(9 nodes)", (x,) * 9, {}
    yield "(x, bogus=1)", (x,), {"bogus": 1}


def fault(function: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> str:
    """Returns what is wrong with how a call ends; nothing where all is well."""
    try:
        function(*args, **named)
    except gx.GraphcError as error:
        text = str(error)
        if len(text) > 3000:
            return f"an error of {len(text)} characters"
        if f"{Path(__file__).name}:" not in text:
            return f"an error elsewhere: {text[:200]}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"[:200]
    return ""


@pytest.mark.parametrize("name", FUNCTIONS)
def test_wrong_operand_ends_in_a_node_or_an_error_of_ours(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    wrong: list[str] = []
    with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore")
        for word, args, named in calls(FUNCTIONS[name]):
            found = fault(FUNCTIONS[name], args, named)
            if found:
                wrong.append(f"{name}{word}: {found}")
    assert not wrong, "\n".join(wrong[:20])


def test_sweep_is_as_wide_as_it_should_be() -> None:
    assert len(FUNCTIONS) > 120
    assert sum(1 for f in FUNCTIONS.values() for _ in calls(f)) > 40_000
