"""Tags from tables to models: CoNLL files and lists, tokens of words, windows, arms, and token classifiers without mtlens."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
import torch
from transformers import AutoModelForTokenClassification, BertTokenizerFast, pipeline

from mtlens.config.loading import parse_experiments
from mtlens.config.run import Run
from mtlens.config.sections import Encoder
from mtlens.config.task import Task
from mtlens.data.dataset import load_examples
from mtlens.data.encoders import locate
from mtlens.data.tokenize import collate, encode
from mtlens.errors import DataError
from mtlens.evidence.gradients.probes import fit_heads
from mtlens.inference.model.classifier import as_heads, as_token_classifier, can_be_token_classifier, load_classifier
from mtlens.inference.model.weights import load_encoder, save_classifier
from mtlens.tasks import MISSING, kind_of
from mtlens.training.distributed import ALONE
from mtlens.training.evaluation import predict
from mtlens.training.hardware import prepare
from mtlens.training.losses import label_tables
from mtlens.training.model import MultiTaskModel
from mtlens.training.trainer import Trainer
from tests.support.tiny_encoders import KINDS, tiny_encoder

CPU = prepare("float32", threads=1, gpu=False)
SITE = Task(name="site", column="tags", kind="tags", classes=("SITE",))
SENTENCES = [
    (["left", "disc", "mild"], ["B-SITE", "I-SITE", "O"]),
    (["severe", "canal"], ["O", "B-SITE"]),
    (["normal"], ["O"]),
    (["right", "disc", "with", "left", "root", "level"], ["B-SITE", "I-SITE", "O", "B-SITE", "I-SITE", "I-SITE"]),
]
ALL = [([*words, f"n{copy}"], [*tags, "O"]) for copy in range(5) for words, tags in SENTENCES]  # no two are alike
FILE = """
name: tags
data: {{tables: [{{path: {path}, text: {text}}}], splits: {{validation: 0.2, test: 0.2}}}}
tasks: {{site: {{column: {column}, kind: tags, classes: [SITE]}}, side: {{column: {column}, kind: tags, classes: [SITE]}}}}
encoder: {{name: none}}
margin: 0.1
seeds: [0]
"""


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return tiny_encoder(tmp_path_factory.mktemp("bert"), "bert")


def conll():
    sentences = ["\n".join(f"{word} X {tag}" for word, tag in zip(*one, strict=True)) for one in ALL]
    return "-DOCSTART- -X- O\n\n# id 7\n" + "\n\n".join(sentences) + "\n"


def load(folder, content, path, text, column):
    if content is not None:
        (folder / path).write_text(content)
    (experiment,) = parse_experiments(FILE.format(path=path, text=text, column=column), "tags.yaml")
    return load_examples(experiment, [folder])


@pytest.fixture(scope="module")
def examples(tmp_path_factory):
    return load(tmp_path_factory.mktemp("conll"), conll(), "notes.conll", "words", "tags")


def spans(examples):
    return {text: [int(n) for n in row if n >= 0] for text, row in zip(examples.texts, of_examples(examples), strict=True)}


def of_examples(examples):
    labels = examples.labels_of(0)
    return labels.values[labels.codes]


def test_a_conll_file_has_a_sentence_in_each_row(examples):
    assert spans(examples)["left disc mild n0"] == [0, 9, 0]
    assert spans(examples)["normal n3"] == []
    assert "site: 20 spans of words that are separated by blanks" in examples.notes
    assert any("column 'words' holds lists of words" in note for note in examples.notes)


def test_a_text_file_of_that_form_is_one_and_lines_of_other_lengths_are_named(tmp_path, examples):
    assert spans(load(tmp_path, conll(), "train.txt", "words", "tags")) == spans(examples)
    with pytest.raises(DataError, match=r"bad.conll:5: line should have 3 fields, as the first has; found 2"):
        load(tmp_path, conll().replace("disc X I-SITE", "disc I-SITE", 1), "bad.conll", "words", "tags")


def test_lists_of_classes_of_datasets_are_tags(tmp_path, examples):
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    names = ["O", "B-SITE", "I-SITE"]
    features = Features({"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=names))})
    rows = {
        "tokens": [words for words, _ in ALL],
        "ner_tags": [[names.index(tag) for tag in tags] for _, tags in ALL],
    }
    Dataset.from_dict(rows, features=features).to_parquet(tmp_path / "notes.parquet")
    assert spans(load(tmp_path, None, "notes.parquet", "tokens", "ner_tags")) == spans(examples)


def test_pairs_have_no_tags(tmp_path):
    with pytest.raises(DataError, match="task 'site' of kind tags should be of single texts; found pairs"):
        load(tmp_path, "a,b,c\n" + "x,y,O\n" * 20, "pairs.csv", "[a, b]", "c")


def test_a_word_is_tagged_at_its_first_piece(tmp_path, examples):
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "dis", "##c", "left", "mild", "canal"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary))
    BertTokenizerFast(str(tmp_path / "vocab.txt")).save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    encoded = encode(examples, tmp_path, max_length=5)
    row = examples.texts.index("left disc mild n0")
    words = encoded.words[0]
    place = words.of_text(row)
    assert (words.token[place].tolist(), words.tags[place].tolist()) == ([1, 2], [1, 2])  # mild is cut
    table = kind_of(SITE).label_table(encoded.tasks[0], encoded.training_labels(0), False)
    assert table[row].tolist()[:4] == [-100, 1, 2, -100]
    assert encoded.labels[row, 0] == row


def make_run(folder, examples, **changes):
    encoder = Encoder(name=str(folder))
    settings = {"epochs": 8, "batch_size": 4, "learning_rate": 3e-3, "head_learning_rate": 1e-2, "precision": "float32"}
    return Run(
        tasks=examples.tasks, method="full", seed=0, encoder=encoder, pretrained=locate(str(folder)).fingerprint, data="d" * 16,
        labels=("l", "l"), **{"training": {**settings, **changes.pop("training", {})}, **changes},
    )  # fmt: skip


def test_tags_are_learnt_and_predicted_spans_are_places_in_the_text(bert, examples):
    encoded = encode(examples, bert, max_length=32)
    trainer = Trainer(make_run(bert, examples), encoded, bert, CPU)
    before = trainer.validate()[2]
    trainer.fit(lambda _: None, lambda _: None)
    (test, _) = predict(trainer.model, trainer.encoded, "test", batch_size=3, hardware=CPU, world=ALONE)
    assert trainer.validate()[2] < before
    assert test.score() > 0.8
    assert not test.collapsed
    assert {name for name, *_ in test.scores()} == {"span_f1"}
    for row, found in zip(test.rows, test.columns["predicted_spans"].tolist(), strict=True):
        text = examples.texts[row]
        edges = {place for place in range(len(text) + 1) if place in (0, len(text)) or " " in text[place - 1 : place + 1]}
        assert {n for i, n in enumerate(found) if i % 3 < 2 and n >= 0} <= edges


def test_predictions_do_not_depend_on_the_batch(bert, examples):
    encoded = encode(examples, bert, max_length=32)
    model = Trainer(make_run(bert, examples), encoded, bert, CPU).model
    small, large = (predict(model, encoded, "train", batch_size=size, hardware=CPU, world=ALONE)[0] for size in (1, 16))
    np.testing.assert_allclose(small.said, large.said, atol=1e-5)


def test_tokens_of_windows_have_the_states_of_their_window(bert, examples):
    long = replace(examples, texts=("left disc mild " * 6, *examples.texts[1:]))
    encoded = encode(long, bert, max_length=8, long_texts="windows")
    model = Trainer(make_run(bert, long, training={"max_length": 8, "long_texts": "windows"}), encoded, bert, CPU).model.eval()
    tokens, mask = map(torch.from_numpy, collate(encoded, np.array([0, 1])))
    with torch.no_grad():
        logits = model(tokens, mask)[0]
        second = model(tokens[:1, 8:16], mask[:1, 8:16])[0]
    torch.testing.assert_close(logits[0, 8:16], second[0])
    words = encoded.words[0]
    assert len(words.token[words.of_text(0)]) == 18  # none is cut


@pytest.mark.skipif(importlib.util.find_spec("torchjd") is None, reason="the extra `arms` is not installed")
def test_aggregation_takes_heads_of_texts_and_of_tokens(bert, examples):
    labels = examples.labels.copy()
    labels[:, 1] = np.arange(len(labels)) % 2
    grade = Task(name="side", column="side", classes=("a", "b"))
    mixed = replace(examples, tasks=(examples.tasks[0], grade), labels=labels, values=(examples.values[0], None))
    encoded = encode(mixed, bert, max_length=32)
    losses = {}
    for name in ("joint", "upgrad"):
        run = make_run(bert, mixed, **({} if name == "joint" else {"balancing": name}))
        trainer = Trainer(run, encoded, bert, CPU)
        trainer.labels[: len(labels) // 2, 1] = MISSING  # batches with one of the tasks alone
        losses[name] = [trainer.train_epoch(lambda _: None) for _ in range(3)]
        assert all(np.isfinite(losses[name]))
    assert losses["joint"] != losses["upgrad"]


def test_probes_are_fitted_to_words(bert, examples):
    encoded = encode(examples, bert, max_length=32)
    run = make_run(bert, examples)
    trainer = Trainer(run, encoded, bert, CPU)
    labels = encoded.labels.astype(np.int64)
    tables = [torch.from_numpy(table) for table in label_tables(encoded, labels, run.training)]
    before = predict(trainer.model, encoded, "train", batch_size=4, hardware=CPU, world=ALONE)[0].loss()
    fit_heads(trainer.model, encoded, labels, tables, CPU, without=np.array([], dtype=np.int64))
    assert predict(trainer.model, encoded, "train", batch_size=4, hardware=CPU, world=ALONE)[0].loss() < 0.5 * before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind in ("bert", "electra", "roberta", "distilbert", "deberta-v2")])
def test_a_token_classifier_gives_the_same_without_mtlens(kind, tmp_path):
    source = tiny_encoder(tmp_path / "source", kind)
    encoder, head = load_encoder(source), torch.nn.Linear(32, 3)
    assert can_be_token_classifier(encoder, SITE)
    tokens = torch.randint(4, 16, (3, 9))
    mask = torch.arange(9) < torch.tensor([9, 4, 1])[:, None]
    tokens[~mask] = 1
    with torch.inference_mode():
        own = MultiTaskModel(encoder, [head], pooling="mean", dropout=0.0, reads_tokens=[True]).eval()
        (expected,) = own(tokens, mask)
        save_classifier(tmp_path / "out", as_token_classifier(encoder, head, SITE), source, 32, torch.float32)
        stock = AutoModelForTokenClassification.from_pretrained(tmp_path / "out").eval()
        again = load_classifier(tmp_path / "out", of_tokens=True).eval()
        for logits in (
            stock(input_ids=tokens, attention_mask=mask).logits,
            again(tokens, mask)[0],
            as_heads(again.classifier, pooling="cls")(tokens, mask)[0],
        ):
            torch.testing.assert_close(logits[mask], expected[mask], atol=1e-5, rtol=1e-4)
    if kind == "bert":
        (found, *_) = pipeline("token-classification", model=str(tmp_path / "out"), ignore_labels=[])("disc mild")
        assert found["entity"] in ("O", "B-SITE", "I-SITE")
        assert found["score"] == pytest.approx(own_score(own, stock, tmp_path / "out"), abs=1e-5)


def own_score(own, stock, folder):
    from transformers import AutoTokenizer

    batch = AutoTokenizer.from_pretrained(folder)("disc mild", return_tensors="pt")
    with torch.inference_mode():
        return own(batch["input_ids"], batch["attention_mask"].bool())[0][0, 1].softmax(dim=0).max().item()
