"""The cluster files are ones that Ray itself accepts, and keep what they promise; damaged ones are refused."""

import copy
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
CLUSTER, MACHINES, JOB = (
    ROOT / name for name in ("ray_cluster.yaml", "experiments/cluster/ray_machines.yaml", "experiments/cluster/ray_job.yaml")
)


def load(path):
    return yaml.safe_load(path.read_text())


def accepted(config):
    """The file as Ray completes it; raises what `ray up` would."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(copy.deepcopy(config))
    validate_config(prepared)
    return prepared


@pytest.mark.parametrize("path", [CLUSTER, MACHINES])
def test_ray_accepts_the_file(path):
    prepared = accepted(load(path))
    assert prepared["head_node_type"] in prepared["available_node_types"]


@pytest.mark.parametrize(
    "mutate",
    [
        lambda config: config.pop("provider"),
        lambda config: config.update(max_worker=8),
        lambda config: config.update(head_node_type="tpu"),
        lambda config: config.update(idle_timeout_minutes="soon"),
        lambda config: config["available_node_types"]["gpu"].update(resources={"GPU": "one"}),
        lambda config: config.update(max_workers=-1),
        lambda config: config["available_node_types"]["gpu"].pop("node_config"),
        lambda config: config["auth"].update(password="x"),
        lambda config: config.update(setup_commands="pip install mtlens"),
    ],
)
def test_ray_refuses_a_damaged_file(mutate):
    config = load(CLUSTER)
    mutate(config)
    with pytest.raises(Exception):  # noqa: B017, PT011 - jsonschema's, Ray's or a KeyError, as the damage is
        accepted(config)


def test_ray_refuses_machines_without_a_head():
    config = load(MACHINES)
    del config["provider"]["head_ip"]
    with pytest.raises(Exception):  # noqa: B017, PT011 - jsonschema's, Ray's or a KeyError, as the damage is
        accepted(config)


def test_the_head_does_no_work_and_gpu_machines_come_and_go():
    config = accepted(load(CLUSTER))
    head, gpu = (config["available_node_types"][name] for name in ("head", "gpu"))
    assert head["resources"]["CPU"] == 0
    assert (gpu["min_workers"], gpu["resources"]["GPU"]) == (0, 1)
    assert gpu["max_workers"] > 0
    assert gpu["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


@pytest.mark.parametrize("path", [CLUSTER, MACHINES])
def test_every_ray_starts_with_a_token_a_local_dashboard_and_pinned_packages(path):
    config = load(path)
    starts = [one for name in ("head", "worker") for one in config[f"{name}_start_ray_commands"] if "ray start" in one]
    assert len(starts) == 2
    assert all("RAY_AUTH_MODE=token" in start for start in starts)
    assert "--dashboard-host=127.0.0.1" in starts[0]
    assert "--num-cpus=0" in starts[0]
    setup = "\n".join(config["setup_commands"])
    assert "chmod 600 ~/.ray/auth_token" in setup
    assert "docker" in config or "--constraint ~/mtlens/constraints.txt" in setup
    assert "/shared" in setup


def test_the_network_is_private():
    provider = load(CLUSTER)["provider"]
    assert provider["use_internal_ips"]
    ranges = [ip_range["CidrIp"] for rule in provider["security_group"]["IpPermissions"] for ip_range in rule["IpRanges"]]
    assert ranges
    assert all(one.startswith("10.") for one in ranges)


def test_the_job_on_kubernetes_is_pinned_authenticated_and_shares_a_folder():
    job = load(JOB)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]["rayClusterSpec"]
    assert spec["rayVersion"] == version("ray")
    assert spec["authOptions"] == {"mode": "token", "secretName": "mtlens-ray-token"}
    assert spec["headGroupSpec"]["rayStartParams"] == {"num-cpus": "0"}  # KubeRay cannot reach a dashboard on loopback
    (group,) = spec["workerGroupSpecs"]
    assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
    for template in (spec["headGroupSpec"]["template"], group["template"]):
        (container,) = template["spec"]["containers"]
        assert [one["mountPath"] for one in container["volumeMounts"]] == ["/shared"]
    assert "automountServiceAccountToken" not in spec["headGroupSpec"]["template"]["spec"]  # the autoscaler works with it
    assert group["template"]["spec"]["automountServiceAccountToken"] is False
    assert group["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == 1


def test_the_pinned_ray_is_the_installed_one():
    assert f"ray=={version('ray')}" in (ROOT / "constraints.txt").read_text().splitlines()
