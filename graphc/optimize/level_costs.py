"""What a graph of scalars costs unrolled and run by the machine: to compile, and for each call.

Measured on a CPU (JAX 0.10.2, float64). Unrolled, random graphs of 950, 1,700 and 4,000 operations
with their gradients compiled in 3.6, 5.6 and 30 s, one of products and sums, 2,000, in 2 s; 10,000
took more than 130 s, and beyond `UNROLLED` XLA may crash. A call at one point takes 10 ns an
operation either way. At many points, products and sums take 0.35 ns a point unrolled, because XLA
fuses them, and 2 ns by the machine; sines and exponentials take 20 ns by the machine and no less
unrolled, where XLA computes some of them twice.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

#: Calls that a compiled function is made for, where compiling is weighed against running.
CALLS = 1_000
#: An unrolled graph of more scalar operations than this may overflow XLA's stack.
UNROLLED = 15_000


@dataclass(frozen=True, slots=True)
class Load:
    """What there is to compute.

    Attributes:
        count: operations.
        heavy: those of them that take a call or a polynomial: sine, exponential, ....
        kinds: different ones.
        width: bytes of a number.
    """

    count: int
    heavy: int
    kinds: int
    width: int = 8

    def unrolled(self, points: float) -> tuple[float, float]:
        """Returns the predicted seconds of compiling and of one call, unrolled."""
        count = self.count
        compiled = math.inf if count > UNROLLED else 0.05 + 1e-3 * count * (1 + count / 1_000)
        each = 10e-9 if points == 1 else 3e-9 + 5e-11 * self.width * points
        return compiled, 2e-6 + each * count + 40e-9 * self.heavy * points

    def machine(self, points: float) -> tuple[float, float]:
        """Returns the predicted seconds of compiling and of one call, by the machine."""
        compiled = 0.15 + 0.01 * self.kinds + 5e-6 * self.count
        blocks = math.ceil(points * self.width / 64)  # see `_REGISTER_BYTES` of the machine
        each = 8e-9 if points == 1 else 14e-9 * blocks
        return compiled, 5e-6 + each * self.count + 20e-9 * self.heavy * points

    def unrolled_pays(self, points: float) -> bool:
        """Tells whether compiling it unrolled and so many calls take less than by the machine."""
        (once, call), (machine_once, machine_call) = self.unrolled(points), self.machine(points)
        return once + CALLS * call < machine_once + CALLS * machine_call

    def most(self) -> float:
        """Returns at how many points, a power of 2, unrolled pays again; infinite where never."""
        return next((2.0**k for k in range(1, 31) if self.unrolled_pays(2.0**k)), math.inf)
