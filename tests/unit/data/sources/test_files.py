"""What the library `datasets` saves, and what the hub gives, is read as a table with splits and class names."""

import datasets
import huggingface_hub
import pytest

from mtlens.config.loading import experiments_from
from mtlens.data.dataset import load_examples
from mtlens.data.sources.hub import hub_folder
from mtlens.errors import DataError

FEATURES = datasets.Features({"note": datasets.Value("string"), "grade": datasets.ClassLabel(names=["none", "severe"])})


def part(name, count=8):
    rows = {"note": [f"{name} note {i}" for i in range(count)], "grade": [i % 2 for i in range(count - 1)] + [-1]}
    return datasets.Dataset.from_dict(rows, features=FEATURES)


@pytest.fixture
def saved(tmp_path):
    names = ("train", "validation", "test")
    datasets.DatasetDict({name: part(name) for name in names}).save_to_disk(tmp_path / "saved")
    return tmp_path


def load(folder, path, **splits):
    data = {"tables": [{"path": path, "text": "note"}], **({"splits": splits} if splits else {})}
    tasks = {"grade": {"classes": ["none", "severe"]}}
    (experiment,) = experiments_from({"name": "x", "data": data, "tasks": tasks, "margin": 0.1})
    return load_examples(experiment, [folder])


def test_a_saved_dictionary_of_data_sets_gives_its_splits(saved):
    examples = load(saved, "saved")
    assert examples.ids == tuple(f"{split}:{i}" for split in ("train", "validation", "test") for i in range(1, 8))
    assert examples.splits.tolist() == [0] * 7 + [1] * 7 + [2] * 7
    assert examples.labels[:7, 0].tolist() == [0, 1, 0, 1, 0, 1, 0]
    assert examples.texts[7] == "validation note 0"
    assert "rows left out, as no task has a label for them: 3" in examples.notes


def test_splits_may_be_named_one_by_one(saved):
    examples = load(saved, {"train": "saved/train", "test": "saved/validation"}, validation=0.3, test=0.3)
    assert set(examples.splits.tolist()) == {0, 1, 2}
    assert sum(name.startswith("test:") for name in examples.ids) == 7


def test_a_saved_data_set_is_split_by_mtlens(tmp_path):
    part("one", 60).save_to_disk(tmp_path / "saved", num_shards=3)
    assert len(load(tmp_path, "saved/").ids) == 59


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A hub with one data set of two configurations, as its branch of Parquet files has it."""
    for configuration in ("rte", "cola"):
        for split in ("train", "validation", "test"):
            (tmp_path / configuration / split).mkdir(parents=True)
            part(f"{configuration} {split}").to_parquet(tmp_path / configuration / split / "0000.parquet")
    asked: list[tuple[str, list[str]]] = []

    def snapshot_download(name, *, repo_type, revision, allow_patterns):
        assert (repo_type, revision) == ("dataset", "refs/convert/parquet")
        asked.append((name, allow_patterns))
        return str(tmp_path)

    class Api:
        def list_repo_files(self, name, **_):
            return (
                ["README.md", "rte/train/0000.parquet", "cola/train/0000.parquet"]
                if name == "nyu-mll/glue"
                else ["rte/train/0.parquet"]
            )

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    monkeypatch.setattr(huggingface_hub, "HfApi", Api)
    hub_folder.cache_clear()
    yield asked
    hub_folder.cache_clear()


def test_a_data_set_of_the_hub_is_named_with_its_configuration(hub, tmp_path):
    examples = load(tmp_path, "hf://datasets/nyu-mll/glue/rte")
    assert hub == [("nyu-mll/glue", ["rte/*/*.parquet"])]
    assert examples.texts[0] == "rte train note 0"
    assert examples.splits.tolist() == [0] * 7 + [1] * 7 + [2] * 7


def test_one_split_of_a_data_set_of_the_hub(hub, tmp_path):
    paths = {"train": "hf://datasets/nyu-mll/glue/cola/train", "test": "hf://datasets/nyu-mll/glue/cola/validation"}
    examples = load(tmp_path, paths, validation=0.3, test=0.3)
    assert [patterns for _, patterns in hub] == [["cola/train/*.parquet"], ["cola/validation/*.parquet"]]
    assert {text[:8] for text in examples.texts} == {"cola tra", "cola val"}


def test_a_configuration_has_to_be_named_where_there_are_several(hub, tmp_path):
    with pytest.raises(DataError, match="a configuration should stand after the name; found cola, rte"):
        load(tmp_path, "hf://datasets/nyu-mll/glue")
    assert load(tmp_path, "hf://datasets/somebody/rte").texts[0] == "rte train note 0"
    with pytest.raises(DataError, match="data set should have sst2; found none"):
        load(tmp_path, "hf://datasets/nyu-mll/glue/sst2")


def test_what_the_hub_does_not_give_is_one_line(tmp_path):
    with pytest.raises(DataError, match=r"hf://datasets/nobody/nothing/x: the hub should give this data set; found \w+Error"):
        load(tmp_path, "hf://datasets/nobody/nothing/x")
