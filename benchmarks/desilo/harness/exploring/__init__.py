"""Turn a run's limits and prices, and see at once what would be decided.

`dials` is what a slider means: an instance and dials make an instance. `opening` finds what there is to explore,
`answer` is what is worked out for a question, `relief` says what has to give where no plan keeps the limits, `solver`
is the process that does it, `words` says it, `app` is the page: the only module that needs the extra `explore`.
"""
