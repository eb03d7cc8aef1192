"""A Sphinx extension: mathematics as MathML, and the repository's equations as mathematics.

Equations are written once, in the docstrings of the formulations, and repeated word for word on the pages
(`tests/test_docs.py` holds them together). In both they are indented blocks of plain text, which everybody can read
without a browser; here they are set. MathML needs neither JavaScript nor network.
"""

from __future__ import annotations

import re
from collections.abc import Set
from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from guide.notation import EQUATION, is_formula, latex, pieces, symbols

REMARK = re.compile(r"\s{3,}(?=[^\s=])|\s{2,}(?=for )")
"""What stands between a formula and what is said of it."""

WORD = re.compile(r"\b[a-z]{3,}\b(?!\[)")
"""A formula of many words is a sentence, which breaks where lines end."""


class Equations(SphinxTransform):
    """Sets blocks of equations, tables of symbols, and formulas within the text of pages that have equations."""

    default_priority = 400

    def apply(self, **_: Any) -> None:
        """Once for every document."""
        blocks = [block for block in self.document.findall(nodes.literal_block) if EQUATION.search(block.astext())]
        if not blocks:
            return
        known = symbols(self.document.astext())
        for literal in list(self.document.findall(nodes.literal)):
            if is_formula(literal.astext(), known):
                literal.replace_self(nodes.math(literal.rawsource, latex(literal.astext(), known)))
        for block in list(self.document.findall(nodes.literal_block)):
            if EQUATION.search(block.astext()):
                block.replace_self(equations(block.astext()))
            elif "notation" in block["classes"]:
                block.replace_self(glossary(block.astext(), known))


def equations(text: str) -> nodes.table:
    """One row a line: number, formula, for which indices."""
    rows: list[list[list[nodes.Node]]] = []
    for line in filter(str.strip, text.splitlines()):
        number = EQUATION.search(line)
        formula, *remarks = REMARK.split(EQUATION.sub("", line).strip())
        shown = [nodes.math("", latex(formula), classes=["display"])]
        sentence = len(WORD.findall(formula)) > 5
        named = f"({number['before'] or number['after']})" if number else ""
        rows.append([[nodes.Text(named)], mixed(formula) if sentence else shown, mixed(", ".join(remarks))])
    return table(rows, "equations")


def glossary(text: str, known: Set[str]) -> nodes.table:
    """One row a symbol: how it is written, what it means. A line that is further in goes on with the one above."""
    rows: list[tuple[str, str]] = []
    for line in filter(str.strip, text.splitlines()):
        symbol, _, meaning = line.partition("  ")
        if symbol.strip():
            rows.append((symbol, meaning.strip()))
        else:
            rows[-1] = (rows[-1][0], f"{rows[-1][1]} {line.strip()}")
    return table([[mixed(symbol, known), mixed(meaning)] for symbol, meaning in rows], "symbols")


def mixed(text: str, known: Set[str] = frozenset()) -> list[nodes.Node]:
    """Words, and the formulas between them; plain words where something is no notation."""
    try:
        parts = pieces(text, known)
    except ValueError:
        return [nodes.Text(text)]
    found: list[nodes.Node] = []
    for formula, each in parts:
        found += [nodes.math("", each.strip()), nodes.Text(" " * each.endswith(" "))] if formula else [nodes.Text(each)]
    return found


def table(rows: list[list[list[nodes.Node]]], kind: str) -> nodes.table:
    """Cells of a docutils table."""
    body = nodes.tbody()
    for row in rows:
        body += nodes.row("", *(nodes.entry("", nodes.paragraph("", "", *cell)) for cell in row))
    columns = [nodes.colspec(colwidth=1) for _ in rows[0]]
    return nodes.table("", nodes.tgroup("", *columns, body, cols=len(columns)), classes=[kind])


def visit_math(self: Any, node: nodes.math) -> None:
    """Within the text, or large in a cell of equations."""
    self.body.append(convert(node.astext(), display="block" if "display" in node["classes"] else "inline"))
    raise nodes.SkipNode


def visit_math_block(self: Any, node: nodes.math_block) -> None:
    """On a line of its own."""
    self.body.append(convert(node.astext(), display="block"))
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """What Sphinx calls."""
    app.add_html_math_renderer("mathml", inline_renderers=(visit_math, None), block_renderers=(visit_math_block, None))
    app.add_transform(Equations)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
