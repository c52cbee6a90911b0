"""A plan from the user's own program: FILE.py is imported and gives one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphc.core.calls import guarded
from graphc.core.errors import ArgumentError, show_value
from graphc.core.programs import guarded_by_file, import_file, python_file
from graphc.train.plan import Plan


@guarded("train.load_plan")
def load_plan(path: str | Path) -> Plan:
    """Imports the user's own Python file and returns the training it describes.

    It gives it as `training` (a function that returns a `train.Plan`, or one), as `plan`, or as the
    only Plan at its top level. This runs the file, as `python FILE.py` would; open only files that
    you trust.

    Raises:
        FileError: the file can't be read, is no Python, or fails while it runs.
        ArgumentError: it gives no plan, or several.
    """
    file = python_file(path, "a train.Plan")
    module = guarded_by_file(file, lambda: import_file(file))
    found: Any = getattr(module, "training", None)
    if callable(found):
        found = guarded_by_file(file, found)
    if found is None:
        found = getattr(module, "plan", None)
    if found is None:
        plans = {id(v): v for v in vars(module).values() if isinstance(v, Plan)}
        if len(plans) > 1:
            raise ArgumentError(
                f"{file.name} has {len(plans)} plans", "name the one that is meant `plan`"
            )
        found = next(iter(plans.values()), None)
    if isinstance(found, Mapping) and {"loss", "data"} <= set(found):
        found = guarded_by_file(file, lambda: Plan(**found))
    if not isinstance(found, Plan):
        words = "gives no plan" if found is None else f"gives {show_value(found)}, no plan"
        raise ArgumentError(
            f"{file.name} {words}",
            "write plan = train.Plan(loss, data, epochs=20) in it",
        )
    return found
