from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphc as gx
from graphc import train
from tests.train.networks import curved, line
from tests.train.test_fit import same


def fitted(**options: Any) -> train.Run:
    """Returns a run with all that has a state of its own."""
    loss, right, data = curved()
    key = gx.input("key", (2,), gx.uint32)
    seen = gx.param("seen", (), init=0.0, trainable=False)
    noisy = gx.assign(loss, seen, seen + gx.cast(key[0] % 7, gx.float32))
    chosen: dict[str, Any] = {
        "evaluate": {"loss": loss, "accuracy": right}, "epochs": 9, "batch_size": 8,
        "validation": 0.25, "learning_rate": train.plateau(0.2, patience=1, min_delta=1e-2),
        "early_stopping": 5, "normalise": ("x",), **options,
    }  # fmt: skip
    return train.fit(noisy, data, **chosen)


@pytest.mark.parametrize("optimiser", ["shampoo", "noisy_sgd"])
def test_a_resumed_training_gives_the_same_bits(optimiser: str, tmp_path: Path) -> None:
    whole = fitted(optimiser=optimiser)
    file = tmp_path / "run.safetensors"
    fitted(optimiser=optimiser, epochs=2, checkpoint=file)
    resumed = fitted(optimiser=optimiser, checkpoint=file, resume=True)
    same(whole, resumed)
    assert whole.best is not None and resumed.best is not None
    assert whole.best.epoch == resumed.best.epoch
    again = fitted(optimiser=optimiser, checkpoint=file, resume=True)  # after its end
    same(whole, again)


def test_a_killed_training_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    file = tmp_path / "run.safetensors"

    def killed(row: dict[str, float]) -> None:
        if row["epoch"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(checkpoint=file, checkpoint_every=2, on_epoch=killed)
    same(fitted(), fitted(checkpoint=file, checkpoint_every=2, resume=True))


def test_a_diverging_training_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    loss, data = line()
    file = tmp_path / "run.safetensors"
    run = train.fit(
        loss, data, epochs=500, optimiser="sgd", learning_rate=1.1, checkpoint=file, batch_size=20
    )
    assert run.diverged and len(run.history["loss"]) > 1
    from graphc.train.checkpoint import read_checkpoint

    head, arrays = read_checkpoint(file)
    assert head["course"]["epoch"] == run.history["epoch"][-1]
    assert np.isfinite(arrays["parameter/layer.w"]).all()


def test_without_a_file_resuming_begins_anew(tmp_path: Path) -> None:
    same(fitted(epochs=2), fitted(epochs=2, checkpoint=tmp_path / "new", resume=True))


def _metadata(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    head = json.loads(header["__metadata__"]["graphc"])
    change(head)
    header["__metadata__"]["graphc"] = json.dumps(head)
    made = json.dumps(header).encode()
    return len(made).to_bytes(8, "little") + made + data[8 + length :]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda d: b"", "too short"),
        (lambda d: d[:40], "ends before its header does"),
        (lambda d: d[:-1], "arrays can't be read"),
        (lambda d: d[:-9] + bytes([d[-9] ^ 1]) + d[-8:], "not what was written"),
        (lambda d: b"# a text that someone wrote\n" * 9, "another kind of file"),
        (lambda d: d.replace(b'"__metadata__"', b'"__metabata__"', 1), "no header of ours"),
        (lambda d: _metadata(d, lambda h: h.update(format="x")), "another kind of file"),
        (lambda d: _metadata(d, lambda h: h.update(version=9)), "has version 9"),
        (lambda d: _metadata(d, lambda h: h["course"].update(epoch=0)), "not what was written"),
    ],
)  # fmt: skip
def test_a_torn_or_foreign_file_is_refused_by_name(
    damage: Callable[[bytes], bytes], words: str, tmp_path: Path
) -> None:
    loss, data = line()
    file = tmp_path / "run.safetensors"
    train.fit(loss, data, epochs=1, checkpoint=file)
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(gx.CheckpointError, match=words) as caught:
        train.fit(loss, data, epochs=2, checkpoint=file, resume=True)
    assert "run.safetensors" in str(caught.value) and "test_checkpoint.py" in str(caught.value)


def test_the_checkpoint_of_another_training_is_refused_by_what_differs(tmp_path: Path) -> None:
    loss, data = line()
    file = tmp_path / "run.safetensors"
    train.fit(loss, data, epochs=1, checkpoint=file)
    call = lambda other=loss, rows=data, **options: train.fit(
        other, rows, epochs=2, checkpoint=file, resume=True, **options
    )
    with pytest.raises(gx.CheckpointError, match="batch_size=32, this training has 20"):
        call(batch_size=20)
    with pytest.raises(gx.CheckpointError, match="another graph"):
        call(loss * 2)
    with pytest.raises(gx.CheckpointError, match="optimiser='adam'"):
        call(optimiser="sgd")
    with pytest.raises(gx.CheckpointError, match="other data"):
        call(rows={**data, "y": data["y"] + 1})
    with pytest.raises(gx.FileError, match="is not there"):
        train.fit(loss, data, checkpoint=tmp_path / "no" / "file")
    with pytest.raises(gx.FileError, match="can't be read"):
        train.fit(loss, data, checkpoint=tmp_path, resume=True)


def test_the_fingerprint_is_the_same_in_another_process() -> None:
    import subprocess
    import sys

    code = (
        "from tests.train.networks import curved\n"
        "from graphc.train.model import fingerprint\n"
        "print(fingerprint([curved()[0]]))"
    )
    from graphc.train.model import fingerprint

    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert found.stdout.strip() == fingerprint([curved()[0]])
