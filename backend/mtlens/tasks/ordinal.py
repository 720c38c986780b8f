"""Tasks of ordered classes, such as grades of severity: a cumulative-link model.

The head gives a score s and C - 2 numbers u_c. With gaps g_c = softplus(u_c) > 0 the logits of "above class c" fall from class
to class, a_0 = s and a_c = a_(c-1) - g_c, so that no class has a negative probability:

    P(y > c) = sigmoid(a_c)        P(y = c) = sigmoid(a_(c-1)) - sigmoid(a_c)

McCullagh 1980, "Regression models for ordinal data"; there the gaps are the same for all texts.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Literal

from mtlens.config.task import Task
from mtlens.tasks.base import TaskKind
from mtlens.tasks.classes import class_indices
from mtlens.tasks.labels import MISSING, Labels

if TYPE_CHECKING:
    from torch import Tensor


class Ordinal(TaskKind):
    """One of C classes in their order, by C - 1 outputs and the weighted log-likelihood."""

    name = "ordinal"
    metric = "quadratic_kappa"
    balanced_by_default = True
    reported = ("quadratic_kappa", "macro_f1", "accuracy", "ece", "loss")
    in_code = (
        "gaps = torch.nn.functional.softplus(outputs[:, 1:]).cumsum(dim=1)",
        "above = torch.cat([outputs[:, :1], outputs[:, :1] - gaps], dim=1).sigmoid()",
        "above = torch.nn.functional.pad(torch.nn.functional.pad(above, (1, 0), value=1.0), (0, 1))",
        'outputs = ((above[:, :-1] - above[:, 1:]).clamp_min(1e-12).log() / config["temperatures"][name]).softmax(dim=1)',
    )

    def read(self, task: Task, values: Sequence[str | None], where: Callable[[int], str]) -> Labels:
        """Index of each value among the classes; blanks around it do not count, and 1.0 stands for 1."""
        return Labels(codes=class_indices(task, values, where))

    def outputs(self, task: Task) -> int:
        """The score, and a gap between each two thresholds."""
        return len(task.classes) - 1

    def loss(
        self, task: Task, logits: "Tensor", labels: "Tensor", table: "Tensor", reduction: Literal["sum", "mean"]
    ) -> "Tensor":
        """Negative log-likelihood of the classes."""
        from torch.nn import functional

        return functional.nll_loss(log_probabilities(logits), labels, weight=table, ignore_index=MISSING, reduction=reduction)

    def margin(self, task: Task, logits: "Tensor", label: int, table: "Tensor") -> "Tensor":
        """The log-probability less the log-sum-exp of the others, which stays exact where a probability is close to 1."""
        import torch

        logs = log_probabilities(logits)[0]
        return logs[label] - torch.cat([logs[:label], logs[label + 1 :]]).logsumexp(dim=0)

    def probabilities(self, task: Task, logits: "Tensor") -> "Tensor":
        """Probability of each class, in their order."""
        return log_probabilities(logits).exp()


def log_probabilities(logits: "Tensor") -> "Tensor":
    """Log-probability of each class `[b, C]`, from score and gaps `[b, C - 1]`.

    log(sigmoid(a) - sigmoid(b)) = log sigmoid(a) + log sigmoid(-b) + log(1 - exp(b - a)) for a > b.
    """
    import torch
    from torch.nn import functional

    gaps = functional.softplus(logits[:, 1:])
    above = torch.cat([logits[:, :1], logits[:, :1] - gaps.cumsum(dim=1)], dim=1)
    at_least = functional.pad(functional.logsigmoid(above), (1, 0))
    at_most = functional.pad(functional.logsigmoid(-above), (0, 1))
    between = functional.pad((-torch.expm1(-gaps)).log(), (1, 1))
    return at_least + at_most + between
