"""How the house is built, read from the syntax trees: who may import whom."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "graphc"
FILES = sorted(PACKAGE.rglob("*.py"))

#: Lower numbers may be imported by higher ones; packages of one number are siblings.
RANK = {
    "core": 0,
    "ops": 1,
    "diff": 2, "simplify": 2, "backends": 2, "measure": 2, "render": 2, "bridge": 2,
    "optimize": 2, "sparse": 2,
    "nn": 3, "train": 3,
    "compare": 4,
    "fuzz": 5,
    "cli": 6,
}  # fmt: skip

#: Siblings that import each other, and why.
SIBLINGS = {
    ("simplify", "backends"): "constant folding evaluates with NumPy",
    ("optimize", "simplify"): "what is rewritten by cost is made tidy by the identities",
    ("backends", "optimize"): "what is compiled is rewritten by cost first",
    ("bridge", "backends"): "values that are saved are judged as those that are evaluated",
    ("diff", "bridge"): "the symbolic engine differentiates in SymPy",
    ("diff", "optimize"): "strategies are chosen by predicted cost",
    ("diff", "measure"): "and derivative plans count flops and take times",
    ("diff", "backends"): "what is timed is compiled",
    ("diff", "simplify"): "stable=True makes the graph stable before it is differentiated",
    ("sparse", "diff"): "passes are JVPs and VJPs, a Hessian is a gradient's Jacobian",
    ("sparse", "backends"): "indices move as values do, and those made of constants are evaluated",
    ("sparse", "optimize"): "bands, columns or rows are chosen by predicted cost",
    ("sparse", "render"): "a picture of a structure has the colours of all pictures",
    ("train", "nn"): "nests of parameters, their first and next values are read in one place",
}

#: Imports of our own inside a function, and why they are not at the top.
LATE = {
    ("graphc/core/naming.py", "graphc.core.node"): "nodes name themselves by it",
    ("graphc/diff/engines.py", "graphc.diff.symbolic"): "SymPy takes 0.4 s to load",
    ("graphc/diff/jacobians.py", "graphc.diff.elimination"): "`import graphc` goes without it",
    ("graphc/diff/jacobians.py", "graphc.diff.strategy"): "`import graphc` goes without prices",
    ("graphc/diff/stable.py", "graphc.simplify.passes"): "the rules load only where asked for",
}

#: Files that may import our own modules late wherever they like: they exist to load things late.
LAZY_FILES = {
    "graphc/__init__.py",
    *(f"graphc/cli/{p.name}" for p in (PACKAGE / "cli").glob("*.py")),
}

#: Heavy packages, which `import graphc` may not load.
HEAVY = {
    "jax",
    "sympy",
    "scipy",
    "mpmath",
    "jinja2",
    "pygraphviz",
    "graphviz",
    "click",
    "rich",
    "latex2mathml",
    "safetensors",
    "optax",
}

#: Few files may be longer than this many lines, and none much longer.
LONG, LONGEST, FEW = 400, 720, 6
#: Files that may have any length, and why.
UNBOUNDED = {"graphc/__init__.py": "one list of public names, and how the late ones load"}


def name_of(path: Path) -> str:
    """Returns the path inside the repository, with forward slashes."""
    return path.relative_to(ROOT).as_posix()


def layer_of(module: str) -> str | None:
    """Returns the layer of a dotted module of ours; None for the package itself."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in RANK else None


def imports(tree: ast.AST) -> Iterator[tuple[str, bool, bool]]:
    """Yields (module, inside a function, for type checkers only) of every import."""
    todo: list[tuple[ast.AST, bool, bool]] = [(tree, False, False)]
    while todo:
        node, inside, typing = todo.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, inside, typing) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield (node.module, inside, typing)
            yield from ((f"{node.module}.{a.name}", inside, typing) for a in node.names)
        inside = inside or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        typing = typing or (isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test))
        todo.extend((child, inside, typing) for child in ast.iter_child_nodes(node))


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Yields the name and syntax tree of every file of the package."""
    for path in FILES:
        yield name_of(path), ast.parse(path.read_text(encoding="utf-8"))


def test_imports_go_one_way() -> None:
    wrong: list[str] = []
    for name, tree in trees():
        own = name.split("/")[1].removesuffix(".py")
        for module, _, _ in imports(tree):
            target = layer_of(module) if module.startswith("graphc") else None
            if target is None or own not in RANK or target == own:
                continue
            above = RANK[target] > RANK[own]
            sibling = RANK[target] == RANK[own] and (own, target) not in SIBLINGS
            if above or sibling:
                wrong.append(f"{name} imports {module}")
    assert not wrong, "\n".join(sorted(set(wrong)))


def test_siblings_on_the_list_still_need_each_other() -> None:
    found = {
        (name.split("/")[1], layer_of(module))
        for name, tree in trees()
        for module, _, _ in imports(tree)
        if module.startswith("graphc.")
    }
    assert not [pair for pair in SIBLINGS if pair not in found]


def test_own_modules_are_imported_at_the_top() -> None:
    wrong: list[str] = []
    used: set[tuple[str, str]] = set()
    for name, tree in trees():
        for module, inside, _ in imports(tree):
            if not inside or not module.startswith("graphc.") or name in LAZY_FILES:
                continue
            # `from a.b import c` is reported as a.b and as a.b.c; either may be on the list.
            keys = [(name, module), (name, module.rpartition(".")[0])]
            listed = [k for k in keys if k in LATE]
            used.update(listed)
            if not listed and layer_is_heavy(module):
                continue
            if not listed:
                wrong.append(f"{name} imports {module} inside a function")
    assert not wrong, "\n".join(sorted(set(wrong)))
    assert not set(LATE) - used, f"no longer needed: {sorted(set(LATE) - used)}"


def layer_is_heavy(module: str) -> bool:
    """Tells whether a module loads a heavy package at its top: then a late import is meant."""
    path = PACKAGE.joinpath(*module.split(".")[1:]).with_suffix(".py")
    if not path.exists():
        path = PACKAGE.joinpath(*module.split(".")[1:-1]).with_suffix(".py")
    seen: set[Path] = set()
    todo = [path]
    while todo:
        path = todo.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        for inner, inside, typing in imports(ast.parse(path.read_text(encoding="utf-8"))):
            if inside or typing:
                continue
            if inner.split(".")[0] in HEAVY:
                return True
            if inner.startswith("graphc."):
                todo.append(PACKAGE.joinpath(*inner.split(".")[1:]).with_suffix(".py"))
    return False


def test_core_and_ops_load_nothing_heavy() -> None:
    wrong = [
        f"{name} imports {module} at its top"
        for name, tree in trees()
        for module, inside, typing in imports(tree)
        if name.split("/")[1] in ("core", "ops", "__init__.py", "diff", "simplify")
        and not inside
        and not typing
        and module.split(".")[0] in HEAVY
    ]
    allowed = [w for w in wrong if w.startswith("graphc/diff/symbolic")]
    assert wrong == allowed, "\n".join(wrong)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_module_says_in_a_docstring_what_it_is_for(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert text and text.splitlines()[0].strip(), name_of(path)


def test_files_stay_short() -> None:
    lengths = {name_of(p): len(p.read_text(encoding="utf-8").splitlines()) for p in FILES}
    assert lengths.keys() >= UNBOUNDED.keys()
    long = {n: count for n, count in lengths.items() if count > LONG and n not in UNBOUNDED}
    report = ", ".join(f"{name}: {count}" for name, count in sorted(long.items()))
    assert len(long) <= FEW and max(long.values(), default=0) <= LONGEST, report


def test_no_file_compares_nodes_by_equality_with_none_or_types() -> None:
    wrong = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Compare)
        for operator, right in zip(node.ops, node.comparators, strict=True)
        if isinstance(operator, (ast.Eq, ast.NotEq))
        and isinstance(right, ast.Constant)
        and right.value is None
    ]
    assert not wrong, wrong


def test_no_file_exchanges_the_warning_filters_of_all_threads() -> None:
    wrong = [name for name, tree in trees() if "catch_warnings(" in ast.unparse(tree)]
    assert not wrong, wrong
