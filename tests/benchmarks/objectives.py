"""The objectives of the public AD benchmark: derivative over objective time, against JAX by hand.

Data come from a seeded generator. The ratio of the two derivatives is taken round by round.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.benchmarks.process import ROOT

#: Name to (module, arguments, quick too). Modules load JAX, so they load in a process of their own.
CASES: dict[str, tuple[str, tuple[int, ...], bool]] = {
    "mixture10": ("mixture", (10, 25, 1_000), True),
    "mixture10_long": ("mixture", (10, 25, 10_000), False),
    "mixture64": ("mixture", (64, 25, 1_000), True),
    "mixture64_long": ("mixture", (64, 25, 10_000), False),
    "bundle": ("bundle", (49, 7_776, 31_843), True),
    "hand": ("hand", (544,), True),
    "hand_long": ("hand", (10_000,), False),
    "lstm": ("lstm", (1_024,), True),
}


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields for each objective graphc's and JAX's times, their ratio, and the cheap gradient's."""
    for name, (_, _, short) in CASES.items():
        if not quick or short:
            yield from _lines(_measured(name, 8 if quick else 30))


def _measured(name: str, rounds: int) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.objectives", name, str(rounds)],
        capture_output=True, text=True, check=False, cwd=ROOT, stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_ENABLE_X64": "1"},
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def _lines(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    name, times = found["name"], found["seconds"]
    mine, base = times["graphc"], times["graphc objective"]
    yield f"{name}: graphc's derivative", f"{_median(mine) * 1e3:.2f} ms", ""
    by_hand = {k: v for k, v in times.items() if k.startswith("jax")}
    for way, taken in by_hand.items():
        yield f"{name}: {way}", f"{_median(taken) * 1e3:.2f} ms", ""
    best = min(by_hand, key=lambda way: _median(by_hand[way]))
    yield f"{name}: graphc over {best}", f"{_ratio(mine, by_hand[best]):.2f}", "at most 1.0"
    yield f"{name}: over its objective", f"{_ratio(mine, base):.2f}", found["bound"]
    made = found["compile"]
    yield f"{name}: build, compile", f"{made['graphc']:.2f} s (JAX {made[best]:.2f} s)", ""
    room = {who: f"{count / 2**20:.1f}" for who, count in found["temporaries"].items()}
    figure = f"{room['graphc']} MiB (JAX {room[best]} MiB)"
    yield f"{name}: temporaries", figure, ""


def _median(times: Sequence[float]) -> float:
    return statistics.median(times)


def _ratio(times: Sequence[float], base: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(times, base, strict=True))


def _time(name: str, rounds: int) -> dict[str, Any]:
    """Measures one case in this process."""
    import importlib

    import jax
    import jax.numpy as jnp
    import numpy as np

    import graphc as gx
    from tests.benchmarks.interleave import interleaved

    module, sizes, _ = CASES[name]
    begin = time.perf_counter()
    case = importlib.import_module(f"tests.benchmarks.adbench.{module}").case(*sizes)
    built = time.perf_counter() - begin
    values = [jnp.asarray(v) for v in case.values]
    functions: dict[str, Any] = {
        "graphc": gx.compile(case.derivative, list(case.inputs)),
        "graphc objective": gx.compile(case.objective, list(case.inputs)),
        "objective by hand": jax.jit(case.by_hand),
        **{way: jax.jit(f) for way, f in case.derivatives_by_hand.items()},
    }
    seconds: dict[str, float] = {}
    results: dict[str, Any] = {}
    for way, function in functions.items():
        begin = time.perf_counter()
        results[way] = jax.block_until_ready(function(*values))
        seconds[way] = time.perf_counter() - begin
    seconds["graphc"] += built
    for way in case.derivatives_by_hand:
        _check(name, results["graphc"], results[way])
    _check(name, results["graphc objective"], results["objective by hand"])
    calls: list[Callable[[], Any]] = [lambda f=f: f(*values) for f in functions.values()]
    # A row of calls of some 50 ms, so that short ones are not lost in the clock.
    once = max(min(t) for t in interleaved(calls, 2, 1))
    taken = interleaved(calls, rounds, max(1, min(20, round(0.05 / once))))
    vector = np.ndim(results["graphc objective"]) > 0
    temporaries = {"graphc": functions["graphc"].memory()["temp"]}
    for way in case.derivatives_by_hand:
        compiled = functions[way].lower(*values).compile()
        temporaries[way] = int(compiled.memory_analysis().temp_size_in_bytes)
    return {
        "name": case.name,
        "seconds": dict(zip(functions, taken, strict=True)),
        "compile": seconds,
        "temporaries": temporaries,
        "bound": "" if vector else "about 4 at most",
    }


def _check(name: str, ours: Any, theirs: Any) -> None:
    import jax
    import numpy as np

    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        if not np.allclose(a, b, rtol=1e-8, atol=1e-9 * float(np.max(np.abs(b)))):
            raise RuntimeError(f"{name}: graphc and JAX do not compute the same")


if __name__ == "__main__":
    print(json.dumps(_time(sys.argv[1], int(sys.argv[2]))))
