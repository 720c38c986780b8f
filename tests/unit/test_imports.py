"""Import directions are contracts, and the command line starts without the heavy libraries."""

import subprocess
import sys

import pytest
from importlinter.cli import lint_imports


def test_import_contracts_hold(capsys):
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        (
            "import mtlens; dir(mtlens)",
            {"torch", "ray", "duckdb", "pandas", "transformers", "pyarrow", "pydantic", "numpy", "plotly"},
        ),
        ("import mtlens; mtlens.compare, mtlens.open", {"torch", "ray", "transformers", "plotly", "streamlit"}),
        ("import mtlens.cli.main", {"torch", "ray", "transformers", "pyarrow", "duckdb", "pydantic", "numpy"}),
        ("import mtlens.store.database.reader", {"torch", "ray", "pyarrow", "pydantic", "numpy", "pandas"}),
        ("import mtlens.store.database.sandbox", {"duckdb", "torch", "ray", "pyarrow", "pydantic", "numpy", "pandas"}),
        ("import mtlens.execution.plan, mtlens.store.ingest", {"torch", "ray", "transformers"}),
        ("import mtlens.cli.plan_output", {"torch", "ray", "transformers"}),
    ],
)
def test_light_modules_leave_heavy_libraries_alone(code, heavy):
    program = f"import sys; {code}; print(' '.join(sorted({heavy!r} & set(sys.modules))))"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == []
