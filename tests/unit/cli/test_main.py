"""Options that stand before a subcommand, and shell completion."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path


def test_the_version_is_that_of_the_package(mtlens):
    assert mtlens("--version") == (0, f"mtlens {version('mtlens')}\n", "")


def test_completion_is_offered_and_completes_commands(mtlens):
    _, out, _ = mtlens("--help")
    assert "--install-completion" in out
    command = Path(sys.executable).with_name("mtlens")
    asked = {"_MTLENS_COMPLETE": "complete_bash", "COMP_WORDS": "mtlens ver", "COMP_CWORD": "1"}
    answer = subprocess.run([command], env=os.environ | asked, capture_output=True, text=True)
    assert answer.stdout.split() == ["verify"]
