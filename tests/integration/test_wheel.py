"""The built wheel, installed with its declared dependencies alone: names of its packages, demo, and dashboard."""

import subprocess
import sys
import venv
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from tests.support import dashboard_servers
from tests.support.linked_packages import link, needed_by

ROOT = Path(__file__).parents[2]
IMPORTABLE = "import importlib.util, sys; print([n for n in sys.argv[1:] if importlib.util.find_spec(n)])"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment of the wheel and its declared dependencies, and no other package of the one that runs the tests."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("mtlens-*.whl")
    venv.create(folder / "env", with_pip=False)
    install = [sys.executable, "-m", "pip", "--python", str(folder / "env"), "install", "--no-deps", "--quiet", str(wheel)]
    subprocess.run(install, check=True)
    (site,) = (folder / "env").glob("lib/python3*/site-packages")
    (installed,) = site.glob("mtlens-*.dist-info")
    for dependency in needed_by(Distribution.at(installed), set()):
        link(dependency, site)
    return folder / "env"


def run(environment: Path, *command: str, cwd: Path) -> str:
    done = subprocess.run([environment / "bin" / command[0], *command[1:]], cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_only_the_two_packages_can_be_imported(environment: Path, tmp_path: Path) -> None:
    names = ["mtlens", "mtlens_dashboard", "backend", "dashboard", "tests", "experiments", "pytest"]
    assert run(environment, "python", "-c", IMPORTABLE, *names, cwd=tmp_path) == "['mtlens', 'mtlens_dashboard']\n"


def test_the_demo_and_its_dashboard_work(environment: Path, tmp_path: Path) -> None:
    printed = run(environment, "mtlens", "demo", "--instant", cwd=tmp_path)
    assert "90 % interval" in printed
    assert "mtlens dashboard" in printed
    port = dashboard_servers.free_port()
    command = [environment / "bin" / "mtlens", "dashboard", "-w", "recorded", "--port", str(port)]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            url = dashboard_servers.url_of(process)
            assert dashboard_servers.get(f"{url}/_stcore/health") == "ok"
        finally:
            process.kill()
