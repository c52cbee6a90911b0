"""Linear algebra: the Array API's `linalg` names, and NumPy's and SciPy's beside them.

Matrices lie along the last two axes, in front of them any stack of such. All take floats.
"""

from __future__ import annotations

from graphc.ops.contraction import matmul
from graphc.ops.contraction.products import cross, tensordot, vecdot
from graphc.ops.linalg.determinants import SlogdetResult, det, slogdet
from graphc.ops.linalg.exponential import expm, matrix_power
from graphc.ops.linalg.factors import QRResult, cholesky, qr
from graphc.ops.linalg.least_squares import LstsqResult, cond, lstsq, matrix_rank, pinv
from graphc.ops.linalg.norms import diagonal, matrix_norm, multi_dot, trace, vector_norm
from graphc.ops.linalg.singular import SVDResult, svd, svdvals
from graphc.ops.linalg.solving import inv, solve, triangular_solve
from graphc.ops.linalg.spectra import EighResult, eigh, eigvalsh
from graphc.ops.linalg.spectral import spectral
from graphc.ops.names import outer
from graphc.ops.shaping import matrix_transpose

__all__ = [
    "EighResult",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "expm",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "spectral",
    "svd",
    "svdvals",
    "tensordot",
    "trace",
    "triangular_solve",
    "vecdot",
    "vector_norm",
]
