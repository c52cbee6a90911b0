"""`einsum` of any number of operands, taken two at a time along the cheapest path."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphc.core.calls import public
from graphc.core.dim import Dim
from graphc.core.errors import ArgumentError, ShapeError, show_value
from graphc.core.node import Node, as_node
from graphc.core.type import Size
from graphc.ops.chain import reshape
from graphc.ops.contraction.sums import einsum_op, letter_sizes, parse_subscripts

#: What a named size counts as where the path is chosen; all of them are taken to be alike.
_NAMED_SIZE = 64
#: Up to so many operands the path is the best there is; past it the greedy one.
_OPTIMAL, _DYNAMIC = 5, 12
#: Letters of one array's axes.
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@public
def einsum(subscripts: str, *operands: Any) -> Node:
    """Returns the sum of products named by subscripts, for example `"ij,jk->ik"`.

    Three operands and more are joined two at a time, in the order that takes the fewest
    operations, so that the graph, and its derivative, hold the partial products.

    Args:
        subscripts: letters for the axes of each operand, and behind `->` those of the result,
            which else are those that stand there once, sorted. `...` stands for leading axes that
            broadcast. A letter twice in one operand takes its diagonal.
        operands: the arrays.

    Returns:
        The array with the result's axes.

    Raises:
        ArgumentError: the subscripts can't be read or are for another number of operands.
        ShapeError: one letter stands for two sizes.

    Source: for the paths Smith and Gray, opt_einsum, JOSS 3 (2018) 753.
    """
    if not isinstance(subscripts, str) or not operands:
        raise ArgumentError("einsum takes subscripts and operands", "gx.einsum('ij,jk->ik', a, b)")
    nodes = [as_node(o) for o in operands]
    text, nodes = _without_dots(subscripts, nodes)
    terms, result = parse_subscripts(text, len(nodes))
    sizes = letter_sizes(terms, [n.shape for n in nodes])
    return _along_path(terms, result, nodes, sizes)


def sum_of_products(text: str, *operands: Node) -> Node:
    """Returns `einsum` for plain subscripts that are known to fit."""
    return einsum_op(*operands, subscripts=text)


# -- the ellipsis ----------------------------------------------------------------------------------


def _without_dots(text: str, nodes: list[Node]) -> tuple[str, list[Node]]:
    """Returns subscripts with letters for `...`; axes of size 1 that broadcast are dropped."""
    if "." not in text:
        return text, nodes
    left, arrow, result = text.replace(" ", "").partition("->")
    terms = left.split(",")
    parts = [*terms, result]
    if any(p.count(".") != 3 * p.count("...") or p.count("...") > 1 for p in parts):
        raise ArgumentError(
            f"subscripts {show_value(text)} hold dots that are no ellipsis", "write ... once a term"
        )
    if len(terms) != len(nodes):
        raise ArgumentError(
            f"subscripts {show_value(text)} are for {len(terms)} operands, not {len(nodes)}",
            "give one operand for each group of letters",
        )
    counts = [n.ndim - len(t) + 3 for t, n in zip(terms, nodes, strict=True) if "..." in t]
    if any(c < 0 for c in counts):
        raise ShapeError(
            f"an operand has fewer axes than its subscripts in {show_value(text)}",
            "write one letter for each axis",
        )
    fresh = _fresh_letters(text, max(counts, default=0))
    shared = _shared_axes(terms, nodes, fresh)
    new_terms: list[str] = []
    new_nodes: list[Node] = []
    for term, node in zip(terms, nodes, strict=True):
        made, value = _spelt_out(term, node, fresh, shared)
        new_terms.append(made)
        new_nodes.append(value)
    if arrow:
        if "..." not in result and fresh:
            raise ArgumentError(
                f"the result of {show_value(text)} lacks the ellipsis", "write ... behind ->"
            )
        result = result.replace("...", fresh)
    else:
        letters = left.replace(",", "").replace("...", "")
        result = fresh + "".join(sorted(c for c in set(letters) if letters.count(c) == 1))
    return ",".join(new_terms) + "->" + result, new_nodes


def _fresh_letters(text: str, count: int) -> str:
    free = [c for c in LETTERS if c not in text]
    if count > len(free):
        raise ArgumentError(f"{show_value(text)} has too many axes", "there are 52 letters")
    return "".join(free[:count])


def _shared_axes(terms: Sequence[str], nodes: Sequence[Node], fresh: str) -> dict[str, bool]:
    """Tells for each letter of the ellipsis whether an operand has it with another size than 1."""
    wide = dict.fromkeys(fresh, False)
    for term, node in zip(terms, nodes, strict=True):
        for letter, size in _dotted(term, node, fresh):
            wide[letter] = wide[letter] or not _is_one(size)
    return wide


def _dotted(term: str, node: Node, fresh: str) -> list[tuple[str, Size]]:
    if "..." not in term:
        return []
    first = term.index("...")
    count = node.ndim - len(term) + 3
    own = fresh[len(fresh) - count :]
    return list(zip(own, node.shape[first : first + count], strict=True))


def _spelt_out(term: str, node: Node, fresh: str, wide: dict[str, bool]) -> tuple[str, Node]:
    dotted = _dotted(term, node, fresh)
    if "..." not in term:
        return term, node
    first = term.index("...")
    kept = [not (_is_one(size) and wide[letter]) for letter, size in dotted]
    letters = "".join(letter for (letter, _), keep in zip(dotted, kept, strict=True) if keep)
    shape = (
        *node.shape[:first],
        *[size for (_, size), keep in zip(dotted, kept, strict=True) if keep],
        *node.shape[first + len(dotted) :],
    )
    return term.replace("...", letters), reshape(node, shape)


def _is_one(size: Size) -> bool:
    return isinstance(size, int) and size == 1


# -- the path --------------------------------------------------------------------------------------


def _along_path(
    terms: Sequence[str], result: str, nodes: Sequence[Node], sizes: dict[str, Size]
) -> Node:
    """Returns the sum of products, of two operands at a time where there are more."""
    pending = list(zip(terms, nodes, strict=True))
    for step in _path(terms, result, sizes):
        chosen: Sequence[tuple[str, Node]] = [pending[i] for i in sorted(step)]
        pending = [p for i, p in enumerate(pending) if i not in step]
        kept = result if not pending else _kept(chosen, "".join(t for t, _ in pending) + result)
        if not pending and len(terms) > 2:
            chosen = _in_order(chosen, result)
        pending.append((kept, _joined(chosen, kept)))
    return pending[0][1]


def _path(terms: Sequence[str], result: str, sizes: dict[str, Size]) -> Sequence[tuple[int, ...]]:
    if len(terms) <= 2:
        return [tuple(range(len(terms)))]
    import opt_einsum  # 10 ms that others need not pay

    shapes = [tuple([_count(sizes[c]) for c in t]) for t in terms]
    how = "optimal" if len(terms) <= _OPTIMAL else "dp" if len(terms) <= _DYNAMIC else "greedy"
    text = ",".join(terms) + "->" + result
    path, _ = opt_einsum.contract_path(text, *shapes, shapes=True, optimize=how)
    return [tuple(step) for step in path]


def _count(size: Size) -> int:
    return _NAMED_SIZE if isinstance(size, Dim) else max(size, 1)


def _kept(chosen: Sequence[tuple[str, Node]], later: str) -> str:
    """Returns the letters of a partial product that are still needed.

    Those of both operands come first, then the first's, then the second's: the order in which
    XLA's dot leaves them.
    """
    letters = "".join(dict.fromkeys("".join(t for t, _ in chosen)))
    alive = [c for c in letters if c in later]
    both = [c for c in alive if all(c in t for t, _ in chosen)]
    return "".join([*both, *[c for c in alive if c not in both]])


def _in_order(chosen: Sequence[tuple[str, Node]], result: str) -> Sequence[tuple[str, Node]]:
    """Returns two operands in the order of the result's axes, so that none has to be moved."""
    for letter in result:
        held = [letter in term for term, _ in chosen]
        if held in ([True, False], [False, True]):
            return chosen if held[0] else chosen[::-1]
    return chosen


def _joined(chosen: Sequence[tuple[str, Node]], result: str) -> Node:
    text = ",".join(t for t, _ in chosen) + "->" + result
    return sum_of_products(_plain_letters(text), *[n for _, n in chosen])


def _plain_letters(text: str) -> str:
    """Returns subscripts in the 52 letters that NumPy knows: a long chain may need more in all."""
    if text.isascii():
        return text
    used = [c for c in dict.fromkeys(text) if c.isalpha()]
    if len(used) > len(LETTERS):
        raise ShapeError(f"{len(used)} axes meet in one product", "split the product")
    names = dict(zip(used, LETTERS, strict=False))
    return "".join(names.get(c, c) for c in text)
