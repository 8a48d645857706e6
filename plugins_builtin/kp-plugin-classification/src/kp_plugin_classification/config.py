"""Options of the classification tasks."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from kpframework.api import ComponentConfig, GroupField, InputFile, OnlyTest, refuse_seen_test


class Splits(ComponentConfig):
    """The three files of a task."""

    train: InputFile = Field(description="Examples trained on, and where the labels come from.")
    dev: InputFile = Field(description="Examples on which epochs and thresholds are chosen.")
    test: Annotated[InputFile, OnlyTest()] = Field(description="Examples that are scored.")

    @model_validator(mode="after")
    def _test_is_unseen(self) -> Self:
        refuse_seen_test(self.test, train=self.train, dev=self.dev)
        return self


class Limits(ComponentConfig):
    """How many examples of each split are used."""

    train: int | None = Field(default=None, ge=1, description="Examples of train; null uses all.")
    dev: int | None = Field(default=None, ge=1, description="Examples of dev; null uses all.")
    test: Annotated[int | None, OnlyTest()] = Field(
        default=None, ge=1, description="Examples of test; null uses all."
    )


class RelationMarkers(ComponentConfig):
    """The words put around the two mentions."""

    head: str = Field(default="#", description="Put before and after the head; empty puts nothing.")
    tail: str = Field(default="$", description="Put before and after the tail; empty puts nothing.")


class MentionMarkers(ComponentConfig):
    """The words put around the mention."""

    mention: str = Field(
        default="$", description="Put before and after the mention; empty puts nothing."
    )


class ClassificationConfig(ComponentConfig):
    """What every classification task here has."""

    data: Splits = Field(
        description="The files, JSON or JSON lines, packed or not (.gz, .bz2, .xz, .zst, .lz4)."
    )
    limit: Limits = Field(
        default=Limits(),
        description="Examples used of each split, taken at even distances over the file, so that "
        "files sorted by label stay balanced.",
    )
    labels: list[str] | None = Field(
        None,
        description="The labels, in the order of the outputs; null reads them from train. Labels "
        "that occur in dev or test alone count as never found.",
    )
    labels_file: InputFile | None = Field(
        None, description="A file with one label a line, in the place of 'labels'."
    )
    max_length: int = Field(
        128, ge=8, description="Longest input in tokens; special tokens, markers, slots included."
    )

    group: GroupField = None

    @model_validator(mode="after")
    def _labels_from_one_place(self) -> Self:
        if self.labels is not None and self.labels_file is not None:
            raise ValueError("give one of 'labels' and 'labels_file'")
        return self


class RelationConfig(ClassificationConfig):
    """Options of relation classification."""

    markers: RelationMarkers = Field(
        default=RelationMarkers(), description="Words around the mentions."
    )


class TypingConfig(ClassificationConfig):
    """Options of entity typing."""

    markers: MentionMarkers = Field(
        default=MentionMarkers(), description="Words around the mention."
    )
    multi_label: bool = Field(
        True,
        description="true: any number of types, binary cross-entropy and a threshold; "
        "false: one type, cross-entropy.",
    )
    at_least_one: bool = Field(
        True, description="With multi_label: the best type is decided even below the threshold."
    )
    threshold: float | None = Field(
        None,
        description="With multi_label: the logit from which on a type is decided; null chooses it "
        "on dev. With at_least_one, 0 is the rule of Zhang et al. (ACL 2023): min(0, best logit).",
    )

    @model_validator(mode="after")
    def _threshold_is_for_sets(self) -> Self:
        if self.threshold is not None and not self.multi_label:
            raise ValueError("'threshold' is for 'multi_label': true")
        return self
