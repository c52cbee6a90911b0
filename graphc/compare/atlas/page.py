"""The atlas as a Markdown page and as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from graphc.compare.atlas.measure import AIMS, BACKENDS, Row, Worst
from graphc.compare.atlas.pitfalls import Pitfall, losses
from graphc.compare.atlas.run import Atlas

#: The backends' names as columns.
COLUMNS = {"xla": "XLA", "numpy": "NumPy", "jax": "JAX"}

ORDERS = ("Value", "First derivative", "Second derivative")

_PRECISION = {"float64": 53, "float32": 24, "bfloat16": 8}


def ulp_words(ulp: float, dtype: str) -> str:
    """Returns an error in ulp in a few letters; `all` where no digit is right."""
    if not ulp < 2.0 ** (_PRECISION[dtype] - 2):
        return "**all**"
    if ulp < 0.005:
        return "0"
    if ulp < 10:
        return f"{ulp:.2g}"
    return f"{ulp:.0f}" if ulp < 1e4 else f"{ulp:.0e}".replace("e+0", "e").replace("e+", "e")


def point_words(point: Sequence[float]) -> str:
    """Returns a point in a few letters: six digits of each operand, or its distance from 1."""
    words = [_number_words(x) for x in point]
    return words[0] if len(words) == 1 else f"({', '.join(words)})" if words else ""


def _number_words(x: float) -> str:
    whole = round(x) if abs(x) < 1e6 else 0
    if whole and x != whole and abs(x - whole) < 1e-5 * abs(whole):
        return f"{whole} {'-' if x < whole else '+'} {abs(x - whole):.3g}"
    return f"{x:.6g}".replace("e+", "e")


def _lost_words(worst: Worst, dtype: str) -> str:
    if worst.lost:
        return f"**lost {worst.lost}**"
    if worst.edge:
        return f"edge {worst.edge}"
    return ulp_words(worst.ulp, dtype)


def _cells(row: Row, what: str) -> list[str]:
    found: list[str] = []
    for backend in BACKENDS:
        worst = row.worst.get(backend)
        if worst is None:
            found.append("–")
        elif what == "away":
            found.append(ulp_words(worst.away, row.dtype))
        else:
            found.append(_lost_words(worst, row.dtype))
    return found


def _where(row: Row) -> str:
    """Returns where graphc is worst: away from zeros, or where something was lost."""
    ours = [row.worst[b] for b in ("xla", "numpy")]
    lost = next((w for w in ours if w.lost), None)
    if lost is not None:
        return f"{lost.lost_partial} {point_words(lost.lost_at)}".strip()
    worst = max(ours, key=lambda w: w.away)
    if worst.away < 0.005:
        return ""
    return f"{worst.away_partial} {point_words(worst.away_at)}".strip()


HEAD = ("op", "points", *COLUMNS.values(), *(f"{c}, all" for c in COLUMNS.values()), "where")


def table_rows(rows: Iterable[Row]) -> list[tuple[str, ...]]:
    """Returns the cells of a table, a line for each row."""
    return [
        (r.label, str(r.points), *_cells(r, "away"), *_cells(r, "all"), _where(r)) for r in rows
    ]


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]], left: Sequence[int]) -> list[str]:
    """Returns a Markdown table; the columns in `left` are flush left, the others right."""
    marks = [":---" if i in left else "---:" for i in range(len(head))]
    return ["| " + " | ".join(line) + " |" for line in (head, marks, *rows)]


def misses(rows: Iterable[Row], backend: str) -> list[Row]:
    """Returns the rows of derivatives in which a backend misses the aim, or loses a point."""
    return [
        r
        for r in rows
        if r.order
        and (w := r.worst.get(backend)) is not None
        and (w.lost or not w.away <= AIMS[r.order])
    ]


def summary(atlas: Atlas) -> list[tuple[str, ...]]:
    """Returns, for each dtype and order, how many ops are within the aim, and what was lost."""
    found: list[tuple[str, ...]] = []
    for dtype in dict.fromkeys(r.dtype for r in atlas.rows):
        for order in (1, 2):
            rows = [r for r in atlas.rows if r.dtype == dtype and r.order == order and not r.inner]
            cells: list[str] = []
            for backend in BACKENDS:
                mine = [r for r in rows if backend in r.worst]
                bad = len(misses(mine, backend))
                lost = sum(r.worst[backend].lost for r in mine)
                edge = sum(r.worst[backend].edge for r in mine)
                cells += [f"{len(mine) - bad} of {len(mine)}", f"{lost} + {edge}"]
            found.append((dtype, ORDERS[order].lower(), *cells))
    return found


SUMMARY_HEAD = (
    "dtype",
    "",
    *[words for c in COLUMNS.values() for words in (f"{c}: within", "lost")],
)


def page(atlas: Atlas, command: str) -> str:
    """Returns the Markdown page.

    Args:
        atlas: what was measured.
        command: the command that makes the page.
    """
    lines = [*_head(atlas, command), *_summary(atlas), *_misses(atlas), *_pitfalls(atlas)]
    lines += [*_tables(atlas), *_inner(atlas), *_vectors(atlas)]
    lines += [*_reasons(atlas), *_counterparts(atlas)]
    return "\n".join(lines) + "\n"


def _head(atlas: Atlas, command: str) -> list[str]:
    versions = ", ".join(f"{name} {version}" for name, version in atlas.versions.items())
    points = sum(r.points for r in (*atlas.rows, *atlas.vectors))
    return [
        "# How accurate every operation is",
        "",
        f"Made by `{command}`; every figure is measured, none is typed in.",
        f"With {versions}, on a CPU.",
        "",
        f"{points:,} results were compared with the truth. How to read them:",
        "",
        "- **Truth**: the op's formula, evaluated with mpmath at 110 digits and more, and central",
        "  differences of it; raised until two precisions share 22 digits. None of graphc's",
        "  derivative rules is used.",
        "- **Ulp**: |found - truth| in units in the last place of the truth. 0.5 is the best that",
        "  rounding allows. Numbers below the smallest normal one count as 0 (XLA flushes them).",
        "- **XLA**: graphc's graph compiled, as by `gx.compile`. **NumPy**: the same graph, as by",
        "  `gx.evaluate`. **JAX**: JAX's function of the same name, and its own `jax.grad`.",
        "- **Points**: for one operand all exponents of the dtype with both signs, [-40, 40], the",
        "  tails from 1 to 1,000, integers and halves; and the neighbours, from one ulp to a",
        "  quarter away, of every zero, pole and end of the domain that the truth shows there, of",
        "  the value and of both derivatives. For two operands products of tiny, ordinary and huge",
        "  numbers, and pairs that nearly meet. Exactly at a kink there is a convention and no",
        "  truth; right beside it there is.",
        "- The first three figures of a row leave out points **near a zero** of what is measured:",
        "  where Newton's step towards the zero is shorter than |x|/4 (second derivatives |x|/16),",
        "  so that one ulp in x alone moves the result by 4 (16) ulp. Poles and tails, like that",
        "  of e^-x, are never left out. The next three, *all*, are over all points.",
        "- The first three also leave out the **edge** of underflow: a result within a factor",
        "  1,024 of the smallest normal number may have a factor that is smaller, which XLA",
        "  flushes. edge n: all digits are lost at n such points, and nowhere else.",
        "- **all**: no digit is right. **lost n**: at n points the result is infinite or NaN, or 0",
        "  away from zeros, where the truth is a normal number.",
        "- **Where**: where the worse of graphc's two is worst, or its first lost point.",
        "",
        "The aim, in float64 and away from zeros: first derivatives within 4 ulp, second within",
        "16, nothing lost.",
        "",
    ]


def _summary(atlas: Atlas) -> list[str]:
    return [
        "## In short",
        "",
        "Of the elementwise ops: how many keep the aim (4 and 16 ulp, nothing lost), and at how",
        "many points all digits are lost (+ at the edge of underflow).",
        "",
        *markdown(SUMMARY_HEAD, summary(atlas), left=(0, 1)),
        "",
    ]


def miss_rows(rows: Sequence[Row], backends: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the cells of the table of what misses the aim."""
    found: list[tuple[str, ...]] = []
    for backend in backends:
        for row in misses(rows, backend):
            worst = row.worst[backend]
            found.append((
                row.label,
                ("", "first", "second")[row.order],
                COLUMNS[backend],
                ulp_words(worst.away, row.dtype),
                f"{worst.away_partial} {point_words(worst.away_at)}",
                str(worst.lost),
                f"{worst.lost_partial} {point_words(worst.lost_at)}" if worst.lost else "",
            ))  # fmt: skip
    return found


MISS_HEAD = ("op", "derivative", "with", "ulp", "at", "lost", "first lost at")


def _misses(atlas: Atlas) -> list[str]:
    rows = [r for r in atlas.rows if r.dtype == "float64" and not r.inner]
    if not rows:
        return []
    found = miss_rows(rows, ("xla", "numpy"))
    lines = ["## What misses the aim", ""]
    if not found:
        return [*lines, "Nothing: in float64 every elementwise op keeps it.", ""]
    return [
        *lines,
        "In float64, of graphc:",
        "",
        *markdown(MISS_HEAD, found, left=(0, 1, 2, 4, 6)),
        "",
    ]


PITFALL_HEAD = ("derivative", "at", "truth", *COLUMNS.values(), "JAX's function")


def pitfall_rows(found: Sequence[Pitfall]) -> list[tuple[str, ...]]:
    """Returns the cells of the table of pitfalls: each answer with its relative error."""
    return [
        (
            p.name,
            point_words(p.at),
            f"{p.truth:.6g}",
            *[_answer(p, backend) for backend in BACKENDS],
            p.jax,
        )
        for p in found
    ]


def _answer(p: Pitfall, backend: str) -> str:
    if backend not in p.found:
        return "–"
    value, error = p.found[backend], p.relative[backend]
    if error < 1e-17:
        words = "exact"
    elif error >= 0.01:
        words = "wrong" if math.isinf(error) else f"{error * 100:.3g} %"
        return f"**{value:.6g}** ({words})"
    else:
        words = f"{error:.0e}"
    return f"{value:.6g} ({words})"


def _pitfalls(atlas: Atlas) -> list[str]:
    if not atlas.pitfalls:
        return []
    count, lost = len(atlas.pitfalls), losses(atlas.pitfalls)
    return [
        "## Pitfalls",
        "",
        f"{count} derivatives at points where systems lose them, in float64, with relative errors.",
        f"Wrong by 1 % or more: graphc compiled {lost['xla']}, graphc by NumPy {lost['numpy']},",
        f"JAX {lost['jax']}.",
        "",
        *markdown(PITFALL_HEAD, pitfall_rows(atlas.pitfalls), left=(0, 6)),
        "",
    ]


def _tables(atlas: Atlas) -> list[str]:
    return _by_dtype([r for r in atlas.rows if not r.inner], "##", "")


def _by_dtype(rows: Sequence[Row], marks: str, words: str) -> list[str]:
    """Returns a headed table for each dtype and order."""
    lines: list[str] = []
    for dtype in dict.fromkeys(r.dtype for r in rows):
        for order, name in enumerate(ORDERS):
            chosen = [r for r in rows if r.dtype == dtype and r.order == order]
            lines += [f"{marks} {name}{words} in {dtype}", ""]
            lines += [*markdown(HEAD, table_rows(chosen), left=(0, 8)), ""]
    return lines


def _inner(atlas: Atlas) -> list[str]:
    rows = [r for r in atlas.rows if r.inner]
    if not rows:
        return []
    return [
        "## Ops that only derivatives use",
        "",
        "The slopes of the ops above, as ops of their own. Their first derivative serves as a",
        "second one above, their second as a third, for which there is no aim.",
        "",
        *_by_dtype(rows, "###", " of inner ops"),
    ]


def _vectors(atlas: Atlas) -> list[str]:
    if not atlas.vectors:
        return []
    return [
        "## Reductions and contractions",
        "",
        "Measured on vectors a, b, c, d of four numbers: random, nearly equal, cancelling,",
        "saturated, widely spread, huge and tiny. Of softmax and log_softmax the first element is",
        "measured; matmul and einsum are a c + b d. Here the aim is not promised: a sum that",
        "cancels loses digits in any order of summation.",
        "",
        *_by_dtype(atlas.vectors, "###", " of vectors"),
    ]


def _reasons(atlas: Atlas) -> list[str]:
    if not atlas.reasons:
        return []
    by_reason: dict[str, list[str]] = {}
    for name, reason in atlas.reasons.items():
        by_reason.setdefault(reason, []).append(name)
    rows = [(", ".join(names), reason) for reason, names in by_reason.items()]
    return ["## Ops without a row", "", *markdown(("ops", "why"), rows, left=(0, 1)), ""]


def _counterparts(atlas: Atlas) -> list[str]:
    """Returns which function of JAX stands in the third column, by module."""
    found: dict[str, list[str]] = {}
    without: list[str] = []
    for op, jax in dict.fromkeys((r.op, r.jax) for r in (*atlas.rows, *atlas.vectors)):
        module, dot, _ = jax.partition("(")[0].rpartition(".")
        if not dot:
            without.append(op)
        else:
            own = jax[len(module) + 1 :]
            found.setdefault(module, []).append(op if own == op else f"{op}: {own}")
    rows = [(f"`{module}`", ", ".join(ops)) for module, ops in found.items()]
    rows += [("none", ", ".join(without))] if without else []
    return [
        "## The functions of JAX beside them",
        "",
        "By module (special is jax.scipy.special); where JAX has another name, it stands behind.",
        "",
        *markdown(("module", "functions"), rows, left=(0, 1)),
        "",
    ]
