"""Settings in an experiment file on how a file of rows is written; missing settings are detected from the file itself."""

import codecs
from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from mtlens.config.sections import Name, Spec

Quoting = Literal["standard", "none"]


class Form(Spec):
    """Settings of separated text files (CSV, TSV and their kin)."""

    delimiter: str | None = Field(
        default=None,
        min_length=1,
        max_length=1,
        exclude_if=lambda delimiter: delimiter is None,
        description="what separates two fields; found from the file otherwise",
    )
    quoting: Quoting | None = Field(
        default=None,
        exclude_if=lambda quoting: quoting is None,
        description="standard: quotes enclose fields; none: quotes are text, as in the files of GLUE; found otherwise",
    )
    encoding: Name | None = Field(
        default=None, exclude_if=lambda encoding: encoding is None, description="such as utf-8 or cp1252; found otherwise"
    )
    columns: tuple[Name, ...] = Field(
        default=(), exclude_if=lambda columns: columns == (), description="names of the columns of a file without a header"
    )

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str | None) -> str | None:
        if encoding is not None:
            try:
                codecs.lookup(encoding)
            except LookupError:
                raise ValueError(f"encoding should be known to Python, such as utf-8 or cp1252; found {encoding!r}") from None
        return encoding

    @model_validator(mode="after")
    def _distinct_columns(self) -> Self:
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns should be distinct; found {list(self.columns)}")
        return self
