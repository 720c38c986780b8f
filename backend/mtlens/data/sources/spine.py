"""Synthetic spine MRI reports: one text for each report and motion segment."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from mtlens.config.sections import Seed, Spec
from mtlens.data.sources.base import Rows, Source
from mtlens.data.splits import TEST


class Spine(Spec):
    """Synthetic spine MRI reports, one text per report and motion segment."""

    region: Literal["cervical", "lumbar"]
    reports: PositiveInt = Field(default=400, le=1_000_000, description="number of reports; each has six segments")
    test_reports: NonNegativeInt = Field(
        default=0,
        le=1_000_000,
        description="reports that only test, beside `reports`; training and validation stay as without them",
        exclude_if=lambda number: number == 0,  # ids of experiments without them stay as they were
    )
    relatedness: float = Field(default=0.8, ge=0, le=1, description="0: unrelated tasks; 1: shared causes and cues")
    seed: Seed = 0


class SpineReports(Source):
    """Synthetic spine MRI reports. Imports of the generator, which is large, stay inside the methods."""

    key: ClassVar[str] = "spine"

    spine: Spine

    @model_validator(mode="after")
    def _one_way_to_test(self) -> Self:
        if self.spine.test_reports and self.splits.folds is not None:
            raise ValueError(f"spine.test_reports should be left out with folds, which test; found {self.spine.test_reports}")
        return self

    def read(self, columns: frozenset[str], folders: Sequence[Path]) -> list[Rows]:
        """All segments of all reports; those of unseen practices belong to the test split."""
        from mtlens.data.synthetic_reports.rows import spine_rows, spine_test_rows

        test = spine_test_rows(self.spine)
        rows = spine_rows(self.spine) + test
        held = tuple(rows[0].labels)
        return [
            Rows(
                name="the synthetic reports",
                ids=[row.id for row in rows],
                texts=[row.text for row in rows],
                cells={column: [row.labels[column] for row in rows] for column in held if column in columns},
                groups=[row.patient for row in rows],
                splits=[TEST if row.unseen else None for row in rows],
                columns=held,
                where=lambda row: f"report {rows[row].id}",
                only_test=len(test),
            )
        ]

    def levels(self) -> tuple[str, ...]:
        """The motion segments of the region."""
        from mtlens.data.synthetic_reports.anatomy import LEVELS

        return LEVELS[self.spine.region]

    def summary(self) -> list[str]:
        """What the reports are like, and how the severities of tasks correlate."""
        from mtlens.data.synthetic_reports import generate, generate_test, summarise

        corpus = summarise(generate(self.spine))
        pairs = ", ".join(f"{name} {pair.latent:.2f} (target {pair.target:.2f})" for name, pair in corpus.correlations.items())
        about = (
            f"synthetic: {corpus.num_reports} reports of {corpus.num_patients} patients from {corpus.num_practices} practices, "
            f"{corpus.num_unseen_practices} of them in the test split only; median {corpus.words[0.5]:.0f} words a segment; "
            f"{corpus.multi_level_share:.0%} of level sentences speak of several levels, {corpus.hedged_share:.0%} of segments "
            f"are hedged, {corpus.label_noise_share:.1%} of labels are wrong on purpose"
        )
        lines = [about, f"correlations of severities: {pairs}"]
        if self.spine.test_reports:
            reports = generate_test(self.spine).reports
            patients, unseen = len({report.patient for report in reports}), sum(report.unseen for report in reports)
            lines.append(
                f"test reports beside them: {len(reports):,} of {patients:,} other patients, {unseen:,} of them from the "
                "practices in the test split only"
            )
        return lines
