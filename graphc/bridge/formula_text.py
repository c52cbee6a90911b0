"""The text of a formula: its tokens, every mistake a person makes in one, and the caret under it.

CPython's own parser nests as deep as the text, gives up at a depth that depends on its version and
on its caller's stack, and words its errors for programs. So a text is first checked here, and long
sums and products are laid flat; what reaches `ast.parse` is then well formed and shallow.

Measured on CPython 3.11: 200 nested brackets parse and 201 do not, a sum of 2,900 terms parses and
one of 5,000 is a RecursionError, 10,000 leading minus signs a MemoryError; other versions differ.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass

from graphc.core.errors import FormulaError, GraphcError

MAX_LENGTH = 100_000
MAX_NESTING = 100
#: Characters of one number: more digits than any float needs, few enough to read at once.
MAX_DIGITS = 1_000
#: Characters of a long line shown on either side of the caret.
_CONTEXT = 50

_NUMBER = re.compile(r"(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][+-]?[0-9]+)?")
_OPERATORS = ("**", "//", "<=", ">=", "==", "!=", "+", "-", "*", "/", "%", "<", ">", "(", ")", ",")
_COMPARISONS = frozenset(("<", "<=", ">", ">=", "==", "!="))
_WORDS = frozenset(("if", "else", "and", "or", "not"))
_BINARY = frozenset(("+", "-", "*", "/", "**", "%", *_COMPARISONS, "and", "or", "if", "else"))

# What people type that formulas do not have, with the way out.
_UNKNOWN = {
    "^": ("`^` is not a power here", "use ** for powers: x**2"),
    "!": ("there is no factorial here", "write the product out; `!=` compares"),
    "&": ("`&` is not read", "join comparisons with `and`"),
    "|": ("`|` is not read", "write abs(x) for the absolute value, `or` to join comparisons"),
    "~": ("`~` is not read", "write `not`"),
    "@": ("there is no matrix product in a formula", "build the graph in Python: gx.matmul(a, b)"),
    "?": ("`?` is not read", "write `a if condition else b`"),
    ":": ("`:` is not read", "write `a if condition else b` for a choice"),
    ";": ("a formula is one expression, without `;`", "give one formula"),
    "#": ("a formula has no comments", "leave out what follows `#`"),
    "\\": ("`\\` is not read", "leave it out; a line may break anywhere"),
    "$": ("`$` is not read", "leave it out"),
    "'": ("quotes are not read: a formula holds no text, and no primes", "name it dx, not x'"),
    '"': ("quotes are not read: a formula holds no text", "leave the quotes out"),
    "[": ("square brackets are not read", "use round brackets: ( )"),
    "]": ("square brackets are not read", "use round brackets: ( )"),
    "{": ("curly brackets are not read", "use round brackets: ( )"),
    "}": ("curly brackets are not read", "use round brackets: ( )"),
    "−": ("this minus sign is not the one on the keyboard", "write -"),
    "–": ("this dash is not a minus sign", "write -"),
    "×": ("`×` is not read", "write *"),
    "·": ("`·` is not read", "write *"),
    "⋅": ("`⋅` is not read", "write *"),
    "∙": ("`∙` is not read", "write *"),
    "÷": ("`÷` is not read", "write /"),
    "√": ("`√` is not read", "write sqrt(...)"),
    "≤": ("`≤` is not read", "write <="),
    "≥": ("`≥` is not read", "write >="),
    "≠": ("`≠` is not read", "write !="),
    "∞": ("infinity is no number here", "write a large number"),
    "’": ("quotes are not read", "leave them out"),
    "“": ("quotes are not read", "leave them out"),
    "”": ("quotes are not read", "leave them out"),
}  # fmt: skip
_LIBRARIES = ("math", "np", "numpy", "jnp", "gx", "torch")
_SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
_SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉"


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a formula.

    Attributes:
        kind: `number`, `name`, or the operator or word itself.
        text: what was written (a name in its normal form, NFKC, as Python reads it).
        start: the first character's position in the formula.
        end: the position after the last one.
    """

    kind: str
    text: str
    start: int
    end: int


def fault(
    text: str,
    start: int,
    rule: str,
    mend: str = "",
    end: int | None = None,
    kind: type[GraphcError] = FormulaError,
) -> GraphcError:
    """Returns the error for characters `start` to `end` of a formula, with carets under them."""
    start = min(start, len(text))
    first = text.rfind("\n", 0, start) + 1
    last = text.find("\n", start)
    last = len(text) if last < 0 else last
    where = f"formula, column {start - first + 1}"
    if "\n" in text.strip():
        line_number = text.count("\n", 0, start) + 1
        where = f"formula, line {line_number}, column {start - first + 1}"
    left, right = max(first, start - _CONTEXT), min(last, start + _CONTEXT)
    head = ("..." if left > first else "") + _shown(text[left:start])
    line = head + _shown(text[start:right]) + ("..." if right < last else "")
    marked = _shown(text[start : max(start + 1, min(end or start + 1, right))])
    picture = f"\n    {line}\n    {' ' * _width(head)}{'^' * max(1, _width(marked))}"
    if not text.strip():
        picture = ""
    if mend:
        mend += picture
    else:
        rule += picture
    return kind(rule, mend, call=where)


def _shown(piece: str) -> str:
    """Returns a text with what has no glyph replaced, one character for one."""
    shown = ""
    for char in piece:
        plain = unicodedata.category(char)[0] not in "CZ"
        shown += char if plain else " " if char.isspace() else "\N{REPLACEMENT CHARACTER}"
    return shown


def _width(piece: str) -> int:
    """Returns how many columns a terminal gives to a text."""
    width = 0
    for char in piece:
        if not unicodedata.combining(char):
            width += 2 if unicodedata.east_asian_width(char) in "WF" else 1
    return width


def scan(text: str, functions: Collection[str] = ()) -> list[Token]:
    """Returns the tokens of a formula that is well formed.

    Args:
        text: the formula.
        functions: names of functions, so that an error can tell `sin x` from `x y`.

    Raises:
        FormulaError: the text is no formula; the error says which character, why and what to write.
    """
    if not isinstance(text, str):
        raise FormulaError(f"a formula is a text, not {type(text).__name__}", "give a string")
    if len(text) > MAX_LENGTH:
        raise FormulaError(
            f"the formula has {len(text):,} characters, above {MAX_LENGTH:,}",
            "build the graph in Python",
        )
    tokens = _tokens(text)
    if not tokens:
        raise fault(text, 0, "the formula is empty", 'give one, for example "(x + y) * z"')
    _check_order(text, tokens, functions)
    return tokens


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        char = text[position]
        if char.isspace():
            position += 1
            continue
        if number := _NUMBER.match(text, position):
            end = number.end()
            _check_number(text, number.group(), position, end)
            tokens.append(Token("number", number.group(), position, end))
        elif char.isidentifier():
            end = position + 1
            while end < len(text) and ("a" + text[end]).isidentifier():
                end += 1
            tokens.append(_word(text, position, end))
        else:
            found = next((o for o in _OPERATORS if text.startswith(o, position)), None)
            if found is None:
                raise _bad_character(text, position, tokens)
            end = position + len(found)
            tokens.append(Token(found, found, position, end))
        position = end
    return tokens


def _word(text: str, start: int, end: int) -> Token:
    word = unicodedata.normalize("NFKC", text[start:end])
    if word in _WORDS:
        return Token(word, word, start, end)
    if word in ("in", "is"):
        raise fault(text, start, f"`{word}` is not read", "compare with ==", end)
    if word == "lambda":
        raise fault(text, start, "`lambda` is a word of Python's own", "call it lam or λ", end)
    if word in ("True", "False", "None"):
        raise fault(text, start, f"`{word}` is not read", "write a comparison or a number", end)
    if keyword.iskeyword(word):
        raise fault(text, start, f"`{word}` is a word of Python's own", f"call it {word}_", end)
    return Token("name", word, start, end)


def _check_number(text: str, number: str, start: int, end: int) -> None:
    if len(number) > MAX_DIGITS:
        raise fault(text, start, f"the number has {len(number):,} characters, above {MAX_DIGITS:,}")
    prefix, digit = text[end : end + 1].lower(), text[end + 1 : end + 2]
    if number == "0" and prefix in ("x", "b", "o") and digit.isalnum():
        raise fault(text, start, "numbers are read in decimal only", "write 16, not 0x10", end + 2)
    if "__" in number or "_." in number or "._" in number or number.endswith("_"):
        raise fault(text, start, "an underscore stands only between two digits", "write 1_000", end)
    if number.isdigit() and number[0] == "0" and number.strip("0"):
        mend = f"write {number.lstrip('0')}"
        raise fault(text, start, "a whole number does not begin with 0", mend, end)
    if float(number) == 0 and number.lower().split("e")[0].strip("0._"):
        rule = "the number is too small for any float: it becomes 0"
        raise fault(text, start, rule, "write 0", end)


def _bad_character(text: str, at: int, tokens: list[Token]) -> GraphcError:
    char = text[at]
    last = tokens[-1] if tokens and tokens[-1].end == at else None
    if char in _SUPERSCRIPTS:
        return fault(text, at, f"`{char}` is not read", f"write **{_SUPERSCRIPTS.index(char)}")
    if char in _SUBSCRIPTS:
        return fault(text, at, f"`{char}` is not read", f"write {_SUBSCRIPTS.index(char)}")
    if char == ".":
        if last and last.text in _LIBRARIES:
            return fault(text, last.start, f"`{last.text}.` is not needed", "write exp(x)", at + 1)
        mend = "write a name or a number; a name may hold _ but no point"
        return fault(text, at, "`.` is not read: a formula has no attributes", mend)
    if text.startswith(":=", at):
        at += 1
        char = "="
    if char == "=":
        mend = "write only what stands to the right of it; == compares"
        return fault(text, at, "a formula sets no names, `=` is not read", mend)
    if text.startswith("&&", at) or text.startswith("||", at):
        word = "and" if char == "&" else "or"
        return fault(text, at, f"`{char}{char}` is not read", f"write `{word}`", at + 2)
    if char in _UNKNOWN:
        return fault(text, at, *_UNKNOWN[char])
    name = unicodedata.name(char, "a control character").lower()
    return fault(text, at, f"the character U+{ord(char):04X} ({name}) is not read", "leave it out")


@dataclass(slots=True)
class _Level:
    """What is open since a bracket."""

    opener: Token | None
    call: bool
    ifs: list[Token]


def _check_order(text: str, tokens: list[Token], functions: Collection[str]) -> None:
    """Raises FormulaError unless operands and operators alternate and all brackets close."""
    levels = [_Level(None, False, [])]
    previous: Token | None = None
    for token in tokens:
        kind = token.kind
        after_operand = previous is not None and previous.kind in ("number", "name", ")")
        if kind == "(" and (previous is None or not after_operand or previous.kind == "name"):
            levels.append(_Level(token, after_operand, []))
            if len(levels) > MAX_NESTING + 1:
                mend = "split it into steps in Python"
                raise fault(text, token.start, f"brackets nest deeper than {MAX_NESTING}", mend)
        elif kind in ("number", "name", "("):
            if after_operand:
                assert previous is not None
                raise _side_by_side(text, previous, token, functions)
        elif kind == ")":
            _close(text, levels, previous, token)
        elif kind == ",":
            _require_operand(text, previous, token, after_operand)
            if not levels[-1].call:
                mend = "write a decimal number with a point: 1.5"
                rule = "a comma stands only between the operands of a function"
                raise fault(text, token.start, rule, mend)
            _no_open_if(text, levels[-1])
        elif kind == "not":
            if after_operand or (previous and previous.kind not in ("(", ",", *_WORDS)):
                mend = "put it into brackets: (not a)"
                raise fault(text, token.start, "`not` can't stand here", mend, token.end)
        elif kind == ">" and previous and previous.kind == "<" and previous.end == token.start:
            raise fault(text, previous.start, "`<>` is not read", "write !=", token.end)
        elif kind == "//":
            raise fault(text, token.start, "`//` is not read", "write floor(a / b)", token.end)
        elif kind not in ("+", "-") or after_operand:
            _require_operand(text, previous, token, after_operand)
            if kind == "if":
                levels[-1].ifs.append(token)
            elif kind == "else" and not levels[-1].ifs:
                mend = "write `a if condition else b`"
                raise fault(text, token.start, "this `else` has no `if`", mend, token.end)
            elif kind == "else":
                levels[-1].ifs.pop()
        previous = token
    assert previous is not None
    if previous.kind in _BINARY or previous.kind == "not":
        mend = f"write what belongs to the right of `{previous.text}`"
        raise fault(text, previous.end, f"the formula ends after `{previous.text}`", mend)
    opener = levels[-1].opener
    if opener is not None:
        mend = "add a `)`" if previous is not opener else "write something in it, and a `)`"
        raise fault(text, opener.start, "this bracket is not closed", mend)
    _no_open_if(text, levels[-1])


def _close(text: str, levels: list[_Level], previous: Token | None, token: Token) -> None:
    level = levels[-1]
    if level.opener is None:
        mend = "take it away, or open a `(` before it"
        raise fault(text, token.start, "this bracket closes nothing", mend)
    if previous is level.opener:
        rule = "the function has no operand" if level.call else "the brackets are empty"
        raise fault(text, level.opener.start, rule, "write what belongs in them", token.end)
    assert previous is not None
    _require_operand(text, previous, token, previous.kind in ("number", "name", ")"))
    _no_open_if(text, level)
    levels.pop()


def _require_operand(text: str, previous: Token | None, token: Token, present: bool) -> None:
    if present:
        return
    if previous is None or previous.kind in ("(", ","):
        where = "at the beginning" if previous is None else f"after `{previous.text}`"
        rule = f"`{token.text}` stands {where}, with nothing on its left"
    else:
        rule = f"between `{previous.text}` and `{token.text}` something is missing"
    raise fault(text, token.start, rule, "write a number, a name or a bracket there", token.end)


def _no_open_if(text: str, level: _Level) -> None:
    if level.ifs:
        token = level.ifs[-1]
        rule = "this `if` has no `else`"
        raise fault(text, token.start, rule, "write `a if condition else b`", token.end)


def _side_by_side(text: str, left: Token, right: Token, functions: Collection[str]) -> GraphcError:
    """Returns the error for `2x`, `x y`, `sin x`, `(x)(y)`: never read as a product by itself."""
    if left.kind == right.kind == "number":
        rule = "two numbers stand side by side"
        return fault(text, right.start, rule, "write an operator between them", right.end)
    shown = "(...)" if left.kind == ")" else left.text
    after = "(...)" if right.kind == "(" else right.text
    if left.text in functions:
        rule, mend = "a function's operand stands in brackets", f"write {shown}({after})"
    else:
        rule, mend = "an operator is missing; a product needs its `*`", f"write {shown}*{after}"
    start = left.start if left.end == right.start else right.start
    return fault(text, start, rule, mend, right.end)
