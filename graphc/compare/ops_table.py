"""The table of operations: what each record holds, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.op import Op, all_ops, op_named


def op_rows(names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Returns a row for each op (or each op named): plain values, ready for JSON.

    Raises:
        ArgumentError: there is no op of that name.
    """
    chosen = [op_named(n) for n in names] if names else list(all_ops())
    return [_row(op) for op in chosen]


def _row(op: Op) -> dict[str, Any]:
    return {
        "name": op.name,
        "group": op.group,
        "meaning": op.doc,
        "domain": op.domain,
        "operands meet": {"all": "one dtype", "float": "one float dtype"}.get(op.meet, op.meet),
        "reverse": "rule" if callable(op.vjp) else op.vjp,
        "forward": "rule" if callable(op.jvp) else op.jvp,
        "formula": "yes" if callable(op.formula) else op.formula,
        "kink": "" if op.kink is None else op.kink.where,
        "departs": "" if op.kink is None else op.kink.departs,
        "ulp": op.ulp,
        "complex": "holomorphic" if op.holomorphic else "no",
        "latex": op.latex,
    }
