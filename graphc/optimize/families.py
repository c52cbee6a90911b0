"""Every family of rewrites, in the order in which they are tried."""

from __future__ import annotations

from graphc.optimize.after_loop import AFTER_LOOP
from graphc.optimize.chains import PRODUCT_ORDER
from graphc.optimize.factoring import FACTORING
from graphc.optimize.family import Family
from graphc.optimize.hoist import HOIST
from graphc.optimize.levels import LEVELS
from graphc.optimize.neighbours import NEIGHBOURS
from graphc.optimize.padded_sums import JOINED_SLICES
from graphc.optimize.reductions import REDUCTIONS
from graphc.optimize.residuals import RESIDUALS
from graphc.optimize.roll import BATCH, ROLL
from graphc.optimize.split_sums import SPLIT_SUMS
from graphc.optimize.structure import STRUCTURE, WOODBURY
from graphc.optimize.twins import TWINS

ALL_FAMILIES: tuple[Family, ...] = (
    STRUCTURE,
    WOODBURY,
    TWINS,
    FACTORING,
    SPLIT_SUMS,
    REDUCTIONS,
    PRODUCT_ORDER,
    HOIST,
    RESIDUALS,
    BATCH,
    ROLL,
    JOINED_SLICES,
    NEIGHBOURS,
    AFTER_LOOP,
    LEVELS,
)
