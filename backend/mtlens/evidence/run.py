"""One evidence job from claim to DONE: load its inputs, compute, write its folder."""

import time
from collections.abc import Callable, Mapping
from importlib.metadata import version

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from mtlens.config.run import Outcome
from mtlens.config.sections import Precision
from mtlens.data.tokenize import Encoded
from mtlens.errors import EvidenceError, MtlensError
from mtlens.evidence.checkpoints import load_encoder
from mtlens.evidence.gradients.gradient_rows import cross_rows, gradient_rows
from mtlens.evidence.gradients.linearised import linearised_rows
from mtlens.evidence.gradients.lookahead import lookahead_rows
from mtlens.evidence.jobs import ArmSimilarity, Cross, EvidenceJob, Gradients, Linearisation, LookAhead, Similarity, States
from mtlens.evidence.representations.cka_rows import arm_rows, similarity_rows
from mtlens.evidence.representations.hidden_states import HiddenStates, hidden_states
from mtlens.evidence.samples import fingerprint, held_out_rows
from mtlens.store.workspace import run_tables
from mtlens.store.workspace.evidence_folder import CKA, GRADIENTS, LINEARISED, LOOKAHEAD, STATES, EvidenceFolder
from mtlens.store.workspace.evidence_tables import cka_table, gradient_table, linearised_table, lookahead_table
from mtlens.store.workspace.job_runner import attempt, claimed, outcome_of
from mtlens.store.workspace.journal import Journal
from mtlens.store.workspace.workspace import Workspace
from mtlens.training.hardware import Hardware, describe, prepare
from mtlens.training.run import encoder_directory

PACKAGES = ("mtlens", "torch", "transformers", "numpy")
FEWEST_EXAMPLES = 4
Files = Mapping[str, bytes]


def collect(evidence_job: EvidenceJob, encoded: Encoded, workspace: Workspace, *, threads: int, gpu: bool = False) -> Outcome:
    """Compute an evidence job unless its folder is done; a failure is recorded in the folder and does not affect other jobs."""
    folder = EvidenceFolder(workspace, evidence_job.job_id)
    try:
        workspace.evidence.mkdir(exist_ok=True)
        with claimed(folder):
            error = None if folder.state == "done" else _work(evidence_job, encoded, folder, threads, gpu)
    except MtlensError as refused:
        error = refused
    return outcome_of(evidence_job.job_id, error)


def _work(evidence_job: EvidenceJob, encoded: Encoded, folder: EvidenceFolder, threads: int, gpu: bool) -> Exception | None:
    started = time.perf_counter()
    hardware = prepare(_precision(evidence_job), threads=threads, gpu=gpu)

    def start() -> Journal:
        return folder.start(_about(evidence_job), {name: version(name) for name in PACKAGES}, describe(hardware))

    def work(journal: Journal) -> None:
        journal.write("start", fraction=0.0)
        files = _compute(evidence_job, encoded, folder.workspace, hardware, _reporter(journal))
        journal.write("done", fraction=1.0)
        folder.finish(files, {"seconds": time.perf_counter() - started, **describe(hardware)})

    return attempt(folder, start, work)


def _compute(
    evidence_job: EvidenceJob, encoded: Encoded, workspace: Workspace, hardware: Hardware, report: Callable[[float], None]
) -> Files:
    if isinstance(evidence_job, States):
        return {STATES: _states(evidence_job, encoded, workspace, hardware, report)}
    if isinstance(evidence_job, Similarity | ArmSimilarity):
        states = _aligned([_load_states(job_id, workspace) for job_id in evidence_job.states])
        rows_of = similarity_rows if isinstance(evidence_job, Similarity) else arm_rows
        return {CKA: run_tables.to_parquet(cka_table(rows_of(evidence_job.members, states, evidence_job.pooling, report)))}
    directory = encoder_directory(evidence_job.runs[0] if isinstance(evidence_job, Cross) else evidence_job.run)
    if isinstance(evidence_job, LookAhead):
        ahead = lookahead_rows(evidence_job, encoded, workspace, directory, hardware, report)
        return {LOOKAHEAD: run_tables.to_parquet(lookahead_table(ahead))}
    if isinstance(evidence_job, Linearisation):
        estimated = linearised_rows(evidence_job, encoded, workspace, directory, hardware, report)
        return {LINEARISED: run_tables.to_parquet(linearised_table(estimated))}
    if isinstance(evidence_job, Gradients):
        rows = gradient_rows(evidence_job, encoded, workspace, directory, hardware, report)
    else:
        rows = cross_rows(evidence_job, encoded, workspace, directory, hardware, report)
    return {GRADIENTS: run_tables.to_parquet(gradient_table(rows))}


def _states(
    evidence_job: States, encoded: Encoded, workspace: Workspace, hardware: Hardware, report: Callable[[float], None]
) -> bytes:
    member, run = evidence_job.member, evidence_job.run
    encoder = load_encoder(member.role, run, workspace, encoder_directory(run), encoded, member.seed)
    rows = held_out_rows(encoded, evidence_job.examples)
    if len(rows) < FEWEST_EXAMPLES:
        raise EvidenceError(f"hidden states should be compared on {FEWEST_EXAMPLES} held-out texts at least; found {len(rows)}")
    states = hidden_states(encoder, encoded, rows, hardware, member.label, report)
    return save({"mean": states.mean, "cls": states.cls}, metadata={"examples": fingerprint(encoded, rows)})


def _load_states(job_id: str, workspace: Workspace) -> tuple[HiddenStates, str]:
    """Stored states and the fingerprint of their examples; EvidenceError where they are missing."""
    folder = EvidenceFolder(workspace, job_id)
    path = folder.path / STATES
    if folder.state != "done":
        raise EvidenceError(f"{path} should hold hidden states; found none")
    try:
        with safe_open(path, framework="pt") as file:
            return HiddenStates(mean=file.get_tensor("mean"), cls=file.get_tensor("cls")), file.metadata()["examples"]
    except (OSError, SafetensorError, KeyError, TypeError) as error:
        raise EvidenceError(f"{path} should hold hidden states: {error}") from None


def _aligned(states: list[tuple[HiddenStates, str]]) -> list[HiddenStates]:
    """The states, if all are of the same examples in the same order."""
    if len({examples for _, examples in states}) > 1:
        raise EvidenceError("hidden states should be of the same examples in the same order; found others")
    return [hidden for hidden, _ in states]


def _precision(evidence_job: EvidenceJob) -> Precision:
    """The precision of the training; float32 for small differences of losses, and `auto` for CKA."""
    if isinstance(evidence_job, LookAhead | Linearisation):
        return "float32"
    if isinstance(evidence_job, Similarity | ArmSimilarity):
        return "auto"
    return (evidence_job.runs[0] if isinstance(evidence_job, Cross) else evidence_job.run).training.precision


def _about(evidence_job: EvidenceJob) -> dict[str, object]:
    """Content of evidence.json: what is computed, with runs by their ids."""
    about: dict[str, object] = {"kind": evidence_job.kind, "subject": evidence_job.label}
    if isinstance(evidence_job, Similarity | ArmSimilarity):
        return {
            **about,
            "members": [member.model_dump(mode="json") for member in evidence_job.members],
            "states": list(evidence_job.states),
        }
    runs = evidence_job.runs if isinstance(evidence_job, Cross) else (evidence_job.run,)
    return {**about, "runs": [run.run_id for run in runs]}


def _reporter(journal: Journal) -> Callable[[float], None]:
    last = time.monotonic()

    def report(fraction: float) -> None:
        nonlocal last
        if time.monotonic() - last >= 1.0:
            last = time.monotonic()
            journal.write("progress", fraction=fraction)

    return report
