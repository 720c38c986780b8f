"""Heads that are fitted to the features of a frozen encoder."""

import numpy as np
import pytest
import torch

from mtlens.config.task import Task
from mtlens.tasks import Labels, kind_of
from mtlens.training.heads import fit_head

CLASSES = ("none", "mild", "severe")


@pytest.mark.parametrize("kind", ["classes", "ordinal"])
@pytest.mark.parametrize("codes", [[1], [2], [1, 1], [0, 2]])
def test_a_head_of_very_few_texts_is_finite_and_names_their_classes(kind, codes):
    task = Task(name="grade", column="grade", classes=CLASSES, kind=kind)
    labels = torch.tensor(codes)
    features = torch.randn(len(codes), 16, generator=torch.Generator().manual_seed(0))
    head = torch.nn.Linear(16, kind_of(task).outputs(task))
    table = torch.from_numpy(kind_of(task).label_table(task, Labels(codes=np.array(codes, dtype=np.int32)), False))
    fit_head(task, head, features, labels, table, 1e-2)
    assert torch.isfinite(head.weight).all()
    assert kind_of(task).probabilities(task, head(features)).argmax(dim=1).tolist() == codes
