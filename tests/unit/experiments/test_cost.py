"""The cost model on paper counts what PyTorch counts and what the groups of tasks number."""

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from experiments.cost import Encoder, paper, run_flops, trainings
from mtlens.grouping.partitions import all_groups


@pytest.mark.parametrize(("layers", "width", "tokens"), [(2, 64, 16), (3, 48, 40)])
def test_a_forward_pass_costs_what_torch_counts(layers, width, tokens):
    from transformers import BertConfig, BertModel

    config = BertConfig(
        vocab_size=99, hidden_size=width, num_hidden_layers=layers, num_attention_heads=4, intermediate_size=4 * width
    )
    model = BertModel(config, add_pooling_layer=False).eval()
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.ones(1, tokens, dtype=torch.long))
    encoder = Encoder(name="tiny", layers=layers, width=width)
    assert encoder.forward(tokens) == pytest.approx(counter.get_total_flops(), rel=1e-6)
    texts = {"training": 6, "validation": 2, "test": 3}
    assert run_flops(encoder, texts=texts, tokens=tokens, epochs=5) == (5 * (18 + 2) + 5) * encoder.forward(tokens)


@pytest.mark.parametrize("tasks", [4, 6, 10])
def test_trainings_are_counted_as_groups_are(tasks):
    groups = [group.bit_count() for group in all_groups(tasks)]
    counted = trainings(tasks)
    assert counted["groups"] == len(groups)
    assert counted["match"] == groups.count(1) + groups.count(tasks)
    assert counted["pairs"] == counted["match"] + groups.count(2)


def test_the_tables_have_a_line_per_number_of_tasks():
    lines = paper(1000, 64, 3, 3, 100).splitlines()
    assert [line.split("|")[1].strip() for line in lines if ", match" in line] == [f"{n}, match" for n in (4, 6, 10, 20, 50)]
