"""Unique rows are gathered once, mapped once, and scattered to their positions."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol

import numpy as np
import torch

from kpframework.errors import KpError


class Rows(Protocol):
    """A table whose rows can be read by number, such as `kpframework.kb.table.EntityTable`."""

    def gather(self, rows: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return shape (n, dim)."""


class PositionedEntities:
    """Implements `kpframework.api.injector.Entities` for one forward pass.

    Args:
        table: where vectors are read; None for an injector that uses none.
        where: (rows, columns) in the batch.
        codes: row in the table of each position.
        mask: shape (batch, tokens), 0 at padding.
    """

    def __init__(
        self,
        table: Rows | None,
        where: tuple[torch.Tensor, ...],
        codes: torch.Tensor,
        mask: torch.Tensor,
    ) -> None:
        self.rows, self.columns = where
        self.mask = mask
        self.memo: dict[str, Any] = {}
        self._table = table
        self._unique, self.inverse = torch.unique(codes, return_inverse=True)

    @cached_property
    def vectors(self) -> torch.Tensor:
        """Shape (unique, dim), read from the table on first use, on the batch's device.

        Raises:
            KpError: KP718, the injector declares that it uses no vectors.
        """
        if self._table is None:
            raise KpError(
                "KP718",
                "this injector has 'needs_entities = False', so there are no entity vectors",
                "let it need entities, or use their positions alone",
            )
        return torch.from_numpy(self._table.gather(self._unique.cpu().numpy())).to(self.rows.device)

    def overwrite(self, hidden: torch.Tensor, module: torch.nn.Module) -> torch.Tensor:
        """Return ``hidden`` with ``module(vectors)`` in the place of the positions' vectors."""
        mapped = module(self.vectors).to(hidden.dtype)
        return hidden.index_put((self.rows, self.columns), mapped[self.inverse])

    def add(self, hidden: torch.Tensor, module: torch.nn.Module) -> torch.Tensor:
        """Return ``hidden`` with ``module(vectors)`` added at the positions."""
        mapped = module(self.vectors).to(hidden.dtype)
        return hidden.index_put((self.rows, self.columns), mapped[self.inverse], accumulate=True)
