"""Every family of rewrites, in the order in which they are tried."""

from __future__ import annotations

from graphc.optimize.family import Family
from graphc.optimize.hoist import HOIST
from graphc.optimize.residuals import RESIDUALS

ALL_FAMILIES: tuple[Family, ...] = (HOIST, RESIDUALS)
