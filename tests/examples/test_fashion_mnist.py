from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from examples import fashion_mnist


def test_says_so_where_the_data_are_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(fashion_mnist, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["fashion_mnist.py", "--quick"])
    assert fashion_mnist.main() == 0
    printed = capsys.readouterr().out
    assert printed.startswith("skipped: no data in")
    assert "apt-get install dataset-fashion-mnist" in printed


if fashion_mnist.found():

    @pytest.fixture(scope="module")
    def result() -> fashion_mnist.Result:
        return fashion_mnist.compute(quick=True)

    def test_four_of_five_new_images_are_told_right(result: fashion_mnist.Result) -> None:
        # Measured by compiled code in `fit` and again by a function compiled apart.
        assert result.accuracy > 0.8
        assert result.accuracy == pytest.approx(result.history["validation.accuracy"][-1], abs=2e-3)

    def test_confusion_counts_every_image(result: fashion_mnist.Result) -> None:
        shares = fashion_mnist.confusion(result)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        counts = np.bincount(result.labels, minlength=10)
        assert np.sum(np.diag(shares) * counts) / counts.sum() == pytest.approx(result.accuracy)

    def test_picture_shows_nine_mistakes(result: fashion_mnist.Result) -> None:
        titles = [axis.get_title(loc="left") for axis in fashion_mnist.picture(result).axes]
        assert "right" in titles[0]
        pairs = [title.split(",\nnot ") for title in titles[1:]]
        assert len(pairs) == 9
        assert all(true != taken for true, taken in pairs)
