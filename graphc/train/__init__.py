"""Training: `fit` and what it is made of. Needs Optax: `pip install "graphc[train]"`."""

from __future__ import annotations

import importlib.util

from graphc.core.errors import PackageError

if importlib.util.find_spec("optax") is None:
    raise PackageError(
        "training needs the package optax, which is not installed",
        'pip install "graphc[train]"',
    )

from graphc.train import rules
from graphc.train.axes import Panel, Series
from graphc.train.charts import chart
from graphc.train.data import Normaliser
from graphc.train.fit import fit
from graphc.train.laws import choice, integers, log_uniform, uniform
from graphc.train.layers import Distribution, distributions, histograms
from graphc.train.load import load_plan
from graphc.train.minimise import Minimum, minimise
from graphc.train.optimisers import names as optimiser_names
from graphc.train.pictures import curves
from graphc.train.plan import Plan
from graphc.train.run import Best, Run
from graphc.train.schedules import (
    Schedule,
    constant,
    cosine,
    exponential,
    plateau,
    steps,
    warm_up,
)
from graphc.train.search import search
from graphc.train.shampoo import scale_by_shampoo, shampoo
from graphc.train.step_graph import StepGraph, step_graph
from graphc.train.stopping import EarlyStopping, early_stopping
from graphc.train.trials import Trial, Trials

__all__ = [
    "Best",
    "Distribution",
    "EarlyStopping",
    "Minimum",
    "Normaliser",
    "Panel",
    "Plan",
    "Run",
    "Schedule",
    "Series",
    "StepGraph",
    "Trial",
    "Trials",
    "chart",
    "choice",
    "constant",
    "cosine",
    "curves",
    "distributions",
    "early_stopping",
    "exponential",
    "fit",
    "histograms",
    "integers",
    "load_plan",
    "log_uniform",
    "minimise",
    "optimiser_names",
    "plateau",
    "rules",
    "scale_by_shampoo",
    "search",
    "shampoo",
    "step_graph",
    "steps",
    "uniform",
    "warm_up",
]
