"""Folders that pretend to be an exported family: each is one line, and nothing outside the folder is read."""

import json
import os
import re

import pytest
from safetensors.torch import load_file, save_file

from mtlens.errors import EncoderError
from mtlens.inference.model.family import load, read_config
from tests.support import trained_family


@pytest.fixture
def family(tmp_path):
    return trained_family.fabricate(tmp_path)


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def refusal(folder):
    """The line with which a folder is refused."""
    with pytest.raises(EncoderError) as caught:
        load(folder, threads=1)
    assert "\n" not in str(caught.value)
    return str(caught.value)


MEMBER = {"folder": "multi", "run_id": "0" * 16, "tasks": ["canal", "disc"]}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"members": [{**MEMBER, "tasks": ["nope"]}]}, r"members should serve each of the tasks .* once; found \['nope'\]"),
        ({"members": [MEMBER, MEMBER]}, "members should serve each of the tasks"),
        ({"members": [{**MEMBER, "folder": "../multi"}]}, r"members\.0\.folder: String should match pattern"),
        ({"members": [{**MEMBER, "folder": "/etc"}]}, r"members\.0\.folder: String should match pattern"),
        ({"members": []}, "members: .*at least 1"),
        ({"temperatures": {"nope": 1.0}}, "temperatures should be of the tasks"),
        ({"temperatures": {"canal": 1e-308, "disc": 1.0}}, "temperatures.canal: Input should be greater"),
        ({"max_length": 10**9}, "max_length: Input should be less"),
        ({"levels": ["C5-C6", "X1-X2"]}, r"levels should be motion segments that mtlens knows; found \['X1-X2'\]"),
        ({"format": 99}, "format: "),
        (
            {"tagger": {"folder": "../tagger", "levels": ["C5-C6"], "window": 64}},
            r"tagger\.folder: String should match pattern",
        ),
    ],
)
def test_a_config_that_cannot_be_served_is_one_line(family, values, message):
    change(family / "config.json", **values)
    assert re.search(message, refusal(family))


def test_a_task_of_an_unknown_kind_is_one_line(family):
    config = json.loads((family / "config.json").read_text())
    config["tasks"][0]["kind"] = "no-such-kind"
    (family / "config.json").write_text(json.dumps(config))
    assert re.search("no-such-kind", refusal(family))


@pytest.mark.parametrize("make", [lambda path: path.symlink_to("/etc/hostname"), os.mkfifo])
@pytest.mark.parametrize("name", ["README.txt", "multi/heads.safetensors", "config.json", "tokenizer/vocab.txt"])
def test_links_and_special_files_are_refused(family, make, name):
    (family / name).unlink(missing_ok=True)
    make(family / name)
    assert re.search("should be a file or a folder; found a link or a special file", refusal(family))


def test_a_link_to_a_folder_is_refused(family, tmp_path):
    (family / "multi").rename(tmp_path / "elsewhere")
    (family / "multi").symlink_to(tmp_path / "elsewhere")
    assert re.search("found a link or a special file", refusal(family))


def test_too_many_files_are_refused(family):
    for number in range(1100):
        (family / f"{number}.txt").touch()
    assert re.search("at most 1,000 files", refusal(family))


def test_heads_of_another_encoder_are_refused(family):
    path = family / "multi" / "heads.safetensors"
    save_file({name: tensor.repeat(1, 2) if tensor.ndim == 2 else tensor for name, tensor in load_file(path).items()}, path)
    assert re.search("should hold an exported model", refusal(family))


def test_a_config_beside_the_weights_is_bounded(family):
    change(family / "multi" / "config.json", num_hidden_layers=10_000_000)
    assert re.search("num_hidden_layers should be at most 1,000", refusal(family))


def test_a_large_config_is_not_read(family):
    with (family / "config.json").open("a") as file:
        file.write(" " * 1_000_000)
    assert re.search("should have at most 1,000,000 bytes", refusal(family))


def test_a_family_as_it_was_written_is_read(family):
    assert read_config(family).name == "fabricated"
