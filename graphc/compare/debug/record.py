"""What debug mode found, as frozen records."""

from __future__ import annotations

from dataclasses import dataclass

from graphc.compare.debug import text
from graphc.core.errors import GraphcError


@dataclass(frozen=True, slots=True)
class CheckFailure:
    """An index out of range, an integer division by zero, a wrap or a cast that loses.

    Attributes:
        kind: the error's class, for example `IndexingError`.
        words: the error in words, with the user's place.
        place: `file.py:LINE` of the operation.
        error: what is raised unless `checked=False`.
    """

    kind: str
    words: str
    place: str
    error: GraphcError


@dataclass(frozen=True, slots=True)
class Birth:
    """An element that is not finite although the operands it is made of are.

    Attributes:
        node: the value, as text; `op` its operation, `place` the user's `file.py:LINE`.
        block: in which call or which iteration it was computed; empty outside of blocks.
        kind: `domain` (no value there), `pole` (infinite there), `overflow` (finite, but beyond
            the dtype), `indeterminate` (NaN made of infinities), `given` (an input or a constant),
            `unknown` (too large to examine).
        element: its index in the value.
        operands: name and value of each operand at the element.
        value: what came out.
        count: how many elements of the value; `size` of how many.
        domain: where the operation is defined, in words.
        reaches: which outputs it makes NaN or infinite; empty where it is harmless.
        fate: where it ended, if it reaches no output.
        spread: the values it passed, up to the output, as `text (place)`; the middle is left out.
        steps: how many values it passed.
        words: all of it in a sentence.
    """

    node: str
    op: str
    place: str
    block: str
    kind: str
    element: tuple[int, ...]
    operands: tuple[tuple[str, float], ...]
    value: float
    count: int
    size: int
    domain: str
    reaches: tuple[str, ...]
    fate: str
    spread: tuple[str, ...]
    steps: int
    words: str


@dataclass(frozen=True, slots=True)
class AdjointFault:
    """The first adjoint, from the output down, that is NaN or infinite.

    Attributes:
        node: the value whose adjoint it is, and its `place`.
        block: in which block it was computed; empty outside of blocks.
        user: the value on the other end of the edge, whose rule made the adjoint; `rule` its op.
        rule_place: the user's line of `user`.
        element: index in `user`'s value; () where the op is not elementwise.
        operands: name and value of each operand of `user` there.
        slope: the local slope there; None where the op is not elementwise.
        incoming: the adjoint of `user` there.
        result: what the edge added to the adjoint.
        count: elements of the adjoint that are not finite; `size` of how many.
        reaches: of which inputs the gradient is NaN or infinite.
        exact: the adjoint's element at 50 digits; None where it was not computed.
        words: all of it in a sentence.
    """

    node: str
    place: str
    block: str
    user: str
    rule: str
    rule_place: str
    element: tuple[int, ...]
    operands: tuple[tuple[str, float], ...]
    slope: float | None
    incoming: float
    result: float
    count: int
    size: int
    reaches: tuple[str, ...]
    exact: float | None
    words: str


@dataclass(frozen=True, slots=True)
class Level:
    """The adjoint of one value on the way from the loss to the inputs.

    Attributes:
        depth: edges from the loss, by the longest way.
        node: the value, its `op` and its `place`.
        norm: Euclidean norm of the adjoint as computed.
        ratio: norm over that of the loss's own adjoint.
        exact: the norm at 50 digits, 0.0 below 5e-324; None where it was not computed.
        size, zeros, tiny: elements; those that are 0; those below the smallest normal number.
        wanted: it is one of the nodes that the loss is differentiated by.
    """

    depth: int
    node: str
    op: str
    place: str
    norm: float
    ratio: float
    exact: float | None
    size: int
    zeros: int
    tiny: int
    wanted: bool


@dataclass(frozen=True, slots=True)
class Vanishing:
    """A gradient or an adjoint with elements that are 0 or below the smallest normal number.

    Attributes:
        node: the value whose adjoint it is, its `place`, and whether it was asked for (`wanted`).
        size, zeros, tiny: elements; those that are 0; those below the smallest normal number.
        true_zeros: zeros that are 0 at 50 digits too.
        true_tiny: tiny elements that are right: truly that small.
        underflow: truly other than 0, and below what the dtype holds.
        lost: truly within the dtype's range: artificial.
        kind: `artificial` (some are lost, or fell below the range), `true`, or `unjudged`.
        cause: of an artificial one: `underflow`, `saturation` or `cancellation`.
        example: an element with the largest true value: index, as computed, truly.
        born: the operation at which the value was lost, with the user's line.
        judged: `50 digits`, `float64`, or why not.
        words: all of it in a sentence.
    """

    node: str
    place: str
    wanted: bool
    size: int
    zeros: int
    tiny: int
    true_zeros: int
    true_tiny: int
    underflow: int
    lost: int
    kind: str
    cause: str
    example: tuple[tuple[int, ...], float, str] | None
    born: str
    judged: str
    words: str


@dataclass(frozen=True, slots=True)
class Units:
    """Dead and saturated units of one activation; the last axis counts as units.

    Attributes:
        node, op, place, block: which activation.
        units: size of the last axis; `batch` how many times each was seen.
        dead: units with slope 0 everywhere in the batch.
        beyond: units on the lesser slope of a kink everywhere (leaky_relu).
        saturated_units: units with a slope below `threshold` everywhere.
        elements: all elements; `saturated` those with a slope below `threshold`; `rounded` those
            whose value rounds to its limit.
        threshold: 2**-10 of the operation's largest slope.
        words: all of it in a sentence.
    """

    node: str
    op: str
    place: str
    block: str
    units: int
    batch: int
    dead: int
    beyond: int
    saturated_units: int
    elements: int
    saturated: int
    rounded: int
    threshold: float
    words: str


@dataclass(frozen=True, slots=True)
class Difference:
    """Where XLA's result differs in kind from NumPy's.

    Attributes:
        what: the output or gradient.
        kind: `flushed` (NumPy has a subnormal number, XLA 0), `finite` or `not finite` (XLA's).
        element: where; `numpy` and `xla` the two values there.
        count: how many elements.
    """

    what: str
    kind: str
    element: tuple[int, ...]
    numpy: float
    xla: float
    count: int


@dataclass(frozen=True, slots=True)
class DebugReport:
    """What `debug` found; `str()` of it is a text of about a screen.

    Attributes:
        outputs: the outputs, as text.
        finite: every output is finite.
        births: where NaN and infinity are born, in evaluation order, at most 50.
        births_total: how many there were.
        adjoint: the first adjoint that is not finite; None where there is none.
        levels: the adjoints on the way from the loss to the inputs, from the loss down.
        vanishing: adjoints that are 0 or tiny somewhere, wanted ones first.
        units: every activation that can die or saturate.
        failures: failed checks, where `checked=False`.
        differences: where XLA differs, with `xla=True`.
        notes: what was not done and why, and what else is worth knowing.
        findings: what is wrong, a sentence each.
    """

    outputs: tuple[str, ...]
    finite: bool
    births: tuple[Birth, ...]
    births_total: int
    adjoint: AdjointFault | None
    levels: tuple[Level, ...]
    vanishing: tuple[Vanishing, ...]
    units: tuple[Units, ...]
    failures: tuple[CheckFailure, ...]
    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """True where all is finite, no gradient vanishes artificially, and all checks hold.

        Dead and saturated units and gradients that truly vanish are shown and leave it True.
        """
        return not self.findings

    @property
    def first(self) -> Birth | None:
        """The first birth that reaches an output; None where every output is finite."""
        return next((b for b in self.births if b.reaches), None)

    def __str__(self) -> str:
        return text.report_text(self)
