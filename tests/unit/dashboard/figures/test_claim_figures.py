"""Figures of the claim: counts against independence, gains against evidence, predictors, dose and response."""

import re
from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from scipy.stats.contingency import expected_freq

from mtlens.statistics.claim.kinds import EVIDENCE_KINDS
from mtlens_dashboard import figures, queries
from mtlens_dashboard.figures.theme import DARK, LIGHT
from mtlens_dashboard.wording import claim_titles

_NUMBERS = count()  # of partners, as a gain counts once


def point(**changes: Any) -> queries.ClaimPointInfo:
    values: dict[str, Any] = {
        "experiment": "e", "experiment_id": "1", "data": "cervical", "relatedness": None,
        "tasks": ("a", f"partner {next(_NUMBERS)}"), "task": "a",
        "metric": "macro_f1", "unit": "score", "margin": 0.02, "gain": 0.01, "gain_low": None, "gain_high": None,
        "verdict": "matches", "evidence": "cka_effect_min", "value": 0.9, "low": 0.8, "high": 1.0, "seeds": 3,
        "threshold": 0.75,
    }  # fmt: skip
    return queries.ClaimPointInfo(**{**values, **changes})


def predictor(**changes: Any) -> queries.PredictorInfo:
    values: dict[str, Any] = {
        "evidence": "cka_effect_min", "label": "CKA", "baseline": False, "scope": "across", "experiments": 2, "groups": 6,
        "tasks": 4, "points": 12, "unit": "score", "rank_correlation": 0.5, "low": 0.2, "high": 0.7, "corrected": 0.6,
        "slope": 0.1, "slope_low": 0.05, "slope_high": 0.2, "auc": 0.8, "auc_low": 0.6, "auc_high": 0.9, "ceiling": 0.8,
        "reason": None, "method": "m",
    }  # fmt: skip
    return queries.PredictorInfo(**{**values, **changes})


def info(*points: queries.ClaimPointInfo, **changes: Any) -> queries.ClaimInfo:
    values: dict[str, Any] = {"evidence": "cka_effect_min", "scope": "across", "predictors": (predictor(),), "verdicts": ()}
    return queries.ClaimInfo(points=points, **{**values, **changes})


def traces(figure: go.Figure, name: str) -> list[Any]:
    return [trace for trace in figure.data if trace.name == name]


def notes(figure: go.Figure) -> list[str]:
    return [re.sub("<.*?>", "", note.text) for note in figure.layout.annotations]


FOR, AGAINST, OPEN = {"low": 0.8, "high": 0.9}, {"low": 0.1, "high": 0.4}, {"low": 0.5, "high": 0.9}


class TestCounts:
    def test_expected_counts_are_those_of_independence(self) -> None:
        table = np.array([[7, 2], [1, 4]])  # matches and worse, for and against
        points = [
            point(verdict=verdict, **side)
            for row, verdict in zip(table, ("better", "worse"), strict=True)
            for number, side in zip(row, (FOR, AGAINST), strict=True)
            for _ in range(number)
        ]
        figure = figures.claim_counts(info(*points, point(**OPEN), point(verdict="inconclusive", **FOR)))
        places = {(round(note.x), round(note.y)): note.text for note in figure.layout.annotations if "expected" in note.text}
        expected = expected_freq(table)
        assert places == {
            (2, 0): f"expected {expected[0, 0]:.1f}", (0, 0): f"expected {expected[0, 1]:.1f}",
            (2, 2): f"expected {expected[1, 0]:.1f}", (0, 2): f"expected {expected[1, 1]:.1f}",
        }  # fmt: skip
        counts = Counter(text for text in notes(figure) if text.isdigit())
        assert counts == Counter(["7", "2", "1", "4", "1", "1"])
        assert figures.title_of(figure) == "Least CKA effect: 7 of 8 match if it is for, 2 of 6 match if it is against"

    def test_evidence_without_an_interval_decides_nothing(self) -> None:
        figure = figures.claim_counts(info(point(low=None, high=None), point(low=None, high=None, verdict="worse")))
        assert figures.title_of(figure) == "Least CKA effect: none of 2 gains is settled in gain and evidence"
        assert not [text for text in notes(figure) if "expected" in text]

    def test_evidence_that_does_not_vary_decides_nothing(self) -> None:
        figure = figures.claim_counts(info(*(point(value=0.0, low=0.0, high=0.0, threshold=None) for _ in range(3))))
        assert "none of 3 gains is settled" in figures.title_of(figure)

    def test_a_threshold_of_one_experiment_is_not_replaced_by_a_median_in_another(self) -> None:
        figure = figures.claim_counts(info(point(), point(threshold=None), point(value=0.2, threshold=None, **AGAINST)))
        assert figures.title_of(figure) == "Least CKA effect: 1 of 1 match if it is for"
        assert "forfrom 0.75" in notes(figure)

    def test_evidence_without_a_threshold_is_split_at_its_median(self) -> None:
        exact = [point(value=value, low=value, high=value, threshold=None) for value in (1.0, 2.0, 4.0)]
        figure = figures.claim_counts(info(*exact))
        assert "forfrom 2.00" in notes(figure)
        assert figures.title_of(figure) == "Least CKA effect: 2 of 2 match if it is for, 1 of 1 match if it is against"


class TestGains:
    def test_points_have_their_gains_with_whiskers_both_ways(self) -> None:
        figure = figures.claim_gains(info(point(gain_low=-0.005, gain_high=0.025), point(gain=-0.02, value=0.4, low=None)))
        (dots,) = traces(figure, "gains")
        assert list(zip(dots.x, dots.y, strict=True)) == [(0.9, pytest.approx(1.0)), (0.4, pytest.approx(-2.0))]
        (whiskers,) = traces(figure, "whiskers")
        assert [*whiskers.x] == [0.8, 1.0, None, 0.9, 0.9]
        assert [*whiskers.y] == pytest.approx([1.0, 1.0, None, -0.5, 2.5])

    def test_the_line_has_the_stored_slope_through_the_mean_and_the_band_that_of_its_bounds(self) -> None:
        figure = figures.claim_gains(info(point(gain=0.0, value=0.2), point(gain=0.06, value=0.8)))
        (line,), (band,) = traces(figure, "fit"), traces(figure, "band")
        x, y = np.array(line.x), np.array(line.y)
        assert np.polyfit(x, y, 1) == pytest.approx([100 * 0.1, 3.0 - 10 * 0.5])  # points of macro-F1
        ends = sorted(value for at, value in zip(band.x, band.y, strict=True) if at == 0.8)
        assert ends == pytest.approx([3.0 + 5 * 0.3, 3.0 + 20 * 0.3])

    @pytest.mark.parametrize(
        ("changes", "drawn"), [({"slope": None, "slope_low": None}, (0, 0)), ({"slope_high": None}, (1, 0)), ({}, (1, 1))]
    )
    def test_nothing_is_drawn_that_is_undefined(self, changes: dict[str, Any], drawn: tuple[int, int]) -> None:
        figure = figures.claim_gains(info(point(), point(value=0.1), predictors=(predictor(**changes),)))
        assert (len(traces(figure, "fit")), len(traces(figure, "band"))) == drawn
        assert any("shaded" in text for text in notes(figure)) == bool(drawn[1])

    def test_within_experiments_points_are_less_the_mean_of_their_experiment(self) -> None:
        some = [point(gain=0.01, value=0.2), point(gain=0.03, value=0.4)]
        others = [point(experiment_id="2", gain=0.5, value=0.9), point(experiment_id="2", gain=0.5, value=0.7)]
        figure = figures.claim_gains(info(*some, *others, scope="within", predictors=(predictor(scope="within"),)))
        (dots,) = traces(figure, "gains")
        assert [*dots.x] == pytest.approx([-0.1, 0.1, 0.1, -0.1])
        assert [*dots.y] == pytest.approx([-1, 1, 0, 0])
        assert "gain 50" not in dots.customdata[2]  # what pointing shows is as measured
        assert "+50.00" in dots.customdata[2]

    def test_where_margins_differ_gains_are_in_margins(self) -> None:
        unlike = [point(gain=0.02, margin=0.01), point(gain=0.5, margin=2.0, metric="mean_absolute_error")]
        figure = figures.claim_gains(info(*unlike, predictors=(predictor(unit="margin", slope=3.0),)))
        (dots,), (line,) = traces(figure, "gains"), traces(figure, "fit")
        assert [*dots.y] == pytest.approx([2.0, 0.25])
        assert line.y[1] == pytest.approx(1.125)
        assert figures.title_of(figure).endswith("(+0.05 to +0.20) margins across experiments")

    def test_data_sets_have_their_own_look_and_are_named(self) -> None:
        both = [point(), point(data="lumbar <b>", experiment="f")]
        figure = figures.claim_gains(info(*both))
        looks = {(trace.marker.color, trace.marker.symbol) for trace in traces(figure, "gains")}
        assert len(looks) == 2
        assert any("cervical" in text and "lumbar &lt;b&gt;" in text for text in notes(figure))
        dark = figures.claim_gains(info(*both), theme=DARK)
        assert {trace.marker.color for trace in traces(dark, "gains")}.isdisjoint(color for color, _ in looks)

    def test_one_wide_whisker_does_not_squeeze_the_points(self) -> None:
        figure = figures.claim_gains(info(point(gain=0.0), point(gain_low=-9.0, gain_high=9.0)))
        assert figure.layout.yaxis.range[1] < 3


class TestPredictors:
    def test_rows_are_ranked_and_baselines_are_hollow(self) -> None:
        some = (
            predictor(label="weak", rank_correlation=0.1, low=-0.2, high=0.4),
            predictor(label="size", evidence="data_size_ratio", baseline=True, rank_correlation=-0.6, low=-0.8, high=-0.3),
            predictor(label="none", rank_correlation=None, low=None, high=None, reason="too few groups"),
            predictor(label="cosine"),
        )
        figure = figures.claim_predictors(info(point(), predictors=some))
        dots = traces(figure, "correlation")
        assert [trace.x[0] for trace in dots] == [0.5, 0.1, -0.6]
        assert [trace.marker.color for trace in dots] == [LIGHT.better, LIGHT.open, LIGHT.paper]
        assert dots[2].marker.line.color == LIGHT.bad
        assert [text.split()[0] for text in notes(figure) if text.split()[0] in ("weak", "size", "none", "cosine")] == [
            "cosine",
            "weak",
            "size",
            "none",
        ]
        assert "undefined: too few groups" in notes(figure)
        assert {shape.x0 for shape in figure.layout.shapes} == {0, 0.8}  # no correlation, and the ceiling
        assert figures.title_of(figure).startswith("Evidence ranks gains best: least CKA effect, ")
        alone = figures.claim_predictors(info(point(), predictors=some[:3]))
        assert figures.title_of(alone).startswith("A baseline ranks gains in reverse: ratio of data sizes, ")

    def test_names_and_reasons_are_whole(self) -> None:
        reason = "gains or evidence do not vary; without one of the tasks nothing is lost or kept"
        unknown = {"rank_correlation": None, "low": None, "high": None, "reason": reason}
        some = tuple(predictor(label=kind.label, **unknown) for kind in EVIDENCE_KINDS.values())
        drawn = figures.claim_predictors(info(point(), predictors=some))
        told = [re.sub("</?b>", "", note.text.replace("<br>", " ")) for note in drawn.layout.annotations]
        assert {kind.label for kind in EVIDENCE_KINDS.values()} <= set(told)
        assert told.count(f"undefined: {reason}") == len(EVIDENCE_KINDS)

    def test_nothing_ranks_best_while_every_interval_holds_0(self) -> None:
        open_ = predictor(low=-0.1)
        told = figures.title_of(figures.claim_predictors(info(point(), predictors=(open_,))))
        assert told == "No predictor of gains is settled across experiments; the ceiling set by noise is +0.80"


class TestDose:
    def test_a_panel_for_gains_and_one_per_evidence_with_the_means_of_each_degree(self) -> None:
        gains = {0.0: (-0.02, 0.0), 0.5: (0.0, 0.01), 1.0: (0.03, 0.05)}
        points = [
            point(relatedness=degree, gain=gain, evidence=kind, value=10 * gain)
            for kind in ("cka_effect_min", "cosine_training")
            for degree, pair in gains.items()
            for gain in pair
        ]
        figure = figures.claim_dose(queries.DoseInfo(points=tuple(points)))
        means = traces(figure, "mean")
        assert [trace.yaxis for trace in means] == ["y", "y2", "y3"]
        assert [*means[0].y] == pytest.approx([-1.0, 0.5, 4.0])
        assert [*means[1].y] == pytest.approx([-0.1, 0.05, 0.4])
        assert all([*trace.x] == [0.0, 0.5, 1.0] for trace in means)
        for trace in traces(figure, "points"):
            assert len(trace.x) == 6
            assert all(abs(x - round(2 * x) / 2) < 0.25 for x in trace.x)  # beside its own degree
        unit = "points"
        assert figures.title_of(figure) == f"Mean gain at relatedness 0: \N{MINUS SIGN}1.00 {unit}; at 1: +4.00"


class TestSentences:
    def verdict(self, **changes: Any) -> queries.ClaimVerdictInfo:
        values: dict[str, Any] = {
            "experiment": None, "evidence": "cka_effect_min", "statistic": "rank_correlation", "scope": "within",
            "threshold": 0.3, "experiments": 2, "points": 12, "value": 0.1, "low": -0.2, "high": 0.25,
            "verdict": "not supported", "statement": "s",
        }  # fmt: skip
        return queries.ClaimVerdictInfo(**{**values, **changes})

    def test_the_verdict_on_all_experiments_goes_before_those_of_single_ones(self) -> None:
        one = info(point(), verdicts=(self.verdict(experiment="e", verdict="supported"), self.verdict()))
        told = "Not supported: least CKA effect, rank correlation +0.10 (\N{MINUS SIGN}0.20 to +0.25), threshold +0.30"
        assert claim_titles.trial(one) == told
        alone = replace(one, verdicts=one.verdicts[:1])
        assert claim_titles.trial(alone).startswith("Supported: ")
        assert claim_titles.sentences(alone)[1] == "Supported in e: s."

    def test_several_verdicts_are_counted(self) -> None:
        verdicts = tuple(self.verdict(verdict=verdict) for verdict in ("undecided", "supported", "undecided"))
        told = claim_titles.trial(info(point(), verdicts=verdicts))
        assert told == "Of three preregistered claims, one supported, two undecided"

    @pytest.mark.parametrize("kind", EVIDENCE_KINDS)
    def test_without_a_claim_the_interval_is_told_in_a_title_that_fits(self, kind: str) -> None:
        told = claim_titles.trial(info(point(), evidence=kind, predictors=(predictor(evidence=kind),)))
        assert told.startswith("No claim was preregistered; ")
        assert claim_titles.short(kind) in told
        assert told.endswith("+0.50 (+0.20 to +0.70)")
        assert len(told) <= 90
