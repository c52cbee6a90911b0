"""What every test starts from: 64-bit types in JAX, a fixed seed, no deadline for hypothesis."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from hypothesis import settings

jax.config.update("jax_enable_x64", True)
settings.register_profile("graphc", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("graphc")


@pytest.fixture
def rng() -> np.random.Generator:
    """Returns the generator every test draws from, seeded alike."""
    return np.random.default_rng(20240607)
