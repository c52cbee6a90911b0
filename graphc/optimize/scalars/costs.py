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
from collections.abc import Sequence
from dataclasses import dataclass

from graphc.core.errors import Place
from graphc.core.node import Node
from graphc.core.type import Shape
from graphc.optimize.family import Context

#: Fewer operations than this are no block; XLA compiles them in well under a second.
FEWEST = 64
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


def load_of(nodes: Sequence[Node]) -> Load:
    """Returns what elementwise operations compute, as far as costs hang on it."""
    kinds = len({(n.op, *map(str, n.params.values())) if n.params else n.op for n in nodes})
    heavy = sum([n.op.ulp > 0.5 for n in nodes])
    return Load(len(nodes), heavy, kinds, 8 if nodes and nodes[-1].type.dtype.bits == 64 else 4)


def weighed(
    context: Context, name: str, load: Load, points: float, shape: Shape, place: Place | None
) -> bool:
    """Weighs compiling and running operations one by one against the machine; taken or left."""
    before, after = load.unrolled(points), load.machine(points)
    calls = " and ".join(
        f"{b:.2g} s -> {a:.2g} s {what}"
        for b, a, what in zip(before, after, ("to compile", "a call"), strict=True)
    )
    old, new = (c / CALLS + run for c, run in (before, after))
    words = f"{load.count:,} operations on {shape or 'scalars'}, unrolled"
    made = f"a machine of {load.kinds} kinds"
    most = math.inf if shape else load.most()
    if math.isfinite(most):
        made += f", unrolled where batched to {most:,.0f} points"
    return context.weigh(name, words, made, old, new, place, calls)
