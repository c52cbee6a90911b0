"""Every family of rewrites, in the order in which they are tried."""

from __future__ import annotations

from graphc.optimize.family import Family
from graphc.optimize.hoist import HOIST
from graphc.optimize.levels import LEVELS
from graphc.optimize.residuals import RESIDUALS
from graphc.optimize.structure import STRUCTURE, WOODBURY

ALL_FAMILIES: tuple[Family, ...] = (STRUCTURE, WOODBURY, HOIST, RESIDUALS, LEVELS)
