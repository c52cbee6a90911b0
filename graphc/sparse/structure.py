"""The structure of a Jacobian or Hessian: which entries can differ from 0, found without running.

The structure is never too small: an entry outside of it is 0 at every point. It may be too large,
where the graph hides a 0 (x - x, a factor that happens to be 0); `reasons` tells where an operation
was taken to need more than it may.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import BudgetError
from graphc.core.naming import describe
from graphc.core.node import Node
from graphc.sparse.arguments import one_float, one_output
from graphc.sparse.pattern import MAX_ENTRIES, Array, TooManyEntries, elements, entries
from graphc.sparse.spy import spy_picture
from graphc.sparse.trace import trace_patterns


@dataclass(frozen=True, slots=True, eq=False)
class Structure:
    """Where a Jacobian or Hessian can differ from 0.

    Attributes:
        rows: for each entry the flat number of the output's element, `i[nnz]`.
        columns: for each entry the flat number of the input's element, `i[nnz]`.
        shape: elements of the output, elements of the input.
        reasons: why it may be larger than it need be, in words.
    """

    rows: Array
    columns: Array
    shape: tuple[int, int]
    reasons: tuple[str, ...] = field(default=())

    @property
    def nnz(self) -> int:
        """How many entries there are."""
        return len(self.rows)

    @property
    def cols(self) -> Array:
        """`columns`, by the name SciPy users look for."""
        return self.columns

    @property
    def density(self) -> float:
        """Entries over all places, 0 to 1."""
        return self.nnz / max(self.shape[0] * self.shape[1], 1)

    @property
    def bandwidths(self) -> tuple[int, int]:
        """How far entries lie below and above the diagonal."""
        if not self.nnz:
            return (0, 0)
        offsets = self.columns.astype(np.int64) - self.rows
        return (max(-int(offsets.min()), 0), max(int(offsets.max()), 0))

    def csr(self) -> Any:
        """Returns the structure as SciPy's CSR array of True."""
        from scipy import sparse  # 0.2 s to load

        made = sparse.coo_array((np.ones(self.nnz, bool), (self.rows, self.columns)), self.shape)
        return made.tocsr()

    def dense(self) -> Array:
        """Returns the structure as a dense boolean array."""
        made = np.zeros(self.shape, bool)
        made[self.rows, self.columns] = True
        return made

    @guarded("Structure.spy", direct=True)
    def spy(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns a picture of the structure as SVG, and writes it where a path is given.

        Args:
            path: a file that ends in `.svg` or, for the squares alone, `.png`.

        Raises:
            FormatError: the path ends in something else.
            FileError: the file can't be written.
        """
        return spy_picture(self, path, "")

    def _repr_svg_(self) -> str:
        return self.spy()

    def __repr__(self) -> str:
        below, above = self.bandwidths
        return (
            f"<structure {self.shape[0]:,} x {self.shape[1]:,}: {self.nnz:,} entries "
            f"({self.density:.2%}), up to {below:,} below and {above:,} above the diagonal>"
        )


def frozen(array: Array, size: int) -> Array:
    """Returns an index array as one that can't be written to, of 32 bits where that is enough."""
    kind = np.int32 if size <= 2**31 - 1 else np.int64
    made = np.array(array, dtype=kind)
    made.flags.writeable = False
    return made


def structure_of(rows: Array, columns: Array, shape: tuple[int, int], reasons: Any) -> Structure:
    """Returns the structure with index arrays of its own."""
    size = max(shape)
    return Structure(frozen(rows, size), frozen(columns, size), shape, tuple(reasons))


def find_structure(output: Node, wrt: Node) -> Structure:
    """Returns the structure of the Jacobian of a node by another.

    Raises:
        BudgetError: it has more entries than a table holds.
        DimError: a size is only named.
    """
    pattern, reasons = trace_patterns(output, wrt)
    shape = (elements(output.shape), elements(wrt.shape))
    try:
        rows, columns = entries(pattern)
    except TooManyEntries:
        why = f" ({'; '.join(reasons)})" if reasons else ""
        raise BudgetError(
            f"the derivative of {describe(output, 3)} by {describe(wrt)} is dense: of its "
            f"{shape[0]:,} x {shape[1]:,} entries more than {MAX_ENTRIES:,} may differ from 0{why}",
            "use gx.jvp, gx.vjp or gx.hvp, which need no matrix",
        ) from None
    return structure_of(rows, columns, shape, reasons)


@guarded("sparsity")
def sparsity(output: Any, wrt: Any) -> Structure:
    """Returns where the Jacobian of a node can differ from 0; nothing is evaluated.

    Slices, stencils, gathers at known indices, elementwise operations, reductions, convolutions
    and products with constants are followed element by element; an entry outside of the structure
    is 0 at every point. For a Hessian take `gx.sparsity(gx.grad(loss, x), x)`.

    Args:
        output: a float node of any shape.
        wrt: a float node: an input, a parameter, or a node on the way.

    Returns:
        The structure: `rows` and `columns` of the entries, by row and then by column, over the
        flat elements of output and input.

    Raises:
        GradError: one of them is no float.
        DimError: a size is only named.
        BudgetError: more than 2**26 entries may differ from 0.
    """
    return find_structure(one_output(output), one_float(wrt))
