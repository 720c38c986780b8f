"""Preregistered claims: which evidence predicts the gains of multi-task training, and from which value on that is supported.

    claim:
      - {evidence: cka_effect_min, statistic: rank_correlation, supported: 0.3}
      - {evidence: cosine_training, statistic: auc, supported: 0.7, scope: across}

A claim is part of the experiment's hash: an experiment with another claim is another experiment, which shares all runs.
`mtlens.statistics.claim.verdict` judges it.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mtlens.config.sections import Spec
from mtlens.statistics.claim.kinds import EVIDENCE_KINDS


def _is_kind(name: str) -> str:
    if name not in EVIDENCE_KINDS:
        raise ValueError(f"evidence should be of {', '.join(EVIDENCE_KINDS)}; found {name!r}")
    return name


def _list_kinds(schema: dict[str, Any]) -> None:
    schema["enum"] = list(EVIDENCE_KINDS)


class Claim(Spec):
    """One claim: this evidence predicts gains at least so well."""

    evidence: Annotated[str, AfterValidator(_is_kind), Field(json_schema_extra=_list_kinds)]
    statistic: Literal["rank_correlation", "auc"] = Field(
        default="rank_correlation",
        description="Spearman's correlation of gain and evidence, or the area under ROC for 'does not lose'",
    )
    supported: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="the claim is supported where the 95 % interval of the statistic lies above this, not where it lies below"
    )
    scope: Literal["within", "across"] = Field(
        default="within", description="within experiments: without their means; across them: as measured"
    )

    @model_validator(mode="after")
    def _above_chance(self) -> Self:
        if self.statistic == "auc" and self.supported < 0.5:
            raise ValueError(f"supported should be 0.5 (chance) at least for auc; found {self.supported:g}")
        return self

    def __str__(self) -> str:
        return f"{self.statistic} of {self.evidence} {self.scope} above {self.supported:g}"
