"""The slopes on either side of a kink: one element taken out of its node, moved, and asked again.

They come from differences of the node's own value at 50 digits, not from any derivative rule.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphc.backends.mpmath import MpNamespace
from graphc.backends.numpy import evaluate
from graphc.compare.kinks.record import Side
from graphc.core.dtype import float64, int64
from graphc.core.naming import describe
from graphc.core.node import Node, make
from graphc.core.system import PEERS, SYSTEMS
from graphc.ops.source import constant
from graphc.ops.sweep import op_rule

DIGITS = 50
#: Relative steps of the differences; from what the second makes of the first follows the limit.
_STEPS = (-15, -20)
#: Elements of an operand that are shown, and that are tried, the nearest to the result first.
_SHOWN, _TRIED = 3, 12
#: Elements of more operands than this are not moved: each move runs the op on all of them.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class Local:
    """One element of a node's value as a problem of its own.

    Attributes:
        node: the node it was taken from.
        operands: what of each operand the element is made of, as arrays of objects.
        params: the node's parameters, made to fit.
        index: where in what the node makes of these operands the element stands.
    """

    node: Node
    operands: tuple[Any, ...]
    params: Mapping[str, Any]
    index: tuple[int, ...] = ()


def taken_out(
    node: Node, args: Sequence[Any], params: Mapping[str, Any], index: tuple[int, ...]
) -> Local:
    """Returns the element of a node's value at an index with the operands it is made of."""
    if node.op.group == "elementwise":
        shape = np.broadcast_shapes(*[np.shape(a) for a in args])
        parts = [np.asarray(np.broadcast_to(a, shape)[index]) for a in args]
        return Local(node, tuple(parts), params)
    if "window" in params:
        return _of_window(node, args[0], params, index)
    if "keepdims" not in params:
        return _of_line(node, args, params, index)
    (x,), axis = args, params["axis"]
    kept = list(index)
    if params["keepdims"]:
        kept = [k for position, k in enumerate(index) if position not in axis]
    rest = iter(kept)
    part = x[tuple(slice(None) if i in axis else next(rest) for i in range(np.ndim(x)))]
    inner = {**params, "axis": tuple(range(len(axis))), "keepdims": False}
    return Local(node, (np.asarray(part),), inner)


def _of_line(
    node: Node, args: Sequence[Any], params: Mapping[str, Any], index: tuple[int, ...]
) -> Local:
    """Returns the line of a running result up to an element; of any other op all operands."""
    if node.op.group != "reduction":
        return Local(node, tuple([np.asarray(a) for a in args]), params, index)
    axis = params["axis"]
    part = slice(index[axis], None) if params["reverse"] else slice(0, index[axis] + 1)
    line = np.asarray(args[0])[(*index[:axis], part, *index[axis + 1 :])]
    at = 0 if params["reverse"] else len(line) - 1
    return Local(node, (line,), {**params, "axis": 0}, (at,))


def _of_window(node: Node, x: Any, params: Mapping[str, Any], index: tuple[int, ...]) -> Local:
    """Returns the window that one element of a pooling is made of, without what pads it."""
    ends = zip(index[1:-1], params["window"], params["strides"], params["padding"], strict=True)
    first = [(t * step - low, span) for t, span, step, (low, _) in ends]
    part = [slice(max(0, at), max(0, at + span)) for at, span in first]
    batch, channel = slice(index[0], index[0] + 1), slice(index[-1], index[-1] + 1)
    found = np.asarray(x)[(batch, *part, channel)]
    window = found.shape[1:-1]
    plain = {"window": window, "strides": window, "padding": ((0, 0),) * len(window)}
    return Local(node, (found,), {**params, **plain})


def sides_of(local: Local, moving: Sequence[bool]) -> tuple[Side, ...]:
    """Returns the slopes along the first few elements of the operands that can move."""
    xp = MpNamespace(DIGITS)
    if sum(np.size(o) for o in local.operands) > _MOST:
        return ()
    operands = [xp.convert(o) for o in local.operands]
    with np.errstate(all="ignore"):
        start = _value(local, operands, xp)
        others = _other_slopes(local, operands)
        found: list[Side] = []
        for position, can_move in enumerate(moving):
            if not can_move:
                continue
            shown = 0
            for element in _nearest(operands[position], start):
                left, jump_left = _one_sided(local, operands, position, element, -1, start, xp)
                right, jump_right = _one_sided(local, operands, position, element, 1, start, xp)
                slope = _promised(local, operands, position, element, xp)
                theirs = {
                    name: float(slopes[position][element])
                    for name, slopes in others.items()
                    if not _same(float(slopes[position][element]), slope)
                }
                if left == right == slope and not theirs:
                    continue  # an element that has no part in the tie
                found.append(
                    Side(
                        operand=describe(local.node.args[position], 3),
                        position=position,
                        element=element,
                        value=float(operands[position][element]),
                        left=left,
                        right=right,
                        jump_left=jump_left,
                        jump_right=jump_right,
                        slope=slope,
                        others=theirs,
                    )
                )
                shown += 1
                if shown == _SHOWN:
                    break
    return tuple(found)


def _nearest(operand: Any, start: Any) -> list[tuple[int, ...]]:
    """Returns the operand's elements that lie nearest to the result: those that can tie."""
    indices = list(np.ndindex(*operand.shape))
    if len(indices) > 1:
        indices.sort(key=lambda i: abs(operand[i] - start))
    return indices[:_TRIED]


def _value(local: Local, operands: Sequence[Any], xp: MpNamespace) -> Any:
    made = np.asarray(xp.apply(local.node, operands, local.params), dtype=object)
    return made[local.index] if local.index else made.item()


def _one_sided(
    local: Local,
    operands: Sequence[Any],
    position: int,
    element: tuple[int, ...],
    sign: int,
    start: Any,
    xp: MpNamespace,
) -> tuple[float, float]:
    """Returns the one-sided derivative, and the jump, which is 0 where the value has none."""
    at = operands[position][element]
    scale = abs(at) if at else xp.context.one
    changes: list[Any] = []
    slopes: list[Any] = []
    for power in _STEPS:
        step = xp.context.mpf(10) ** power * scale * sign
        moved = operands[position].copy()
        moved[element] = at + step
        value = _value(local, [moved if i == position else o for i, o in enumerate(operands)], xp)
        changes.append(value - start)
        slopes.append((value - start) / step)
    first, last = slopes
    if last != last:
        return float("nan"), 0.0
    grows = abs(last) > 10 * abs(first)
    if grows and abs(changes[1]) * 2 > abs(changes[0]):
        return float("inf") * (1 if last > 0 else -1), float(changes[1])
    if grows:
        return float("inf") * (1 if last > 0 else -1), 0.0
    if abs(last) * 10 < abs(first):  # it tends to 0 as a root of the step does
        return 0.0, 0.0
    return float(last) + 0.0, 0.0


def _promised(
    local: Local, operands: Sequence[Any], position: int, element: tuple[int, ...], xp: MpNamespace
) -> float:
    kink = local.node.op.kink
    assert kink is not None
    deltas = [xp.convert(np.zeros(np.shape(o))) for o in operands]
    deltas[position][element] = xp.context.one
    made = kink.slope(xp, *deltas, *operands, **local.params)
    made = np.asarray(made, dtype=object)
    return float(made[local.index] if local.index else made.item()) + 0.0


def _other_slopes(local: Local, operands: Sequence[Any]) -> dict[str, list[Any]]:
    """Returns what the other systems' rules give, by name; those that do as graphc are left out."""
    names = [name for name in PEERS if name in local.node.op.peers]
    if not names:
        return {}
    moving = [a.dtype.is_float for a in local.node.args]
    nodes = [
        constant(o.astype(float), float64) if moves else constant(o.astype(int), int64)
        for o, moves in zip(operands, moving, strict=True)
    ]
    node = make(local.node.op, tuple(nodes), local.params)
    wanted = [i for i, moves in enumerate(moving) if moves]
    hot = np.zeros([int(s) for s in node.shape])  # pyright: ignore[reportArgumentType]  (known)
    hot[local.index or (0,) * node.ndim] = 1.0
    seed = constant(hot, float64)
    asked = {name: op_rule(seed, node, wanted, SYSTEMS[name]) for name in names}
    found: dict[str, list[Any]] = {}
    for name, slopes in asked.items():
        values = evaluate([s if s is not None else seed * 0 for s in slopes])
        full: list[Any] = [np.zeros(o.shape) for o in operands]
        for i, value in zip(wanted, values, strict=True):
            full[i] = np.broadcast_to(value, full[i].shape)
        found[name] = full
    return found


def _same(left: float, right: float) -> bool:
    both_nan = left != left and right != right
    return both_nan or abs(left - right) <= 1e-14 * abs(right) or left == right
