"""The shape of a spec: `injections` are rows, `tasks` columns, `hosts` and `seeds` repeat it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from kpframework.api.config import (
    ComponentConfig,
    ComponentRef,
    InputFolder,
    InputPath,
    Ref,
    TrainConfig,
)

Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", description="A unique id.")]


class Section(ComponentConfig):
    """Base of the core's own sections: unknown keys are refused."""


class OpenSection(BaseModel):
    """Base of sections that also hold a component's own options, validated in the second stage."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False, frozen=True)


class Exclusion(Section):
    """Triples dropped from a knowledge base before embeddings are trained (leakage control)."""

    task: str = Field(description="Id of the task whose instances are looked at.")
    match: Literal["pair", "exact", "head"] = Field(
        "pair",
        description="'pair': every triple that joins the two ends of an instance, either way; "
        "'exact': the very (head, relation, tail); 'head': every triple that leaves an "
        "instance's entity.",
    )
    splits: list[Literal["train", "dev", "test"]] = Field(
        ["train", "dev", "test"], min_length=1, description="Whose instances count."
    )
    relations: list[str] | None = Field(
        None, description="Only triples of these relations are dropped; null drops any."
    )
    labels: dict[str, str] = Field(
        {},
        description="For 'exact': what the knowledge base calls a relation of the task, such as "
        '{"place served by transport hub": "P931"}. Those not named are called the same in both.',
    )

    @model_validator(mode="after")
    def _labels_are_compared(self) -> Self:
        if self.labels and self.match != "exact":
            raise ValueError("'labels' is for 'match': 'exact', which alone compares relations")
        return self


class KnowledgeSection(Section):
    """A knowledge base, its entity embeddings and its linker."""

    id: Id
    kb: Annotated[ComponentRef, Ref("kb")] = Field(
        description="Where entities and triples come from."
    )
    exclude: Exclusion | None = Field(None, description="Leakage control.")
    embeddings: Annotated[ComponentRef, Ref("embeddings")] = Field(
        description="Where entity vectors come from."
    )
    dtype: Literal["float16", "float32"] | None = Field(
        None,
        description="Precision in which entity vectors are stored; float16 halves the table. Null "
        "is what the embeddings give. Mappers read float32 either way.",
    )
    linker: Annotated[ComponentRef, Ref("linker")] = Field(
        description="How mentions are found and linked."
    )


class CorpusSection(Section):
    """Running text for general map-tuning: give one of the three sources."""

    id: Id
    kb: str | None = Field(None, description="Id of a knowledge section: its descriptions.")
    task: str | None = Field(None, description="Id of a task: its training texts, no labels.")
    path: InputPath | None = Field(
        None,
        description="Text, one passage a line; JSON lines with 'text' and 'mentions'; or annotated "
        "documents: BioC, PubTator, brat (a folder), spaCy's DocBin.",
    )
    limit: int | None = Field(None, ge=1, description="Passages read; null reads all.")


class HostSection(Section):
    """A downstream model: adapted here, or the user's own checkpoint. Give one of the two."""

    id: Id
    adaptation: Annotated[ComponentRef, Ref("host")] | None = Field(
        None, description="How it is made from the backbone."
    )
    checkpoint: InputFolder | None = Field(None, description="A folder transformers loads.")


class TaskSection(OpenSection):
    """A task: `type` and that task's own options."""

    id: Id
    type: str = Field(description="Registered name of the task.")


class InjectionSection(OpenSection):
    """A row: `type` and that injector's own options, or `from` an artifact or another row."""

    id: Id
    type: str | None = Field(None, description="Registered name of the injector.")
    from_: str | None = Field(
        None,
        alias="from",
        description="Reuse, untrained: the id of another row, or the folder of a saved plugin "
        "(a path, with a slash).",
    )
    init: str | None = Field(
        None, description="Id of the row whose trained tensors start this one."
    )
    knowledge: str | None = Field(None, description="Id of a knowledge section; null is the first.")
    control: Literal["shuffled", "random"] | None = Field(
        None,
        description="'shuffled' permutes the rows of the entity table, 'random' draws them anew "
        "with the same mean and scale; a control for what the vectors bring.",
    )


class RunSection(Section):
    """How a spec is executed. Precision and threads move the last bits of a result."""

    device: str = Field(
        "auto",
        pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$",
        description="'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'.",
    )
    threads: int | None = Field(
        None, ge=1, description="CPU threads; null leaves torch's own choice. Recorded."
    )
    precision: Literal["fp32", "bf16"] = Field("fp32", description="Arithmetic of training.")
    keep_going: bool = Field(False, description="Go on with other rows when one fails.")


class CompareSection(Section):
    """Intervals and what rows are compared with."""

    baseline: str | None = Field(
        None, description="Id of the row others are compared with; null is the first."
    )
    resamples: int = Field(2000, ge=100, description="Bootstrap resamples.")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="Level of the intervals.")


class LMHeadSection(TrainConfig):
    """How a masked-LM head is fitted to a backbone that has none; read only when one is needed."""

    epochs: int = Field(3, ge=1, description="Passes over the corpus.")
    batch_size: int = Field(64, ge=1, description="Passages a step.")
    lr: float = Field(1e-3, gt=0, description="Peak learning rate.")
    select: Literal["last"] = Field("last", description="The head has no dev set.")


class Spec(Section):
    """One spec is one table."""

    schema_: str | None = Field(None, alias="$schema", description="For editors; not read.")
    version: Literal[1] = Field(1, description="Version of the spec format.")
    name: Id = Field(description="Names the run's folder.")
    description: str = Field("", description="Shown on the report's page.")
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        [0],
        min_length=1,
        description="Hosts and knowledge plugins are trained anew with each; entity embeddings, "
        "the masked-LM head and the permutation of a control take the first.",
    )
    backbone: Annotated[ComponentRef, Ref("backbone")] = Field(
        description="The pre-trained language model."
    )
    knowledge: list[KnowledgeSection] = Field([], description="What can be plugged in.")
    corpora: list[CorpusSection] = Field([], description="Running text for general stages.")
    tasks: list[TaskSection] = Field(min_length=1, description="The columns.")
    hosts: list[HostSection] = Field(min_length=1, description="The frozen models.")
    injections: list[InjectionSection] = Field(min_length=1, description="The rows.")
    lm_head: LMHeadSection = Field(
        LMHeadSection(), description="Fitting a masked-LM head, where a general stage needs one."
    )
    compare: CompareSection = Field(CompareSection(), description="Intervals and comparisons.")
    run: RunSection = Field(RunSection(), description="Device, threads, precision.")
    trackers: list[Annotated[ComponentRef, Ref("tracker")]] = Field(
        [],
        description="What watches a run from outside, such as an experiment server. Moves no "
        "result; one that fails is left out.",
    )
    executor: Annotated[ComponentRef, Ref("executor")] | None = Field(
        None,
        description="Who does the shards of `kpframework link`: processes of this machine, a "
        "cluster; null is `local`. Moves no result, and `run` does not read it.",
    )
