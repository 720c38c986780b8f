"""A loadable folder of models: `load(folder)` gives a `Family`, which turns texts into calibrated probabilities.

config.json          tasks, members, temperatures, precision, levels
README.md            the model card
tokenizer/           as of the pretrained encoder
<member>/            of several tasks: an encoder that `transformers.AutoModel` loads too, and heads.safetensors;
                     of one task: the folder of an `AutoModelForSequenceClassification`, with its tokenizer (`classifier.py`);
                     of adapters: what `peft` reads, and heads.safetensors (`adapter.py`)
encoder/             the pretrained encoder of the adapters; absent where there are none
model.onnx           all members as one graph, and model.int8.onnx; there if they were asked for (`onnx_model.py`)
tagger/              the same, of a learned tagger; absent where sentences are tagged by rules
"""

import json
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from mtlens.config.task import Task
from mtlens.data.long_texts import Tokens, token_ids
from mtlens.data.tagged_words import words_of
from mtlens.data.tokenizer import load_tokenizer
from mtlens.errors import DataError, EncoderError, ExperimentError
from mtlens.inference.model.adapter import BASE, load_adapter
from mtlens.inference.model.classifier import ClassifierModel, load_classifier
from mtlens.inference.model.family_config import FamilyConfig, MemberConfig
from mtlens.inference.model.onnx_model import GRAPHS, OnnxModel, Runtime, is_installed
from mtlens.inference.model.said import listed
from mtlens.inference.model.sentence_tagger import SEGMENTS, Learned, SentenceModel, TaggerConfig
from mtlens.inference.model.weights import load_model, padded
from mtlens.inference.segmentation import Rules, Tagger
from mtlens.store.workspace.journal import first_problem
from mtlens.tasks import FoundSpan, Words, kind_of
from mtlens.training.hardware import Hardware, prepare
from mtlens.training.machine import usable_cores
from mtlens.training.model import MultiTaskModel

BATCH = 32
Model = MultiTaskModel | ClassifierModel | OnnxModel
TOKENIZER = "tokenizer"
MOST_BYTES = 1_000_000  # of config.json
MOST_FILES = 1000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Family:
    """Models that serve every task once. Each member reads a batch of texts in one pass for all of its tasks.

    tagger: finds the texts of the motion segments in a report.
    """

    config: FamilyConfig
    tokenizer: Any
    models: tuple[Model, ...]
    hardware: Hardware
    tagger: Tagger = field(default_factory=Rules)

    def __repr__(self) -> str:
        tasks = "; ".join(f"{task.name}: {', '.join(task.classes) or task.kind}" for task in self.config.tasks)
        return f"Family {self.config.name!r} of {len(self.models)} models ({tasks})"

    @torch.inference_mode()
    def classify(self, texts: Sequence[str | tuple[str, str]]) -> dict[str, NDArray[np.float32]]:
        """By task, the outputs of its model: calibrated probabilities [len(texts), classes], or numbers [len(texts), 1].

        For tags [len(texts), words, tags + 2]: for each word the probability of each tag, its first character and the one after
        its last; NaN after a text's last word. Texts are cut as in training.
        """
        tasks = {task.name: task for task in self.config.tasks}
        found = {
            task.name: np.empty(
                (len(texts), *([0] if kind_of(task).reads_tokens else []), kind_of(task).width(task)), np.float32
            )
            for task in self.config.tasks
        }
        if not texts:
            return found
        sequences = self._tokens(texts)
        ids, words = [sequence.ids for sequence in sequences], self._words(texts, sequences)
        for name, own in words.items():
            found[name] = np.full((len(texts), own.most(np.arange(len(texts))), found[name].shape[2]), np.nan, np.float32)
        order = sorted(range(len(ids)), key=lambda place: -len(ids[place]))
        for begin in range(0, len(order), BATCH):
            rows = order[begin : begin + BATCH]
            tokens = padded([ids[row] for row in rows], int(self.tokenizer.pad_token_id))
            mask = padded([[1] * len(ids[row]) for row in rows], 0).bool()
            for member, model in zip(self.config.members, self.models, strict=True):
                with self.hardware.autocast():
                    logits = model(tokens.to(self.hardware.device), mask.to(self.hardware.device))
                for name, values in zip(member.tasks, logits, strict=True):
                    kind, scale = kind_of(tasks[name]), self.config.scales.get(name, ())
                    temperature = 1.0 if member.layout == "classifier" else self.config.temperatures.get(name, 1.0)
                    said = kind.calibrated(tasks[name], values, scale, temperature).float().cpu().numpy()
                    most = found[name].shape[1]
                    found[name][rows] = words[name].said(said, np.array(rows), most) if name in words else said
        return found

    def _tokens(self, texts: Sequence[str | tuple[str, str]]) -> list[Tokens]:
        contents = [(text, None) if isinstance(text, str) else text for text in texts]
        firsts, seconds = [first for first, _ in contents], [second for _, second in contents]
        longest, places = self.config.max_length, bool(self.config.words)
        return list(token_ids(self.tokenizer, firsts, seconds, longest, self.config.long_texts, places=places))

    def _words(self, texts: Sequence[str | tuple[str, str]], sequences: Sequence[Tokens]) -> dict[str, Words]:
        """By task of tags, the words of the texts."""
        firsts = [text if isinstance(text, str) else text[0] for text in texts]
        places = [sequence.places for sequence in sequences if sequence.places is not None]
        of_parting = {parting: words_of(firsts, places, parting) for parting in set(self.config.words.values())}
        return {name: of_parting[parting] for name, parting in self.config.words.items()}

    def predict(self, texts: Sequence[str | tuple[str, str]]) -> dict[str, list[str]]:
        """By task, for each text: the likeliest class, the classes with commas, the number, or the spans with their types."""
        if isinstance(texts, str) or not all(_is_content(text) for text in texts):
            raise DataError(f"texts should be a list of texts, or of pairs of texts; found {type(texts).__name__}")
        if self.config.pairs and any(isinstance(text, str) for text in texts):
            raise DataError("texts should be pairs (first, second), as those that it was trained on; found a single text")
        said = self.classify(texts)
        return {
            task.name: [self._in_words(task, text, row) for text, row in zip(texts, said[task.name], strict=True)]
            for task in self.config.tasks
        }

    def spans(self, task: Task, text: str, said: NDArray[np.float32]) -> tuple[FoundSpan, ...] | None:
        """The spans of one text, from the output of `classify`; None for tasks other than tags."""
        return kind_of(task).spans(task, text, said)

    def _in_words(self, task: Task, text: str | tuple[str, str], said: NDArray[np.float32]) -> str:
        spans = self.spans(task, text, said) if isinstance(text, str) else None
        return self.in_words(task, said) if spans is None else listed(spans)

    def in_words(self, task: Task, said: NDArray[np.float32]) -> str:
        """The prediction for one text in words, from the output of `classify`."""
        return kind_of(task).in_words(task, said, self.config.thresholds.get(task.name, ()))

    def read_characters(self, texts: Sequence[str]) -> list[int]:
        """How many characters of each text are read before it is cut."""
        ends = [len(text) for text in texts]
        if not texts or not self.tokenizer.is_fast or self.config.long_texts == "windows":  # slow ones do not tell
            return ends
        most = self.config.max_length
        found = self.tokenizer(list(texts), truncation=True, max_length=most, return_offsets_mapping=True)["offset_mapping"]
        return [
            end if len(tokens) < most else max(after for _, after in tokens) for end, tokens in zip(ends, found, strict=True)
        ]


def _is_content(text: object) -> bool:
    """Whether it is a text, or a pair of texts."""
    parts = cast("tuple[object, ...]", text) if isinstance(text, tuple) and len(text) == 2 else (text,)
    return all(isinstance(part, str) for part in parts)


def load(folder: Path | str, *, threads: int | None = None, runtime: Runtime | None = None) -> Family:
    """Load what `mtlens export` has written, onto a GPU where there is one.

    runtime: None uses the family's runtime if ONNX Runtime is installed and there is no GPU, and PyTorch otherwise. Raises
    EncoderError for a folder that is not an exported family or is damaged. Nothing in it is run as code.
    """
    path = Path(folder)
    config = read_config(path)
    gpu = torch.cuda.is_available()
    chosen = runtime or (config.runtime if is_installed() and not gpu else "pytorch")
    precision = "auto" if config.precision == "bfloat16" and chosen == "pytorch" else "float32"
    hardware = prepare(precision, threads=threads or usable_cores(), gpu=gpu and chosen == "pytorch")
    return assemble(path, config, hardware, chosen)


def assemble(path: Path, config: FamilyConfig, hardware: Hardware, runtime: Runtime) -> Family:
    """The family of a folder on given hardware. A graph counts as one member that serves all tasks."""
    models: tuple[Model, ...]
    if runtime == "pytorch":
        models = tuple(_load_member(path, member, config).to(hardware.device).eval() for member in config.members)
    else:
        tasks = tuple(name for member in config.members for name in member.tasks)
        graph = MemberConfig(folder=runtime, run_id=runtime, tasks=tasks, layout="graph")
        models = (OnnxModel(path / GRAPHS[runtime], hardware.threads),)
        config = config.model_copy(update={"members": (graph,)})
    tokenizer = load_tokenizer(path / TOKENIZER)
    tagger = _load_tagger(path, config.tagger, tokenizer, hardware)
    return Family(config=config, tokenizer=tokenizer, models=models, hardware=hardware, tagger=tagger)


def _load_member(path: Path, member: MemberConfig, config: FamilyConfig) -> Model:
    if member.layout in ("classifier", "token classifier"):
        return load_classifier(path / member.folder, of_tokens=member.layout == "token classifier")
    tasks = {task.name: task for task in config.tasks}
    outputs = {name: kind_of(tasks[name]).outputs(tasks[name]) for name in member.tasks}
    folder = path / member.folder
    is_adapter = member.layout == "adapter"
    encoder, heads = load_adapter(folder, path / BASE, path / TOKENIZER, outputs) if is_adapter else load_model(folder, outputs)
    of_tokens = [kind_of(tasks[name]).reads_tokens for name in member.tasks]
    return MultiTaskModel(encoder, heads, pooling=config.pooling, dropout=0.0, window=config.max_length, reads_tokens=of_tokens)


def _load_tagger(path: Path, config: TaggerConfig | None, tokenizer: Any, hardware: Hardware) -> Tagger:
    if config is None:
        return Rules()
    encoder, (head,) = load_model(path / config.folder, {SEGMENTS: len(config.levels)})
    model = SentenceModel(encoder, head).to(hardware.device).eval()
    return Learned(config=config, tokenizer=tokenizer, model=model, hardware=hardware)


def read_config(folder: Path) -> FamilyConfig:
    """Content of config.json; EncoderError for a folder that is not an exported family."""
    _refuse_odd_files(folder)
    path = folder / "config.json"
    wanted = f"{folder} should be a folder that `mtlens export` has written"
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise EncoderError(f"{path} should have at most {MOST_BYTES:,} bytes; found {size:,}")
        return FamilyConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise EncoderError(f"{wanted}; found: {error.strerror}") from None
    except (ValidationError, ExperimentError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else str(error)
        raise EncoderError(f"{wanted}; in config.json, {problem}") from None


def _refuse_odd_files(folder: Path) -> None:
    """EncoderError for links, which may lead anywhere, for devices and pipes, which may never end, and for too many files."""
    number = 0
    for inside, folders, files in os.walk(folder):
        for path in (Path(inside, name) for name in (*folders, *files)):
            mode = path.lstat().st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise EncoderError(f"{path} should be a file or a folder; found a link or a special file")
        number += len(files)
        if number > MOST_FILES:
            raise EncoderError(f"{folder} should hold at most {MOST_FILES:,} files; found more")


def write_config(folder: Path, config: FamilyConfig) -> None:
    """Write config.json, last of all files: a folder without it is not a family."""
    (folder / "config.json").write_text(json.dumps(config.model_dump(mode="json"), indent=1) + "\n")
