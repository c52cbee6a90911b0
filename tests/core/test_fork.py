"""A forked process builds, differentiates, evaluates and saves; JAX is refused there by a word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

START = """
import gc, os, sys, threading, time, warnings
import numpy as np
import graphc as gx
warnings.simplefilter("ignore")  # JAX and Python warn of any fork beside threads

def work(folder):
    x = gx.input("x", (3,), "float64")
    loss = gx.sum(gx.tanh(x) * x)
    slope = gx.grad(loss, x)
    values = np.array([0.5, -1.0, 2.0])
    found = gx.evaluate(slope, x=values)
    assert np.allclose(found, np.tanh(values) + values / np.cosh(values) ** 2, rtol=1e-14)
    path = gx.save(f"{folder}/{os.getpid()}.json", slope)
    assert gx.load(path) is slope

def forked(child, seconds=60):
    number = os.fork()
    if not number:
        code = 1
        try:
            child()
            code = 0
        finally:
            sys.stderr.flush()
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(number, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.kill(number, 9)
    os.waitpid(number, 0)
    return "no end"
"""


def run_script(body: str, folder: Path) -> str:
    """Runs a program in a process of its own and returns what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", START + body, str(folder)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(Path.cwd())},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_forked_beside_15_threads_that_build_all_but_jax_works(tmp_path: Path) -> None:
    out = run_script(
        """
stop = False
def build(number):
    x = gx.input(f"x{number}", (), "float64")
    while not stop:
        y = x
        for i in range(50):
            y = gx.sin(y) + i
        gx.simplify(gx.grad(y, x))
        with gx.core.walk.collection_paused():
            pass

compiled = gx.compile(gx.sin(gx.input("x")))
compiled(x=1.0)
def child():
    for name in ("call", "compile"):
        try:
            compiled(x=1.0) if name == "call" else gx.compile(gx.cos(gx.input("x")))
        except gx.ForkError as error:
            assert "spawn" in str(error) and "<string>" not in str(error), str(error)
        else:
            raise SystemExit(name)
    assert gc.isenabled()
    work(sys.argv[1])

import graphc.core.walk
sys.setswitchinterval(1e-6)
threads = [threading.Thread(target=build, args=(n,)) for n in range(15)]
for thread in threads:
    thread.start()
found = [forked(child) for _ in range(12)]
stop = True
for thread in threads:
    thread.join()
assert gc.isenabled()
compiled(x=1.0)
print(found)
""",
        tmp_path,
    )
    assert out.strip() == str([0] * 12)


def test_a_lock_held_by_another_thread_at_the_fork_is_free_in_the_child(tmp_path: Path) -> None:
    out = run_script(
        """
import graphc.core.node, graphc.core.walk
held, done = threading.Event(), threading.Event()
def hold():
    with graphc.core.node._lock, graphc.core.walk._pause_lock:
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
print(forked(lambda: work(sys.argv[1])))
done.set()
thread.join()
""",
        tmp_path,
    )
    assert out.strip() == "0"


def test_a_pause_of_collection_in_another_thread_ends_with_the_fork(tmp_path: Path) -> None:
    out = run_script(
        """
from graphc.core.walk import collection_paused
held, done = threading.Event(), threading.Event()
def hold():
    with collection_paused():
        held.set()
        done.wait()

thread = threading.Thread(target=hold)
thread.start()
held.wait()
assert not gc.isenabled()
def child():
    assert gc.isenabled()
    with collection_paused():
        assert not gc.isenabled()
    assert gc.isenabled()
print(forked(child))
with collection_paused():
    inside = forked(lambda: sys.exit(gc.isenabled()) if gc.isenabled() else None)
print(inside)
done.set()
thread.join()
assert gc.isenabled()
""",
        tmp_path,
    )
    assert out.split() == ["0", "0"]


def test_forked_before_jax_started_the_child_may_use_it(tmp_path: Path) -> None:
    out = run_script(
        """
compiled = gx.compile(gx.sin(gx.input("x")))
def child():
    assert float(compiled(x=0.0)) == 0.0
print(forked(child, 200))
""",
        tmp_path,
    )
    assert out.strip() == "0"
