"""A comparison as sections in their order, and the names its pictures have in the folder."""

from __future__ import annotations

import re
from collections.abc import Sequence

from graphc.compare.record import Comparison
from graphc.compare.report.blocks import Drawing, Section, words
from graphc.compare.report.engines import (
    cost_section,
    engines_section,
    partings_section,
    sharing_section,
)
from graphc.compare.report.gradients import gradients_section
from graphc.compare.report.growth import kinks_section, steps_section, swell_section
from graphc.compare.report.plans import plans_section
from graphc.compare.report.problem import problem_section, truth_section, versions_section

#: Names in the folder that pictures may not take.
_TAKEN = frozenset(("report",))


def picture_names(comparisons: Sequence[Comparison]) -> list[dict[str, str]]:
    """Returns for each comparison the file name, without ending, of each of its picture's stems.

    A stem that is safe as a file name and used once stays as it is. Otherwise it is made safe, and
    where several comparisons have it, the comparison's title is put before it.
    """
    stems = [_slug(picture.stem) for c in comparisons for picture in c.pictures]
    used: set[str] = set(_TAKEN)
    names: list[dict[str, str]] = []
    for comparison in comparisons:
        own: dict[str, str] = {}
        for picture in comparison.pictures:
            stem = _slug(picture.stem)
            name = f"{_slug(comparison.title)}-{stem}" if stems.count(stem) > 1 else stem
            # Some file systems hold `A.svg` and `a.svg` for the same file.
            number, unique = 2, name
            while unique.casefold() in used:
                unique, number = f"{name}-{number}", number + 1
            used.add(unique.casefold())
            own[picture.stem] = unique
        names.append(own)
    return names


def sections_of(comparison: Comparison, names: dict[str, str]) -> list[Section]:
    """Returns all sections that the comparison has something to say in.

    Args:
        comparison: the record.
        names: from its pictures' stems to their names in the folder.
    """
    sections = (
        problem_section(comparison),
        engines_section(comparison),
        partings_section(comparison),
        kinks_section(comparison),
        gradients_section(comparison),
        _pictures_section(comparison, names),
        cost_section(comparison),
        plans_section(comparison),
        sharing_section(comparison, _drawings(comparison, names, of_engines=True)),
        steps_section(comparison),
        swell_section(comparison),
        truth_section(comparison),
        versions_section(comparison),
    )
    return [section for section in sections if section is not None]


def _pictures_section(comparison: Comparison, names: dict[str, str]) -> Section | None:
    drawings = _drawings(comparison, names, of_engines=False)
    if not drawings:
        return None
    told = "Values flow from the inputs to the output; gradients flow back along the same edges."
    return Section("pictures", "Pictures", (words(told), *drawings))


def _drawings(
    comparison: Comparison, names: dict[str, str], *, of_engines: bool
) -> tuple[Drawing, ...]:
    """Returns the pictures of engines' gradient graphs, or all the others."""
    engines = {e.picture.removesuffix(".svg") for e in comparison.engines if e.status == "ok"}
    return tuple(
        Drawing(names[picture.stem], picture.title, picture.words, picture.svg)
        for picture in comparison.pictures
        if (picture.stem in engines) is of_engines
    )


def _slug(text: str) -> str:
    """Returns a text as a file name of letters, digits, dots, dashes: safe on every system."""
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:60].rstrip("-._")
    return slug or "picture"
