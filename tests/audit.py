"""An auditor of syntax trees: what may run code or programs, or read code from bytes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

#: Builtins that run text, or reach whatever can.
BUILTINS = frozenset({"eval", "exec", "compile", "__import__", "breakpoint", "__builtins__"})

#: Whole modules: that run code, read code from bytes, start programs or talk to the network.
MODULES = frozenset(
    "builtins runpy code codeop pdb bdb trace timeit doctest imp cProfile profile pty ctypes cffi "
    "_ctypes pickle _pickle pickletools marshal shelve dill joblib cloudpickle copyreg "
    "multiprocessing concurrent.futures.process subprocess webbrowser socket urllib http requests "
    "ftplib smtplib xmlrpc socketserver sympy.parsing numexpr importlib.machinery zipimport "
    "posix nt sympy.utilities.lambdify sympy.utilities.autowrap sympy.core.sympify".split()
)

#: Functions and classes, by the name under which their module has them.
NAMES = frozenset(
    "os.system os.popen os.startfile os.posix_spawn os.posix_spawnp os.fork os.forkpty "
    "importlib.__import__ importlib.reload importlib.util.spec_from_file_location "
    "importlib.util.module_from_spec importlib.util.spec_from_loader sys.modules sys.meta_path "
    "sys.path_hooks sys.settrace types.FunctionType types.CodeType types.LambdaType "
    "typing.get_type_hints asyncio.create_subprocess_shell asyncio.create_subprocess_exec "
    "concurrent.futures.ProcessPoolExecutor sympy.parse_expr sympy.lambdify "
    "pandas.eval pandas.read_pickle torch.load jinja2.Template "
    "markupsafe.Markup jinja2.utils.markupsafe.Markup yaml.load yaml.load_all yaml.unsafe_load "
    "yaml.unsafe_load_all yaml.full_load yaml.full_load_all numpy.loads click.launch click.edit "
    "logging.config jax.export.deserialize".split()
)

#: Attributes of any object that lead to code.
ATTRIBUTES = frozenset(
    "__subclasses__ __globals__ __builtins__ __code__ exec_module load_module find_loader "
    "runsource runcode".split()
)

#: Modules of which no attribute is taken by a computed name.
GUARDED = frozenset("os sys importlib builtins subprocess types sympy".split())

_PREFIXES = ("os.exec", "os.spawn")


@dataclass(frozen=True, order=True)
class Finding:
    """One place: the line, and what stands there, by its full name."""

    line: int
    what: str


def audit(tree: ast.Module) -> list[Finding]:
    """Returns what in a syntax tree may run code or programs, in the order of its lines.

    A name counts wherever it stands, called or not, under whatever alias it was imported.
    """
    known = _imported(tree)
    own = _defined(tree) | {name for name, full in known.items() if full != name}
    found: set[Finding] = set()
    for node in ast.walk(tree):
        found |= {Finding(getattr(node, "lineno", 0), what) for what in _of(node, known, own)}
    return sorted(found)


def _imported(tree: ast.Module) -> dict[str, str]:
    """Returns what each imported name stands for."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                known[alias.asname or first] = alias.name if alias.asname else first
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module or ''}.{alias.name}"
    return {k: v.removeprefix("builtins.") for k, v in known.items()}


def _defined(tree: ast.Module) -> set[str]:
    """Returns the functions a module defines at its top: `compile` may be ours."""
    return {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}


def _full_name(node: ast.AST, known: dict[str, str]) -> str | None:
    """Returns `numpy.load` for `np.load`; None for what hangs on no name."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    return ".".join([known.get(node.id, node.id), *reversed(parts)])


def _is_listed(full: str) -> bool:
    pieces = full.split(".")
    starts = {".".join(pieces[: i + 1]) for i in range(len(pieces))}
    return bool(starts & (MODULES | NAMES)) or full.startswith(_PREFIXES)


def _of(node: ast.AST, known: dict[str, str], own: set[str]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (a.name for a in node.names if _is_listed(a.name))
    elif isinstance(node, ast.ImportFrom):
        names = [f"{node.module or ''}.{a.name}" for a in node.names]
        yield from (n for n in names if _is_listed(n) or n.startswith("builtins."))
        yield from (n for n in names if n.endswith(".*") and n.split(".")[0] in GUARDED)
    elif isinstance(node, ast.Name):
        full = known.get(node.id, node.id)
        builtin = full in BUILTINS and (full != node.id or node.id not in own)
        if builtin or (full != node.id and _is_listed(full)):
            yield full
    elif isinstance(node, ast.Attribute):
        full = _full_name(node, known)
        base = full.split(".")[0] if full else ""
        roots = {name.split(".")[0] for name in known.values()}
        if full is not None and base in roots | {"builtins"} and _is_listed(full):
            yield full
        if node.attr in ATTRIBUTES:
            yield node.attr
    elif isinstance(node, ast.Call):
        yield from _of_call(node, known)
    elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        table = node.value.func if isinstance(node.value, ast.Call) else None
        if isinstance(table, ast.Name) and table.id in ("globals", "locals", "vars"):
            yield f"{table.id}()[...]"


def _of_call(node: ast.Call, known: dict[str, str]) -> Iterator[str]:
    full = _full_name(node.func, known) or ""
    last = full.rpartition(".")[2]
    options = {k.arg: k.value for k in node.keywords}
    first = node.args[0] if node.args else None
    if "shell" in options and not _is_constant(options["shell"], False):
        yield "shell="
    if full.startswith("subprocess."):
        if None in options:
            yield f"{full}(**...)"
        if _is_text(options.get("args") if first is None else first):
            yield f"{full}(text)"
    if full == "importlib.import_module" and not isinstance(first, ast.Constant):
        yield "importlib.import_module(computed)"
    if last == "sympify" and not _is_constant(options.get("strict"), True):
        yield "sympify without strict=True"
    if full == "sympy.S":
        yield "sympy.S(...)"
    loads = last == "load" and full.split(".")[0] in ("numpy", "jax")
    if (loads or "allow_pickle" in options) and not _is_constant(
        options.get("allow_pickle"), False
    ):
        yield "load without allow_pickle=False"
    templates = full.startswith("jinja2.") and last.endswith("Environment")
    if templates and not _is_constant(options.get("autoescape"), True):
        yield "jinja2 without autoescape=True"
    if "eval_str" in options:
        yield "eval_str="
    if isinstance(node.func, ast.Attribute) and node.func.attr == "eval":
        yield ".eval(...)"
    if last in ("getattr", "vars", "attrgetter", "__getattribute__") and first is not None:
        yield from _of_lookup(node, first, known)


def _of_lookup(node: ast.Call, first: ast.AST, known: dict[str, str]) -> Iterator[str]:
    """Yields an attribute of a guarded module that is taken by a text."""
    base = _full_name(first, known)
    if base is None or base.split(".")[0] not in GUARDED:
        return
    name = node.args[1] if len(node.args) > 1 else None
    if not isinstance(name, ast.Constant):
        yield f"getattr({base}, computed)"
    elif _is_listed(f"{base}.{name.value}") or base.startswith("builtins"):
        yield f"{base}.{name.value}"


def _is_constant(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _is_text(node: ast.AST | None) -> bool:
    """Tells whether an argument is text put together, not a list of words."""
    if isinstance(node, ast.JoinedStr):
        return True
    if isinstance(node, ast.BinOp):
        return _is_text(node.left) or _is_text(node.right)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("join", "format")
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)
