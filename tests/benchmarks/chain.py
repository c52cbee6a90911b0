"""A chain of a million nodes: build, reverse, simplify, in one process without recursion."""

from __future__ import annotations

from tests.benchmarks.process import megabytes, run_python

CODE = """
import json, sys, time
import graphc as gx
count = int(sys.argv[1])
seconds, last = {}, (time.perf_counter(), time.process_time())
def lap(name):
    global last
    now = time.perf_counter(), time.process_time()
    seconds[name], last = (now[0] - last[0], now[1] - last[1]), now
x = gx.input("x", (), gx.float64)
y = x
for _ in range(count // 2):
    y = gx.sin(y) * 1.0001
lap("build")
slope = gx.grad(y, x)
lap("reverse")
gx.simplify(slope)
lap("simplify")
print(json.dumps({"seconds": seconds, "peak": peak_bytes()}))
"""


def rows(quick: bool) -> list[tuple[str, str, str]]:
    """Returns the chain's rows."""
    count = 100_000 if quick else 1_000_000
    found = run_python(CODE, str(count))
    title = f"chain of {count:,} nodes"
    laps = dict(found["seconds"])
    laps["all"] = [sum(lap[i] for lap in laps.values()) for i in (0, 1)]
    lines = [(f"{title}: {n}", f"{s:.1f} s (CPU {c:.1f} s)", "") for n, (s, c) in laps.items()]
    lines[-1] = (*lines[-1][:2], "" if quick else "30 s")
    peak = megabytes(found["peak"])
    lines.append((f"{title}: peak memory of the process", peak, "" if quick else "1500 MB"))
    return lines
