"""The table of measured gains in the repository: what the READMEs say of it follows from it."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mtlens.statistics.claim.points import Point
from mtlens.statistics.claim.predictor import predictor

ROOT = Path(__file__).parents[3]
ATLAS = ROOT / "experiments/claim/atlas.parquet"


def points_of(evidence: str) -> list[Point]:
    rows = [row for row in pq.read_table(ATLAS).to_pylist() if row["evidence"] == evidence]
    return [
        Point(
            experiment_id=row["experiment_id"], data=row["data"], tasks=row["tasks"], task=row["task"], gain=row["gain"],
            gain_error=row["gain_error"], value=row["value"], error=row["error"], verdict=row["verdict"],
        )
        for row in rows
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "label"),
    [
        ("cosine_end", "gradient cosine at the end"),
        ("task_mean", "mean gain of the task in other groups (baseline)"),
        ("cka_effect_min", "CKA effect, least over layers"),
        ("cosine_training", "gradient cosine over training"),
        ("linearised", "linearised estimate"),
    ],
)
def test_the_figures_in_the_readme_follow_from_the_table(evidence: str, label: str) -> None:
    found = predictor(points_of(evidence), "within")
    figures = f"{found.rank_correlation:+.2f} | {found.low:+.2f} to {found.high:+.2f} | {found.auc:.2f}"
    assert f"| {label} | {figures} |" in (ROOT / "experiments/README.md").read_text(encoding="utf-8")


def test_the_table_says_what_it_is_and_holds_no_folder_of_a_machine() -> None:
    schema = pq.read_schema(ATLAS)
    assert schema.metadata[b"license"] == b"CC-BY-4.0"
    assert all(field.metadata[b"description"] for field in schema)
    texts = {value for row in pq.read_table(ATLAS).to_pylist() for value in row.values() if isinstance(value, str)}
    assert not [text for text in texts if text.startswith(("/", "~"))]
