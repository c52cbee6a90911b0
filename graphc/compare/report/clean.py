"""Makes SVG and MathML safe to stand inside a page: what is not on a white list is left out."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

_SVG = "http://www.w3.org/2000/svg"
_MATHML = "http://www.w3.org/1998/Math/MathML"
_XLINK = "http://www.w3.org/1999/xlink"
_XML = "http://www.w3.org/XML/1998/namespace"

_SVG_ELEMENTS = frozenset(
    "svg g path polygon polyline ellipse circle rect line text tspan textPath title desc defs "
    "linearGradient radialGradient stop clipPath marker".split()
)
#: What CSS calls presentation attributes: allowed as attributes and taken over from `style`.
_SVG_PAINT = frozenset(
    "fill fill-opacity fill-rule stroke stroke-width stroke-opacity stroke-dasharray "
    "stroke-linecap stroke-linejoin opacity stop-color stop-opacity font-family font-size "
    "font-weight font-style text-anchor text-decoration dominant-baseline baseline-shift "
    "letter-spacing clip-path marker-start marker-mid marker-end visibility display".split()
)
_SVG_ATTRIBUTES = _SVG_PAINT | frozenset(
    "id class transform viewBox width height x y x1 y1 x2 y2 cx cy r rx ry fx fy dx dy d points "
    "offset gradientUnits gradientTransform spreadMethod preserveAspectRatio textLength "
    "lengthAdjust rotate markerWidth markerHeight refX refY orient markerUnits clipPathUnits "
    "version role aria-label startOffset xml:space".split()
)
#: Graphviz's own classes; any other could take on a style of the page around it.
_SVG_CLASSES = frozenset(("graph", "node", "edge", "cluster"))

_MATH_ELEMENTS = frozenset(
    "math mrow mi mn mo ms mtext mspace mfrac msqrt mroot mstyle msub msup msubsup munder mover "
    "munderover mmultiscripts mprescripts mtable mtr mtd mpadded mphantom menclose none".split()
)
_MATH_ATTRIBUTES = frozenset(
    "display mathvariant stretchy fence form separator lspace rspace minsize maxsize symmetric "
    "largeop movablelimits accent accentunder linethickness columnalign rowspacing columnspacing "
    "columnlines rowlines width height depth displaystyle scriptlevel notation".split()
)
_LOCAL = re.compile(r"url\(\s*['\"]?#([\w.:-]+)['\"]?\s*\)\Z")
#: Characters that XML 1.0 can't hold at all, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: Longer LaTeX is shown as text: nobody reads it, and its reader takes seconds.
_MAX_LATEX = 4000

_Attributes = Callable[[str, dict[str, str]], dict[str, str]]


def printable(text: str) -> str:
    """Returns the text without the characters that no XML or HTML page may hold."""
    return _FORBIDDEN.sub("\ufffd", text)


def clean_svg(svg: str, prefix: str = "", label: str = "") -> str | None:
    """Returns the bare `<svg>` element with drawing elements alone, or None where it is no SVG.

    Scripts, styles, handlers, links, images and every reference out of the picture are dropped.

    Args:
        svg: the text of an SVG file.
        prefix: put before every id, so that several pictures can stand in one page.
        label: what a screen reader says for the whole picture; none where empty.
    """

    def attributes(element: str, given: dict[str, str]) -> dict[str, str]:
        kept = _svg_attributes(given, prefix)
        if element == "svg" and label:
            kept |= {"role": "img", "aria-label": label}
        return kept

    text = _clean(svg, _SVG, _SVG_ELEMENTS, attributes)
    return text if text is not None and text.startswith("<svg") else None


def mathml(latex: str, block: bool = False) -> str | None:
    """Returns LaTeX as a MathML element, or None where it can't be read or is too long.

    latex2mathml copies text from its input unescaped, so its answer is cleaned like a picture.
    """
    if not latex or len(latex) > _MAX_LATEX:
        return None
    from latex2mathml.converter import convert  # loads a table of all symbols

    try:
        text = convert(latex, display="block" if block else "inline")
    except Exception:
        return None
    named = re.sub(r"&(?!#?\w+;)", "&amp;", text)
    return _clean(named, _MATHML, _MATH_ELEMENTS, _math_attributes)


def _math_attributes(element: str, given: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in given.items() if name in _MATH_ATTRIBUTES}


def _svg_attributes(given: dict[str, str], prefix: str) -> dict[str, str]:
    style = dict(part.split(":", 1) for part in given.get("style", "").split(";") if ":" in part)
    paint = {name.strip(): value.strip() for name, value in style.items()}
    kept: dict[str, str] = {}
    for name, value in {
        **given, **{name: paint[name] for name in paint if name in _SVG_PAINT}
    }.items():  # fmt: skip
        if name not in _SVG_ATTRIBUTES:
            continue
        if name == "id":
            value = prefix + re.sub(r"[^\w.:-]", "_", value)
        elif name == "class":
            value = " ".join(word for word in value.split() if word in _SVG_CLASSES)
        elif "(" in value and name in _SVG_PAINT:
            local = _LOCAL.match(value.strip())
            if local:
                value = f"url(#{prefix}{local[1]})"
            elif not re.match(r"(rgb|rgba|hsl|hsla)\([\d\s.,%/]*\)\Z", value):
                continue
        if value:
            kept[name] = value
    return kept


def _clean(text: str, space: str, elements: frozenset[str], attributes: _Attributes) -> str | None:
    """Copies the wanted elements of one namespace; a stream, so no depth of nesting hurts."""
    if "<!ENTITY" in text:
        return None
    out: list[str] = []
    closing: list[str] = []  # what to write at the end of each open element
    skipped = 0  # depth within an unwanted element

    def start(name: str, given: dict[str, str]) -> None:
        nonlocal skipped
        uri, _, local = name.rpartition(" ")
        if skipped or (uri and uri != space) or local not in elements | {"a"}:
            skipped += 1
            return
        if local == "a":  # a link becomes a group that keeps its tooltip
            title = given.get(f"{_XLINK} title", "")
            out.append(f"<g>{f'<title>{escape(printable(title))}</title>' if title else ''}")
            closing.append("</g>")
            return
        if f"{_XML} space" in given:
            given = given | {"xml:space": given[f"{_XML} space"]}
        kept = attributes(local, given)
        root = f" xmlns={quoteattr(space)}" if not closing else ""
        out.append(f"<{local}{root}")
        out.extend(f" {key}={quoteattr(value)}" for key, value in kept.items())
        out.append(">")
        closing.append(f"</{local}>")

    def end(name: str) -> None:
        nonlocal skipped
        if skipped:
            skipped -= 1
        else:
            out.append(closing.pop())

    def data(characters: str) -> None:
        if not skipped and closing:
            out.append(escape(characters))

    parser = expat.ParserCreate("utf-8", " ")
    parser.ordered_attributes = False
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = data
    try:
        parser.Parse(printable(text).encode("utf-8"), True)
    except expat.ExpatError:
        return None
    return "".join(out) or None
