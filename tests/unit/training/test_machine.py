"""GPUs are counted without PyTorch where there can be none."""

import sys

import pytest
import torch

from mtlens.training import machine
from mtlens.training.machine import count_gpus


def test_the_count_is_that_of_pytorch():
    assert count_gpus() == torch.cuda.device_count()


@pytest.mark.parametrize(
    ("name", "platform", "found"),
    [
        ("nvidia0", "linux", 3),
        ("nvhost-gpu", "linux", 3),
        ("kfd", "linux", 3),
        ("nvidiactl", "linux", 0),
        ("null", "linux", 0),
        ("null", "win32", 3),
    ],
)
def test_pytorch_is_asked_where_there_may_be_some(tmp_path, monkeypatch, name, platform, found):
    (tmp_path / name).touch()
    monkeypatch.setattr(machine, "Path", lambda _: tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert count_gpus() == found
