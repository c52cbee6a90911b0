"""graphc: one expression graph, its value, its derivatives by every known way, and their verdict.

import graphc as gx

x, y, z = gx.input("x"), gx.input("y"), gx.input("z")
f = (x + y) * z
gx.evaluate(gx.grad(f, [x, y, z]), x=-2, y=5, z=-4)  # [-4, -4, 3]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import graphc.ops
from graphc.core.dim import Dim
from graphc.core.dim import as_dim as dim
from graphc.core.dtype import (
    DType,
    bfloat16,
    bool_,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    promote,
    uint8,
    uint16,
    uint32,
    uint64,
)
from graphc.core.errors import (
    ArgumentError,
    AxisError,
    BudgetError,
    DimError,
    DTypeError,
    EngineError,
    FileError,
    FormatError,
    FormulaError,
    GradError,
    GraphcError,
    IndexingError,
    NameClashError,
    NonDifferentiableWarning,
    PrecisionError,
    RenderError,
    ShapeError,
)
from graphc.core.graph import Graph
from graphc.core.node import Node
from graphc.core.node import public_functions as _public
from graphc.core.op import Op, register
from graphc.core.op import op_named as _op
from graphc.core.type import TensorType
from graphc.diff.derivatives import (
    grad,
    hessian,
    hvp,
    jacobian,
    jvp,
    value_and_grad,
    vjp,
)
from graphc.ops.control import block
from graphc.ops.source import arange, constant, input, param

__version__ = "0.1.0"

#: Names that load a heavy package (JAX, SymPy, ...) when they are first used, and where they live.
_LATER = {
    "Comparison": "graphc.compare.record",
    "Problem": "graphc.compare.problem",
    "check": "graphc.compare.check",
    "compare": "graphc.compare.compare",
    "cost": "graphc.measure.cost",
    "draw": "graphc.compare.pictures",
    "parse": "graphc.bridge.formula",
    "function": "graphc.backends.function",
    "from_sympy": "graphc.bridge.sympy",
    "lint": "graphc.simplify.passes",
    "load_problems": "graphc.compare.load",
    "simplify": "graphc.simplify.passes",
    "write_report": "graphc.compare.report",
    "to_sympy": "graphc.bridge.sympy",
    "Compiled": "graphc.backends.compile",
    "compile": "graphc.backends.compile",
    "evaluate": "graphc.backends.numpy",
    "evaluate_mpmath": "graphc.backends.mpmath",
}


def __getattr__(name: str) -> Any:
    """Returns an operation by name, or a function whose module loads on first use."""
    if name in _LATER:
        value = getattr(importlib.import_module(_LATER[name]), name)
    elif name in _public:
        value = _public[name]
    else:
        try:
            value = _op(name)
        except ArgumentError:
            raise AttributeError(
                f"graphc has no {name!r}; `graphc ops` lists the operations"
            ) from None
    globals()[name] = value
    return value
