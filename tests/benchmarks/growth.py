"""Build, differentiate and simplify at four sizes, with the fitted exponent of growth."""

from __future__ import annotations

from collections.abc import Iterator

from tests.benchmarks.interleave import exponent, shown
from tests.benchmarks.process import megabytes, run_python

#: Prints the CPU seconds of each piece of work on one graph, and the peak memory.
CODE = """
import json, random, sys, time
import graphc as gx
shape, count = sys.argv[1], int(sys.argv[2])
seconds, last = {}, time.process_time()
def lap(name):
    global last
    now = time.process_time()
    seconds[name], last = now - last, now
x = gx.input("x", (), gx.float64)
y = x
if shape == "chain":
    for _ in range(count // 2):
        y = gx.sin(y) * 1.0001
else:
    chance, made = random.Random(1), [x, gx.input("z", (), gx.float64)]
    for _ in range(count):
        a, b = (made[-1 - chance.randrange(min(50, len(made)))] for _ in range(2))
        made.append((a + b, a * b, a - b, gx.sin(a))[chance.randrange(4)])
    y = made[-1]
lap("build")
slope = gx.grad(y, x, unreachable="zero")
lap("reverse")
gx.simplify(slope)
lap("simplify")
print(json.dumps({"seconds": seconds, "peak": peak_bytes()}))
"""


def rows(quick: bool) -> Iterator[tuple[str, str, str]]:
    """Yields CPU seconds at the largest size and the exponent over all; CPU, for load hides it."""
    sizes = (3_000, 10_000, 30_000) if quick else (10_000, 30_000, 100_000, 300_000, 1_000_000)
    for shape in ("chain", "random"):
        found = [run_python(CODE, shape, str(size)) for size in sizes]
        title = f"{shape} of {sizes[-1]:,} nodes"
        for work in found[-1]["seconds"]:
            taken = [f["seconds"][work] for f in found]
            power = exponent(sizes, taken)
            yield f"{title}: {work}", f"{shown(taken[-1])} CPU, n^{power:.2f}", "n^1"
        total = sum(found[-1]["seconds"].values())
        held = shape == "chain" and not quick
        yield f"{title}: all", f"{shown(total)} CPU", "15 s" if held else ""
        yield f"{title}: peak memory", megabytes(found[-1]["peak"]), "1000 MB" if held else ""
