"""experiments/cluster/ray_machines.yaml brought up by `ray up`, used, and ended by `ray down`, on machines reached by SSH."""

import re
import secrets
import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from mtlens.store.workspace.workspace import Workspace
from tests.support.fault_trial import NUM_RUNS, assert_as_undisturbed, wait_until
from tests.support.loopback_machines import machines, why_not

ROOT = Path(__file__).parents[2]
FILE = ROOT / "experiments/cluster/ray_machines.yaml"
HEAD, WORKER = "127.0.0.2", "127.0.0.3"
RUN = "mtlens run {shared}/experiment.yaml --address {address} -w {shared}/results"
JOB = f"ray job submit --address http://127.0.0.1:8265 -- {RUN}"
PYTHON = f"""\
{sys.executable} -m venv --without-pip ~/venv
  - echo {sysconfig.get_path("purelib")} > $(echo ~/venv/lib/python3*/site-packages)/linked.pth
  - sed "1s|.*|#!$HOME/venv/bin/python|" {sys.prefix}/bin/ray > ~/venv/bin/ray && chmod +x ~/venv/bin/ray"""
INSTALL = (
    f"{sys.executable} -m pip --python ~/venv/bin/python install --quiet --no-deps --no-build-isolation --no-index ~/mtlens"
)
ONE_HOST = "--node-ip-address=$NODE_IP --min-worker-port=0 --max-worker-port=0 --object-store-memory=104857600"
pytestmark = [pytest.mark.slow, pytest.mark.fault, pytest.mark.timeout(1500)]  # on a busy machine


def for_these_machines(text, found, shared):
    """The file with what it asks its user to set, and the packages of the tests linked in place of downloaded ones."""
    settings = [
        (r"cluster_name: mtlens-machines", f"cluster_name: {found.place.name}"),
        (r"head_ip: 10\.0\.0\.10", f"head_ip: {HEAD}"),
        (r"worker_ips: \[.*?\]", f"worker_ips: [{WORKER}]"),
        (r"ssh_user: mtlens", f"ssh_user: {found.user}\n  ssh_private_key: {found.key}"),
        (r"(min|max)_workers: 2", r"\1_workers: 1"),
        (r"mountpoint -q /shared", f"test -d {shared}"),
        (r"python3\.11 -m venv ~/venv", PYTHON),
        (r"~/venv/bin/pip install .*", INSTALL),
        (r"ray start --head", f"ray start --head {ONE_HOST}"),
        (r"ray start --address=\$RAY_HEAD_IP:6379", rf"\g<0> {ONE_HOST} --num-cpus=1"),
    ]
    for pattern, replacement in settings:
        text, number = re.subn(pattern, replacement, text)
        assert number > 0, pattern
    return text


def test_an_experiment_runs_on_machines_that_ray_up_has_brought_up(trial, tmp_path):
    """The head has no cores, so that the worker trains; every table of results is that of `--local`."""
    if reason := why_not():
        pytest.skip(reason)
    shared, file, ray = tmp_path / "shared", tmp_path / "machines.yaml", f"{sys.prefix}/bin/ray"
    shared.mkdir()
    for name in ("experiment.yaml", "notes.csv"):
        shutil.copy(trial.folder / name, shared)
    with machines([HEAD, WORKER]) as found:
        file.write_text(for_these_machines(FILE.read_text(), found, shared))
        token = found.place / "here/.ray/auth_token"
        token.parent.mkdir()
        token.write_text(secrets.token_hex(32))
        found.run(ray, "up", "--yes", "--no-config-cache", str(file), cwd=ROOT)
        job = JOB.format(shared=shared, address="auto")
        printed = found.run(ray, "exec", "--no-config-cache", str(file), job, cwd=ROOT)
        assert re.search("Job '.*' succeeded", printed), printed
        assert any("raylet" in line for line in found.commands(WORKER))
        again = RUN.format(shared=shared, address="127.0.0.1:6379")
        printed = found.run(ray, "attach", "--no-config-cache", str(file), typed=f"{again}\nexit\n", cwd=ROOT)
        assert f"0 runs trained, {NUM_RUNS} were finished before" in printed, printed
        found.run(ray, "down", "--yes", str(file), cwd=ROOT)
        wait_until(lambda: not found.commands(HEAD))
        wait_until(lambda: not any("raylet" in line for line in found.commands(WORKER)))
    assert_as_undisturbed(Workspace.open(shared / "results", create=False), trial.undisturbed)
