"""A backbone nested in another component enters the key of the step with its content."""

import json

from kpframework.api import ComponentRef
from kpframework.plugins import load
from kpframework.run.row_plan import files_of
from kpframework.run.step import Step
from kpframework.spec.resolve import bind_ref
from kpframework.testing.project import write_backbone


def test_other_weights_of_a_linkers_encoder_are_another_step(tmp_path):
    folder = tmp_path / "encoder"
    write_backbone(folder, "bert-classifier")
    encoder = {"type": "hf", "model": str(folder)}
    linker = bind_ref("linker", ComponentRef(type="dense", encoder=encoder), load())
    assert files_of(linker) == [folder]

    def key():
        step = Step("links", "links", linker.key_data(), dict, files=tuple(files_of(linker)))
        return step.key

    before = key()
    config = json.loads((folder / "config.json").read_text("utf-8"))
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 0.1}), "utf-8")
    assert key() != before
