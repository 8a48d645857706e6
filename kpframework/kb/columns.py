"""Records as columns of Arrow."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import pyarrow as pa

from kpframework.errors import KpError

T = TypeVar("T")


def as_columns(
    records: Sequence[T], schema: pa.Schema, refused: Callable[[T, Exception], KpError]
) -> pa.Table:
    """Return a batch of records as columns, an attribute each.

    Args:
        records: at least one.
        schema: names and types of the attributes.
        refused: returns the error of the first record that holds what cannot be stored.

    Raises:
        KpError: that error.
    """
    try:
        return pa.table(
            {name: [getattr(record, name) for record in records] for name in schema.names},
            schema=schema,
        )
    except (UnicodeEncodeError, pa.ArrowException) as error:
        if len(records) > 1:
            for record in records:
                as_columns([record], schema, refused)
        raise refused(records[0], error) from error
