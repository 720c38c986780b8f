"""Tasks of tags: what cells hold, words and tokens, sequences of tags, the loss, and what is predicted."""

import itertools
import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch.nn import functional

from mtlens.config.task import Task
from mtlens.errors import DataError
from mtlens.tasks import MISSING, Labels, Words, kind_of
from mtlens.tasks.tag_schemes import follows, found_spans, likeliest, parsed, spans_of, tag_names, tags_of
from mtlens.tasks.tags import IGNORED
from mtlens.tasks.words import bounds, parting_of, read_words

NAMES = Task(name="names", column="names", kind="tags", classes=("PER", "LOC"), missing=("unknown",))
TAGS = kind_of(NAMES)
TEXT = "Ada Byron lives in Rome ."
ADA, ROME = [0, 9, 0], [19, 23, 1]


def read(cell, text=TEXT, task=NAMES):
    labels = kind_of(task).read_with_texts(task, {"names": [cell]}, [text], lambda row: f"names.jsonl:{row + 1}")
    return None if labels.codes[0] == MISSING else [int(number) for number in labels.values[0] if number >= 0]


@pytest.mark.parametrize(
    "cell",
    [
        '["B-PER", "I-PER", "O", "O", "B-LOC", "O"]',
        '["B-PER", "L-PER", "O", "O", "U-LOC", "O"]',
        '["B-PER", "E-PER", "O", "O", "S-LOC", "O"]',
        "I-PER I-PER O O I-LOC O",
        "['B-PER', 'I-PER', 'O', 'O', 'B-LOC', 'O']",
        '[{"start": 19, "end": 23, "label": "loc"}, {"start": 0, "end": 9, "type": "PER"}]',
        '[[0, 9, "PER"], [19, 23, "LOC"]]',
        '{"entities": [[0, 9, "PER"], [19, 23, "LOC"]]}',
        '{"start": [0, 19], "end": [9, 23], "label": ["PER", "LOC"]}',
    ],
)
def test_a_cell_holds_tags_or_spans(cell):
    assert read(cell) == ADA + ROME


def test_empty_cells_are_not_labelled_and_empty_lists_have_no_spans():
    assert read("") is read(None) is read("unknown") is None
    assert read("[]") == read("O O O O O O") == []


def test_a_word_may_be_empty_or_hold_a_blank():
    assert read('["O", "O", "B-LOC"]', text="a  New\u00a0York") == [3, 11, 1]


def test_numbers_stand_for_tags():
    task = Task(name="names", column="names", kind="tags", labels={"0": "O", "1": "B-PER", "2": "I-PER", "3": "B-LOC"})
    assert task.classes == ("PER", "LOC")
    assert read("[1, 2, 0, 0, 3, 0]", task=task) == ADA + ROME


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("O O", "should hold a tag for each word between blanks; found 2 tags and 6 words"),
        ('[[0, 9, "PER"], [4, 12, "LOC"]]', "should hold spans that do not overlap; found 0 to 9 and 4 to 12"),
        ('[[20, 40, "LOC"]]', "should hold spans inside a text of 25 characters; found 20 to 40"),
        ('[{"start": 3, "label": "LOC"}]', 'should hold spans with start, end and label; found {"start": 3, "label": "LOC"}'),
        ("B-ORG O O O O O", r"should hold spans of \[PER, LOC\]; found 'ORG'"),
        ("[1, 0, 0, 0, 0, 0]", r"should hold tags such as O and B-PER; found '1'; `labels: \{1: B-PER\}` says which tag"),
        ("[O, O", r"should hold tags or spans; found '\[O, O'"),
    ],
)
def test_cells_that_hold_neither_are_named(cell, message):
    with pytest.raises(DataError, match=f"names.jsonl:1: column 'names' {message}"):
        read(cell)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"classes": ()}, "should have the types of its spans as classes; found none"),
        ({"labels": {"1": "X-PER"}}, "should mean tags such as O, B-PER, .*; found 'X-PER'"),
        ({"metric": "accuracy"}, "metric of task 'names' of kind tags should be one of span_f1; found 'accuracy'"),
        ({"kind": "classes", "scheme": "BILOU"}, "`scheme` should be of a task of kind tags; found classes"),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        Task(**{"name": "names", "column": "names", "kind": "tags", "classes": ("PER", "LOC"), **settings})


def brute_force(probabilities, scheme):
    allowed = follows(2, scheme)
    sequences = [
        one
        for one in itertools.product(range(len(allowed)), repeat=len(probabilities))
        if all(allowed[a, b] for a, b in itertools.pairwise((0, *one, 0)))
    ]
    return max(sequences, key=lambda one: np.prod([probabilities[place, tag] for place, tag in enumerate(one)]))


@pytest.mark.parametrize("scheme", ["BIO", "BILOU"])
def test_the_likeliest_allowed_sequence_is_found(scheme):
    generator = np.random.default_rng(0)
    said = generator.dirichlet(np.ones(len(tag_names("ab", scheme))), (6, 4)).astype(np.float32)
    said[5, 3:] = np.nan
    found = likeliest(said, 2, scheme)
    for row in range(5):
        assert tuple(found[row]) == brute_force(said[row], scheme)
    assert tuple(found[5]) == (*brute_force(said[5, :3], scheme), 0)


@pytest.mark.parametrize("scheme", ["BIO", "BILOU"])
@given(data=st.data())
def test_spans_and_tags_say_the_same(scheme, data):
    cuts = sorted(data.draw(st.sets(st.integers(0, 12), max_size=8)))
    pairs = list(itertools.pairwise(cuts))[:: data.draw(st.integers(1, 2))]
    kinds = [data.draw(st.integers(0, 1)) for _ in pairs]
    first, last = (np.array([pair[place] - place for pair in pairs], dtype=np.int64) for place in (0, 1))
    tags = tags_of(first, last, np.array(kinds, dtype=np.int64), 12, scheme)
    found = found_spans(tags[None].astype(np.int64), scheme)
    expected = list(zip(first.tolist(), last.tolist(), kinds, strict=True))
    assert list(zip(found.first.tolist(), found.last.tolist(), found.kind.tolist(), strict=True)) == expected
    names = [parsed(tag_names("ab", scheme)[tag]) for tag in tags]
    assert [(span.first, span.last, "ab".index(span.kind)) for span in spans_of(names)] == expected


def test_words_are_parted_as_the_spans_are():
    text = "Ada lives in Rome."
    assert [text[begin:end] for begin, end in bounds(text, "punctuation")][-2:] == ["Rome", "."]
    assert parting_of([text], [np.array([[0, 3]])]) == "blanks"
    assert parting_of([text], [np.array([[13, 17]])]) == "punctuation"


def test_words_are_those_that_tokens_hold():
    text = "Ada lives -- in Rome."
    tokens = np.array([[0, 0], [0, 2], [2, 3], [4, 9], [10, 12], [13, 15], [0, 0]])
    words = read_words(text, tokens, "punctuation")
    assert [(text[begin:end], token) for begin, end, token in words] == [("Ada", 1), ("lives", 3), ("--", 4), ("in", 5)]


def made_words():
    """Two texts of two words, of which the first has two tokens; the third text is not labelled."""
    return Words(
        parting="blanks",
        starts=np.array([0, 2, 4, 5]),
        begin=np.array([0, 4, 0, 2, 0]),
        end=np.array([3, 8, 1, 6, 2]),
        token=np.array([1, 3, 1, 2, 1]),
        tags=np.array([1, 0, 3, 4, MISSING], dtype=np.int16),
    )


def labels():
    values = np.array([[0, 3, 0], [0, 6, 1], [-1, -1, -1]], dtype=np.float64)
    return Labels(codes=np.array([0, 1, MISSING], dtype=np.int32), values=values, words=made_words())


def test_the_loss_is_the_cross_entropy_of_first_tokens():
    table = TAGS.label_table(NAMES, labels(), True)
    assert table.tolist() == [[IGNORED, 1, IGNORED, 0], [IGNORED, 3, 4, IGNORED], [IGNORED] * 4]
    assert TAGS.example_weights(table, np.array([0, 1])).tolist() == [2, 2]
    logits = torch.randn(3, 5, 5, generator=torch.Generator().manual_seed(0))
    codes = torch.tensor([0, 1, MISSING])
    chosen = torch.stack([logits[0, 1], logits[0, 3], logits[1, 1], logits[1, 2]])
    expected = functional.cross_entropy(chosen, torch.tensor([1, 0, 3, 4]), reduction="sum")
    of_labels = torch.from_numpy(table)
    assert TAGS.loss(NAMES, logits, codes, of_labels, "sum").item() == pytest.approx(expected.item(), rel=1e-5)
    assert TAGS.loss(NAMES, logits, codes, of_labels, "mean").item() == pytest.approx(expected.item() / 4, rel=1e-5)
    assert TAGS.loss(NAMES, logits[2:], codes[2:], of_labels, "mean").item() == 0
    assert TAGS.loss(NAMES, logits[:, :2], codes, of_labels, "sum").isfinite()  # labels of other, longer texts
    own = torch.exp(-functional.cross_entropy(chosen[:2], torch.tensor([1, 0])))
    margin = TAGS.margin(NAMES, logits[:1], 0, of_labels)
    assert margin.item() == pytest.approx(torch.logit(own).item(), rel=1e-4)
    said = made_words().said(logits.softmax(dim=2).numpy(), np.array([0, 1]), 2)
    known = Labels(**{**vars(labels()), "codes": np.array([0, 1], dtype=np.int32)})
    assert TAGS.mean_loss(NAMES, known, said) == pytest.approx(expected.item() / 4, rel=1e-5)


def test_predictions_are_spans_with_probabilities():
    likely = np.full((2, 4, 5), 0.05, dtype=np.float32)
    for text, token, tag in ((0, 1, 1), (0, 3, 0), (1, 1, 3), (1, 2, 4)):
        likely[text, token, tag] = 0.8
    said = made_words().said(likely, np.array([0, 1]), 3)
    assert np.isnan(said[:, 2]).all()
    stored = TAGS.stored(NAMES, Labels(**{**vars(labels()), "codes": np.array([0, 1], dtype=np.int32)}), said)
    assert stored["predicted_spans"].tolist() == stored["true_spans"].tolist() == [[0, 3, 0], [0, 6, 1]]
    assert TAGS.by_class(NAMES, stored) == [("span_f1", "PER", 1.0), ("span_f1", "LOC", 1.0)]
    (span,) = TAGS.spans(NAMES, "I Rome", said[1])
    assert (span.type, span.start, span.end, span.text, span.probability) == ("LOC", 0, 6, "I Rome", 0.8)
    assert TAGS.in_words(NAMES, said[1]) == "LOC 0-6"
    assert TAGS.agreement(NAMES, said[0], said).tolist() == [1, 1]


def test_members_and_remarks_count_spans():
    texts = ["Ada Byron", "Rome."]
    cells = {"names": ['[[0, 3, "PER"], [4, 9, "PER"]]', json.dumps([[0, 3, "LOC"]])]}
    found = TAGS.read_with_texts(NAMES, cells, texts, str)
    assert {name: mask.tolist() for name, mask in TAGS.members(NAMES, found).items()} == {
        "PER": [True, False],
        "LOC": [False, True],
    }
    (remark,) = TAGS.remarks(NAMES, found, texts)
    assert remark == (
        "names: 3 spans of words that are separated by blanks and punctuation; 1 begin or end inside a word, and cannot be "
        "predicted exactly"
    )
