"""`sparse_jacobian` and `sparse_hessian`: the entries that can differ from 0, as one graph."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphc.core.calls import guarded
from graphc.core.errors import ShapeError
from graphc.core.naming import describe_operand
from graphc.core.node import Node
from graphc.core.walk import collection_paused, topological_order
from graphc.diff.derivatives import grad
from graphc.optimize.choice import Plan
from graphc.sparse.arguments import one_float, one_loss, one_output
from graphc.sparse.choose import HESSIAN_MODES, JACOBIAN_MODES, Found, check_mode, chosen
from graphc.sparse.colouring import Array
from graphc.sparse.spy import spy_picture
from graphc.sparse.structure import Structure


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """The passes that give a sparse derivative.

    Attributes:
        count: passes in all; of bands the number of bands.
        columns: the colour of each column, None where no forward pass is made.
        rows: the colour of each row, None where no pass back is made.
        order: how the colours were found, in words.
    """

    count: int
    columns: Array | None = None
    rows: Array | None = None
    order: str = ""

    def __repr__(self) -> str:
        return f"<{self.count} colours: {self.order}>"


@dataclass(frozen=True, slots=True, eq=False)
class SparseDerivative:
    """A sparse Jacobian or Hessian: where its entries stand, and a graph of their values.

    Attributes:
        structure: rows and columns of the entries, in the order of `values`.
        values: a node `f[nnz]`: evaluate, compile, save or differentiate it like any other.
        mode: how the values are made: `bands`, `jvp`, `vjp`, `both` or `hvp`.
        colours: the colours of columns and rows.
        plan: what was weighed, and what each would cost as predicted.
    """

    structure: Structure
    values: Node
    mode: str
    colours: Colouring
    plan: Plan = field(repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        """Elements of the output, elements of the input."""
        return self.structure.shape

    @property
    def nnz(self) -> int:
        """How many entries there are."""
        return self.structure.nnz

    @guarded("SparseDerivative.csr", direct=True)
    def csr(self, values: Any) -> Any:
        """Returns values of `values` as SciPy's CSR array, rows in order.

        Args:
            values: `f[nnz]`, what evaluating or calling the compiled `values` gave.
        """
        from scipy import sparse  # 0.2 s to load

        where = (self.structure.rows, self.structure.columns)
        return sparse.coo_array((self._checked(values), where), self.shape).tocsr()

    @guarded("SparseDerivative.bcoo", direct=True)
    def bcoo(self, values: Any) -> Any:
        """Returns values of `values` as JAX's BCOO array; inside `jax.jit` too."""
        from jax import numpy as jnp  # JAX takes 0.5 s to load
        from jax.experimental import sparse

        self._check(getattr(values, "shape", np.shape(values)))
        indices = np.stack([self.structure.rows, self.structure.columns], axis=1)
        pair = (jnp.asarray(values), jnp.asarray(indices))
        return sparse.BCOO(pair, shape=self.shape, unique_indices=True)

    @guarded("SparseDerivative.dense", direct=True)
    def dense(self, values: Any) -> Array:
        """Returns values of `values` as a dense array, outputs by inputs, both flat."""
        made = np.zeros(self.shape, self.values.dtype.numpy)
        made[self.structure.rows, self.structure.columns] = self._checked(values)
        return made

    @guarded("SparseDerivative.spy", direct=True)
    def spy(self, path: str | os.PathLike[str] | None = None) -> str:
        """Returns a picture of the structure as SVG, and writes it where a path is given.

        Args:
            path: a file that ends in `.svg` or, for the squares alone, `.png`.

        Raises:
            FormatError: the path ends in something else.
            FileError: the file can't be written.
        """
        return spy_picture(self.structure, path, self._by())

    def _repr_svg_(self) -> str:
        return self.spy()

    def _by(self) -> str:
        if self.mode == "bands":
            return f"{self.colours.count} bands"
        return f"{self.mode}, {self.colours.count} passes"

    def _checked(self, values: Any) -> Array:
        try:
            made = np.asarray(values)
        except Exception:  # whatever a foreign array raises
            made = np.asarray(None)
        if made.dtype.kind not in "fiu" and made.dtype.name != "bfloat16":
            raise ShapeError(
                f"{describe_operand(values)} is no array of numbers",
                "pass what evaluating .values gave",
            )
        self._check(made.shape)
        return made

    def _check(self, shape: Any) -> None:
        if tuple(shape) != (self.nnz,):
            raise ShapeError(
                f"the values have shape {tuple(shape)}, there are {self.nnz:,} entries",
                "pass what evaluating .values gave",
            )

    def __repr__(self) -> str:
        return (
            f"<sparse derivative {self.shape[0]:,} x {self.shape[1]:,}: {self.nnz:,} entries, "
            f"{self._by()}>"
        )


@guarded("sparse_jacobian")
def sparse_jacobian(output: Any, wrt: Any, *, mode: str | None = None) -> SparseDerivative:
    """Returns the Jacobian's entries that can differ from 0, as a graph of their values.

    The structure is found on the graph, without evaluating it. A residual of slices, shifts and
    elementwise operations gives bands: one array of slopes for each way it reads its input. Any
    other is computed by passes for columns (or rows) that do not meet, all of one colour in one
    pass; memory is linear in the entries. What is cheaper, as predicted, is taken.

    Args:
        output: a float node of any shape; its elements are the rows.
        wrt: one float node of any shape; its elements are the columns.
        mode: None to choose by cost; or `"bands"`, `"jvp"` (columns), `"vjp"` (rows) or `"both"`.

    Returns:
        An object with `structure`, `values`, `mode`, `colours` and `plan`, which puts values into
        SciPy's CSR, JAX's BCOO or a dense array. The order of the values is that of
        `structure.rows` and `structure.columns`: bands and diagonals one after the other, else by
        row and then column.

    Raises:
        GradError: one of the nodes is no real float.
        EngineError: the mode is not known, or does not fit this graph; the reason is in the text.
        DimError: a size is only named.
        BudgetError: the Jacobian is dense and too large for any table.

    Warns:
        DenseWarning: most entries can differ from 0, so that colours save nothing.

    Source: Curtis, Powell and Reid (1974); Coleman and More (1983); Coleman and Verma (1998);
        Gebremedhin, Manne and Pothen, "What color is your Jacobian?", SIAM Review 47 (2005) 629.
    """
    check_mode(mode, JACOBIAN_MODES)
    made, by = one_output(output), one_float(wrt)
    with collection_paused():
        return _result(chosen(made, by, mode, None), [made, by])


@guarded("sparse_hessian")
def sparse_hessian(loss: Any, wrt: Any, *, mode: str | None = None) -> SparseDerivative:
    """Returns the entries of a scalar's Hessian that can differ from 0, as a graph of their values.

    The structure is that of the gradient's graph, so that only what meets in a nonlinear operation
    counts. Bands where the gradient has them; else Hessian-vector products, fewer by symmetry (star
    colouring): an entry is read from its row or its column. Both triangles are given.

    Args:
        loss: a float scalar.
        wrt: one float node of any shape.
        mode: None to choose by cost; or `"bands"` or `"hvp"`.

    Returns:
        As for `sparse_jacobian`.

    Raises:
        GradError: the loss is no real float scalar, or `wrt` is no float.
        EngineError, DimError, BudgetError: as for `sparse_jacobian`.

    Warns:
        DenseWarning: most entries can differ from 0.

    Source: Coleman and More (1984); Gebremedhin, Tarafdar, Manne and Pothen, SIAM J. Sci. Comput.
        29 (2007) 1042.
    """
    check_mode(mode, HESSIAN_MODES)
    made, by = one_loss(loss), one_float(wrt)
    with collection_paused():
        gradient = grad(made, by, unreachable="zero")
        return _result(chosen(gradient, by, mode, made), [made, by])


#: Graphs above this many nodes are not walked again to find the inputs their derivatives lack.
_ORIGIN_NODES = 100_000


def _remember_inputs(values: Node, sources: list[Node]) -> None:
    """Lets the values be evaluated with values for all inputs, needed or not."""
    order = topological_order(sources)
    if len(order) > _ORIGIN_NODES:
        return
    have = set(topological_order([values]))
    spare = [n for n in order if n.op.name in ("input", "param") and n not in have]
    if spare:
        values.origin = tuple(dict.fromkeys([*values.origin, *spare]))


def _result(found: Found, sources: list[Node]) -> SparseDerivative:
    passes = Colouring(found.count, found.column_colours, found.row_colours, found.order)
    _remember_inputs(found.values, sources)
    return SparseDerivative(found.structure, found.values, found.mode, passes, found.plan)
