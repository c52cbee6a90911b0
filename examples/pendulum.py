"""A pendulum's length and friction from noisy angles, through the solver of its equation.

Run `python examples/pendulum.py`. The angle follows theta'' = -(g / length) sin theta - damping
theta'. A Runge-Kutta integrator is one `gx.scan`, so that the residuals, measured minus computed,
are differentiated through all its steps, and Levenberg and Marquardt's method finds what fits. The
same Jacobian tells how sure the result is.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any

import exhibit
import jax
import numpy as np
from matplotlib.figure import Figure

import graphc as gx
from graphc import train

#: m / s^2; s; rad; steps of the integrator from one measurement to the next.
GRAVITY, STEP, NOISE, BETWEEN = 9.81, 0.025, 0.05, 2

#: Length in m, damping in 1 / s, the angle at the start in rad.
NAMES = {"length": "m", "damping": "1/s", "angle": "rad"}
TRUE = {"length": 0.8, "damping": 0.3, "angle": 2.0}
GUESS = {"length": 0.65, "damping": 0.1, "angle": 1.8}


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured and found.

    Attributes:
        times: of the measurements, in s.
        measured: the angles, in rad.
        found: the parameters.
        errors: their standard errors.
        curves: the angles of the first guess and of the fit at those times.
        steps: of Levenberg and Marquardt's method.
        spread: of what is left, in rad.
    """

    times: Any
    measured: Any
    found: dict[str, float]
    errors: dict[str, float]
    curves: dict[str, Any]
    steps: int
    spread: float


def parameters() -> dict[str, gx.Node]:
    """Returns the unknowns, in 64 bits."""
    return {name: gx.param(name, (), gx.float64) for name in NAMES}


def angles(unknown: dict[str, gx.Node], count: int) -> gx.Node:
    """Returns the angles after each of `count` measuring intervals, by Runge and Kutta's steps."""

    def slope(angle: gx.Node, speed: gx.Node) -> tuple[gx.Node, gx.Node]:
        pull = -GRAVITY / unknown["length"] * gx.sin(angle)
        return speed, pull - unknown["damping"] * speed

    def step(state: Any, _: None) -> tuple[Any, gx.Node]:
        angle, speed = state
        a1, s1 = slope(angle, speed)
        a2, s2 = slope(angle + STEP / 2 * a1, speed + STEP / 2 * s1)
        a3, s3 = slope(angle + STEP / 2 * a2, speed + STEP / 2 * s2)
        a4, s4 = slope(angle + STEP * a3, speed + STEP * s3)
        angle = angle + STEP / 6 * (a1 + 2 * a2 + 2 * a3 + a4)
        return (angle, speed + STEP / 6 * (s1 + 2 * s2 + 2 * s3 + s4)), angle

    start = (unknown["angle"], gx.constant(0.0, gx.float64))
    _, made = gx.scan(step, start, length=count * BETWEEN)
    return made[BETWEEN - 1 :: BETWEEN]


def compute(quick: bool = False) -> Result:
    """Measures the true pendulum with noise for 6 s, and fits the guess to that."""
    jax.config.update("jax_enable_x64", True)  # the graph is float64
    count = 120
    unknown = parameters()
    swing = angles(unknown, count)
    noise = np.random.default_rng(0).normal(0, NOISE, count)
    measured = np.asarray(gx.evaluate(swing, TRUE)) + noise
    residuals = swing - gx.constant(measured)
    fit = train.minimise(residuals, parameters=GUESS, method="levenberg-marquardt")
    found = {name: float(fit.values[name]) for name in NAMES}
    left, columns = gx.evaluate([residuals, gx.jacobian(residuals, unknown, "forward")], found)
    jacobian = np.stack([np.asarray(columns[name]) for name in NAMES], axis=1)
    # The covariance of least squares: the residuals' variance times (J' J)^-1.
    variance = float(np.sum(np.square(left))) / (count - len(NAMES))
    deviations = np.sqrt(variance * np.diag(np.linalg.inv(jacobian.T @ jacobian)))
    return Result(
        np.arange(1, count + 1) * BETWEEN * STEP,
        measured,
        found,
        dict(zip(NAMES, deviations.tolist(), strict=True)),
        {"guess": gx.evaluate(swing, GUESS), "fit": gx.evaluate(swing, found)},
        int(fit.steps),
        float(np.sqrt(variance)),
    )


@exhibit.in_style
def picture(result: Result) -> Figure:
    """Returns the measured angles with the first guess and the fit, and what is left."""
    panels = exhibit.axes(2, 1, height=2.0, sharex=True, height_ratios=(2.2, 1))
    (above,), (below,) = panels
    above.plot(result.times, result.measured, "o", ms=3, mfc="none", color=exhibit.GREY)
    for name, style, colour in (
        ("guess", "--", exhibit.COLOURS[2]), ("fit", "-", exhibit.COLOURS[1])
    ):  # fmt: skip
        above.plot(result.times, result.curves[name], style, color=colour)
    top = 20 + int(np.argmax(result.curves["guess"][20:50]))
    exhibit.name_line(above, result.times[-1], result.curves["fit"][-1], "fit", exhibit.COLOURS[1])
    above.annotate(
        "first guess", (result.times[top], result.curves["guess"][top]), xytext=(0, 4), ha="center",
        textcoords="offset points", color=exhibit.COLOURS[2],
    )  # fmt: skip
    words = ", ".join(
        f"{name} {result.found[name]:.3f} ± {result.errors[name]:.3f} {unit}"
        for name, unit in NAMES.items()
    )
    above.set(ylabel="angle / rad", title=words)
    below.plot(
        result.times, result.measured - result.curves["fit"], "o", ms=3, color=exhibit.COLOURS[1]
    )
    below.axhline(0, color="black", lw=0.8)
    below.set(xlabel="time / s", ylabel="measured\n- fit / rad")
    return above.figure


def main() -> int:
    """Prints true and found parameters, and returns 0 where all lie within 3 standard errors."""
    given: Any = exhibit.arguments(__doc__ or "", "the same: it takes a few seconds")
    result = compute()
    print(f"{'':<10}{'true':>8}{'guess':>8}{'found':>9}{'standard error':>16}")
    for name, unit in NAMES.items():
        numbers = f"{TRUE[name]:>8.3f}{GUESS[name]:>8.3f}{result.found[name]:>9.4f}"
        print(f"{name:<10}{numbers}{result.errors[name]:>16.4f} {unit}")
    print(f"{result.steps} steps; {result.spread:.3f} rad are left, the noise is {NOISE} rad")
    exhibit.save(picture(result), given.out, "pendulum")
    near = all(abs(result.found[n] - TRUE[n]) < 3 * result.errors[n] for n in NAMES)
    return 0 if near else 1


if __name__ == "__main__":
    sys.exit(main())
