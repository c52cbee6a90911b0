"""Nothing is evaluated, unpickled or run by a shell: read from the syntax trees."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.audit import Finding, audit

ROOT = Path(__file__).resolve().parents[1]
FILES = sorted(
    p for folder in ("graphc", "examples", "docs") for p in ROOT.joinpath(folder).rglob("*.py")
)

#: What is allowed, where, and why. A name allows what begins with it: `subprocess` its members.
ALLOWED = {
    ("docs/pictures.py", "importlib.import_module(computed)"): "the examples, by their names",
    ("graphc/__init__.py", "importlib.import_module(computed)"): "names of our own, from a table",
    ("graphc/cli/subject.py", "sys.modules"): "looked at, to see whether JAX was loaded",
    ("graphc/compare/atlas/run.py", "concurrent.futures.ProcessPoolExecutor"):
        "processes of graphc's own share the work, started afresh",
    ("graphc/compare/atlas/run.py", "multiprocessing"): "how these processes are started",
    ("graphc/compare/report/html.py", "markupsafe.Markup"): "what clean.py and mathml made safe",
    ("graphc/core/errors.py", "types.CodeType"): "held and read, never made",
    ("graphc/core/fork.py", "sys.modules"): "looked at, to see whether JAX was loaded",
    ("graphc/core/programs.py", "importlib.util"): "imports the user's own FILE.py",
    ("graphc/core/programs.py", "exec_module"): "imports the user's own FILE.py",
    ("graphc/core/programs.py", "sys.modules"): "where an imported FILE.py belongs",
    ("graphc/fuzz/run.py", "concurrent.futures.ProcessPoolExecutor"):
        "processes of graphc's own share the work, started afresh",
    ("graphc/fuzz/run.py", "multiprocessing"): "how these processes are started",
    ("graphc/measure/memory.py", "subprocess"): "peak memory is measured in a process of its own",
    ("graphc/measure/memory_worker.py", "importlib.import_module(computed)"):
        "a module of graphc's own: check_target refuses every other",
    ("graphc/measure/memory_worker.py", "os.fork"): "a measurement of what was loaded before",
    ("graphc/render/layout.py", "subprocess"): "a picture is laid out in a process with a limit",
}  # fmt: skip


def name_of(path: Path) -> str:
    """Returns the path inside the repository, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def findings() -> Iterator[tuple[str, Finding]]:
    """Yields every finding in the package, the examples and the documents' programs."""
    for path in FILES:
        for finding in audit(ast.parse(path.read_text(encoding="utf-8"))):
            yield name_of(path), finding


def test_nothing_runs_code_or_programs_but_what_is_listed() -> None:
    used: set[tuple[str, str]] = set()
    wrong: list[str] = []
    for name, finding in findings():
        reasons = {k for k in ALLOWED if k[0] == name and finding.what.startswith(k[1])}
        used |= reasons
        if not reasons:
            wrong.append(f"{name}:{finding.line} has {finding.what}")
    assert not wrong, "\n".join(wrong)
    assert not set(ALLOWED) - used, f"no longer needed: {sorted(set(ALLOWED) - used)}"


def test_programs_are_started_from_lists_of_words() -> None:
    texts = [(n, f) for n, f in findings() if f.what.endswith(("(text)", "(**...)", "shell="))]
    assert not texts


def test_templates_trust_nothing() -> None:
    for path in (ROOT / "graphc").rglob("*.j2"):
        text = path.read_text(encoding="utf-8")
        assert "|safe" not in text.replace(" ", "") and "autoescape" not in text, path.name


#: Violations that the auditor must see, each with the word by which it names it.
PLANTED = {
    "eval('1')": "eval",
    "f = eval": "eval",
    "exec('x = 1')": "exec",
    "map(exec, lines)": "exec",
    "compile('1', '', 'eval')": "compile",
    "__import__('os')": "__import__",
    "breakpoint()": "breakpoint",
    "__builtins__['eval']": "__builtins__",
    "import builtins": "builtins",
    "import builtins as b\nb.eval('1')": "builtins",
    "from builtins import exec as run\nrun('1')": "exec",
    "globals()['ev' + 'al']('1')": "globals()[...]",
    "import os\nos.system('ls')": "os.system",
    "import os as o\no.popen('ls')": "os.popen",
    "from os import system\nsystem('ls')": "os.system",
    "from os import system as s\nf = s": "os.system",
    "from os import *": "os.*",
    "import os\nos.execv('/bin/sh', [])": "os.execv",
    "import os\nos.spawnl(0, 'sh')": "os.spawnl",
    "import os\ngetattr(os, 'system')('ls')": "os.system",
    "import os\ngetattr(os, name)('ls')": "getattr(os, computed)",
    "import operator, os\noperator.attrgetter(name)(os)\ngetattr(os, 'popen')": "os.popen",
    "import posix": "posix",
    "import subprocess": "subprocess",
    "import subprocess as s\ns.run('ls')": "subprocess.run(text)",
    "import subprocess as s\ns.run(f'ls {x}')": "subprocess.run(text)",
    "import subprocess as s\ns.run('ls ' + x)": "subprocess.run(text)",
    "import subprocess as s\ns.run(' '.join(x))": "subprocess.run(text)",
    "import subprocess as s\ns.run(args='ls')": "subprocess.run(text)",
    "import subprocess as s\ns.run(['ls'], shell=True)": "shell=",
    "import subprocess as s\ns.run(['ls'], shell=x)": "shell=",
    "import subprocess as s\ns.run(['ls'], **options)": "subprocess.run(**...)",
    "from subprocess import getoutput": "subprocess.getoutput",
    "import pickle": "pickle",
    "import pickle as p\np.loads(data)": "pickle",
    "from pickle import loads": "pickle.loads",
    "def f():\n    import marshal": "marshal",
    "import shelve": "shelve",
    "import dill": "dill",
    "import joblib": "joblib",
    "import cloudpickle": "cloudpickle",
    "import ctypes.util": "ctypes",
    "import runpy": "runpy",
    "import code": "code",
    "import multiprocessing": "multiprocessing",
    "from concurrent.futures import ProcessPoolExecutor": "ProcessPoolExecutor",
    "import importlib\nimportlib.import_module(name)": "importlib.import_module(computed)",
    "from importlib import import_module\nimport_module(name)": "import_module(computed)",
    "import importlib.machinery": "importlib.machinery",
    "spec.loader.exec_module(module)": "exec_module",
    "import sys\nsys.modules['os'].system('ls')": "sys.modules",
    "().__class__.__base__.__subclasses__()": "__subclasses__",
    "f.__globals__['x']": "__globals__",
    "import numpy as np\nnp.load(path)": "allow_pickle",
    "import numpy as np\nnp.load(path, allow_pickle=True)": "allow_pickle",
    "from numpy import load\nload(path)": "allow_pickle",
    "import sympy\nsympy.sympify(text)": "sympify without strict",
    "from sympy import sympify as read\nread(text)": "sympify without strict",
    "import sympy\nsympy.sympify(text, strict=False)": "sympify without strict",
    "import sympy\nsympy.S(text)": "sympy.S",
    "import sympy\nsympy.parse_expr(text)": "sympy.parse_expr",
    "from sympy.parsing.sympy_parser import parse_expr": "sympy.parsing",
    "import sympy as sp\nsp.lambdify(x, e)": "sympy.lambdify",
    "import yaml\nyaml.load(text)": "yaml.load",
    "import jinja2\njinja2.Environment()": "autoescape",
    "from jinja2 import Environment\nEnvironment(autoescape=False)": "autoescape",
    "import jinja2\njinja2.Template(text)": "jinja2.Template",
    "frame.eval('a + b')": ".eval",
    "import inspect\ninspect.signature(f, eval_str=True)": "eval_str",
    "import typing\ntyping.get_type_hints(f)": "typing.get_type_hints",
    "import socket": "socket",
    "import urllib.request": "urllib",
    "import click\nclick.launch(url)": "click.launch",
    "import torch\ntorch.load(path)": "torch.load",
}


@pytest.mark.parametrize("code", PLANTED)
def test_planted_violation_is_found(code: str) -> None:
    found = [f.what for f in audit(ast.parse(code))]
    assert any(str(PLANTED[code]) in what for what in found), found


@pytest.mark.parametrize(
    "code",
    [
        "from graphc.backends.compile import compile\ncompile(x)",
        "def compile(x):\n    return x\ncompile(1)",
        "import re\nre.compile('a')",
        "import importlib\nimportlib.import_module('graphc.compare')",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "import sympy\nsympy.sympify(x, strict=True)\nsympy.S.Half",
        "import jinja2\njinja2.Environment(autoescape=True)",
        "import platform\nplatform.system()",
        "import os\nos.replace(a, b)\nos.path.join(a)",
        "import json\njson.load(file)",
        "globals()['x'] = 1",
        "import ast\nast.parse('1', mode='eval')",
    ],
)
def test_harmless_code_is_left_alone(code: str) -> None:
    assert not audit(ast.parse(code))
