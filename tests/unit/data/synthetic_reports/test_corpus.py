"""Spine corpora against their documented targets, each within its sampling error: severities, summary, rows."""

from functools import cache
from itertools import combinations

import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from mtlens.data.sources.spine import Spine
from mtlens.data.synthetic_reports import TASKS, generate, generate_test, summarise
from mtlens.data.synthetic_reports.anatomy import LEVELS, PATHOLOGIES, REGIONS
from mtlens.data.synthetic_reports.latent import FOLLOW_UP_CORRELATION, SeverityModel
from mtlens.data.synthetic_reports.priors import CONTRAST, CORD_GIVEN_CANAL, CORRELATIONS, HAEMANGIOMA, LABEL_NOISE, prior
from mtlens.data.synthetic_reports.rows import spine_rows
from tests.support.spine_corpora import NUM_REPORTS, RELATEDNESS, Z, assert_share, corpus, segments

NUM_SPINES = 3000


@cache
def spines(region: str, relatedness: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Latents, clean and annotated classes of unrelated patients, each [NUM_SPINES, 6, T]."""
    model = SeverityModel(region, relatedness)
    patient, report = np.random.default_rng(1), np.random.default_rng(2)
    drawn = [model.draw(patient, report) for _ in range(NUM_SPINES)]
    return tuple(np.stack([getattr(spine, field) for spine in drawn]) for field in ("latent", "clean", "labelled"))


# Determinism


@pytest.mark.parametrize("region", REGIONS)
def test_equal_specs_give_equal_corpora_and_any_other_field_another(region):
    spec = Spine(region=region, reports=12, relatedness=0.7, seed=5)
    assert generate(spec) == generate(spec.model_copy())
    for change in ({"seed": 6}, {"relatedness": 0.2}):
        assert generate(spec).reports != generate(spec.model_copy(update=change)).reports


@pytest.mark.parametrize("region", REGIONS)
def test_more_reports_leave_the_first_ones_as_they_are(region):
    few, many = (generate(Spine(region=region, reports=number, seed=3)) for number in (7, 40))
    assert many.reports[:7] == few.reports


@pytest.mark.parametrize("region", REGIONS)
def test_test_reports_come_from_the_same_world_on_other_patients(region):
    spec = Spine(region=region, reports=300, test_reports=300, seed=3)
    main, test = generate(spec), generate_test(spec)
    assert len(test.reports) == 300
    assert generate(spec.model_copy(update={"test_reports": 0})) == main
    assert generate_test(spec.model_copy(update={"reports": 1})) == test
    assert not {report.patient for report in main.reports} & {report.patient for report in test.reports}
    assert not {report.text for report in main.reports} & {report.text for report in test.reports}
    assert {report.practice for report in main.reports if not report.unseen} == {
        report.practice for report in test.reports if not report.unseen
    }
    for task, classes in PATHOLOGIES[region].items():
        healthy = [
            np.mean([segment.clean[task] == classes[0] for report in corpus.reports for segment in report.segments])
            for corpus in (main, test)
        ]
        assert abs(healthy[0] - healthy[1]) < 0.08


# Severities


def test_priors_are_the_documented_ones():
    for task, overall in {
        "canal": (0.68, 0.19, 0.09, 0.04),
        "disc": (0.38, 0.44, 0.16, 0.02),
        "foraminal": (0.58, 0.22, 0.13, 0.07),
    }.items():
        np.testing.assert_allclose(prior("cervical", task).mean(axis=0), overall, atol=1e-9)
    np.testing.assert_allclose(prior("cervical", "cord").mean(axis=0), (0.89, 0.08, 0.03), atol=0.005)
    np.testing.assert_allclose(prior("lumbar", "disc").mean(axis=0), (0.40, 0.40, 0.17, 0.03), atol=1e-9)
    np.testing.assert_allclose(prior("lumbar", "root").mean(axis=0), (0.78, 0.12, 0.06, 0.04), atol=1e-9)
    l45 = LEVELS["lumbar"].index("L4-L5")
    np.testing.assert_allclose(prior("lumbar", "canal")[l45], (0.751 * 0.75, 0.751 * 0.25, 0.12, 0.129), atol=1e-9)
    np.testing.assert_allclose(prior("lumbar", "foraminal")[5], (0.632 * 0.75, 0.632 * 0.25, 0.264, 0.104), atol=1e-9)


def test_cervical_levels_peak_at_c5_c6():
    for task in PATHOLOGIES["cervical"]:
        abnormal = dict(zip(LEVELS["cervical"], 1 - prior("cervical", task)[:, 0], strict=True))
        assert sorted(abnormal, key=abnormal.__getitem__, reverse=True)[:3] == ["C5-C6", "C6-C7", "C4-C5"]
        assert set(sorted(abnormal, key=abnormal.__getitem__)[:2]) == {"C2-C3", "C7-T1"}


@pytest.mark.parametrize("relatedness", RELATEDNESS)
@pytest.mark.parametrize("region", REGIONS)
def test_priors_hold_at_every_relatedness_before_and_after_label_noise(region, relatedness):
    _, clean, labelled = spines(region, relatedness)
    for position, task in enumerate(PATHOLOGIES[region]):
        for level, probabilities in enumerate(prior(region, task)):
            for classes in (clean, labelled):
                for severity, probability in enumerate(probabilities):
                    assert_share(np.mean(classes[:, level, position] == severity), probability, NUM_SPINES)


@pytest.mark.parametrize("relatedness", RELATEDNESS)
@pytest.mark.parametrize("region", REGIONS)
def test_latent_correlations_are_the_targets_times_the_relatedness(region, relatedness):
    latent, _, _ = spines(region, relatedness)
    tasks = tuple(PATHOLOGIES[region])
    bound = Z / np.sqrt(NUM_SPINES)
    for (i, a), (j, b) in combinations(enumerate(tasks), 2):
        target = relatedness * CORRELATIONS.get(frozenset({a, b}), 0.0)
        for level in range(6):
            assert np.corrcoef(latent[:, level, i], latent[:, level, j])[0, 1] == pytest.approx(target, abs=bound)
    for i in range(len(tasks)):
        for level in range(5):
            assert np.corrcoef(latent[:, level, i], latent[:, level + 1, i])[0, 1] == pytest.approx(0.4, abs=bound)


@pytest.mark.parametrize("region", REGIONS)
def test_classes_are_jointly_those_of_a_bivariate_gaussian(region):
    _, clean, _ = spines(region, 1.0)
    tasks = tuple(PATHOLOGIES[region])
    canal, disc = tasks.index("canal"), tasks.index("disc")
    for level in range(6):
        cuts = [ndtri(prior(region, task)[level, 0]) for task in ("canal", "disc")]
        expected = multivariate_normal.cdf(cuts, mean=[0, 0], cov=[[1, 0.5], [0.5, 1]])
        assert_share(np.mean((clean[:, level, canal] == 0) & (clean[:, level, disc] == 0)), expected, NUM_SPINES)


@pytest.mark.parametrize("relatedness", RELATEDNESS)
def test_cord_depends_on_the_canal_as_tabled_and_has_exceptions(relatedness):
    _, clean, _ = spines("cervical", relatedness)
    tasks = tuple(PATHOLOGIES["cervical"])
    canal, cord = clean[..., tasks.index("canal")], clean[..., tasks.index("cord")]
    for level in range(6):
        for severity in range(4):
            here = cord[canal[:, level] == severity, level]
            mixed = (1 - relatedness) * prior("cervical", "cord")[level] + relatedness * CORD_GIVEN_CANAL[severity]
            if len(here) > 50:
                assert_share(np.mean(here > 0), 1 - mixed[0], len(here))
    assert (cord[canal == 0] > 0).any()
    assert (cord[canal == 3] == 0).any()


def test_cord_table_is_about_the_documented_one():
    np.testing.assert_allclose(1 - CORD_GIVEN_CANAL[:, 0], (0.02, 0.10, 0.40, 0.85), atol=0.0101)
    np.testing.assert_allclose(CORD_GIVEN_CANAL.sum(axis=1), 1)


@pytest.mark.parametrize("region", REGIONS)
def test_label_noise_is_three_per_cent_and_one_class_off(region):
    _, clean, labelled = spines(region, 0.8)
    assert_share(np.mean(clean != labelled), LABEL_NOISE, clean.size)
    assert np.abs(clean - labelled).max() == 1


@pytest.mark.parametrize("region", REGIONS)
def test_controls_have_their_priors_and_no_part_in_the_graded_tasks(region):
    found = segments(region, 1.0)
    haemangioma = np.array([segment.clean["haemangioma"] == "present" for segment in found])
    contrast = np.array([report.segments[0].clean["contrast"] == "with" for report in corpus(region, 1.0).reports])
    assert_share(haemangioma.mean(), HAEMANGIOMA, NUM_REPORTS * 4)  # follow-ups repeat about one in six
    assert_share(contrast.mean(), CONTRAST, NUM_REPORTS)
    for task in PATHOLOGIES[region]:
        latent = np.array([segment.latent[task] for segment in found])
        assert abs(np.corrcoef(haemangioma, latent)[0, 1]) < Z / np.sqrt(NUM_REPORTS)
        assert abs(np.corrcoef(np.repeat(contrast, 6), latent)[0, 1]) < Z / np.sqrt(NUM_REPORTS)


@pytest.mark.parametrize("region", REGIONS)
def test_a_patient_has_one_practice_and_at_most_two_reports_much_alike(region):
    by_patient: dict[str, list] = {}
    for report in corpus(region, 0.5).reports:
        by_patient.setdefault(report.patient, []).append(report)
    pairs = [reports for reports in by_patient.values() if len(reports) == 2]
    assert {len(reports) for reports in by_patient.values()} == {1, 2}
    assert all(first.practice == second.practice for first, second in pairs)
    for task in PATHOLOGIES[region]:
        first, second = (np.array([[s.latent[task] for s in pair[k].segments] for pair in pairs]) for k in (0, 1))
        assert np.corrcoef(first[:, 2], second[:, 2])[0, 1] == pytest.approx(FOLLOW_UP_CORRELATION, abs=0.08)


# Summary and rows


@pytest.mark.parametrize("relatedness", RELATEDNESS)
@pytest.mark.parametrize("region", REGIONS)
def test_summary_is_in_the_documented_bands(region, relatedness):
    summary = summarise(corpus(region, relatedness))
    assert 0.15 <= summary.multi_level_share <= 0.25
    assert_share(summary.label_noise_share, LABEL_NOISE, NUM_REPORTS * 6 * 4)
    assert 20 <= summary.words[0.5] <= 36
    assert 8 <= summary.words[0.05] < summary.words[0.95] <= 65
    for correlation in summary.correlations.values():
        assert correlation.latent == pytest.approx(correlation.target, abs=0.08)
    between = [c for name, c in summary.correlations.items() if "adjacent" not in name]
    if relatedness == 1:
        assert all(0.1 < c.classes < c.latent for c in between)  # cutting a Gaussian into classes weakens its correlation
    if relatedness == 0:
        assert all(abs(c.classes) < 0.06 for c in between)


@pytest.mark.parametrize("region", REGIONS)
def test_summary_counts_every_label_once(region):
    summary = summarise(corpus(region, 0.5))
    assert set(summary.class_counts) == set(TASKS[region])
    for task, levels in summary.class_counts.items():
        assert tuple(levels) == LEVELS[region]
        for counts in levels.values():
            assert tuple(counts) == TASKS[region][task]
            assert sum(counts.values()) == NUM_REPORTS


def test_summary_of_one_report_has_no_correlations_but_counts():
    summary = summarise(generate(Spine(region="lumbar", reports=1)))
    assert summary.num_reports == summary.num_patients == 1
    assert np.isnan(summary.correlations["canal-disc"].classes)


@pytest.mark.parametrize("region", REGIONS)
def test_rows_hold_every_segment_once(region):
    spec = Spine(region=region, reports=30, seed=2)
    rows = spine_rows(spec)
    expected = [(r, s) for r in generate(spec).reports for s in r.segments]
    assert len({row.id for row in rows}) == len(rows) == 180
    assert rows[0].id == f"r000000:{LEVELS[region][0]}"
    for row, (report, segment) in zip(rows, expected, strict=True):
        assert row.text == segment.text
        assert row.labels.items() >= segment.labels.items()
        assert (row.patient, row.unseen) == (report.patient, report.unseen)
        assert all(row.labels[task] in classes for task, classes in TASKS[region].items())


@pytest.mark.parametrize("region", REGIONS)
def test_screening_columns_ask_whether_anything_is_there(region):
    for row in spine_rows(Spine(region=region, reports=20)):
        for task, classes in PATHOLOGIES[region].items():
            assert (row.labels[f"{task}_any"] == "absent") == (row.labels[task] == classes[0])
