"""Examples on disk: texts as an Arrow file that is mapped into memory, everything else as arrays."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from mtlens.config.experiment import Experiment
from mtlens.data.examples import Examples
from mtlens.data.mapped import read_mapped
from mtlens.data.splits import Folds
from mtlens.data.text_column import TextColumn

_ARRAYS = ("labels", "splits", "groups", "sources")
_FACTS = ("fingerprint", "text_fingerprint")


def save_examples(examples: Examples, folder: Path) -> None:
    """Write the examples into an empty folder."""
    columns = {"id": examples.ids, "text": examples.texts, **({} if examples.pairs is None else {"pair": examples.pairs})}
    schema = pa.schema([(name, pa.large_string()) for name in columns])
    with pa.ipc.new_file(str(folder / "texts.arrow"), schema) as writer:
        for start in range(0, len(examples.ids), 10_000):
            part = [pa.array(list(values[start : start + 10_000]), pa.large_string()) for values in columns.values()]
            writer.write_batch(pa.record_batch(part, schema=schema))
    arrays = {name: getattr(examples, name) for name in _ARRAYS}
    if examples.folds is not None:
        arrays |= {"of_example": examples.folds.of_example, "fold_splits": examples.folds.splits}
    arrays |= {f"values_{index}": values for index, values in enumerate(examples.values) if values is not None}
    np.savez(folder / "arrays.npz", **arrays)
    facts = {"notes": examples.notes, **{name: getattr(examples, name) for name in _FACTS}}
    (folder / "facts.json").write_text(json.dumps(facts))


def load_stored(folder: Path, experiment: Experiment) -> Examples:
    """The examples of an experiment from the folder that they were written to."""
    table = read_mapped(folder / "texts.arrow")
    facts: dict[str, Any] = json.loads((folder / "facts.json").read_text())
    with np.load(folder / "arrays.npz", allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    folds = Folds(of_example=arrays["of_example"], splits=arrays["fold_splits"]) if "of_example" in arrays else None
    examples = Examples(
        tasks=experiment.tasks,
        ids=TextColumn(table.column("id")).filled(),
        texts=TextColumn(table.column("text")).filled(),
        pairs=TextColumn(table.column("pair")) if "pair" in table.column_names else None,
        folds=folds,
        values=tuple(arrays.get(f"values_{index}") for index in range(len(experiment.tasks))),
        notes=tuple(facts["notes"]),
        **{name: arrays[name] for name in _ARRAYS},
    )
    vars(examples).update({name: facts[name] for name in _FACTS})  # they are cached properties
    return examples
