"""Cases of activations, of losses and of `assign`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import graphc as gx
from graphc.core.node import make
from graphc.core.op import op_named
from tests.every_op_cases import Case, case

PARAMS: dict[str, tuple[dict[str, Any], ...]] = {
    "threshold": ({"at": 0.0}, {"at": 0.5}),
    "decay": ({"alpha": 0.7}, {"alpha": 2.0}),
    "celu": ({"alpha": 1.0}, {"alpha": 0.7}),
}


def _assigned(x: gx.Node, state: gx.Node) -> gx.Node:
    # Of `gx.assign` the state is a parameter, which these tests could give no value.
    return make(op_named("assign"), (x * 2.0, state, state * 3.0))


BUILDERS: dict[str, Callable[[], list[Case]]] = {
    "assign": lambda: [case("assign", _assigned, (2, 3), (2,), label="assign")]
}
