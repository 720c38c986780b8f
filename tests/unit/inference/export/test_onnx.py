"""ONNX graphs of a family: one graph for all models, any shape, the numbers of PyTorch, and int8 by the equivalence test."""

import copy
import csv

import numpy as np
import pytest
import torch

from mtlens.errors import EncoderError, ExportError
from mtlens.inference.export import onnx_family, onnx_graph
from mtlens.inference.export.export import export
from mtlens.inference.export.onnx_family import OnnxReport, Speed
from mtlens.inference.model import family as module
from mtlens.inference.model.classifier import as_heads
from mtlens.inference.model.family import load, read_config
from mtlens.inference.model.onnx_model import OnnxModel
from mtlens.training.model import MultiTaskModel
from tests.support import trained_family

onnxruntime = pytest.importorskip("onnxruntime", reason="the extra `onnx` is not installed")
pytestmark = pytest.mark.slow  # an export takes seconds, whatever the size of the model


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    return trained_family.train_on_notes(tmp_path_factory.mktemp("trained"), seeds=[0])


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    """A family of one seed: fewer than three seeds never match, so that int8 is not kept."""
    out = tmp_path_factory.mktemp("exported") / "family"
    export(trained.plan, trained.workspace, out, onnx=True)
    return out


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """A multi-task model and a classifier in one graph, and in int8."""
    folder = trained_family.fabricate_whole(tmp_path_factory.mktemp("mixed"))
    pytorch = load(folder, threads=1, runtime="pytorch")
    multi, classifier = pytorch.models
    plain = as_heads(classifier.classifier, pooling="mean")
    onnx_graph.write_graph(folder / "model.onnx", [multi, plain], ["canal", "cord", "disc"], 48)
    onnx_graph.quantise(folder / "model.onnx", folder / "model.int8.onnx")
    return folder


@pytest.mark.parametrize(("runtime", "limit"), [("onnx", 1e-6), ("onnx-int8", 0.02)])
def test_one_graph_gives_the_probabilities_of_all_models(mixed, runtime, limit):
    """Of batches of any number of texts of any length, the longest cut."""
    pytorch, graph = load(mixed, threads=1, runtime="pytorch"), load(mixed, threads=1, runtime=runtime)
    generator = np.random.default_rng(0)
    for number in (1, 2, 5, 40):
        texts = [" ".join(generator.choice(trained_family.WORDS, generator.integers(1, 70))) for _ in range(number)]
        expected, found = pytorch.classify(texts), graph.classify(texts)
        assert found.keys() == expected.keys()
        for name, values in expected.items():
            np.testing.assert_allclose(found[name], values, atol=limit)


def test_a_graph_has_outputs_for_texts_and_for_tokens(mixed, tmp_path):
    multi = load(mixed, threads=1, runtime="pytorch").models[0]
    heads = [torch.nn.Linear(multi.heads[0].in_features, count) for count in (3, 2)]
    model = MultiTaskModel(multi.encoder, heads, pooling="mean", dropout=0.0, reads_tokens=[True, False]).eval()
    onnx_graph.write_graph(tmp_path / "model.onnx", [model], ["tags", "grade"], 48)
    graph = OnnxModel(tmp_path / "model.onnx", 1)
    for length in (3, 11):
        tokens, mask = torch.randint(5, 12, (2, length)), torch.ones(2, length, dtype=torch.bool)
        with torch.inference_mode():
            for found, expected in zip(graph(tokens, mask), model(tokens, mask), strict=True):
                torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def random_weights(model, *, alike):
    """A model of the same architecture; alike: two of its matrices are equal, and cannot be told apart in a graph."""
    other, generator = copy.deepcopy(model), torch.Generator().manual_seed(7)
    with torch.no_grad():
        for weight in other.parameters():
            weight.normal_(std=0.1, generator=generator)
        attention = other.encoder.encoder.layer[0].attention.self
        if alike:
            attention.key.weight.copy_(attention.query.weight)
    return other


@pytest.mark.parametrize("alike", [False, True])
def test_models_that_differ_in_weights_alone_are_traced_once_if_weights_can_be_told_apart(mixed, tmp_path, monkeypatch, alike):
    multi = load(mixed, threads=1, runtime="pytorch").models[0]
    names = ["canal", "cord"]
    models = [random_weights(multi, alike=alike), multi]
    writer, traced, trace = onnx_graph.GraphWriter(), [], onnx_graph._trace
    monkeypatch.setattr(onnx_graph, "_trace", lambda graph, *others: traced.append(graph) or trace(graph, *others))
    tokens, mask = torch.randint(5, 12, (2, 9)), torch.ones(2, 9, dtype=torch.bool)
    mask[1, 6:] = False
    for model in models:
        writer.write(tmp_path / "model.onnx", [model], names, 48)
        with torch.inference_mode():
            for found, expected in zip(OnnxModel(tmp_path / "model.onnx", 1)(tokens, mask), model(tokens, mask), strict=True):
                torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    assert len(traced) == (2 if alike else 1)


def test_the_graph_names_its_inputs_and_outputs_and_fixes_no_shape(mixed):
    session = onnxruntime.InferenceSession(mixed / "model.onnx", providers=["CPUExecutionProvider"])
    assert [given.name for given in session.get_inputs()] == ["input_ids", "attention_mask"]
    assert [output.name for output in session.get_outputs()] == ["logits/canal", "logits/cord", "logits/disc"]
    assert all(isinstance(size, str) for given in session.get_inputs() for size in given.shape)
    assert (mixed / "model.int8.onnx").stat().st_size < (mixed / "model.onnx").stat().st_size


def test_int8_that_does_not_match_is_not_kept(folder):
    assert (folder / "model.onnx").exists()
    assert not (folder / "model.int8.onnx").exists()
    card = (folder / "README.md").read_text()
    assert "Weights in int8 (not kept, as a task does not match)" in card
    assert "| onnx | " in card
    assert read_config(folder).runtime in ("pytorch", "onnx")


def test_extract_runs_the_graph(trained, folder, mtlens, monkeypatch):
    notes = trained.workspace.root.parent / "notes.csv"

    def rows(runtime):
        code, out, err = mtlens("extract", folder, notes, "--text", "note", "-f", "csv", "--runtime", runtime)
        assert (code, "120 reports read, 0 skipped" in err) == (0, True), err
        return list(csv.DictReader(out.splitlines()))

    expected = rows("pytorch")
    monkeypatch.setattr(module, "_load_member", None)  # nothing but the graph is loaded
    found = rows("onnx")
    assert [row["label"] for row in found] == [row["label"] for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert float(one["probability"]) == pytest.approx(float(other["probability"]), abs=0.01)


def test_a_runtime_that_is_not_there_is_an_error(folder, tmp_path, monkeypatch):
    with pytest.raises(EncoderError, match=r"model.int8.onnx should hold an ONNX graph; found none: mtlens export --onnx"):
        load(folder, runtime="onnx-int8")
    monkeypatch.setattr("mtlens.inference.model.onnx_model.is_installed", lambda: False)
    with pytest.raises(EncoderError, match="which is not installed: pip install 'mtlens"):
        load(folder, runtime="onnx")


def test_the_family_runs_by_its_own_runtime_where_that_is_installed(mixed, monkeypatch):
    config = read_config(mixed).model_copy(update={"runtime": "onnx-int8"})
    monkeypatch.setattr(module, "read_config", lambda _: config)
    assert [member.folder for member in load(mixed, threads=1).config.members] == ["onnx-int8"]
    monkeypatch.setattr(module, "is_installed", lambda: False)
    assert len(load(mixed, threads=1).models) == 2


def test_a_graph_that_says_something_else_ends_the_export(mixed, monkeypatch):
    monkeypatch.setattr(onnx_family, "write_graph", lambda *_: None)  # the graph of other temperatures stays
    monkeypatch.setattr(onnx_family, "_test_texts", lambda _: ["the disc is normal", "severe narrowing of the canal"])
    config = read_config(mixed).model_copy(update={"temperatures": dict.fromkeys(("canal", "cord", "disc"), 0.1)})
    with pytest.raises(ExportError, match=r"should give the probabilities of PyTorch to 0.0001; found 0\.\d+ between them"):
        onnx_family.write_graphs(mixed, config, None, ())


def test_the_fastest_is_taken():
    speeds = {"pytorch": 100.0, "onnx": 180.0, "onnx-int8": 120.0}
    report = OnnxReport(
        largest_difference=0.0,
        int8=(),
        speeds={name: Speed(texts_per_second=value, milliseconds=1.0) for name, value in speeds.items()},
    )
    assert report.fastest == "onnx"
