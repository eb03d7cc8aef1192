"""A text of somebody else's on a Markdown page is read as it was written."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from desilo.cases.markdown import plain

MARKDOWN = pytest.importorskip("markdown_it").MarkdownIt("gfm-like", {"linkify": False})

TEXTS = st.text(st.sampled_from("ab1 \n\t\\|`*_~[](){}<>!&;#x/:=+-.'\"☃"), max_size=20) | st.sampled_from(
    [
        *("<script>alert(1)</script>", "![x](http://a.b/c.png)", "[a](javascript:b)", "a|b", "`a`", "**a**", "_a_"),
        *("snake_case", "&lt;", "&#65;", "\\|", "\\\\|", "# a", "> a", "~~a~~", "a\nb", "<!-- a", "<http://a.b>"),
        *("[a]: http://b.c", "[a][b]", "a\\", "10% < 20% & more", "-5", "a*b*c", "***", "\\`a`", "[x]", "a <b"),
    ]
)


def shown(markdown: str, kind: str) -> list[str]:
    """The texts of all inline parts of a page, which must hold no markup."""
    found = []
    tokens = MARKDOWN.parse(markdown)
    assert not [token for token in tokens if token.type in {"html_block", "code_block", "fence", "hr"}]
    for token in tokens:
        if token.type == "inline":
            assert {part.type for part in token.children} <= {"text", "text_special"}, token.children
            found.append("".join(part.content for part in token.children))
    assert any(token.type == kind for token in tokens)
    return found


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_it_is_shown_letter_by_letter(text: str) -> None:
    words = " ".join(text.split())
    if not words:
        return
    assert shown(f"# a {plain(text)}.\n", "heading_open") == [f"a {words}."]
    assert shown(f"| h |\n| --- |\n| {plain(text)} |\n| b |\n", "table_open") == ["h", words, "b"]


@pytest.mark.parametrize(
    "text", ["star-kist-6@chain", "EUR 1,234 [95%: -1 to 2], 5%", "t1 × 2 ≤ 3 (of a): b", "a_b & c"]
)
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert plain(text) == text
