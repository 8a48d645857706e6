from typing import Annotated, Literal

from pydantic import Field

from kpframework.api import ComponentConfig, ComponentRef, InputFile, Ref, TrainConfig
from kpframework.plugins import option_rows


class Config(ComponentConfig):
    layout: Literal["concat", "replace"] = Field("concat", description="Where.")
    mapper: Annotated[ComponentRef, Ref("mapper")] = Field(description="Which.")
    path: InputFile | None = Field(None, description="File.")
    seeds: list[int] = Field([0], description="Seeds.")
    train: TrainConfig = Field(TrainConfig(), description="Loop.")


def test_types_read_as_a_user_writes_them():
    types = {row.name: row.type for row in option_rows(Config)}
    assert types["layout"] == "'concat' or 'replace'"
    assert types["mapper"] == "a mapper"
    assert types["path"] == "file or null"
    assert types["seeds"] == "list of int"


def test_nested_options_are_named_by_their_path():
    rows = {row.name: row for row in option_rows(Config)}
    assert rows["train"].type == "section"
    assert rows["train.epochs"].default == "3"


def test_required_options_have_no_default():
    rows = {row.name: row for row in option_rows(Config)}
    assert rows["mapper"].required
    assert rows["mapper"].default == ""
    assert not rows["path"].required
