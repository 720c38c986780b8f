"""Figures: functions from typed Infos to Plotly figures. They import neither Streamlit nor DuckDB.

Every figure has its conclusion as title, a text alternative (`title_of`, `alt_of`), and says
what is missing where there is no data.
"""

from mtlens_dashboard.figures.arms import arms
from mtlens_dashboard.figures.case import case
from mtlens_dashboard.figures.claim import claim, claim_counts
from mtlens_dashboard.figures.claim_dose import NO_DOSE_ADVICE, claim_dose
from mtlens_dashboard.figures.claim_gains import claim_gains
from mtlens_dashboard.figures.claim_predictors import claim_predictors
from mtlens_dashboard.figures.confusion import confusion
from mtlens_dashboard.figures.cosines import conflict_rates, stage_map, task_cosines
from mtlens_dashboard.figures.costs import costs
from mtlens_dashboard.figures.depth import alignment_by_depth, similarity_by_depth
from mtlens_dashboard.figures.families import families
from mtlens_dashboard.figures.forest import forest
from mtlens_dashboard.figures.frame import Shown, alt_of, height_of, square_of, title_of, titled
from mtlens_dashboard.figures.gains import predicted_measured
from mtlens_dashboard.figures.layers import layer_differences, layer_matrices
from mtlens_dashboard.figures.learning import learning_curves
from mtlens_dashboard.figures.looks import looks
from mtlens_dashboard.figures.regrets import regret
from mtlens_dashboard.figures.timeline import timeline

__all__ = [
    "NO_DOSE_ADVICE", "Shown", "alignment_by_depth", "alt_of", "arms", "case", "claim", "claim_counts", "claim_dose",
    "claim_gains", "claim_predictors", "conflict_rates", "confusion", "costs", "families", "forest", "height_of",
    "layer_differences", "layer_matrices", "learning_curves", "looks", "predicted_measured", "regret", "similarity_by_depth",
    "square_of", "stage_map", "task_cosines", "timeline", "title_of", "titled",
]  # fmt: skip
