"""Does the evidence put known tasks in order? Run `mtlens run experiments/controls.yaml`, then: python -m experiments.ordering

Prints, for each pair of tasks whose relation is known and each value of the relatedness parameter, where the pair lies between
the floor and the ceiling of CKA and the cosine of its gradients; then Spearman's rank correlation of both with it for
the pair that the parameter relates, with 95 % intervals from resampling seeds within each value (2,000 times).
"""

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy import stats

from mtlens.store.database import reader
from mtlens.store.workspace.workspace import Workspace

PAIRS = {
    ("canal", "twin"): "the same labels",
    ("canal", "disc"): "related as the parameter says",
    ("canal", "marrow"): "unrelated",
    ("canal", "noise"): "permuted labels",
}
EXPERIMENTS = """
    SELECT experiment_id, specification->>'$.data.spine.relatedness' AS relatedness FROM experiment
    WHERE name LIKE 'controls-%' AND experiment_id IN (SELECT experiment_id FROM evidence_gradients WHERE stage = 'training')
"""
CKA = """
    SELECT avg(effect), min(effect), count(effect), avg(similarity) FROM evidence_cka
    WHERE experiment_id = ? AND kind = 'tasks' AND [task_a, task_b] = [?, ?] AND layer > 0
        AND pooling = 'mean' AND features = 'hidden' AND estimator = 'debiased'
"""
COSINE = """
    SELECT cosine, low, high, naive, statement FROM evidence_gradients
    WHERE experiment_id = ? AND [task_a, task_b] = [?, ?] AND setting = 'multi' AND stage = ? AND layer IS NULL
        AND epoch IS NOT DISTINCT FROM ?
"""
COSINES_PER_SEED = """
    SELECT list(naive ORDER BY seed), list(debiased ORDER BY seed) FROM gradient_alignment
    JOIN evidence_job USING (job_id)
    WHERE experiment_id = ? AND [task_a, task_b] = [?, ?] AND setting = 'multi' AND stage = 'training' AND layer IS NULL
"""
CKA_PER_SEED = """
    SELECT avg(value) FROM cka JOIN evidence_job USING (job_id)
    WHERE experiment_id = $id AND layer_a = layer_b AND layer_a > 0 AND pooling = 'mean' AND features = $features
        AND estimator = 'debiased' AND role_a = 'single' AND role_b = 'single' AND seed_a <> seed_b
        AND list_sort([task_a, task_b]) = [$a, $b]
    GROUP BY if(task_a = $a, seed_a, seed_b) ORDER BY ALL
"""


def rank_correlation(
    relatedness: list[float], values: list[list[float]], generator: np.random.Generator
) -> tuple[float, float, float]:
    """Spearman's rho of relatedness and value over all seeds, with its 95 % interval."""
    points = [np.asarray(of_value, dtype=np.float64) for of_value in values]

    def rho(chosen: list[NDArray[np.float64]]) -> float:
        repeated = np.repeat(relatedness, [len(of_value) for of_value in chosen])
        return float(stats.spearmanr(repeated, np.concatenate(chosen)).statistic)

    resampled = [rho([generator.choice(of_value, len(of_value)) for of_value in points]) for _ in range(2000)]
    low, high = np.nanquantile(resampled, [0.025, 0.975])
    return rho(points), float(low), float(high)


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspace", "-w", type=Path, default=Path("results"))
    workspace = Workspace.open(parser.parse_args().workspace, create=False)
    found = sorted((float(relatedness), name) for name, relatedness in reader.query(workspace, EXPERIMENTS).rows)
    console = Console(width=110, highlight=False)
    table = Table("relatedness", "pair", "CKA effect", "least", "layers", "cosine", "95 % interval", "naive", "gradients are")
    for relatedness, name in found:
        for (a, b), relation in PAIRS.items():
            table.add_row(f"{relatedness:g}", f"{a}, {b}: {relation}", *cells(workspace, name, a, b))
        table.add_section()
    console.print(table)
    generator = np.random.default_rng(0)
    trends = {"gradient cosine, naive": [], "gradient cosine, debiased": [], "CKA of hidden states": [], "CKA of changes": []}
    for _, name in found:
        naive, debiased = reader.query(workspace, COSINES_PER_SEED, [name, "canal", "disc"]).rows[0]
        trends["gradient cosine, naive"].append(naive)
        trends["gradient cosine, debiased"].append([one for one in debiased if one is not None])
        for label, features in (("CKA of hidden states", "hidden"), ("CKA of changes", "changes")):
            values = reader.query(workspace, CKA_PER_SEED, {"id": name, "features": features, "a": "canal", "b": "disc"})
            trends[label].append([value for (value,) in values.rows])
    for label, values in trends.items():
        rho, low, high = rank_correlation([relatedness for relatedness, _ in found], values, generator)
        console.print(f"canal and disc, rank correlation with relatedness: {label} {rho:+.2f} ({low:+.2f} to {high:+.2f})")


def cells(workspace: Workspace, name: str, a: str, b: str) -> list[str]:
    """One row's numbers."""
    mean, least, layers, _ = reader.query(workspace, CKA, [name, a, b]).rows[0]
    cosine, low, high, naive, statement = reader.query(workspace, COSINE, [name, a, b, "training", None]).rows[0]
    return [
        "-" if mean is None else f"{mean:.2f}", "-" if least is None else f"{least:.2f}", str(layers),
        "-" if cosine is None else f"{cosine:+.2f}", "-" if low is None else f"{low:+.2f} to {high:+.2f}",
        f"{naive:+.2f}", statement,
    ]  # fmt: skip


if __name__ == "__main__":
    main()
