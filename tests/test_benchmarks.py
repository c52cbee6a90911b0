"""The benchmarks' own tools: what they print, write and refuse; no figure is asserted."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.benchmarks import __main__ as table
from tests.benchmarks.interleave import absent, exponent, interleaved, named, peer, ratio, shown


@pytest.fixture
def rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes rows of a moment stand in for those that measure."""

    def some(quick: bool) -> list[tuple[str, str, str]]:
        return [("a chain", "1,250.5 s (CPU 1 s)" if quick else "2 MB", "30 s"), ("b", "none", "")]

    def broken(quick: bool) -> list[tuple[str, str, str]]:
        raise RuntimeError("nothing works\nthe disk is full")

    monkeypatch.setattr(table, "ROWS", {"some": "some", "broken": "broken"})
    monkeypatch.setattr(table, "_rows", {"some": some, "broken": broken}.__getitem__)


def test_json_keeps_rows_and_facts_of_the_machine(
    rows: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    assert table.main(["some", "--quick", "--json", str(file)]) == 0
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["rows"] == [
        {"row": "some", "what": "a chain", "figure": "1,250.5 s (CPU 1 s)", "aim": "30 s",
         "value": 1250.5, "unit": "s"},
        {"row": "some", "what": "b", "figure": "none", "aim": ""},
    ]  # fmt: skip
    assert found["machine"]["Python"] == sys.version.split()[0]
    assert set(found["machine"]) == {"processor", "cores", "system", "Python", "packages", "quick"}
    assert "a chain" in capsys.readouterr().out


def test_a_row_that_fails_is_told_and_the_others_are_measured(
    rows: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "figures.json"
    assert table.main(["broken", "some", "--json", str(file)]) == 1
    found = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [r["figure"] for r in found] == ["failed: the disk is full", "2 MB", "none"]
    assert "broken: failed: the disk is full" in capsys.readouterr().err


def test_an_unknown_row_is_refused_with_the_rows_there_are(
    rows: None, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        table.main(["some", "sums"])
    assert stopped.value.code == 2
    assert "no row is called sums; there are some, broken" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    rows: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        table.main(["some", "--json", str(tmp_path / "none" / "figures.json")])
    assert stopped.value.code == 2
    told = capsys.readouterr()
    assert "can't write" in told.err
    assert "No such file or directory" in told.err
    assert "a chain" not in told.out


def test_every_row_is_a_module_of_the_package() -> None:
    folder = Path(table.__file__).parent
    for module in table.ROWS.values():
        assert "\ndef rows(quick: bool)" in (folder / f"{module}.py").read_text(encoding="utf-8")


def test_calls_take_turns_and_all_are_counted() -> None:
    order: list[str] = []
    times = interleaved([lambda: order.append("a"), lambda: order.append("b")], 3, 2)
    assert "".join(order) == "ab" + "bbaa" + "aabb" + "bbaa"
    assert [len(t) for t in times] == [3, 3]
    assert set(named({"c": lambda: None}, 2)) == {"c"}


def test_ratios_are_taken_round_by_round() -> None:
    assert ratio([2.0, 30.0, 4.0], [1.0, 10.0, 2.0]) == 2.0


def test_the_exponent_of_a_power_law_is_found() -> None:
    assert exponent([1e3, 1e4, 1e5], [0.5e-3, 0.5e-3 * 10**1.2, 0.5e-3 * 10**2.4]) == pytest.approx(
        1.2
    )


def test_an_absent_peer_has_a_row_that_says_so() -> None:
    assert peer("no_such_module") is None
    assert absent("chain", "casadi") == (
        "chain: CasADi", "not installed", "pip install graphc[peers]",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (12.345, "12.3 s"),
        (0.5, "500 ms"),
        (1.5e-3, "1.50 ms"),
        (2e-6, "2.00 us"),
        (3e-9, "3.00 ns"),
    ],
)
def test_a_duration_is_shown_with_three_digits(seconds: float, text: str) -> None:
    assert shown(seconds) == text
