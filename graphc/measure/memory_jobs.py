"""Known jobs for the memory worker, by which the meter itself is checked."""

from __future__ import annotations

import os
from typing import Any

import numpy as np


def fill(payload: dict[str, Any]) -> int:
    """Holds `payload["bytes"]` bytes for a moment and returns how many."""
    array = np.ones(payload["bytes"], np.uint8)
    return int(array.size)


def fail(payload: dict[str, Any]) -> None:
    """Raises a ValueError with `payload["message"]`."""
    print("this line must not reach the answer")
    raise ValueError(payload["message"])


def end(payload: dict[str, Any]) -> None:
    """Ends the process in its midst, with the status `payload["status"]`."""
    os._exit(payload["status"])


def wait(payload: dict[str, Any]) -> None:
    """Waits `payload["seconds"]` seconds."""
    import time

    time.sleep(payload["seconds"])
