"""The command line: what it prints, writes and returns, for good calls and for wrong ones."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click.testing
import pytest
from defusedxml import ElementTree

import graphc
from graphc import cli

ROOT = Path(graphc.__file__).parent.parent
QUICK = ("--quiet", "--no-memory", "--engines", "reverse")

GOOD = """
import graphc as gx

x = gx.input("x", (3,), "float64")
problem = gx.Problem(gx.sum(gx.sin(x) * x), {"x": [1.0, 2.0, 3.0]}, name="good")
"""

WRONG_FORMULA = """
import graphc as gx

x, y = gx.input("x", (), "float64"), gx.input("y", (), "float64")
loss = gx.sin(x) * y
problem = gx.Problem(loss, {"x": 1.0, "y": 2.0}, name="wrong", analytic={x: FORMULA, y: gx.sin(x)})
"""

Run = Callable[..., click.testing.Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs the command line in an empty folder, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    runner = click.testing.CliRunner()
    return lambda *words: runner.invoke(cli.main, [str(w) for w in words], prog_name="graphc")


def write(name: str, text: str) -> str:
    """Writes a file into the current folder."""
    Path(name).write_text(text, encoding="utf-8")
    return name


def report(folder: str = "out") -> Any:
    """Returns the report's JSON."""
    found = json.loads((Path(folder) / "report.json").read_text(encoding="utf-8"))
    return found["comparisons"][0] if "comparisons" in found else found


def gradients(folder: str = "out") -> dict[str, Any]:
    """Returns each engine's gradient from the report's JSON."""
    engines = report(folder)["engines"]
    return {name: e["gradient"] for name, e in engines.items() if e["status"] == "ok"}


# -- compare ---------------------------------------------------------------------------------------


def test_formula_report_holds_the_known_gradient(run: Run) -> None:
    done = run(
        "compare", "(x + y) * z", "x=-2", "y=5", "z=-4", "--out", "out", "--quiet", "--no-memory"
    )
    assert done.exit_code == 0, done.output
    found = gradients()
    assert set(found) == {"numeric", "symbolic", "reverse", "forward", "jax"}
    for name, gradient in found.items():
        close = pytest.approx if name == "numeric" else lambda v: v
        assert gradient == close({"x": -4.0, "y": -4.0, "z": 3.0}), name
    names = {p.name for p in Path("out").iterdir()}
    assert {"report.html", "report.md", "report.json", "mirrored.svg", "circuit.svg"} <= names
    assert not [n for n in names if n.endswith(".part")]
    for picture in Path("out").glob("*.svg"):
        assert ElementTree.parse(picture).getroot().tag.endswith("svg")
    page = (Path("out") / "report.html").read_text(encoding="utf-8")
    assert "(x + y) * z" in page


@pytest.mark.parametrize(
    ("formula", "value", "engine", "expected"),
    [
        ("log(x)", "-1", "reverse", "NaN"),
        ("1/x", "0", "reverse", "-Infinity"),
        ("sqrt(x)", "0", "reverse", "Infinity"),
        ("x*x", "nan", "reverse", "NaN"),
        ("exp(x)", "1000", "reverse", "Infinity"),
    ],
)
def test_numbers_that_are_no_floats_are_strings_in_json(
    run: Run, formula: str, value: str, engine: str, expected: str
) -> None:
    done = run("compare", formula, f"x={value}", "--out", "out", *QUICK)
    assert done.exit_code == 0, done.output
    assert gradients()[engine] == {"x": expected}


def test_file_with_several_problems_makes_one_report_without_clashes(run: Run) -> None:
    text = GOOD.replace("problem =", "a =") + "b = gx.Problem(gx.sum(x * x), {'x': [1, 2, 3]}, "
    write("two.py", text + "name='good')\n")
    done = run("compare", "two.py", "--out", "out", *QUICK)
    assert done.exit_code == 0, done.output
    assert done.output.count("agreed") == 2
    linked = [p.name for p in Path("out").glob("*.svg")]
    assert len(linked) == len(set(linked))
    assert len([n for n in linked if "mirrored" in n]) == 2


@pytest.mark.parametrize("command", ["compare", "check"])
@pytest.mark.parametrize(
    ("formula", "status"),
    [
        ("gx.cos(x) * y", 0),
        ("gx.cos(x)", 1),
        ("-gx.cos(x) * y", 1),
        ("gx.cos(x) * y * (1 + 1e-12)", 1),
    ],
)
def test_analytic_formula_decides_the_exit_status(
    run: Run, command: str, formula: str, status: int
) -> None:
    write("model.py", WRONG_FORMULA.replace("FORMULA", formula))
    out = ["--out", "out", "--no-memory"] if command == "compare" else []
    done = run(command, "model.py", "--engines", "analytic,reverse,jax", "--quiet", *out)
    assert done.exit_code == status, done.output
    lines = {line.split()[0]: line for line in done.output.splitlines() if line.strip()}
    assert ("defect" in lines["analytic"]) == bool(status)
    assert "agrees" in lines["reverse"]
    assert "agrees" in lines["jax"]


def test_wrt_and_engines_choose(run: Run) -> None:
    done = run(
        "compare", "x*y*z", "x=2", "y=3", "z=5", "--wrt", "x, z", "--engines", "reverse, forward",
        "--out", "out", "--quiet", "--no-memory",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert gradients() == {"reverse": {"x": 15, "z": 6}, "forward": {"x": 15, "z": 6}}


def test_progress_goes_to_stderr_and_quiet_is_silent(run: Run) -> None:
    loud = run("check", "sin(x)", "x=1", "--engines", "reverse")
    assert "engine reverse" in loud.stderr
    assert "engine reverse" not in loud.stdout
    quiet = run("check", "sin(x)", "x=1", "--engines", "reverse", "--quiet")
    assert quiet.stderr == ""
    assert quiet.stdout == loud.stdout


def test_failed_call_leaves_no_folder(run: Run) -> None:
    assert run("compare", "log(x", "x=1", "--out", "new/deep", *QUICK).exit_code == 2
    assert not Path("new").exists()
    Path("old").mkdir()
    assert run("compare", "log(x", "x=1", "--out", "old", *QUICK).exit_code == 2
    assert Path("old").is_dir()


def test_report_that_can_not_be_written_replaces_no_page(run: Run) -> None:
    (Path("out") / "report.json").mkdir(parents=True)
    done = run("compare", "x", "x=1", "--out", "out", *QUICK)
    assert done.exit_code == 2
    assert "report.json" in done.stderr
    assert not (Path("out") / "report.html").exists()
    assert not list(Path("out").glob("*.part"))


# -- check -----------------------------------------------------------------------------------------


def test_check_prints_a_line_for_each_engine(run: Run) -> None:
    done = run("check", "sin(x) * sigmoid(y)", "x=1", "y=2", "--quiet")
    assert done.exit_code == 0
    first = [line.split()[0] for line in done.stdout.splitlines()[1:]]
    assert first == ["analytic", "numeric", "symbolic", "reverse", "forward", "jax"]
    assert "\x1b" not in done.output


@pytest.mark.parametrize("formula", ["-x", "-cosh(x)", "-2*x", "- x + 1"])
def test_formula_may_begin_with_a_minus_sign(run: Run, formula: str) -> None:
    done = run("check", formula, "x=-1", "--quiet", "--engines", "reverse")
    assert done.exit_code == 0, done.output
    assert run("check", "--quiet", "--", formula, "x=-1").exit_code == 0
    assert run("draw", formula, "x=1", "a.dot").exit_code == 0
    assert Path("a.dot").exists()


def test_formula_may_be_longer_than_a_file_name(run: Run) -> None:
    done = run("check", "+".join(["x"] * 400), "x=1", "--quiet", "--engines", "reverse")
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize(
    "words",
    [
        ("check", "(1-cos(x))/x**2 + log(1+exp(y))", "x=1e-8", "y=800", "--quiet"),
        ("check", "abs(x) + where(y > 0, log(y), 0)", "x=0", "y=-1", "--quiet"),
        ("compare", "alpha*beta*gamma*delta", "alpha=1.23456789", "beta=2", "gamma=3", "delta=4",
         "--quiet", "--no-memory", "--out", "out"),
        ("ops",),
        ("ops", "softmax"),
        ("--help",),
        ("compare", "--help"),
    ],
)  # fmt: skip
def test_output_fits_80_columns(run: Run, words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 0, done.output
    wide = [line for line in done.stdout.splitlines() if len(line) > 80]
    assert not wide


# -- draw ------------------------------------------------------------------------------------------

HEADS = {".svg": b"<", ".png": b"\x89PNG\r\n\x1a\n", ".pdf": b"%PDF-", ".dot": b""}


@pytest.mark.parametrize("kind", ["forward", "backward", "mirrored", "circuit", "update"])
def test_every_kind_is_drawn(run: Run, kind: str) -> None:
    done = run("draw", "(x + y) * z", "x=-2", "y=5", "z=-4", "-o", "a.svg", "--kind", kind)
    assert done.exit_code == 0, done.output
    assert ElementTree.parse("a.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("suffix", HEADS)
def test_every_format_is_drawn(run: Run, suffix: str) -> None:
    done = run("draw", "sin(x) * y", f"a{suffix}")
    assert done.exit_code == 0, done.output
    data = Path(f"a{suffix}").read_bytes()
    assert len(data) > 200
    assert data.startswith(HEADS[suffix])
    assert suffix != ".dot" or b"digraph" in data[:200]


def test_picture_without_values_writes_no_numbers(run: Run) -> None:
    assert run("draw", "sin(q) * r", "q=0.5", "a.dot").exit_code == 0
    assert "0.479" not in Path("a.dot").read_text(encoding="utf-8")
    assert run("draw", "sin(q) * r", "q=0.5", "r=1", "a.dot").exit_code == 0
    assert "0.479" in Path("a.dot").read_text(encoding="utf-8")


def test_file_with_two_problems_gives_two_pictures(run: Run) -> None:
    write(
        "two.py", GOOD.replace("problem =", "a =") + "b = gx.Problem(gx.sum(x), {'x': [1, 2, 3]})\n"
    )
    done = run("draw", "two.py", "p.dot")
    assert done.exit_code == 0, done.output
    assert {p.name for p in Path().glob("p*.dot")} == {"p-1.dot", "p-2.dot"}


# -- ops -------------------------------------------------------------------------------------------


def test_ops_json_holds_every_record(run: Run) -> None:
    from graphc.core.op import all_ops

    rows = json.loads(run("ops", "--json").stdout)
    assert [r["name"] for r in rows] == [op.name for op in all_ops()]
    assert all(r["meaning"] and r["domain"] for r in rows)
    (one,) = json.loads(run("ops", "--json", "tanh").stdout)
    assert one["name"] == "tanh"


# -- wrong calls -----------------------------------------------------------------------------------

WRONG: list[tuple[tuple[str, ...], str]] = [
    ((), "Usage: graphc"),
    (("nonsense",), "No such command 'nonsense'"),
    (("check",), "Missing argument 'SUBJECT'"),
    (("check", ""), "the formula is empty"),
    (("check", "log(x", "x=1"), "    log(x\n       ^"),
    (("check", "x + foo(y)", "x=1"), "did you mean `floor`"),
    (("check", "x y", "x=1"), "^"),
    (("check", "__import__('os')", "x=1"), "^"),
    (("check", "x", "x=abc"), "'abc' is no number; for example x=0.5"),
    (("check", "x", "x="), "'x='"),
    (("check", "x", "=3"), "write name=number"),
    (("check", "x", "5"), "write name=number"),
    (("check", "x*y", "x=1"), "no value for y; add y=1"),
    (("check", "x", "x=1", "y=2"), "the formula has no 'y'; its names are x"),
    (("check", "x", "x=1", "x=2"), "'x' has two values"),
    (("check", "1 + 2"), "no float input"),
    (("check", "x", "x=1", "--wrt", "q"), "does not depend on 'q'; its inputs are x"),
    (("check", "x", "x=1", "--engines", "magic"), "there is no engine 'magic'; use analytic"),
    (("check", "x", "x=1", "--engines", ","), "there is no engine ''"),
    (("check", "x", "x=1", "--engines"), "--engines"),
    (("check", "x", "x=1", "--verbose"), "No such option '--verbose'"),
    (("check", "-x", "x=1", "-q"), "No such option '-q'"),
    (("check", "nothere.py"), "there is no file 'nothere.py'"),
    (("check", "good.py", "x=1"), "a FILE.py brings its own values"),
    (("check", "notes.txt"), "notes.txt does not end in .py"),
    (("check", "syntax.py"), "syntax.py:2: this is no Python"),
    (("check", "raises.py"), "raises.py:2: the file failed: ValueError: math domain error"),
    (("check", "exits.py"), "exits.py:2: the file ended the program with exit status 3"),
    (("check", "empty.py"), "empty.py gives no problem; write problem = gx.Problem"),
    (("check", "other.py"), "other.py gives 3, which is no gx.Problem"),
    (("check", "later.py"), "later.py:2: the file failed: ZeroDivisionError"),
    (("check", "vector.py"), "vector.py:3: the output sin(x) is f32[3], not a float scalar"),
    (("check", "shapes.py"), "shapes.py:4: sizes 3 and 4"),
    (("compare", "x", "x=1", "--out", "file"), "the folder 'file' can't be written"),
    (("compare", "x", "x=1", "--out", "file/in"), "the folder 'file/in' can't be written"),
    (("draw", "x*y"), "name a file for the picture"),
    (("draw", "x*y", "a.bmp"), "'.bmp' is no picture format; use one of dot, svg, png, pdf"),
    (("draw", "x*y", "missing/a.svg"), "the file 'missing/a.svg' can't be written"),
    (("draw", "x*y", "folder.svg"), "it is a folder"),
    (("draw", "x*y", "a.svg", "--kind", "cubist"), "'cubist' is not one of"),
    (("ops", "frobnicate"), "there is no op named 'frobnicate'"),
]  # fmt: skip

FILES = {
    "good.py": GOOD,
    "notes.txt": "hello",
    "file": "",
    "syntax.py": "a = 1\nx = (\n",
    "raises.py": "import math\nmath.sqrt(-1)\n",
    "exits.py": "import sys\nsys.exit(3)\n",
    "empty.py": "x = 1\n",
    "other.py": "problems = [3]\n",
    "later.py": "def problems():\n    return [1 / 0]\n",
    "vector.py": "import graphc as gx\nx = gx.input('x', 3)\ngx.Problem(gx.sin(x))\n",
    "shapes.py": "import graphc as gx\nx = gx.input('x', 3)\ny = gx.input('y', 4)\nx + y\n",
}


@pytest.mark.parametrize(("words", "expected"), WRONG, ids=lambda v: " ".join(v)[:50])
def test_wrong_call_says_what_is_wrong(run: Run, words: tuple[str, ...], expected: str) -> None:
    for name, text in FILES.items():
        write(name, text)
    Path("folder.svg").mkdir()
    before = set(Path().rglob("*"))
    done = run(*words)
    assert done.exit_code == 2, done.output
    assert expected in done.output
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit)
    assert {p for p in Path().rglob("*") if "__pycache__" not in p.parts} == before


def test_fault_of_graphc_is_no_defect_of_the_gradient(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(importlib.import_module("graphc.compare.check"), "judge", broken)
    done = run("check", "x", "x=1", "--quiet")
    assert done.exit_code == 3
    assert "a fault of graphc" in done.stderr


# -- from the shell --------------------------------------------------------------------------------


def shell(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Runs `python -m graphc` in a process of its own."""
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH", "")) if p)
    return subprocess.run(
        [sys.executable, "-m", "graphc", *words], capture_output=True, text=True, check=False,
        cwd=cwd, env={**os.environ, "PYTHONPATH": path, "COLUMNS": "80"}, timeout=120,
    )  # fmt: skip


def test_shell_compares_with_memory_measured(tmp_path: Path) -> None:
    done = shell(
        "compare", "(x + y) * z", "x=-2", "y=5", "z=-4", "--out", "out", "--engines", "reverse",
        cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = report(str(tmp_path / "out"))["engines"]["reverse"]
    assert found["gradient"] == {"x": -4, "y": -4, "z": 3}
    assert found["peak_bytes"] > 0
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    "words",
    [("draw", "1/(1+exp(-x))", "x=2", "a.svg"), ("kinks", "abs(x)", "x=0"), ("ops", "sin"),
     ("lint", "log(1+exp(x))"), ("debug", "log(x)", "x=2")],
)  # fmt: skip
def test_commands_that_compile_nothing_load_neither_jax_nor_sympy(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    code = f"""
import atexit, sys
from graphc.cli import main
atexit.register(lambda: print("loaded:", *({{"jax", "sympy"}} & set(sys.modules))))
main({list(words)!r})
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120,
    )  # fmt: skip
    assert done.returncode < 2, done.stderr
    assert done.stdout.splitlines()[-1].split() == ["loaded:"]


def test_shell_draws_and_refuses(tmp_path: Path) -> None:
    assert shell("draw", "-x*y", "a.png", cwd=tmp_path).returncode == 0
    assert (tmp_path / "a.png").read_bytes().startswith(HEADS[".png"])
    done = shell("check", "log(x", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("graphc: this bracket is not closed")


def test_shell_places_are_the_users_lines(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(WRONG_FORMULA.replace("FORMULA", "gx.cos(x)"))
    done = shell("check", "model.py", "--quiet", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    formula = shell("check", "abs(x)", "x=0", "--quiet", cwd=tmp_path)
    assert "convention" in formula.stdout
    assert "core.py" not in formula.stdout


def test_stable_form_is_checked_on_request(run: Run) -> None:
    naive = run("check", "log(1+exp(x))", "x=800", "--quiet")
    assert "overflow" in naive.output
    stable = run("check", "log(1+exp(x))", "x=800", "--quiet", "--stable")
    assert stable.exit_code == 0
    assert "overflow" not in stable.output
    assert stable.output.count("agrees") == 5


def test_stable_form_may_need_fewer_inputs(run: Run) -> None:
    found = run("compare", "log(exp(x)) + 0 * y", "x=800", "y=1", "--stable", "--no-memory")
    assert found.exit_code == 0, found.output
