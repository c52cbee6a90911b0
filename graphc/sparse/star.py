"""Star colouring for Hessians: symmetry lets an entry be read from its row or from its column.

A star colouring has no two neighbours of one colour and no path of four in two colours. Then for
each entry (i, j) one of the two, j in row i or i in row j, is alone with its colour, and the entry
stands by itself in a Hessian-vector product. An arrow matrix takes two colours in place of n.

Source: Coleman and More, "Estimation of sparse Hessian matrices and graph coloring problems", Math.
Programming 28 (1984) 243; Gebremedhin, Tarafdar, Manne and Pothen, "New acyclic and star coloring
algorithms with application to computing Hessians", SIAM J. Sci. Comput. 29 (2007) 1042.
"""

from __future__ import annotations

import numpy as np

from graphc.sparse.colouring import MANY, Array, Colours, by_group, colour_columns


def colour_symmetric(rows: Array, columns: Array, size: int) -> Colours:
    """Returns a star colouring of a symmetric structure, or one of columns where that is smaller.

    Args:
        rows: of the entries, both triangles.
        columns: of the entries.
        size: of the matrix.
    """
    best = colour_columns(rows, columns, (size, size))
    off = rows != columns
    starts, neighbours = by_group(rows[off], columns[off], size)
    usual = -(-len(neighbours) // max(size, 1))  # neighbours of a vertex, on average
    enough = (usual + 1) * (2 if len(rows) > MANY else 1)
    if best.count <= 2 or best.count <= enough:
        return best
    degree = np.diff(starts)
    for order, words in (
        (np.arange(size), "star, as they come"),
        (np.argsort(-degree, kind="stable"), "star, largest degree first"),
    ):
        found = _star(starts, neighbours, order, words)
        if found.count < best.count:
            best = found
    return best


def _star(starts: Array, neighbours: Array, order: Array, words: str) -> Colours:
    """Gives each vertex the smallest colour that closes no path of four in two colours.

    A bit for each colour; `near[w]` holds those of w's neighbours, `barred[w]` those of neighbours
    of w that have a second neighbour of w's colour. All sets grow as vertices get their colour, so
    that an edge costs a few operations however many neighbours its ends have.
    """
    size = len(order)
    begin, around = starts.tolist(), neighbours.tolist()
    colour = [-1] * size
    near = [0] * size
    barred = [0] * size
    #: For (vertex, colour) its first neighbour of that colour; -1 where there are several.
    first: list[dict[int, int]] = [{} for _ in range(size)]
    most = -1
    for vertex in order.tolist():
        own = around[begin[vertex] : begin[vertex + 1]]
        mine = first[vertex]
        used = near[vertex]
        for other in own:
            c = colour[other]
            if c < 0 or mine[c] < 0:  # a middle not yet coloured, or two neighbours of one colour
                used |= near[other]
            else:
                used |= barred[other]
        bit = ~used & (used + 1)
        c = bit.bit_length() - 1
        colour[vertex] = c
        most = max(most, c)
        for other in own:
            near[other] |= bit
            theirs = first[other]
            known = theirs.get(c)
            if known is None:
                theirs[c] = vertex
            elif colour[other] >= 0:
                mark = 1 << colour[other]
                barred[vertex] |= mark
                if known >= 0:
                    barred[known] |= mark
                    theirs[c] = -1
            elif known >= 0:
                theirs[c] = -1
        for other in own:
            k = colour[other]
            if k < 0:
                continue
            if mine[k] < 0:  # this vertex has two neighbours of that colour
                barred[other] |= bit
    return Colours(np.asarray(colour, np.int64), most + 1, 0, words)


def readings(rows: Array, columns: Array, colours: Array, count: int) -> tuple[Array, Array]:
    """Returns for each entry (which product, which row of it) has it alone.

    Raises:
        ValueError: an entry is nowhere alone: the colouring is not valid.
    """
    size = int(max(rows.max(initial=0), columns.max(initial=0))) + 1
    keys = rows * count + colours[columns]  # row i of the product of colour c
    crowd = np.bincount(keys, minlength=size * count) if size * count < 2**26 else None
    if crowd is None:
        _, inverse, counts = np.unique(keys, return_inverse=True, return_counts=True)
        alone = counts[inverse] == 1
        flipped = columns * count + colours[rows]
        place = np.searchsorted(np.sort(keys), flipped)
        last = np.searchsorted(np.sort(keys), flipped, side="right")
        other = last - place == 1
    else:
        alone = crowd[keys] == 1
        other = crowd[columns * count + colours[rows]] == 1
    if not (alone | other).all():
        raise ValueError("a star colouring that is none")
    product = np.where(alone, colours[columns], colours[rows])
    return product, np.where(alone, rows, columns)
