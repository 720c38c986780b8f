"""Which tasks belong together: groups are scored or estimated, and the best affordable family of them is chosen.

`measurements` hold what is known, `estimators` predict the scores of groups that were not trained, `selection` chooses
exactly among what is known or predicted, `judgement` compares the estimators with the exhaustive oracle. Scores are metrics
of which more is better; `selection` alone minimises losses, and converts.
"""
