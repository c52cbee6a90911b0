from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring

import graphc as gx
from graphc import train
from graphc.train.charts import chart_svg
from graphc.train.scales import number, ticks
from tests.train.networks import curved, line


def test_curves_show_training_and_validation_of_every_measure(tmp_path: Path) -> None:
    loss, right, data = curved()
    run = train.fit(
        loss, data, evaluate={"accuracy": right}, epochs=3, validation=0.25, early_stopping=9
    )
    path = train.curves(run, tmp_path / "curves.svg", title="a <title> & more")
    tree = fromstring(path.read_text())
    words = " ".join(t.text or "" for t in tree.iter("{http://www.w3.org/2000/svg}text"))
    for part in ("a <title> & more", "loss", "accuracy", "training", "validation", "best: epoch"):
        assert part in words, part
    page = train.curves({"one": run, "two": run}, tmp_path / "curves.html").read_text()
    assert (
        "one, validation" in page
        and "<script" not in page
        and "http:" not in page.replace("http://www.w3.org/2000/svg", "")
    )


def test_a_chart_is_the_same_bytes_in_another_process() -> None:
    code = (
        "from graphc import train\n"
        "from graphc.train.charts import chart_svg\n"
        "print(chart_svg(train.Panel('t', [train.Series('a', [1, 2], [3, 4])])), end='')"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert found.stdout == chart_svg(train.Panel("t", [train.Series("a", [1, 2], [3, 4])]))


def test_gaps_infinities_and_constants_can_be_drawn() -> None:
    series = [
        train.Series("a", [1, 2, 3, 4], [1, np.nan, np.inf, 2]),
        train.Series("b", [1], [5], "points"),
        train.Series("c", [0, 1, 2], [3, 0], "bars"),
    ]
    for log in (False, True):
        text = chart_svg(train.Panel("p", series, log_x=log, log_y=log))
        assert "nan" not in text.lower() and "inf" not in text.lower()
    flat = chart_svg(train.Panel("p", [train.Series("", [1, 1], [2, 2])]))
    assert "nan" not in flat


def test_ticks_are_round_and_within() -> None:
    assert ticks(0, 1) == [0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert ticks(1e-4, 1e3, log=True) == [1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000]
    assert ticks(2, 4, log=True) == [2, 3]
    assert [number(v) for v in (0, 1e-4, 250000, -0.5)] == ["0", "10⁻⁴", "2.5·10⁵", "−0.5"]


def test_distributions_are_those_of_numpy(tmp_path: Path) -> None:
    x = gx.input("x", ("batch", 2))
    w = gx.param("w", (2, 3))
    hidden = gx.relu(x @ w)
    loss = gx.mean(gx.square(hidden))
    weights = np.array([[1.0, -1, 0], [2, -2, 0]], np.float32)
    rows = np.array([[1.0, 1], [-1, -1], [2, 0]], np.float32)
    found = train.distributions(loss, {"w": weights}, {"x": rows}, activations={"hidden": hidden})
    by_name = {(d.name, d.what): d for d in found}
    made = np.maximum(rows @ weights, 0)
    inner = by_name["hidden", "activations"]
    assert inner.mean == pytest.approx(made.mean()) and inner.high == made.max()
    assert inner.zeros == pytest.approx(np.mean(made == 0)) and inner.counts.sum() == made.size
    slope = rows.T @ (2 * made / made.size)
    assert by_name["w", "weight gradients"].deviation == pytest.approx(slope.std())
    assert by_name["hidden", "activation gradients"].mean == pytest.approx((2 * made / 9).mean())
    text = train.histograms(found, tmp_path / "h.svg").read_text()
    assert "hidden: activations" in text and "zero" in text


def test_wrong_pictures_are_refused(tmp_path: Path) -> None:
    panel = train.Panel("p", [train.Series("a", [1, 2], [3])])
    with pytest.raises(gx.ArgumentError, match="2 positions for 1 values"):
        train.chart(tmp_path / "a.svg", panel)
    with pytest.raises(gx.FormatError, match=r"write \.svg or \.html"):
        train.chart(tmp_path / "a.gif", panel)
    with pytest.raises(gx.ArgumentError, match="is no run"):
        train.curves(3, tmp_path / "a.svg")  # pyright: ignore[reportArgumentType]
    loss, data = line()
    with pytest.raises(gx.ArgumentError, match="is no float value in the loss"):
        train.distributions(loss, {}, data, activations={"z": gx.input("z")})
    assert not list(tmp_path.iterdir())
