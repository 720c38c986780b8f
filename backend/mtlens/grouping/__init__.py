"""Which tasks belong together: groups are scored or estimated, and the best affordable family of them is chosen.

`measurements` hold known scores and affinities, `estimators` predict the scores of groups that were not trained,
`optimal_family` finds the best family by known or predicted scores, and `evaluation` compares the estimators with the
exhaustive oracle. Scores are metrics for which larger is better; only `optimal_family` minimises losses, and converts.
"""
