from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optax
import pytest

import graphc as gx
from graphc import train
from tests.bad_input_checker import Case, check_case, flat
from tests.train.networks import line

LOSS, DATA = line()
X, Y = DATA["x"], DATA["y"]
SIGNAL = gx.input("signal", ("batch", 3))
NOT_FINITE = X.copy()
NOT_FINITE[[17, 40], 1] = np.nan
OTHER = gx.mean(gx.input("x", ("batch", 3)) @ gx.param("other", (3,)))


def fit(**changes: Any) -> Any:
    """Calls `fit` with something changed."""
    return train.fit(**{"loss": LOSS, "data": DATA, "epochs": 1, **changes})


CASES: dict[str, list[Case]] = {
    "loss": [
        (lambda: train.fit(3, DATA), gx.ArgumentError, "the loss is 3, no graph value"),
        (lambda: train.fit(LOSS * X, DATA), gx.ShapeError, "no scalar"),
        (lambda: train.fit(gx.cast(LOSS, gx.int32), DATA), gx.GradError, "make it a float scalar"),
        (lambda: train.fit(gx.mean(SIGNAL), {"signal": X}), gx.ArgumentError, "it has no gx.param"),
        (lambda: train.fit(LOSS, DATA, frozen="layer"), gx.ArgumentError, "are frozen"),
        (lambda: train.fit(LOSS, DATA, frozen=["layre"]), gx.ArgumentError, "'layre', which is no"),
        (lambda: train.fit(gx.param("w", (), init=0.0) ** 2, {}), gx.ArgumentError,
         "use train.minimise"),
        (lambda: train.fit(gx.mean(SIGNAL @ gx.param("w", (3,))), {"signal": X}),
         gx.ArgumentError, "has no first value"),
    ],
    "data": [
        (lambda: train.fit(LOSS, X), gx.ArgumentError, "no dict"),
        (lambda: train.fit(LOSS, {"x": X}), gx.ArgumentError, "no value for y: f32[batch]"),
        (lambda: train.fit(LOSS, {**DATA, "z": Y}), gx.ArgumentError, "'z', and there is no such"),
        (lambda: train.fit(LOSS, {"x": X, "Y": Y}), gx.ArgumentError, "did you mean y?"),
        (lambda: train.fit(LOSS, {"x": X, "y": Y[:-1]}), gx.ShapeError, "60 rows of x and 59 of y"),
        (lambda: train.fit(LOSS, {"x": X[:, :2], "y": Y}), gx.ShapeError, "declared f32[batch,3]"),
        (lambda: train.fit(LOSS, {"x": X[:0], "y": Y[:0]}), gx.ShapeError, "have no row"),
        (lambda: train.fit(LOSS, {"x": NOT_FINITE, "y": Y}), gx.ArgumentError,
         "nan in x, row 17, the first of 2 such rows"),
        (lambda: train.fit(LOSS, {"x": X, "y": np.where(Y[5] == Y, np.inf, Y)}),
         gx.ArgumentError, "inf in y, row 5"),
        (lambda: train.fit(LOSS, {"x": X.astype(str), "y": Y}), gx.ArgumentError, "x"),
        (lambda: train.fit(LOSS, {"x": X * 1j, "y": Y}), gx.DTypeError, "complex"),
        (lambda: train.fit(LOSS, {"x": X.astype(np.float64) * 1e300, "y": Y}),
         gx.PrecisionError, "does not fit into float32"),
        (lambda: train.fit(LOSS * gx.input("c"), {**DATA, "c": Y}), gx.ShapeError,
         "the input c is a scalar"),
        (lambda: train.fit(LOSS, DATA, fixed={"c": 1.0}), gx.ArgumentError, "fixed has 'c'"),
        (lambda: train.fit(LOSS * gx.input("c"), DATA, fixed={"c": [1.0]}), gx.ShapeError,
         "declared f32"),
    ],
    "validation": [
        (lambda: train.fit(LOSS, DATA, validation=0.001), gx.ArgumentError,
         "the validation part empty"),
        (lambda: train.fit(LOSS, DATA, validation=0.999), gx.ArgumentError, "training part empty"),
        (lambda: train.fit(LOSS, DATA, validation=1.5), gx.ArgumentError, "validation=1.5"),
        (lambda: train.fit(LOSS, DATA, validation=-0.1), gx.ArgumentError, "share from 0 to 1"),
        (lambda: train.fit(LOSS, DATA, validation=float("nan")), gx.ArgumentError,
         "validation=nan"),
        (lambda: train.fit(LOSS, DATA, validation=True), gx.ArgumentError, "validation=True"),
        (lambda: train.fit(LOSS, DATA, validation={"x": X}), gx.ArgumentError,
         "the validation data have no value for y"),
        (lambda: train.fit(LOSS, DATA, validation={"x": X[:0], "y": Y[:0]}), gx.ShapeError,
         "the validation data have no row"),
        (lambda: train.fit(LOSS, DATA, normalise="z"), gx.ArgumentError, "normalise names 'z'"),
        (lambda: train.fit(LOSS, DATA, normalise={"x": "std"}), gx.ArgumentError,
         "'std' is no way to normalise x"),
        (lambda: train.fit(LOSS, DATA, normalise=3), gx.ArgumentError, "normalise=3"),
    ],
    "numbers": [
        (lambda: train.fit(LOSS, DATA, epochs=0), gx.ArgumentError, "epochs=0"),
        (lambda: train.fit(LOSS, DATA, epochs=True), gx.ArgumentError, "epochs=True"),
        (lambda: train.fit(LOSS, DATA, batch_size=61), gx.ArgumentError,
         "batch_size=61 is more than the 60 rows"),
        (lambda: train.fit(LOSS, DATA, batch_size=0), gx.ArgumentError, "batch_size=0"),
        (lambda: train.fit(LOSS, DATA, batch_size="all"), gx.ArgumentError, "batch_size='all'"),
        (lambda: train.fit(LOSS, DATA, batch_size=10, accumulate=3), gx.ArgumentError,
         "can't be taken in 3 parts"),
        (lambda: train.fit(LOSS, DATA, learning_rate=-0.1), gx.ArgumentError, "learning_rate=-0.1"),
        (lambda: train.fit(LOSS, DATA, learning_rate=float("nan")), gx.ArgumentError, "nan"),
        (lambda: train.fit(LOSS, DATA, learning_rate="0.1"), gx.ArgumentError, "'0.1'"),
        (lambda: train.fit(LOSS, DATA, learning_rate=LOSS), gx.ArgumentError, "no positive number"),
        (lambda: train.fit(LOSS, DATA, clip_norm=0), gx.ArgumentError, "clip_norm=0"),
        (lambda: train.fit(LOSS, DATA, clip_value="a"), gx.ArgumentError, "clip_value='a'"),
        (lambda: train.fit(LOSS, DATA, seed=-1), gx.ArgumentError, "seed=-1"),
        (lambda: train.fit(LOSS, DATA, seed=0.5), gx.ArgumentError, "seed=0.5"),
        (lambda: train.fit(LOSS, DATA, shuffle=1), gx.ArgumentError, "shuffle=1"),
        (lambda: train.fit(LOSS, DATA, early_stopping=0), gx.ArgumentError, "patience=0"),
        (lambda: train.fit(LOSS, DATA, early_stopping="soon"), gx.ArgumentError, "'soon'"),
        (lambda: train.fit(LOSS, DATA, on_divergence="stop"), gx.ArgumentError, "'stop'"),
        (lambda: train.fit(LOSS, DATA, on_epoch=3), gx.ArgumentError, "on_epoch=3 is no function"),
        (lambda: train.fit(LOSS, DATA, every=0), gx.ArgumentError, "every=0"),
        (lambda: train.fit(LOSS, DATA, epoch=3), gx.ArgumentError, "epoch"),
        (lambda: train.early_stopping(min_delta=-1), gx.ArgumentError, "min_delta=-1"),
        (lambda: train.fit(LOSS, DATA, early_stopping=train.early_stopping(monitor="val")),
         gx.ArgumentError, "there is no column 'val' to monitor"),
    ],
    "optimisers": [
        (lambda: train.fit(LOSS, DATA, optimiser="adan2"), gx.ArgumentError, "did you mean adan"),
        (lambda: train.fit(LOSS, DATA, optimiser="Adam"), gx.ArgumentError, "did you mean adam"),
        (lambda: train.fit(LOSS, DATA, optimiser=3), gx.ArgumentError, "optimiser=3"),
        (lambda: train.fit(LOSS, DATA, optimiser=optax.adam), gx.ArgumentError, "no optimiser"),
        (lambda: train.fit(LOSS, DATA, options={"beta": 1}), gx.ArgumentError,
         "adam has no option 'beta'"),
        (lambda: train.fit(LOSS, DATA, options=3), gx.ArgumentError, "options=3"),
        (lambda: train.fit(LOSS, DATA, optimiser=optax.adam(0.1), learning_rate=0.1),
         gx.ArgumentError, "has its own learning rate"),
        (lambda: train.fit(LOSS, DATA, optimiser=optax.adam(0.1), options={"b1": 0.5}),
         gx.ArgumentError, "options belong to an optimiser given by name"),
        (lambda: train.fit(LOSS, DATA, optimiser="sm3"), gx.ArgumentError,
         "the optimiser sm3 failed on these parameters"),
        (lambda: train.fit(LOSS, DATA, options={"b1": "much"}), gx.ArgumentError,
         "the optimiser adam failed"),
        (lambda: train.fit(LOSS, DATA, learning_rate=lambda step: "fast"), gx.ArgumentError,
         "the learning rate's function failed at step 0"),
        (lambda: train.exponential(0.1, 0.0), gx.ArgumentError, "factor=0.0"),
        (lambda: train.steps(0.1, 0.5, at=[]), gx.ArgumentError, "at=[]"),
        (lambda: train.cosine(0.1, 10, unit="batch"), gx.ArgumentError, "unit='batch'"),
        (lambda: train.warm_up("fast", 3), gx.ArgumentError, "after='fast'"),
        (lambda: train.plateau(0.1, factor=2.0), gx.ArgumentError, "factor=2.0"),
    ],
    "values": [
        (lambda: train.fit(LOSS, DATA, initial={"w": [1.0]}), gx.ArgumentError, "initial has 'w'"),
        (lambda: train.fit(LOSS, DATA, initial={"layer.w": [1.0]}), gx.ShapeError, "shape [1]"),
        (lambda: train.fit(LOSS, DATA, initial=[1.0]), gx.ArgumentError, "no dict"),
        (lambda: train.fit(LOSS, DATA, initial={"layer.w": ["a", "b", "c"]}), gx.ArgumentError,
         "layer.w"),
        (lambda: train.fit(LOSS, DATA, evaluate=LOSS), gx.ArgumentError, "has no name"),
        (lambda: train.fit(LOSS, DATA, evaluate={"a": SIGNAL}), gx.ShapeError, "no scalar"),
        (lambda: train.fit(LOSS, DATA, evaluate={"a": OTHER}), gx.ArgumentError,
         "which the loss does not have"),
        (lambda: train.fit(LOSS, DATA, augment=3), gx.ArgumentError, "augment=3"),
        (lambda: train.fit(LOSS, DATA, augment=lambda d, g: {"z": d["x"]}), gx.ArgumentError,
         "augment gave 'z'"),
        (lambda: train.fit(LOSS, DATA, augment=lambda d, g: {"x": d["x"][:5]}), gx.ShapeError,
         "augment gave x"),
        (lambda: train.fit(LOSS, DATA, augment=lambda d, g: None), gx.ArgumentError,
         "augment gave"),
        (lambda: train.fit(LOSS, DATA, record="/no/such/folder/run.json"), gx.FileError, "record"),
    ],
}  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), list(flat(CASES)))
def test_a_wrong_call_is_told_at_its_line(call: Any, kind: Any, words: str, tmp_path: Path) -> None:
    check_case(call, kind, words, tmp_path)


def test_inputs_of_a_fixed_number_of_rows_say_how_to_declare_them() -> None:
    x, w = gx.input("x", (8, 3)), gx.param("w", (3,), init=1.0)
    loss = gx.mean(gx.square(x @ w))
    run = train.fit(loss, {"x": X}, epochs=1)
    assert run.settings["batch_size"] == 8
    with pytest.raises(gx.ShapeError, match="declared with 8 rows, and a batch has 16"):
        train.fit(loss, {"x": X}, batch_size=16)


def test_without_optax_importing_says_what_to_install() -> None:
    code = (
        "import sys, importlib.util as u\n"
        "find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'optax' else find(name, *a)\n"
        "try:\n    import graphc.train\n"
        "except ImportError as error: print(type(error).__name__, error)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "PackageError" in found.stdout and 'pip install "graphc[train]"' in found.stdout
