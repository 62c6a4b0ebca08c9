"""Pure: what all bodies have in common: no unknown members, no endless text, no number that is none."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Generic, TypeVar

from fastapi import Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints

T = TypeVar("T")

#: One line of text. No control characters, no characters that turn the reading direction around.
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"
Line = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=_LINE)]
Note = Annotated[str, StringConstraints(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f]*$")]
#: Ids are opaque; what cannot be one is not found.
Id = Annotated[str, Path(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:-]+$")]
IdText = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[A-Za-z0-9._:-]+$")]
Moment = AwareDatetime


class In(BaseModel):
    """A body that is sent to us."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, allow_inf_nan=False)


class Out(BaseModel):
    """A body that we answer with."""

    model_config = ConfigDict(frozen=True, from_attributes=True, ser_json_inf_nan="null")


class Listed(Out, Generic[T]):
    """One page; ``next_cursor`` is null on the last."""

    items: list[T]
    next_cursor: str | None = None


class Stamped(Out):
    """``as_of`` is the service's time of the answer."""

    as_of: datetime


def rendered(out: Out) -> Response:
    """The answer as it stands: handed back as a value, the framework would validate every row of it once more."""
    return Response(out.model_dump_json(), media_type="application/json")
