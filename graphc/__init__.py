"""graphc: one expression graph, its value, its derivatives by every known way, and their verdict.

import graphc as gx

x, y, z = gx.input("x"), gx.input("y"), gx.input("z")
f = (x + y) * z
gx.evaluate(gx.grad(f, [x, y, z]), x=-2, y=5, z=-4)  # [-4, -4, 3]
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from graphc.core.collector import asleep as _asleep

with _asleep():  # NumPy and the operations load here
    from graphc import fft, linalg, random

from graphc.core.dim import Dim
from graphc.core.dim import as_dim as dim
from graphc.core.dtype import (
    DType,
    bfloat16,
    bool_,
    complex64,
    complex128,
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
    CheckpointError,
    DenseWarning,
    DimError,
    DivergedError,
    DivisionError,
    DTypeError,
    EngineError,
    FileError,
    ForkError,
    FormatError,
    FormulaError,
    GradError,
    GraphcError,
    IndexingError,
    NameClashError,
    NonDifferentiableWarning,
    PackageError,
    PrecisionError,
    RangeError,
    RenderError,
    SavedGraphError,
    ShapeError,
    SingularError,
    StructureError,
)
from graphc.core.graph import Graph
from graphc.core.node import Node
from graphc.core.op import Op, register
from graphc.core.op import all_ops as _all_ops
from graphc.core.op import op_named as _op_named
from graphc.core.type import TensorType
from graphc.diff.derivatives import grad, hessian, hvp, jacobian, jvp, value_and_grad, vjp
from graphc.ops.activations import (
    celu,
    hard_sigmoid,
    hard_tanh,
    mish,
    prelu,
    relu6,
    softsign,
    swish,
    threshold,
)
from graphc.ops.arithmetic import abs_ as abs
from graphc.ops.arithmetic import (
    add,
    div,
    mul,
    neg,
    reciprocal,
    sign,
    square,
    sub,
)
from graphc.ops.assign import assign
from graphc.ops.assume import assume
from graphc.ops.bitwise import (
    bitwise_and,
    bitwise_invert,
    bitwise_left_shift,
    bitwise_or,
    bitwise_right_shift,
    bitwise_xor,
)
from graphc.ops.blocks import block, map
from graphc.ops.complexes import angle, complex, conj, imag, real
from graphc.ops.contraction import einsum, matmul
from graphc.ops.contraction.products import (
    cross,
    dot,
    dot_general,
    inner,
    kron,
    matvec,
    tensordot,
    vecdot,
    vecmat,
)
from graphc.ops.distances import (
    cosine_distance,
    focal,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    log_cosh_error,
    log_loss,
    mae,
    squared_hinge,
    triplet,
)
from graphc.ops.dtypes import can_cast, finfo, iinfo, isdtype, result_type
from graphc.ops.exponential import (
    exp,
    expm1,
    log,
    log1p,
    log_sigmoid,
    rsqrt,
    sigmoid,
    softplus,
    sqrt,
)
from graphc.ops.extremes import clip, maximum, minimum
from graphc.ops.flow.associative import associative_scan
from graphc.ops.flow.choice import cond, switch
from graphc.ops.flow.custom import custom_rule
from graphc.ops.flow.implicit import fixed_point, root
from graphc.ops.flow.remat import checkpoint
from graphc.ops.flow.repeat import fori_loop, while_loop
from graphc.ops.flow.scan import scan
from graphc.ops.formulas import with_gradient
from graphc.ops.gaussian import erf, erfc, normal_cdf
from graphc.ops.indexing import scatter_add, take
from graphc.ops.logarithms import (
    cbrt,
    exp2,
    log2,
    log10,
    logaddexp,
    logaddexp2,
    logit,
)
from graphc.ops.logic import (
    cast,
    equal,
    greater,
    greater_equal,
    less,
    less_equal,
    logical_and,
    logical_not,
    logical_or,
    logical_xor,
    not_equal,
    ones_like,
    where,
    zeros_like,
)
from graphc.ops.losses import binary_cross_entropy, categorical_cross_entropy, mse
from graphc.ops.names import (
    asarray,
    astype,
    concatenate,
    divide,
    empty,
    empty_like,
    full,
    full_like,
    isfinite,
    isinf,
    isnan,
    multiply,
    negative,
    ones,
    outer,
    permute_dims,
    positive,
    ravel,
    remainder,
    subtract,
    swapaxes,
    zeros,
)
from graphc.ops.names import round_ as round
from graphc.ops.neural import elu, gelu, leaky_relu, relu, selu, silu
from graphc.ops.polar import atan2, hypot
from graphc.ops.power import pow
from graphc.ops.quadric import isru
from graphc.ops.random.dropout import dropout
from graphc.ops.reduction import max, mean, min, prod, sum
from graphc.ops.rounding import ceil, floor, floor_divide, mod, trunc
from graphc.ops.shaping import (
    broadcast_to,
    concat,
    expand_dims,
    matrix_transpose,
    reshape,
    squeeze,
    stack,
    stop_gradient,
    transpose,
)
from graphc.ops.signs import (
    copysign,
    degrees,
    fmod,
    nan_to_num,
    nextafter,
    radians,
    signbit,
)
from graphc.ops.sinc import sinc
from graphc.ops.softmax import log_softmax, logsumexp, softmax
from graphc.ops.source import constant, input, param
from graphc.ops.special.bessel import (
    i0,
    i0e,
    i1,
    i1e,
)
from graphc.ops.special.betas import (
    beta,
    betaln,
)
from graphc.ops.special.entropies import (
    entr,
    xlog1py,
    xlogy,
)
from graphc.ops.special.gammas import (
    digamma,
    gamma,
    gammasgn,
    lgamma,
    polygamma,
)
from graphc.ops.special.igammas import (
    igamma,
    igammac,
)
from graphc.ops.special.inverse_error import (
    erfcinv,
    erfinv,
    normal_quantile,
)
from graphc.ops.special.zetas import (
    zeta,
)
from graphc.ops.spread import norm, std, var
from graphc.ops.tensor.along import take_along_axis
from graphc.ops.tensor.arrange import (
    broadcast_arrays,
    broadcast_shapes,
    flip,
    moveaxis,
    repeat,
    roll,
    tile,
    unstack,
)
from graphc.ops.tensor.counting import all_ as all
from graphc.ops.tensor.counting import any_ as any
from graphc.ops.tensor.counting import (
    count_nonzero,
    diff,
    isin,
    nonzero,
    unique,
)
from graphc.ops.tensor.dynamic import dynamic_slice, dynamic_update_slice
from graphc.ops.tensor.grids import diag, diagonal, eye, trace, tril, triu
from graphc.ops.tensor.order import argmax, argmin, argsort, searchsorted, sort, top_k
from graphc.ops.tensor.padding import pad
from graphc.ops.tensor.ranges import arange, linspace, meshgrid, one_hot
from graphc.ops.tensor.running import cummax, cummin
from graphc.ops.tensor.scans import (
    cumlogsumexp,
    cumprod,
    cumsum,
    cumulative_prod,
    cumulative_sum,
)
from graphc.ops.tensor.segments import bincount, segment_max, segment_min, segment_sum
from graphc.ops.tensor.sets import unique_all, unique_counts, unique_inverse, unique_values
from graphc.ops.trigonometry import (
    acos,
    acosh,
    asin,
    asinh,
    atan,
    atanh,
    cos,
    cosh,
    sin,
    sinh,
    tan,
    tanh,
)
from graphc.ops.windows.convolving import conv, conv_transpose, convolve, correlate
from graphc.ops.windows.pools import avg_pool, max_pool, min_pool, sum_pool

if TYPE_CHECKING:
    from graphc.backends.compile import Compiled, compile
    from graphc.backends.function import function
    from graphc.backends.mpmath import evaluate_mpmath
    from graphc.backends.numpy import evaluate
    from graphc.bridge.formula import parse
    from graphc.bridge.load import load, load_with_values
    from graphc.bridge.save import save
    from graphc.bridge.sympy import from_sympy, to_sympy
    from graphc.compare.check import check
    from graphc.compare.compare import compare
    from graphc.compare.debug.debug import debug
    from graphc.compare.debug.record import DebugReport
    from graphc.compare.kinks.find import kinks
    from graphc.compare.kinks.record import KinkReport
    from graphc.compare.load import load_problems
    from graphc.compare.pictures import draw
    from graphc.compare.problem import Problem
    from graphc.compare.record import Comparison
    from graphc.compare.report import write_report
    from graphc.diff.plan import derivative_plan
    from graphc.measure.cost import cost
    from graphc.optimize.optimize import optimize, plan
    from graphc.simplify.lint import lint
    from graphc.simplify.passes import explain, simplify
    from graphc.sparse.derivative import SparseDerivative, sparse_hessian, sparse_jacobian
    from graphc.sparse.structure import Structure, sparsity

__version__ = "0.1.0"

__all__ = [
    "ArgumentError",
    "AxisError",
    "BudgetError",
    "CheckpointError",
    "Comparison",
    "Compiled",
    "DType",
    "DTypeError",
    "DebugReport",
    "DenseWarning",
    "Dim",
    "DimError",
    "DivergedError",
    "DivisionError",
    "EngineError",
    "FileError",
    "ForkError",
    "FormatError",
    "FormulaError",
    "GradError",
    "Graph",
    "GraphcError",
    "IndexingError",
    "KinkReport",
    "NameClashError",
    "Node",
    "NonDifferentiableWarning",
    "Op",
    "PackageError",
    "PrecisionError",
    "Problem",
    "RangeError",
    "RenderError",
    "SavedGraphError",
    "ShapeError",
    "SingularError",
    "SparseDerivative",
    "Structure",
    "StructureError",
    "TensorType",
    "abs",
    "acos",
    "acosh",
    "add",
    "all",
    "angle",
    "any",
    "arange",
    "argmax",
    "argmin",
    "argsort",
    "asarray",
    "asin",
    "asinh",
    "assign",
    "associative_scan",
    "assume",
    "astype",
    "atan",
    "atan2",
    "atanh",
    "avg_pool",
    "beta",
    "betaln",
    "bfloat16",
    "binary_cross_entropy",
    "bincount",
    "bitwise_and",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_or",
    "bitwise_right_shift",
    "bitwise_xor",
    "block",
    "bool_",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "can_cast",
    "cast",
    "categorical_cross_entropy",
    "cbrt",
    "ceil",
    "celu",
    "check",
    "checkpoint",
    "clip",
    "compare",
    "compile",
    "complex",
    "complex64",
    "complex128",
    "concat",
    "concatenate",
    "cond",
    "conj",
    "constant",
    "conv",
    "conv_transpose",
    "convolve",
    "copysign",
    "correlate",
    "cos",
    "cosh",
    "cosine_distance",
    "cost",
    "count_nonzero",
    "cross",
    "cumlogsumexp",
    "cummax",
    "cummin",
    "cumprod",
    "cumsum",
    "cumulative_prod",
    "cumulative_sum",
    "custom_rule",
    "debug",
    "degrees",
    "derivative_plan",
    "diag",
    "diagonal",
    "diff",
    "digamma",
    "dim",
    "div",
    "divide",
    "dot",
    "dot_general",
    "draw",
    "dropout",
    "dynamic_slice",
    "dynamic_update_slice",
    "einsum",
    "elu",
    "empty",
    "empty_like",
    "entr",
    "equal",
    "erf",
    "erfc",
    "erfcinv",
    "erfinv",
    "evaluate",
    "evaluate_mpmath",
    "exp",
    "exp2",
    "expand_dims",
    "explain",
    "expm1",
    "eye",
    "fft",
    "finfo",
    "fixed_point",
    "flip",
    "float16",
    "float32",
    "float64",
    "floor",
    "floor_divide",
    "fmod",
    "focal",
    "fori_loop",
    "from_sympy",
    "full",
    "full_like",
    "function",
    "gamma",
    "gammasgn",
    "gelu",
    "grad",
    "greater",
    "greater_equal",
    "hard_sigmoid",
    "hard_tanh",
    "hessian",
    "hinge",
    "huber",
    "hvp",
    "hypot",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "igamma",
    "igammac",
    "iinfo",
    "imag",
    "inner",
    "input",
    "int8",
    "int16",
    "int32",
    "int64",
    "isdtype",
    "isfinite",
    "isin",
    "isinf",
    "isnan",
    "isru",
    "jacobian",
    "jvp",
    "kinks",
    "kl_divergence",
    "kron",
    "leaky_relu",
    "less",
    "less_equal",
    "lgamma",
    "linalg",
    "linspace",
    "lint",
    "load",
    "load_problems",
    "load_with_values",
    "log",
    "log1p",
    "log2",
    "log10",
    "log_cosh",
    "log_cosh_error",
    "log_loss",
    "log_sigmoid",
    "log_softmax",
    "logaddexp",
    "logaddexp2",
    "logical_and",
    "logical_not",
    "logical_or",
    "logical_xor",
    "logit",
    "logsumexp",
    "mae",
    "map",
    "matmul",
    "matrix_transpose",
    "matvec",
    "max",
    "max_pool",
    "maximum",
    "mean",
    "meshgrid",
    "min",
    "min_pool",
    "minimum",
    "mish",
    "mod",
    "moveaxis",
    "mse",
    "mul",
    "multiply",
    "nan_to_num",
    "neg",
    "negative",
    "nextafter",
    "nonzero",
    "norm",
    "normal_cdf",
    "normal_quantile",
    "not_equal",
    "one_hot",
    "ones",
    "ones_like",
    "optimize",
    "outer",
    "pad",
    "param",
    "parse",
    "permute_dims",
    "plan",
    "polygamma",
    "positive",
    "pow",
    "prelu",
    "prod",
    "promote",
    "radians",
    "random",
    "ravel",
    "real",
    "reciprocal",
    "register",
    "relu",
    "relu6",
    "remainder",
    "repeat",
    "reshape",
    "result_type",
    "roll",
    "root",
    "round",
    "rsqrt",
    "save",
    "scan",
    "scatter_add",
    "searchsorted",
    "segment_max",
    "segment_min",
    "segment_sum",
    "selu",
    "sigmoid",
    "sign",
    "signbit",
    "silu",
    "simplify",
    "sin",
    "sinc",
    "sinh",
    "softmax",
    "softplus",
    "softsign",
    "sort",
    "sparse_hessian",
    "sparse_jacobian",
    "sparsity",
    "sqrt",
    "square",
    "squared_hinge",
    "squeeze",
    "stack",
    "std",
    "stop_gradient",
    "sub",
    "subtract",
    "sum",
    "sum_pool",
    "swapaxes",
    "swish",
    "switch",
    "take",
    "take_along_axis",
    "tan",
    "tanh",
    "tensordot",
    "threshold",
    "tile",
    "to_sympy",
    "top_k",
    "trace",
    "transpose",
    "tril",
    "triplet",
    "triu",
    "trunc",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
    "unstack",
    "value_and_grad",
    "var",
    "vecdot",
    "vecmat",
    "vjp",
    "where",
    "while_loop",
    "with_gradient",
    "write_report",
    "xlog1py",
    "xlogy",
    "zeros",
    "zeros_like",
    "zeta",
]  # fmt: skip

#: Names that load more (JAX, SymPy, the rules, ...) when first used, and where they live.
_LATER = {
    "Comparison": "graphc.compare.record",
    "Problem": "graphc.compare.problem",
    "DebugReport": "graphc.compare.debug.record",
    "check": "graphc.compare.check",
    "debug": "graphc.compare.debug.debug",
    "derivative_plan": "graphc.diff.plan",
    "compare": "graphc.compare.compare",
    "cost": "graphc.measure.cost",
    "draw": "graphc.compare.pictures",
    "parse": "graphc.bridge.formula",
    "function": "graphc.backends.function",
    "from_sympy": "graphc.bridge.sympy",
    "explain": "graphc.simplify.passes",
    "lint": "graphc.simplify.lint",
    "optimize": "graphc.optimize.optimize",
    "plan": "graphc.optimize.optimize",
    "load": "graphc.bridge.load",
    "load_with_values": "graphc.bridge.load",
    "KinkReport": "graphc.compare.kinks.record",
    "kinks": "graphc.compare.kinks.find",
    "load_problems": "graphc.compare.load",
    "save": "graphc.bridge.save",
    "simplify": "graphc.simplify.passes",
    "SparseDerivative": "graphc.sparse.derivative",
    "Structure": "graphc.sparse.structure",
    "sparse_hessian": "graphc.sparse.derivative",
    "sparse_jacobian": "graphc.sparse.derivative",
    "sparsity": "graphc.sparse.structure",
    "write_report": "graphc.compare.report",
    "to_sympy": "graphc.bridge.sympy",
    "Compiled": "graphc.backends.compile",
    "compile": "graphc.backends.compile",
    "evaluate": "graphc.backends.numpy",
    "evaluate_mpmath": "graphc.backends.mpmath",
}
#: Packages of ours that are loaded when they are first used.
_PACKAGES = ("nn", "train")
_OWN_OPS = frozenset(op.name for op in _all_ops())

if not TYPE_CHECKING:  # a type checker would take any name for granted, slips of the pen included

    def __getattr__(name: str) -> Any:
        """Returns a function whose module loads on first use, or any registered operation."""
        if name in _PACKAGES:
            value = importlib.import_module(f"graphc.{name}")
        elif name in _LATER:
            value = getattr(importlib.import_module(_LATER[name]), name)
        else:
            try:
                value = _op_named(name)
            except ArgumentError:
                raise AttributeError(
                    f"graphc has no {name!r}; `graphc ops` lists the operations"
                ) from None
        globals()[name] = value
        return value

    # The packages of these names would hide the functions as soon as something loads them.
    for _name in ("compare", "optimize", "simplify"):
        importlib.import_module(f"graphc.{_name}")
        del globals()[_name]


def __dir__() -> list[str]:
    own = [name for name in globals() if name.startswith("__")]
    return sorted({*own, *__all__, *(op.name for op in _all_ops() if op.name not in _OWN_OPS)})
