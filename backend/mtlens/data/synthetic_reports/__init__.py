"""Synthetic spine MRI reports: realistic, seeded, free of patients, and with a parameter for how related the tasks are.

A report falls into sentences, sentences are tagged with the motion segments they speak of, and the sentences of one
segment form one example with a class for each task. All phrases are made up; no report was copied.
"""

from mtlens.data.synthetic_reports.anatomy import TASKS
from mtlens.data.synthetic_reports.corpus import generate, generate_test
from mtlens.data.synthetic_reports.report import Corpus, Report, ReportSentence, SegmentText
from mtlens.data.synthetic_reports.summary import Correlation, Summary, summarise

__all__ = [
    "TASKS",
    "Corpus",
    "Correlation",
    "Report",
    "ReportSentence",
    "SegmentText",
    "Summary",
    "generate",
    "generate_test",
    "summarise",
]
