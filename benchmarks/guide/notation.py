"""The notation of the docstrings and of `models/README.md`, as LaTeX.

    y[i,l,t-1]      an index is a subscript
    r+[i]           a mark is a superscript; so are the digits, min and max at the end of a name
    sum_m, sum_{j in C[i]}, sum_it
    <= >= x ..      less or equal, greater or equal, times, up to

A name of several letters is a symbol where it has an index, or is known to have one elsewhere; otherwise it is a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from itertools import groupby
from typing import NamedTuple

GREEK = {"lam": r"\lambda", "pi": r"\pi", "tau": r"\tau"}

OPERATORS = {"<=": r"\le ", ">=": r"\ge ", "..": r"\ldots "}

EQUATION = re.compile(r"^ *\((?P<before>[A-Z]\d*)\) +(?=\S)| {2,}\((?P<after>[A-Z]\d+)\)$", re.MULTILINE)
"""The number of an equation, on either side of it."""

_TOKEN = re.compile(
    r"""(?P<number>\([A-Z]\d+\))
      | (?P<sum>sum(?:_\{ | _[a-z]+\b | \b))
      | (?P<name>[A-Za-z]\w*)(?P<mark>[+*-](?=\[))?
      | (?P<dots>\.{3})
      | (?P<figure>\d+(?:\.\d+)?)
      | (?P<operator><=|>=|\.\.|[-+=/<>(){}\[\],|:;])
      | (?P<word>'s?|\.)
      | (?P<space>\s+)""",
    re.VERBOSE,
)

_LAST = re.compile(r"\w*$")

_INDEXED = re.compile(r"\b([A-Za-z]\w*)[+*-]?\[")


class Piece(NamedTuple):
    """Words, or a formula in LaTeX."""

    formula: bool
    text: str


def symbols(text: str) -> frozenset[str]:
    """The names that have an index somewhere in a text."""
    return frozenset(_INDEXED.findall(text))


def pieces(text: str, known: Set[str] = frozenset()) -> list[Piece]:
    """Formulas and the words between them.

    Args:
        text: one line.
        known: names of several letters that are symbols even without an index.

    Raises:
        ValueError: something is no notation.
    """
    found: list[Piece] = []
    for formula, parts in groupby(_translated(text, known), key=lambda piece: piece.formula):
        joined = "".join(piece.text for piece in parts)
        if found and not formula and not joined.strip():
            found[-1] = Piece(True, found[-1].text + " ")  # a blank between two formulas
        elif found and formula and found[-1].formula:
            found[-1] = Piece(True, found[-1].text + joined)
        else:
            found.append(Piece(formula, joined))
    return found


def latex(text: str, known: Set[str] = frozenset()) -> str:
    """One formula, its words set upright.

    Raises:
        ValueError: something is no notation.
    """
    return "".join(each if formula else rf"\text{{{each}}}" for formula, each in pieces(text, known)).strip()


def is_formula(text: str, known: Set[str]) -> bool:
    """Whether a text is notation and nothing else."""
    try:
        return all(formula for formula, _ in pieces(text, known))
    except ValueError:
        return False


def _translated(text: str, known: Set[str]) -> Iterator[Piece]:
    at = 0
    brackets: list[Piece] = []  # what closes those that are open
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise ValueError(f"'{text[at:]}' in '{text}' is no notation")
        before, after = text[:at].rstrip(), text[token.end() :]
        at = token.end()
        attached = _LAST.findall(text[: token.start()])[0]  # the word right before, without a blank between
        match token.lastgroup:
            case "sum":
                over = token["sum"].removeprefix("sum").removeprefix("_")
                yield Piece(True, r"\sum" + ("_{" if over == "{" else f"_{{{','.join(over)}}}" if over else "") + " ")
            case "figure":
                yield Piece(True, token["figure"])
            case "space":
                yield Piece(False, " ")
            case "operator" if token[0] == "-" and _is_word(attached):  # a hyphen
                yield Piece(False, "-")
            case "operator" if token[0] == "[" and re.search(r"[\w+*)-]$", text[: token.start()]):  # an index
                brackets.append(Piece(True, "}"))
                yield Piece(True, "_{")
            case "operator" if token[0] in "[(":  # around words or around a formula
                words = _is_word(after)
                brackets.append(Piece(not words, {"[": "]", "(": ")"}[token[0]]))
                yield Piece(not words, token[0])
            case "operator" if token[0] in "])" and brackets:
                yield brackets.pop()
            case "operator" if token[0] in ",:;" and (_is_word(after.lstrip()) or _is_word(attached)):
                yield Piece(False, token[0])
            case "operator":
                yield Piece(True, OPERATORS.get(token[0], token[0]))
            case "name" | "mark":
                yield _named(token["name"], token["mark"] or "", before, after, known)
            case _:
                yield Piece(False, token[0])


def _is_word(text: str) -> bool:
    """Whether a text begins with a word."""
    word = re.match(r"[A-Za-z]{2,}\b(?!\[)", text)
    return word is not None and word[0] not in GREEK


def _named(name: str, mark: str, before: str, after: str, known: Set[str]) -> Piece:
    if name == "in":
        member = re.search(r"(?:\b[A-Za-z]|[])])$", before) and re.match(r"\s+(?:[A-Z](?:_\w)?\b|\w+\[)", after)
        return Piece(bool(member), r"\in " if member else name)
    if name == "x" and before and re.match(r"\s+[\w(]", after):
        return Piece(True, r"\times ")
    article = name == "a" and re.match(r"\s+[a-z]{2}", after) is not None and not _INDEXED.match(after.lstrip())
    lone = len(name) == 1 or name in GREEK or "_" in name
    if article or not (lone or after.startswith("[") or name in known):
        return Piece(False, name)
    return Piece(True, _symbol(name) + (f"^{{{mark}}}" if mark else ""))


def _symbol(name: str) -> str:
    base, _, below = name.partition("_")
    parts = re.fullmatch(r"(?P<stem>[A-Za-z]|[A-Za-z]+?)(?P<above>\d+|min|max)?", base)
    if parts is None:
        raise ValueError(f"'{name}' is no symbol")
    stem, above = parts["stem"], parts["above"] or ""
    shown = GREEK.get(stem, stem if len(stem) == 1 else rf"\mathrm{{{stem}}}")
    raised = rf"\{above}" if above.isalpha() else above
    lowered = below if len(below) == 1 else rf"\mathrm{{{below}}}"
    return shown + (f"^{{{raised}}}" if raised else "") + (f"_{{{lowered}}}" if below else "")
