"""Options of the few-shot relation task."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from kpframework.api import ComponentConfig, InputFile, OnlyTest, same_content


class Splits(ComponentConfig):
    """The three files."""

    train: InputFile = Field(description="Instances that training episodes are drawn from.")
    dev: InputFile = Field(description="Instances that epochs are chosen on.")
    test: Annotated[InputFile, OnlyTest()] = Field(description="Instances that are scored.")


class Episodes(ComponentConfig):
    """Which episodes are drawn: episode i is a function of the file and of seed first_seed + i."""

    episodes: int = Field(200, ge=1, description="Number of episodes.")
    first_seed: int = Field(
        0, ge=0, description="Seed of the first episode; the next has the next."
    )
    only_relations: list[str] | None = Field(
        None,
        min_length=1,
        description="Relations drawn from, by id or name; null draws from all of the file.",
    )
    exclude_relations: list[str] = Field([], description="Relations left out, by id or name.")


class Setting(Episodes):
    """Episodes with their size."""

    ways: int = Field(5, ge=2, description="Relations an episode (N).")
    shots: int = Field(1, ge=1, description="Supports a relation (K).")
    queries: int = Field(5, ge=1, description="Queries a relation (Q).")

    @property
    def pairs(self) -> int:
        """Supports a query is paired with."""
        return self.ways * self.shots


class TrainSetting(Setting):
    """Training episodes."""

    episodes: int = Field(3000, ge=1, description="Number of episodes.")
    first_seed: int = Field(
        10000, ge=0, description="Seed of the first episode; the next has the next."
    )


class Markers(ComponentConfig):
    """The words put around the two mentions."""

    head: str = Field(default="#", description="Put before and after the head; empty puts nothing.")
    tail: str = Field(default="$", description="Put before and after the tail; empty puts nothing.")


class FewShotConfig(ComponentConfig):
    """Options of the task."""

    data: Splits = Field(
        description="The files: FewRel's one object of lists, or JSON lines as Wiki80's; "
        "packed or not (.gz, .bz2, .xz, .zst, .lz4)."
    )
    names: InputFile | None = Field(
        None,
        description="Names of relations, as FewRel's pid2name: {id: name} or {id: [name, …]}. They "
        "are shown, and relations are chosen by them, too.",
    )
    train: TrainSetting = Field(TrainSetting(), description="Training episodes.")
    dev: Episodes = Field(
        Episodes(), description="Episodes that epochs are chosen on, of the size of train's."
    )
    test: Annotated[Setting, OnlyTest()] = Field(
        Setting(),
        description="Episodes that are scored. Tasks that differ in this alone share hosts and "
        "trained rows.",
    )
    markers: Markers = Field(Markers(), description="Words around the mentions.")
    max_length: int = Field(
        512,
        ge=16,
        description="Longest pair in tokens; special tokens, markers, slots included.",
    )

    def setting(self, split: str) -> Setting:
        """Return the episodes of a split with their size."""
        if split == "dev":
            return Setting(
                **self.dev.model_dump(),
                ways=self.train.ways,
                shots=self.train.shots,
                queries=self.train.queries,
            )
        own: Setting = getattr(self, split)
        return own

    @model_validator(mode="after")
    def _settings_can_be_told_apart(self) -> Self:
        train, test = self.train, self.test
        if train.pairs == test.pairs and train.ways != test.ways:
            raise ValueError(
                f"train and test have {train.pairs} supports each, in {train.ways} and in "
                f"{test.ways} ways: pair scores are read by their number, so change one of both"
            )
        return self

    @model_validator(mode="after")
    def _test_is_unseen(self) -> Self:
        for split in self.seen_files():
            own = getattr(self, split)
            # Other choices may overlap, too; the task finds out once it knows the file's relations.
            if (own.only_relations, set(own.exclude_relations)) == (
                self.test.only_relations,
                set(self.test.exclude_relations),
            ):
                raise ValueError(
                    f"test draws the relations of {split} from the same file, so what is scored "
                    "has been seen before; give it another file, or by 'only_relations' and "
                    "'exclude_relations' other relations"
                )
        return self

    def seen_files(self) -> list[str]:
        """Return which of ``train`` and ``dev`` read the content that test reads."""
        data = self.data
        return [s for s in ("train", "dev") if same_content(getattr(data, s), data.test)]
