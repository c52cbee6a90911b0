"""The sign an operation is drawn with: `+`, `×`, `σ`, `Σ`, `x³`; constants it meets go into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from graphc.core.graph import Graph
from graphc.core.node import Node
from graphc.render.labels import clean, number


@dataclass(frozen=True, slots=True)
class Glyph:
    """What stands inside an operation's shape.

    Attributes:
        text: the sign.
        power: raised after the sign, for example the 3 of x³.
        note: a small line below it, for example `axis 0`.
        spent: positions of the constant operands that the sign shows already.
    """

    text: str
    power: str = ""
    note: str = ""
    spent: tuple[int, ...] = ()

    @property
    def line(self) -> str:
        """The sign as one plain line."""
        return f"{self.text}^{self.power}" if self.power else self.text


#: Ops whose sign is fixed. Those not listed are drawn by their name.
SIGNS = {
    "add": "+", "sub": "−", "mul": "×", "div": "÷", "neg": "× −1", "matmul": "@",
    "integer_pow": "x", "pow": "xʸ", "square": "x²", "sqrt": "√", "rsqrt": "1 / √",
    "reciprocal": "1 / x", "exp": "exp", "expm1": "eˣ − 1", "log": "ln", "log1p": "ln(1 + x)",
    "abs": "|x|", "sigmoid": "σ", "log_sigmoid": "ln σ", "maximum": "max", "minimum": "min",
    "floor": "⌊x⌋", "ceil": "⌈x⌉", "equal": "=", "not_equal": "≠", "less": "<", "less_equal": "≤",
    "greater": ">", "greater_equal": "≥", "logical_and": "∧", "logical_or": "∨",
    "logical_xor": "⊻", "logical_not": "¬", "sum": "Σ", "prod": "Π",
    "logsumexp": "ln Σ exp", "norm": "‖x‖", "log_softmax": "ln softmax",
    "stop_gradient": "stop ∂", "with_gradient": "own ∂", "leaky_relu": "leaky relu",
    "scatter_add": "scatter +", "slice_transpose": "unslice", "broadcast_to": "broadcast",
    "jax_vjp": "JAX vjp", "index_gather": "gather", "index_set": "set at", "index_add": "add at",
    "index_max": "max at", "index_min": "min at", "take_along_axis": "take along",
    "add_along_axis": "add along", "dynamic_slice": "window", "dynamic_update_slice": "set window",
    "top_k": "top k", "cumsum": "running Σ", "cumprod": "running Π", "cummax": "running max",
    "cummin": "running min", "cumlogsumexp": "running ln Σ exp", "linear_recurrence": "recurrence",
}  # fmt: skip

#: Exact numbers, by the name their record has, as people write them.
_EXACT = {
    "2/sqrt(pi)": "2/√π", "sqrt(8/pi)": "√(8/π)", "1/sqrt(2*pi)": "1/√(2π)", "-1/sqrt(2)": "−1/√2",
    "pi": "π",
}  # fmt: skip


#: Where a scalar constant is the (first, second) operand: the sign that shows it as {0}.
_WITH_CONSTANT: dict[str, tuple[str, str]] = {
    "add": ("+ {0}", "+ {0}"), "sub": ("{0} − x", "− {0}"), "mul": ("× {0}", "× {0}"),
    "div": ("{0} / x", "÷ {0}"), "maximum": ("max {0}", "max {0}"),
    "minimum": ("min {0}", "min {0}"), "mod": ("{0} mod", "mod {0}"),
    "equal": ("= {0}", "= {0}"), "not_equal": ("≠ {0}", "≠ {0}"),
    "less": ("> {0}", "< {0}"), "less_equal": ("≥ {0}", "≤ {0}"),
    "greater": ("< {0}", "> {0}"), "greater_equal": ("≤ {0}", "≥ {0}"),
}  # fmt: skip


def is_number(node: Node) -> bool:
    """Tells whether a node is a scalar constant, which is drawn where it is used."""
    if node.op.name == "constant":
        return node.params["value"].array.ndim == 0
    return node.op.name == "number"


def number_text(node: Node) -> str:
    """Returns a scalar constant as text."""
    if node.op.name == "number":
        name = str(node.params["name"])
        return _EXACT.get(name, clean(name, 14).replace("-", "−"))
    return number(node.params["value"].array.item(), 6)


def glyph(node: Node) -> Glyph:
    """Returns the sign of an operation's node."""
    name, args = node.op.name, node.args
    if len(args) == 2 and is_number(args[0]) is not is_number(args[1]):
        position = 0 if is_number(args[0]) else 1
        shown = number_text(args[position])
        if name == "pow":
            if position == 1:
                return Glyph("x", power=shown, spent=(1,))
            return Glyph(shown, power="x", spent=(0,))
        if name in _WITH_CONSTANT:
            return Glyph(_WITH_CONSTANT[name][position].format(shown), spent=(position,))
    special = _SPECIAL.get(name)
    if special is not None:
        return special(node)
    note = _note(node.params)
    text = SIGNS.get(name) or clean(name.replace("_", " "), 18)
    return Glyph(text, note=note)


def _note(params: Mapping[str, Any]) -> str:
    """Returns the parameters that matter to a reader."""
    axis = params.get("axis")
    if isinstance(axis, tuple):
        return f"axis {', '.join(map(str, axis))}" if axis else "no axis"
    if isinstance(axis, int):
        return f"axis {axis}"
    for key in ("slope", "alpha", "index", "power", "order", "factor", "steps"):
        if isinstance(params.get(key), (int, float)):
            return f"{key} {number(params[key])}"
    return ""


def _where(node: Node) -> Glyph:
    if is_number(node.args[2]):
        return Glyph("if", note=f"else {number_text(node.args[2])}", spent=(2,))
    return Glyph("if ? :")


def _integer_pow(node: Node) -> Glyph:
    return Glyph("x", power=number(node.params.get("exponent", "n")))


def _matmul(node: Node) -> Glyph:
    left = "Aᵀ" if node.params.get("transpose_x") else ""
    right = "Bᵀ" if node.params.get("transpose_y") else ""
    return Glyph(f"{left or 'A'} @ {right or 'B'}" if left or right else "@")


def _einsum(node: Node) -> Glyph:
    return Glyph("einsum", note=clean(node.params.get("subscripts", ""), 28).replace("->", " → "))


def _conv(node: Node) -> Glyph:
    layout = node.params["layouts"][1]
    shape = node.args[1].type.shape
    window = "×".join(clean(str(shape[a]), 8) for a in layout[2:])
    return Glyph(f"conv {window}", note=_steps(node.params))


def _pool(node: Node) -> Glyph:
    name = {"max_pool": "max", "sum_pool": "sum"}.get(node.op.name, node.op.name.replace("_", " "))
    window = "×".join(map(str, node.params["window"]))
    return Glyph(f"{name} {window}", note=_steps(node.params))


def _steps(params: Mapping[str, Any]) -> str:
    """Returns how windows step over their input, where it is not one by one."""
    found: list[str] = []
    for name, word in (
        ("strides", "stride"),
        ("x_dilation", "spread"),
        ("dilation", "spread"),
        ("kernel_dilation", "dilation"),
    ):
        steps = params.get(name, (1,))
        if any(step != 1 for step in steps):
            same = len(set(steps)) == 1
            found.append(f"{word} {'×'.join(map(str, steps[:1] if same else steps))}")
    groups = params.get("groups", 1) * params.get("batch_groups", 1)
    return ", ".join([*found, f"{groups} groups"] if groups > 1 else found)


def _slice(node: Node) -> Glyph:
    """Shows the bounds as they are written in Python."""
    parts: list[str] = []
    for bound, size in zip(node.params["bounds"], node.args[0].shape, strict=True):
        start, stop, step = bound or (0, None, 1)
        first = "" if start == (0 if step > 0 else size - 1) else start
        last = "" if stop is None or stop == size else stop
        parts.append(f"{first}:{last}" if step == 1 else f"{first}:{last}:{step}")
    return Glyph("slice", note=clean(", ".join(parts), 28))


def _transpose(node: Node) -> Glyph:
    axes = node.params.get("axes")
    if axes is None or tuple(axes) == (1, 0):
        return Glyph("xᵀ")
    return Glyph("transpose", note=", ".join(map(str, axes)))


def _cast(node: Node) -> Glyph:
    return Glyph(f"→ {node.type.dtype.short}")


def _item(node: Node) -> Glyph:
    return Glyph(f"result {node.params.get('index', 0)}")


def _block(node: Node) -> Glyph:
    body = node.params.get("graph")
    name = clean(body.name, 24) if isinstance(body, Graph) else node.op.name
    return Glyph(name, note=_BLOCK_NOTES.get(node.op.name, node.op.name))


def _scan(node: Node) -> Glyph:
    back = ", from the last" if node.params["reverse"] else ""
    length = clean(node.params["length"], 24)
    steps = "1 step" if length == "1" else f"{length} steps"
    return Glyph(clean(node.params["graph"].name, 24), note=steps + back)


def _while(node: Node) -> Glyph:
    bound = node.params["bound"]
    most = "" if bound is None else f", at most {bound} steps"
    test = clean(node.params["test"].name, 20)
    return Glyph(clean(node.params["graph"].name, 24), note=f"while {test}{most}")


def _switch(node: Node) -> Glyph:
    names = [clean(branch.name, 14) for branch in node.params["branches"]]
    if node.args[0].type.dtype.kind == "b":
        return Glyph(f"{names[-1]} : {names[0]}", note="one is run")
    shown = names if len(names) <= 3 else [*names[:2], "…"]
    return Glyph(", ".join(shown), note="one is run")


def _iota(node: Node) -> Glyph:
    return Glyph("0, 1, 2, …")


def _dim_size(node: Node) -> Glyph:
    return Glyph(clean(node.params.get("size", "size"), 24), note="size")


def _assume(node: Node) -> Glyph:
    words = ", ".join(str(fact).replace("_", " ") for fact in node.params["facts"])
    return Glyph("assume", note=clean(words, 48))


_BLOCK_NOTES = {
    "map": "for each row",
    "call": "block",
    "recompute": "computed again going back",
    "custom": "with its own rule",
    "implicit": "solved",
    "levelled": "by the machine",
}

_SPECIAL: dict[str, Callable[[Node], Glyph]] = {
    "assume": _assume,
    "where": _where,
    "integer_pow": _integer_pow,
    "matmul": _matmul,
    "einsum": _einsum,
    "conv": _conv,
    **dict.fromkeys(("max_pool", "sum_pool", "pool_index", "pool_pick", "pool_place"), _pool),
    "slice": _slice,
    "transpose": _transpose,
    "cast": _cast,
    "item": _item,
    "call": _block,
    "map": _block,
    "recompute": _block,
    "custom": _block,
    "implicit": _block,
    "levelled": _block,
    "scan": _scan,
    "while_loop": _while,
    "switch": _switch,
    "iota": _iota,
    "dim_size": _dim_size,
}
