"""Stable forms: the same function written so that it keeps its digits; on request only.

The derivative of a stable form is stable too: its record's own rule is differentiated, not the
exponentials that overflowed. What reverse or forward mode made of the naive form is recognised
afterwards as well, by its factors.
"""

from __future__ import annotations

from graphc.simplify.rule import Rule
from graphc.simplify.stable_differences import DIFFERENCES
from graphc.simplify.stable_logarithms import LOGARITHMS
from graphc.simplify.stable_means import MEANS
from graphc.simplify.stable_quotients import QUOTIENTS
from graphc.simplify.stable_roots import ROOTS
from graphc.simplify.stable_sums import SUMS

RULES: tuple[Rule, ...] = (*LOGARITHMS, *ROOTS, *DIFFERENCES, *MEANS, *QUOTIENTS, *SUMS)
