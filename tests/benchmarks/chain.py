"""A chain of a million nodes: build, reverse, simplify, in one process without recursion."""

from __future__ import annotations

from tests.benchmarks.process import megabytes, run_python

CODE = """
import json, sys, time
import graphc as gx
count = int(sys.argv[1])
at_start, seconds, last = peak_bytes(), {}, time.perf_counter()
def lap(name):
    global last
    now = time.perf_counter()
    seconds[name], last = now - last, now
x = gx.input("x", (), gx.float64)
y = x
for _ in range(count // 2):
    y = gx.sin(y) * 1.0001
lap("build")
slope = gx.grad(y, x)
lap("reverse")
gx.simplify(slope)
lap("simplify")
print(json.dumps({"seconds": seconds, "peak": peak_bytes(), "at_start": at_start}))
"""


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns the chain's rows."""
    count = 100_000 if quick else 1_000_000
    found = run_python(CODE, str(count))
    title = f"chain of {count:,} nodes"
    total = sum(found["seconds"].values())
    lines = [(f"{title}: {n}", f"{s:.2f} s", "") for n, s in found["seconds"].items()]
    lines.append((f"{title}: all", f"{total:.1f} s", "" if quick else "30 s"))
    peak = megabytes(found["peak"])
    lines.append((f"{title}: peak memory of the process", peak, "" if quick else "1500 MB"))
    return lines
