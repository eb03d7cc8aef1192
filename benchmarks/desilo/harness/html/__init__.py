"""The report as one HTML file: `page` puts it together, `evidence` reads what plans do, `charts` draws, `page.html` is the
template, `page.css` and `page.js` go into it. Nothing is solved, and nothing is loaded from elsewhere.
"""
