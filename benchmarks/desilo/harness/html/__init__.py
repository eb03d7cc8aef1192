"""The report as one HTML file that loads nothing from elsewhere.

`page` puts it together, `evidence` reads what plans do, `charts` draws; `page.html` is the template, into which
`page.css` and `page.js` go.
"""
