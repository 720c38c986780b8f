"""The loss of a batch against closed forms and scikit-learn, and the sum of its parts."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import functional

from mtlens.config.task import Task
from mtlens.tasks import Labels, kind_of
from mtlens.training.losses import BatchLoss

CPU = torch.device("cpu")


def make_tasks(*sizes: int, weights: tuple[float, ...] = ()) -> tuple[Task, ...]:
    weights = weights or (1.0,) * len(sizes)
    return tuple(
        Task(name=f"t{j}", column="c", classes=tuple(map(str, range(size))), weight=weights[j]) for j, size in enumerate(sizes)
    )


def balanced_weights(labels, num_classes):
    task = make_tasks(num_classes)[0]
    return kind_of(task).label_table(task, Labels(codes=labels.astype(np.int32)), True)


def test_balanced_weights_are_those_of_scikit_learn():
    labels = np.array([0] * 7 + [1] * 2 + [2] * 11 + [-1] * 5)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels[labels >= 0])
    np.testing.assert_allclose(balanced_weights(labels, 3), expected, rtol=1e-6)


def test_a_class_without_examples_weighs_one():
    assert balanced_weights(np.array([0, 0, 2]), 3)[1] == 1


def test_one_task_is_pytorchs_weighted_cross_entropy():
    weights, logits, labels = torch.tensor([0.5, 1.0, 4.0]), torch.randn(9, 3), torch.randint(0, 3, (9,))
    loss = BatchLoss(make_tasks(3), [weights.numpy()], CPU)
    each, shares = loss([logits], labels[:, None], loss.totals(labels[:, None].numpy()))
    expected = functional.cross_entropy(logits, labels, weight=weights)
    assert each.tolist() == pytest.approx([expected.item()], rel=1e-6)
    assert shares.tolist() == [1]


def test_missing_labels_and_absent_tasks_do_not_count():
    logits = [torch.randn(6, 2), torch.randn(6, 3)]
    labels = torch.tensor([[0, -1], [1, -1], [-1, -1], [1, -1], [0, -1], [-1, -1]])
    loss = BatchLoss(make_tasks(2, 3, weights=(1.0, 5.0)), [np.ones(2, np.float32), np.ones(3, np.float32)], CPU)
    each, shares = loss(logits, labels, loss.totals(labels.numpy()))
    kept = labels[:, 0] >= 0
    assert (each * shares).sum().item() == pytest.approx(
        functional.cross_entropy(logits[0][kept], labels[kept, 0]).item(), rel=1e-6
    )
    assert each[1] == 0


def test_task_weights_make_a_weighted_mean():
    logits = [torch.randn(4, 2), torch.randn(4, 2)]
    labels = torch.randint(0, 2, (4, 2))
    loss = BatchLoss(make_tasks(2, 2, weights=(1.0, 3.0)), [np.ones(2, np.float32)] * 2, CPU)
    each, shares = loss(logits, labels, loss.totals(labels.numpy()))
    assert (each * shares).sum().item() == pytest.approx((each[0] + 3 * each[1]).item() / 4, rel=1e-6)


@given(st.integers(2, 5), st.integers(1, 40), st.integers(0, 1000))
def test_losses_of_the_parts_add_up_to_the_loss_of_the_batch(num_parts, size, seed):
    generator = torch.Generator().manual_seed(seed)
    logits = [torch.randn(size, 3, generator=generator), torch.randn(size, 2, generator=generator)]
    labels = torch.stack(
        [torch.randint(-1, 3, (size,), generator=generator), torch.randint(0, 2, (size,), generator=generator)], dim=1
    )
    loss = BatchLoss(make_tasks(3, 2), [np.float32([1.0, 2.0, 0.5]), np.ones(2, np.float32)], CPU)
    totals = loss.totals(labels.numpy())
    each, shares = loss(logits, labels, totals)
    parts = [loss([task[i::num_parts] for task in logits], labels[i::num_parts], totals) for i in range(num_parts)]
    assert sum((part * share).sum() for part, share in parts).item() == pytest.approx(
        (each * shares).sum().item(), rel=1e-5, abs=1e-6
    )
    assert sum(part for part, _ in parts).tolist() == pytest.approx(each.tolist(), rel=1e-5, abs=1e-6)
