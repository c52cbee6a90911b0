"""From a formula's tokens to Python's own syntax tree, shallow however long the formula is.

`ast.parse` builds a sum of n terms n levels deep, by recursion. So a run of more than 32 terms or
factors is handed to it as a list display, `[a, b, c]` for `a + b - c`, with the operators kept
beside it (no formula holds a list of its own); the order of operations stays the written one.
"""

from __future__ import annotations

import ast
import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field

from graphc.bridge.formula_text import Token, fault
from graphc.core.errors import BudgetError

#: Operators in one run above which it is laid flat.
LONG_RUN = 32
#: Operators that may enclose one another; measured: CPython 3.11 starts to fail at 2,000.
MAX_DEPTH = 500

_SUM = frozenset(("+", "-"))
_PRODUCT = frozenset(("*", "/", "%"))
#: What ends a run of terms: all that binds less than + and -.
_LOOSE = frozenset((",", "<", "<=", ">", ">=", "==", "!=", "and", "or", "not", "if", "else"))
_OPERAND = frozenset(("number", "name", ")"))


@dataclass(frozen=True, slots=True)
class Tree:
    """A formula's syntax tree and the way back from it to the text.

    Attributes:
        body: the expression.
        text: the formula.
        tokens: its tokens.
        starts: for each token, where it starts in the text that Python read, in UTF-8 bytes.
        chains: for each list display, by where it starts, the operators between its elements.
    """

    body: ast.expr
    text: str
    tokens: Sequence[Token]
    starts: Sequence[int]
    chains: dict[int, list[str]]

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Returns the first and the last position of a syntax node in the formula."""
        begin = getattr(node, "col_offset", 0)
        finish = getattr(node, "end_col_offset", None) or begin + 1
        first = max(0, bisect.bisect_left(self.starts, begin))
        last = max(first, bisect.bisect_left(self.starts, finish) - 1)
        last = min(last, len(self.tokens) - 1)
        return self.tokens[min(first, last)].start, self.tokens[last].end


@dataclass(slots=True)
class _Run:
    """A run of terms, or of factors, while it is being read: its operators' token positions."""

    start: int
    operators: list[int] = field(default_factory=list[int])


def tree_of(text: str, tokens: Sequence[Token]) -> Tree:
    """Returns the syntax tree of a formula whose tokens `scan` found in order.

    Raises:
        BudgetError: more than 500 operations enclose one another.
        FormulaError: Python does not read it.
    """
    opening, closing, commas = _long_runs(tokens)
    pieces: list[str] = []
    starts: list[int] = []
    chains: dict[int, list[str]] = {}
    at = 0
    for position, token in enumerate(tokens):
        for operators in opening.get(position, ()):
            chains[at] = operators
            pieces.append("[")
            at += 1
        word = "," if position in commas else token.text
        starts.append(at)
        pieces.append(word + "]" * closing.get(position, 0) + " ")
        at += len(pieces[-1].encode())
    _check_depth(text, tokens, pieces)
    try:
        body = ast.parse("".join(pieces), mode="eval").body
    except SyntaxError as error:
        column = len("".join(pieces)[: max(0, (error.offset or 1) - 1)].encode())
        token = tokens[max(0, bisect.bisect_right(starts, column) - 1)]
        rule = "the formula can't be read from here"
        raise fault(text, token.start, rule, end=token.end) from None
    except (RecursionError, MemoryError):
        raise BudgetError(
            "the formula nests deeper than Python's parser can go here", "split it into steps"
        ) from None
    return Tree(body, text, tokens, starts, chains)


def _long_runs(
    tokens: Sequence[Token],
) -> tuple[dict[int, list[list[str]]], dict[int, int], set[int]]:
    """Finds the runs to lay flat.

    Returns:
        By token position: the operators of each run that opens before it, outer runs first; how
        many runs close after it; and the operators that become commas.
    """
    opening: dict[int, list[list[str]]] = {}
    closing: dict[int, int] = {}
    commas: set[int] = set()

    def finish(run: _Run, end: int) -> None:
        if len(run.operators) > LONG_RUN:
            opening.setdefault(run.start, []).insert(0, [tokens[i].text for i in run.operators])
            closing[end] = closing.get(end, 0) + 1
            commas.update(run.operators)

    levels = [(_Run(0), _Run(0))]
    for position, token in enumerate(tokens):
        binary = position > 0 and tokens[position - 1].kind in _OPERAND
        terms, factors = levels[-1]
        if token.kind == "(":
            levels.append((_Run(position + 1), _Run(position + 1)))
        elif token.kind == ")":
            finish(factors, position - 1)
            finish(terms, position - 1)
            levels.pop()
        elif token.kind in _LOOSE:
            finish(factors, position - 1)
            finish(terms, position - 1)
            levels[-1] = (_Run(position + 1), _Run(position + 1))
        elif token.kind in _SUM and binary:
            finish(factors, position - 1)
            terms.operators.append(position)
            levels[-1] = (terms, _Run(position + 1))
        elif token.kind in _PRODUCT:
            factors.operators.append(position)
    finish(levels[-1][1], len(tokens) - 1)
    finish(levels[-1][0], len(tokens) - 1)
    return opening, closing, commas


def _check_depth(text: str, tokens: Sequence[Token], pieces: Sequence[str]) -> None:
    """Raises BudgetError where the tree may nest deeper than Python's parser should go."""
    counts = [0]
    depth = 0
    words = (w for piece in pieces for w in piece.replace("]", " ] ").split())
    position = -1
    for word in words:
        if word not in ("[", "]"):
            position += 1
        if word in ("(", "["):
            counts.append(1)
            depth += 1
        elif word in (")", "]"):
            depth -= counts.pop()
        elif word == ",":
            depth -= counts[-1] - 1
            counts[-1] = 1
        elif tokens[position].kind not in ("number", "name"):
            counts[-1] += 1
            depth += 1
        if depth > MAX_DEPTH:
            rule = f"more than {MAX_DEPTH} operations enclose one another"
            mend = "split the formula into steps in Python"
            raise fault(text, tokens[position].start, rule, mend, kind=BudgetError)
