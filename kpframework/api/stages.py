"""Two ways to train a module on a frozen host: their options, and a base class of injectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from kpframework.api.config import SectionId, TrainConfig
from kpframework.api.injector import Injector, Stage

if TYPE_CHECKING:
    from kpframework.api.injector import TrainingSession


class _Stage(TrainConfig):
    dropout: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="Dropout inside the frozen host while the module trains; null is none. Zhang "
        "et al. (ACL 2023, section 3.2) use 0.15 to 0.45 where it goes into another host.",
    )


class GeneralStage(_Stage):
    """Mention-masked language modelling on running text; serves every task and host."""

    stage: Literal["general"] = Field(description="Mention-masked LM with the backbone frozen.")
    corpus: Annotated[str, SectionId("corpora")] = Field(
        description="Id of one of the spec's corpora."
    )
    batch_size: int = Field(64, ge=1, description="Masked items a step.")
    max_length: int = Field(64, ge=8, description="Longer masked items are left out.")
    select: Literal["last"] = Field("last", description="A general stage has no dev set.")


class TaskStage(_Stage):
    """The task's loss with the host frozen."""

    stage: Literal["task"] = Field(description="The task's loss with the host frozen.")


StageConfig = Annotated[GeneralStage | TaskStage, Field(discriminator="stage")]
"""Type of an injector's option ``train``: ``{"stage": "task", "epochs": 5}``."""


class StagedInjector(Injector):
    """An injector whose module is trained as its option ``train`` (`StageConfig`) says.

    What remains to be written is `edits`, `build` and `patch`.
    """

    @property
    def stage(self) -> Stage:
        """The stage of the options."""
        return self.config.train.stage  # type: ignore[no-any-return]

    @property
    def corpus(self) -> str:
        """Id of the corpus of a general stage."""
        return self.config.train.corpus if self.stage == "general" else ""

    @property
    def corpus_length(self) -> int:
        """Longest masked item of a general stage."""
        return int(self.config.train.max_length)

    def fit(self, session: TrainingSession) -> None:
        """Train the module by the stage's objective."""
        train = self.config.train
        if isinstance(train, GeneralStage):
            session.mention_masked_lm(train, dropout=train.dropout)
        else:
            session.task(train, dropout=train.dropout)
