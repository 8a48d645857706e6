"""Plugins that exist only in these tests: import-light declarations, configs and targets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from kpframework import Component
from kpframework.api import ComponentConfig, ComponentRef, InputFile, Ref, TrainConfig
from kpframework.errors import PluginError
from kpframework.plugins import PluginRecord, Registry

MODULE = "kp_spec_fakes"


class HFConfig(ComponentConfig):
    model: str = Field(description="Folder or hub id.")


class TriplesConfig(ComponentConfig):
    path: InputFile = Field(description="The triples.")
    labels: list[InputFile] = Field([], description="Files of labels.")
    separator: Literal["tab", "comma"] = Field("tab", description="Between columns.")


class TransEConfig(ComponentConfig):
    dim: int = Field(128, ge=1, description="Width.")
    lr: float = Field(0.01, gt=0, description="Learning rate.")
    train: TrainConfig = Field(TrainConfig(epochs=50), description="The loop.")


class AnnotatedConfig(ComponentConfig):
    """Nothing to say."""


class GazetteerConfig(ComponentConfig):
    casing: bool = Field(False, description="Whether case matters.")
    window: tuple[int, int] = Field((0, 8), description="Shortest and longest name.")

    @field_validator("window")
    @classmethod
    def ordered(cls, value: tuple[int, int]) -> tuple[int, int]:
        if value[0] > value[1]:
            raise ValueError("the shortest is longer than the longest")
        return value


class FullConfig(ComponentConfig):
    train: TrainConfig = Field(TrainConfig(), description="The loop.")


class LoraConfig(ComponentConfig):
    rank: int = Field(8, ge=1, description="Rank.")


class NoneConfig(ComponentConfig):
    """Nothing to say."""


class MapTrain(TrainConfig):
    stage: Literal["general", "task"] = Field("task", description="What it is trained on.")
    corpus: str = Field("", description="Id of a corpus.")


class MapTuningConfig(ComponentConfig):
    mapper: Annotated[ComponentRef, Ref("mapper")] = Field(
        ComponentRef(type="linear"), description="From entity space to the host's."
    )
    layout: Literal["concat", "replace"] = Field("concat", description="Where the slot goes.")
    train: MapTrain = Field(MapTrain(), description="The loop.")


class Early(TrainConfig):
    stage: Literal["early"] = Field(description="Before.")


class Late(TrainConfig):
    stage: Literal["late"] = Field(description="After.")
    corpus: str = Field(description="Id of a corpus.")


class StagedConfig(ComponentConfig):
    train: Annotated[Early | Late, Field(discriminator="stage")] = Field(description="When.")


class MixConfig(ComponentConfig):
    parts: list[Annotated[ComponentRef, Ref("mapper")]] = Field([], description="Mixed.")
    gate: Annotated[ComponentRef, Ref("mapper")] | None = Field(None, description="Weighs them.")
    cap: int | list[int] | None = Field(None, description="One cap, or one for each part.")


class BadCheckConfig(ComponentConfig):
    level: int = Field(1, description="Anything.")

    @field_validator("level")
    @classmethod
    def explode(cls, value: int) -> int:
        raise RuntimeError("the validator fell over")


class Files(ComponentConfig):
    train: InputFile = Field(description="Training examples.")
    test: InputFile = Field(description="Test examples.")


class RelationConfig(ComponentConfig):
    data: Files = Field(description="The splits.")
    max_length: int = Field(128, ge=8, description="Tokens.")


class Target:
    def __init__(self, config: Any, context: Any) -> None:
        self.config = config
        self.context = context


def _component(kind: str, name: str, config: str, **more: Any) -> Component:
    target = f"{MODULE}:Target"
    return Component(kind, name, target, f"{MODULE}:{config}", f"The {name} {kind}.", **more)


COMPONENTS = (
    _component("backbone", "hf", "HFConfig"),
    _component("kb", "triples", "TriplesConfig"),
    _component("embeddings", "transe", "TransEConfig"),
    _component("embeddings", "given", "TriplesConfig", capabilities={"reads_triples": False}),
    _component("linker", "annotated", "AnnotatedConfig"),
    _component("linker", "gazetteer", "GazetteerConfig"),
    _component("host", "full", "FullConfig"),
    _component("host", "lora", "LoraConfig"),
    _component("injector", "none", "NoneConfig", capabilities={"needs_entities": False}),
    _component(
        "injector", "prompt", "NoneConfig", capabilities={"needs_entities": False, "needs_kb": True}
    ),
    _component("injector", "map-tuning", "MapTuningConfig"),
    _component("injector", "staged", "StagedConfig"),
    _component("injector", "mix", "MixConfig"),
    _component("injector", "explodes", "BadCheckConfig"),
    _component(
        "injector", "probe", "NoneConfig", capabilities={"heads": ["sequence-classification"]}
    ),
    _component("task", "relation-classification", "RelationConfig"),
    _component("task", "cloze", "RelationConfig", capabilities={"head": "language-model"}),
)
MAPPERS = (
    Component("mapper", "linear", f"{MODULE}:Target", "kp_plugin_mappers.config:LinearConfig", "A"),
    Component("mapper", "mlp", f"{MODULE}:Target", "kp_plugin_mappers.config:MLPConfig", "B"),
)


class NoLoader:
    """These plugins are in memory: there is nothing to load."""

    def load(self, record: PluginRecord) -> PluginRecord:
        return record

    def call(self, record: PluginRecord, hook: str, **kwargs: Any) -> list[Any]:
        raise PluginError("KP204", "a fake plugin has no hooks")


def registry() -> Registry:
    """Return a registry of the fakes, with the options of the real mappers."""
    records = [
        PluginRecord("fake", "kp-plugin-fake", "0.1.0", MODULE, components=COMPONENTS),
        PluginRecord(
            "mappers", "kp-plugin-mappers", "0.1.0", "kp_plugin_mappers", components=MAPPERS
        ),
        PluginRecord(
            "umls",
            "kp-plugin-umls",
            "0.3.1",
            "kp_plugin_umls",
            state="broken",
            reason="ModuleNotFoundError: No module named 'pronto'",
            fix="pip install pronto",
            components=(_component("kb", "umls", "TriplesConfig"),),
        ),
    ]
    return Registry(records, NoLoader())
