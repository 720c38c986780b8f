"""Page The claim: the preregistered verdict first, evidence and scope by a link, predictors ranked."""

from mtlens_dashboard import queries
from tests.support.pages import charts, said


def test_the_preregistered_verdict_comes_first(stores, visit) -> None:
    app = visit(stores["with_sweep"], "claim")
    assert app.title[0].value.replace("\\", "").startswith("Supported: ")
    (card,) = [one.value for one in app.markdown if "## " in one.value and "is above" in one.value]
    assert ":green[" in card
    assert len(charts(app)) == 4
    assert all(chart["data"] or chart["layout"]["annotations"] for chart in charts(app))


def test_without_a_claim_the_page_says_so_and_what_the_data_say(stores, visit) -> None:
    app = visit(stores["full"], "claim")
    (one,) = [one for one in queries.claim(stores["full"]).predictors if one.evidence == "cka_effect_min"]
    told = app.title[0].value.replace("\\", "")
    assert told.startswith("No claim was preregistered; ")
    assert f"{one.rank_correlation:+.2f} ({one.low:+.2f} to {one.high:+.2f})" in told


def test_before_a_group_is_measured_one_sentence_says_what_is_missing(stores, visit) -> None:
    for name in ("partial", "without_evidence"):
        app = visit(stores[name], "claim")
        assert app.title[0].value == "No gains of groups of tasks have been measured yet"
        assert not charts(app)


def test_evidence_and_scope_are_chosen_by_a_link(stores, visit) -> None:
    app = visit(stores["with_sweep"], "claim", evidence="TAG (look-ahead), from partner for task", scope="across experiments")
    assert (app.selectbox("evidence").value, app.selectbox("scope").value) == ("tag", "across")
    (table,) = [one.value for one in app.dataframe if "ceiling" in one.value]
    assert sum("(baseline)" in name for name in table["evidence"]) == 2
    assert app.title[0].value == visit(stores["with_sweep"], "claim").title[0].value


def test_predictors_are_ranked_by_their_correlation(stores, visit) -> None:
    app = visit(stores["full"], "claim")
    (table,) = [one.value for one in app.dataframe if "ceiling" in one.value]
    cells = [text.replace("\N{MINUS SIGN}", "-").partition(" ")[0] for text in table["rank correlation"]]
    values = [float(cell) for cell in cells[:-1]]
    assert values == sorted(values, reverse=True)
    assert cells[-1] == "\N{EN DASH}"
    assert "mean gain of the task in other groups: a mean over the other groups needs three groups of each task" in said(
        app
    ).replace("\\", "")
