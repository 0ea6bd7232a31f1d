"""Bounds of the values in a host's messages, as types: whatever exceeds them is not in the protocol."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

Name = Annotated[str, Meta(max_length=1_000)]
Text = Annotated[str, Meta(max_length=2**20)]
Whole = Annotated[int, Meta(ge=-(2**53), le=2**53)]         # JavaScript reads our JSON, too
Seconds = Annotated[float, Meta(ge=0, le=2**53)]
