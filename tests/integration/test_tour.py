"""The notebook experiments/tour.ipynb, executed cell by cell on a tiny encoder."""

from pathlib import Path

import pytest

from tests.support.trained_family import make_encoder

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")

NOTEBOOK = Path(__file__).parents[2] / "experiments" / "tour.ipynb"
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]  # of Jupyter about itself


def test_ten_cells_go_from_a_frame_to_verdicts_evidence_and_a_figure(tmp_path):
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert len(notebook.cells) == 10
    assert not any(cell.get("outputs") for cell in notebook.cells)
    make_encoder(tmp_path / "encoder", more=["level", "report", "a", *map(str, range(240))])
    (settings,) = [cell for cell in notebook.cells if "ENCODER =" in cell.source]
    settings.source += '\nENCODER, EPOCHS = "encoder", 1'
    nbclient.NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    kinds = {kind for cell in notebook.cells for output in cell.get("outputs", []) for kind in output.get("data", {})}
    printed = "".join(
        output["data"].get("text/plain", "")
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "data" in output
    )
    assert "application/vnd.plotly.v1+json" in kinds
    assert "verdict" in printed
    assert "agreement" in printed
    assert (tmp_path / "tour-results" / "mtlens.duckdb").exists()
