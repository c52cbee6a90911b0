"""Every family of rewrites, in the order in which they are tried."""

from __future__ import annotations

from graphc.optimize.equal_blocks.roll import BATCH, ROLL
from graphc.optimize.family import Family
from graphc.optimize.loops.after_loop import AFTER_LOOP
from graphc.optimize.loops.hoist import HOIST
from graphc.optimize.memory.residuals import RESIDUALS
from graphc.optimize.products.chains import PRODUCT_ORDER
from graphc.optimize.products.factoring import FACTORING
from graphc.optimize.products.reductions import REDUCTIONS
from graphc.optimize.products.split_sums import SPLIT_SUMS
from graphc.optimize.products.twins import TWINS
from graphc.optimize.scalars.levels import LEVELS, SCALARS
from graphc.optimize.slices.neighbours import NEIGHBOURS
from graphc.optimize.slices.padded_sums import JOINED_SLICES
from graphc.optimize.structure.structure import STRUCTURE, WOODBURY
from graphc.optimize.tiling.tiling import TILING

ALL_FAMILIES: tuple[Family, ...] = (
    SCALARS,
    STRUCTURE,
    WOODBURY,
    TWINS,
    FACTORING,
    SPLIT_SUMS,
    REDUCTIONS,
    PRODUCT_ORDER,
    HOIST,
    TILING,
    RESIDUALS,
    BATCH,
    ROLL,
    JOINED_SLICES,
    NEIGHBOURS,
    AFTER_LOOP,
    LEVELS,
)
