"""The guide as a site: `sphinx-build -W -c benchmarks/guide . build/guide`, at the top of the repository.

The pages are the repository's own, where they lie: links between them work here as they do on GitHub. Sphinx, because
MkDocs is no longer developed, reads Markdown (MyST), notebooks (MyST-NB) and docstrings (autodoc) by itself.
"""

from __future__ import annotations

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

project = "desilo"
version = release = version_of("desilo")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "guide.reference",
    "guide.docstrings",
    "guide.typeset",
]
root_doc = "benchmarks/guide/index"
include_patterns = [
    "*.md",
    "models/*.md",
    "datasets/*.md",
    "benchmarks/*.md",
    "benchmarks/guide/*",
    "results/*.md",
    "results/**/*.md",
]
exclude_patterns = [".*", "build", "results/runs", "benchmarks/guide/start", "**/.ipynb_checkpoints"]

myst_heading_anchors = 4
nb_execution_mode = "off"  # outputs are committed, and a test executes the notebook
default_role = "py:obj"
python_use_unqualified_type_names = True
autodoc_typehints_format = "short"
autodoc_type_aliases = {name: name for name in ("Bools", "Floats", "Ints")}
autodoc_member_order = "bysource"
napoleon_use_ivar = True

html_theme = "furo"
html_title = "desilo"
html_extra_path = ["start"]
html_static_path = ["static"]
html_css_files = ["guide.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_copyright = False
