"""What a report says of the spine as a whole: headings, history, technique, comparison and general findings."""

from typing import Final

from mtlens.data.synthetic_reports.anatomy import Region
from mtlens.data.synthetic_reports.practice import Pool

HEADINGS: Final[dict[str, Pool]] = {
    "history": Pool(
        common=("HISTORY:", "Clinical history:", "INDICATION:", "Clinical information -"), held_out=("Why imaged:",)
    ),
    "technique": Pool(common=("TECHNIQUE:", "Technique:", "PROTOCOL:", "Sequences -"), held_out=("How imaged:",)),
    "comparison": Pool(common=("COMPARISON:", "Comparison:", "Prior studies -"), held_out=("Looked at before:",)),
    "findings": Pool(
        common=("FINDINGS:", "Findings:", "REPORT:", "Description -"), held_out=("What we see:", "Radiological reading:")
    ),
    "impression": Pool(
        common=("IMPRESSION:", "Conclusion:", "OPINION:", "Summary -"), held_out=("What it means:", "Closing remarks:")
    ),
}

HISTORY: Final[dict[Region, tuple[str, ...]]] = {
    "cervical": (
        "neck pain for {n} months",
        "right C6 radiculopathy",
        "neck pain with left arm numbness",
        "gait disturbance, rule out cord compression",
        "{n} weeks after a fall, persistent neck pain",
        "tingling in both hands",
    ),
    "lumbar": (
        "low back pain for {n} months",
        "left L5 radiculopathy",
        "back pain radiating to the right leg",
        "claudication, query canal stenosis",
        "{n} weeks after lifting, sciatica",
        "numbness of the left foot",
    ),
}
TECHNIQUE: Final[dict[str, Pool]] = {
    "without": Pool(
        common=("sagittal T1, T2 and STIR, axial T2, no contrast", "multiplanar multisequence MRI without contrast"),
        held_out=("plain sagittal and axial series",),
    ),
    "with": Pool(
        common=("sagittal T1, T2 and STIR, axial T2, then T1 with gadolinium", "multiplanar MRI before and after contrast"),
        held_out=("plain and gadolinium series in two planes",),
    ),
}
COMPARISON: Final[dict[bool, tuple[str, ...]]] = {
    False: ("none", "no prior study is available", "radiographs of the same region"),
    True: ("previous MRI of the same patient", "earlier MRI from this practice"),
}
"""By whether the report is a follow-up."""

REMARKS: Final[dict[Region, tuple[str, ...]]] = {
    "cervical": (
        "normal cervical lordosis",
        "the cervical lordosis is straightened",
        "vertebral body heights are maintained",
        "bone marrow signal is normal",
        "chronic superior endplate deformity of {bone}",
        "the craniocervical junction is normal",
        "an intraosseous lipoma of {bone} is of no concern",
        "the patient has had a fusion elsewhere in the neck",
        "prevertebral soft tissues are normal",
        "a small thyroid nodule, better seen on ultrasound",
    ),
    "lumbar": (
        "normal lumbar lordosis",
        "mild scoliosis convex to the left",
        "vertebral body heights are maintained",
        "bone marrow signal is normal",
        "chronic wedge deformity of {bone}",
        "the conus ends at a normal level",
        "the patient has had a laminectomy in the past",
        "the bladder is distended",
        "the sacroiliac joints show early degeneration",
        "a simple renal cyst needs no follow-up",
    ),
}
MULTILEVEL: Final = Pool(
    common=("multilevel degenerative change, most advanced at {level}", "multilevel spondylosis, worst at {level}"),
    held_out=("wear at several segments, chiefly {level}",),
)
NORMAL: Final = Pool(
    common=("no significant abnormality", "normal examination for age", "no cause for the symptoms is found"),
    held_out=("nothing of note",),
)
"""Impression of a normal spine."""
