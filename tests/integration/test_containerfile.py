"""The Containerfile: what it promises, and its steps in a clean directory; built where a builder answers (`make faults`)."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from importlib.metadata import distribution
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from tests.support.linked_packages import link, needed_by

ROOT = Path(__file__).parents[2]
FILE = ROOT / "Containerfile"
WEIGHTS = (".safetensors", ".bin", ".pt", ".onnx")


class Step(NamedTuple):
    word: str
    rest: str


def steps():
    """The instructions, continued lines joined, without comments."""
    text = re.sub(r"\\\n", " ", re.sub(r"^#.*\n", "", FILE.read_text(), flags=re.MULTILINE))
    return [Step(*line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def copied(folder, words):
    """What a COPY leaves in a folder of the image, as .dockerignore lets it."""
    *sources, target = words
    for source in sources:
        assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, folder / target, ignore=shutil.ignore_patterns("__pycache__", "pictures"))
        else:
            shutil.copy(ROOT / source, folder / target)


def test_it_is_pinned_and_not_root():
    found = steps()
    assert re.fullmatch(r"docker\.io/library/python:\d+\.\d+\.\d+-slim-\w+", found[0].rest)
    (user,) = [step.rest for step in found if step.word == "USER"]
    assert int(user) > 0
    assert f"--uid {user}" in next(step.rest for step in found if "useradd" in step.rest)
    assert all(step.word not in ("RUN", "COPY") for step in found[[step.word for step in found].index("USER") :])
    (install,) = [step.rest for step in found if "pip install" in step.rest]
    assert "--constraint constraints.txt" in install
    assert "offline" not in install  # that extra is a model
    assert all(step.word != "ENTRYPOINT" for step in found)  # Ray runs `IMAGE bash`


def test_its_steps_work_in_a_clean_directory(tmp_path):
    """Every COPY, and the installation without downloads; the command then starts with the packages of the test environment."""
    place, environment, tools = tmp_path / "image", tmp_path / "env", tmp_path / "tools"
    place.mkdir()
    tools.mkdir()
    venv.create(environment, with_pip=False)
    (site,) = environment.glob("lib/python3*/site-packages")
    backend = distribution("hatchling")
    for package in (backend, *needed_by(backend, set())):
        link(package, site)
    pip = tools / "pip"
    offline = "--no-deps --no-build-isolation --no-index --quiet"
    pip.write_text(f'#!/bin/sh\nexec {sys.executable} -m pip --python {environment} "$@" {offline}\n')
    pip.chmod(0o755)
    found = [step for step in steps() if step.word == "COPY" or "pip install" in step.rest]
    assert [step.word for step in found][-1] == "RUN"
    for step in found:
        if step.word == "COPY":
            copied(place, step.rest.split())
        else:
            path = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"}
            subprocess.run(["bash", "-ec", step.rest], cwd=place, env=path, check=True)
    assert [file for file in (*place.rglob("*"), *environment.rglob("*")) if file.suffix in WEIGHTS] == []
    ours = sysconfig.get_path("purelib")
    (command,) = [yaml.safe_load(step.rest) for step in steps() if step.word == "CMD"]
    done = subprocess.run(
        [environment / "bin" / command[0], *command[1:]], cwd=tmp_path, env={**os.environ, "PYTHONPATH": ours},
        capture_output=True, text=True,
    )  # fmt: skip
    assert (done.returncode, "serve" in done.stdout) == (0, True), done.stderr


@pytest.mark.parametrize("path", ["ray_cluster.yaml", "experiments/cluster/ray_job.yaml"])
def test_nodes_use_the_image_in_the_version_that_is_built(path):
    (name,) = set(re.findall(r"podman build -t (\S+)", FILE.read_text()))
    assert re.findall(r"image: (\S+)", (ROOT / path).read_text()) == [name]
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert name.split(":")[1] == version[1]


def _builder():
    """podman, buildah or docker, whichever answers."""
    names = [name for name in ("podman", "docker") if shutil.which(name)]
    answers = [name for name in names if subprocess.run([name, "info"], capture_output=True).returncode == 0]
    return answers[0] if answers else None


@pytest.mark.fault
@pytest.mark.timeout(1800)
def test_a_builder_builds_it_and_it_runs_as_its_user():
    builder = _builder()
    if builder is None:
        pytest.skip("no podman and no docker whose daemon answers")
    subprocess.run([builder, "build", "-q", "-t", "mtlens-test", "-f", FILE, ROOT], check=True, capture_output=True)
    run = [builder, "run", "--rm", "mtlens-test"]
    assert subprocess.run([*run, "id", "-u"], capture_output=True, text=True, check=True).stdout == "1000\n"
    assert "serve" in subprocess.run(run, capture_output=True, text=True, check=True).stdout
