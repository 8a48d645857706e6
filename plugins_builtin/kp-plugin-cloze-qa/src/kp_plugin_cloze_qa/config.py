"""Options of the cloze task."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from kpframework.api import ComponentConfig, GroupField, InputFile, OnlyTest, refuse_seen_test


class Splits(ComponentConfig):
    """The three files of the task."""

    train: InputFile = Field(description="Questions trained on.")
    dev: InputFile = Field(description="Questions on which epochs are chosen.")
    test: Annotated[InputFile, OnlyTest()] = Field(description="Questions that are scored.")

    @model_validator(mode="after")
    def _test_is_unseen(self) -> Self:
        refuse_seen_test(self.test, train=self.train, dev=self.dev)
        return self


class Limits(ComponentConfig):
    """How many questions of each split are used, of those that can be."""

    train: int | None = Field(default=None, ge=1, description="Questions of train; null uses all.")
    dev: int | None = Field(default=None, ge=1, description="Questions of dev; null uses all.")
    test: Annotated[int | None, OnlyTest()] = Field(
        default=None, ge=1, description="Questions of test; null uses all."
    )


class ClozeQAConfig(ComponentConfig):
    """Options of the cloze task."""

    data: Splits = Field(
        description="Questions or facts, JSON or JSON lines, or facts as lines of head, relation "
        "and tail with tabs between them; packed or not (.gz, .bz2, .xz, .zst, .lz4)."
    )
    protocol: Literal["single-token", "likelihood"] = Field(
        "single-token",
        description="single-token: one hidden token, the best of the whole vocabulary; questions "
        "without an answer of one token are left out. likelihood: the likeliest of several "
        "candidates, of any length.",
    )
    templates: InputFile | None = Field(
        None,
        description="A JSON table from relation to a sentence with [X] for the subject, and [Y] "
        "where the answer is hidden; without [Y] it is hidden at the end. Facts need one, and so "
        "do questions that do not say where their subject stands.",
    )
    labels: InputFile | None = Field(
        None,
        description="Names of the entities of facts that come without: a JSON table from id to "
        "name, or lines of id and name with a tab between them.",
    )
    subjects: Literal["all", "with-entity", "listed"] = Field(
        "all",
        description="Which questions are kept: all whose subject is found in their text; those "
        "whose data link it to an entity; or those whose subject is a name in 'names'.",
    )
    names: InputFile | None = Field(
        None,
        description="For 'listed', a name at the start of each line, up to a tab if there is one; "
        "case matters.",
    )
    score: Literal["mean", "sum"] = Field(
        "mean",
        description="Of a candidate's tokens, the mean or the sum of the log-probabilities; used "
        "by 'likelihood', in training too.",
    )
    candidates: int | None = Field(
        20,
        ge=1,
        description="Most wrong candidates a question, answers of the same relation in train and "
        "the split itself; null takes all; used by 'likelihood'.",
    )
    seed: int = Field(0, ge=0, description="Seed by which wrong candidates are drawn.")
    marker: str = Field(
        "$", description="Word put before and after the subject; empty puts nothing."
    )
    limit: Limits = Field(
        default=Limits(),
        description="Questions used of each split, taken at even distances over the file.",
    )
    group: GroupField = None
    max_length: int = Field(
        64, ge=8, description="Longest input in tokens; special tokens, markers, slots included."
    )

    @model_validator(mode="after")
    def _options_go_together(self) -> Self:
        if (self.names is not None) != (self.subjects == "listed"):
            raise ValueError("'names' is for 'subjects': 'listed', which needs it")
        if self.protocol == "single-token":
            for name in ("score", "candidates", "seed"):
                # Defaults that are written out, as by `validate --fill`, are no contradiction.
                if getattr(self, name) != type(self).model_fields[name].default:
                    raise ValueError(f"{name!r} is for 'protocol': 'likelihood'")
        return self
