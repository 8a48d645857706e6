"""What a plugin knows is edited while it is at work: nothing is trained, nothing is written."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from kpframework import KnowledgePlugin, KpError
from kpframework.api import Entity, Triple
from kpframework.artifact import write_artifact
from kpframework.cli.root import run as command_line
from kpframework.testing.project import entity_class, entity_name, tiny_project, tiny_spec
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

PAGE = Path(__file__).parents[1] / "docs/how-to/edit-a-knowledge-base-at-run-time.md"
STAGE = {"stage": "task", "epochs": 6, "lr": 0.02, "batch_size": 16}
PARENT = "HP:0001166"
NEW = Entity("X:1", "tuberous fingertips", ("drumstick",))
TEXT = "The patient has tuberous fingertips and long fingers."
OTHER = f"Jean was born in {entity_name(4)} and lives in {entity_name(5)}."
BOTH = f"A drumstick near {entity_name(4)} is not {entity_name(40)}."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A finished run of a trained mapper and of E-BERT, on a host with weights that matter."""
    folder = tmp_path_factory.mktemp("edits")
    tokenizer = tiny_tokenizer("bert-classifier")
    model = tiny_model("bert-classifier", len(tokenizer), labels=2, seed=3)
    with torch.no_grad():  # as large as trained weights, so that an answer moves with its input
        for parameter in model.parameters():
            parameter.mul_(5 if parameter.dim() == 2 else 1)
    model.save_pretrained(folder / "my-model")
    tokenizer.save_pretrained(folder / "my-model")
    rows = [
        {"id": "frozen", "type": "none"},
        {"id": "map-task", "type": "map-tuning", "knowledge": "names", "train": STAGE},
        {"id": "e-bert", "type": "e-bert", "knowledge": "names"},
    ]
    task = {**tiny_spec()["tasks"][0], "markers": {"mention": ""}}
    hosts = [{"id": "mine", "checkpoint": "my-model"}]
    knowledge = tiny_spec()["knowledge"]
    knowledge[1]["dtype"] = "float16"
    changes: dict[str, Any] = {"name": "quickstart", "tasks": [task], "hosts": hosts}
    changes["knowledge"] = knowledge
    spec = tiny_project(folder, **changes, injections=rows, corpora=[])
    for path in (*folder.glob("kb/*.*s*"), *folder.glob("kb/*.txt"), *folder.glob("typing/*")):
        if path.suffix != ".npy":
            path.write_text(re.sub(r"\bE3\b", PARENT, path.read_text("utf-8")), "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KPFRAMEWORK_CACHE", str(folder / "cache"))
        patch.setenv("KPFRAMEWORK_CONFIG", str(folder / "config"))
        patch.delenv("KPFRAMEWORK_PLUGINS", raising=False)
        patch.chdir(folder)
        assert command_line(["run", str(spec)]) == 0
        yield folder


def host(folder: Path) -> tuple[Any, Any]:
    mine = folder / "my-model"
    model = transformers.AutoModelForSequenceClassification.from_pretrained(mine)
    return model.eval(), transformers.AutoTokenizer.from_pretrained(mine)


def load(folder: Path, name: str = "map-task") -> KnowledgePlugin:
    return KnowledgePlugin.from_pretrained(folder / "runs/quickstart/plugins" / name)


@pytest.fixture
def plugin(folder: Path) -> KnowledgePlugin:
    plugin = load(folder)
    plugin.attach(*host(folder))
    return plugin


def answer(plugin: KnowledgePlugin, *texts: str) -> torch.Tensor:
    return ask(plugin, plugin.encode(texts or (TEXT, OTHER, BOTH)))


def ask(plugin: KnowledgePlugin, inputs: Any) -> torch.Tensor:
    with torch.inference_mode():
        return plugin.attached()[0].model(**inputs).logits.clone()  # type: ignore[no-any-return]


def vector(kind: int, seed: int = 0) -> np.ndarray[Any, Any]:
    """Return a vector as the project's entities of a class have it."""
    drawn = np.random.default_rng(seed).standard_normal(8).astype(np.float32)
    drawn[0] = 2.0 if kind else -2.0
    return drawn


def code_of(call: Any, *arguments: Any, **options: Any) -> str:
    with pytest.raises(KpError) as error:
        call(*arguments, **options)
    return error.value.code


def test_a_spec_that_asks_for_half_precision_trains_and_answers_with_it(plugin):
    table = plugin.table
    assert table is not None
    assert table.dtype == "float16"
    given = np.load(Path("kb/vectors.npy"))[4]
    stored = table.gather(table.rows(["E4"]))[0]
    np.testing.assert_array_equal(stored, given.astype(np.float16))
    assert not np.array_equal(stored, given)


def test_a_new_entity_with_a_vector_changes_the_answer_and_removing_it_restores_every_bit(plugin):
    before = answer(plugin)
    plugin.add_entity(NEW, vector(1))
    after = answer(plugin)
    assert not torch.equal(after[0], before[0])
    assert torch.equal(after[1], before[1]) or torch.allclose(after[1], before[1], atol=1e-6)
    assert [m["entity"] for m in plugin.explain(TEXT)] == ["X:1"]
    plugin.remove_entity("X:1")
    assert torch.equal(answer(plugin), before)
    assert plugin.explain(TEXT) == []


def test_the_mapper_reads_a_new_vector_as_it_was_trained_to(plugin):
    """A vector tells the class, and the mapper was trained on others to bring that to the host."""
    assert {entity_class(i) for i in range(28)} == {0, 1}
    margins = []
    for kind in (0, 1):
        drawn = []
        for seed in range(5):
            plugin.add_entity(NEW, vector(kind, seed))
            logits = answer(plugin, TEXT)[0]
            drawn.append(float(logits[0] - logits[1]))  # labels in order: capital, system
            plugin.remove_entity("X:1")
        margins.append(np.mean(drawn))
    assert margins[1] > margins[0]


def test_rows_without_a_mention_are_bit_identical_through_edits(plugin):
    plain = "Nothing in this text is known."
    before = answer(plugin, plain, OTHER)[0]
    plugin.add_entity(NEW, vector(1))
    assert torch.equal(answer(plugin, plain, OTHER)[0], before)


def test_a_changed_vector_changes_the_answer_and_the_old_one_brings_the_old_answer(plugin):
    before = answer(plugin)
    assert plugin.table is not None
    old = plugin.table.gather(plugin.table.rows(["E4"]))[0]
    plugin.update_entity("E4", vector=-3 * old)
    changed = answer(plugin)
    assert not torch.equal(changed[1], before[1])
    plugin.update_entity("E4", vector=old)
    assert torch.equal(answer(plugin), before)


def test_an_entity_of_the_base_that_is_removed_is_not_found_and_comes_back_by_discarding(plugin):
    before = answer(plugin)
    plugin.remove_entity("E4")
    assert [m["entity"] for m in plugin.explain(OTHER)] == ["E5"]
    assert not torch.equal(answer(plugin)[1], before[1])
    plugin.discard_edits()
    assert torch.equal(answer(plugin), before)
    assert plugin.kb.info("E4").name == entity_name(4)


def test_new_names_are_found_at_once_and_old_ones_no_more(plugin):
    plugin.update_entity("E4", name="tuberous fingertips", aliases=["drumstick"])
    assert [m["entity"] for m in plugin.explain(TEXT)] == ["E4"]
    assert [m["entity"] for m in plugin.explain(BOTH)] == ["E4", "E40"]
    assert [m["entity"] for m in plugin.explain(OTHER)] == ["E5"]


def test_edits_of_a_transaction_become_visible_together(plugin):
    before = answer(plugin)
    with plugin.edit() as edit:
        edit.add_entity(NEW, vector(0))
        edit.add_entity(Entity("X:2", "blue nails"), vector(1), [Triple("X:2", "near", "X:1")])
        edit.remove_entity("E5")
        assert plugin.explain(TEXT) == []
        assert torch.equal(answer(plugin), before)
    assert plugin.kb.row("E5") is None
    assert [m["entity"] for m in plugin.explain(TEXT)] == ["X:1"]
    assert list(plugin.kb.outgoing("X:2")) == [Triple("X:2", "near", "X:1")]


def test_a_transaction_that_fails_changes_nothing(plugin):
    before, contents = answer(plugin), plugin.contents

    def half_wrong() -> None:
        with plugin.edit() as edit:
            edit.add_entity(NEW, vector(0))
            edit.remove_entity("nobody")

    assert code_of(half_wrong) == "KP792"
    assert plugin.contents is contents
    assert torch.equal(answer(plugin), before)
    plugin.add_entity(NEW, vector(0))  # the failed one left no lock behind


def test_inputs_that_were_encoded_before_an_edit_are_answered_as_they_were_encoded(plugin):
    plugin.add_entity(NEW, vector(1))
    inputs = plugin.encode([TEXT, BOTH])
    expected = ask(plugin, dict(inputs))
    plugin.update_entity("X:1", vector=vector(0))
    assert not torch.equal(answer(plugin, TEXT, BOTH), expected)
    plugin.remove_entity("X:1")
    plugin.remove_entity("E40")
    assert torch.equal(ask(plugin, dict(inputs)), expected)
    plugin.discard_edits()
    assert torch.equal(ask(plugin, dict(inputs)), expected)


def test_saved_and_loaded_again_it_answers_bit_by_bit_as_edited(plugin, folder, tmp_path):
    base = {path: path.read_bytes() for path in plugin.kb.folder.parent.rglob("*.*")}
    with plugin.edit() as edit:
        edit.add_entity(NEW, vector(1), [Triple("X:1", "near", "E4")])
        edit.add_entity(Entity("A:0", "blue nails"), vector(0))
        edit.update_entity("E4", vector=vector(0, 7))
        edit.remove_entity("E5")
    texts = (TEXT, OTHER, BOTH, "blue nails")
    expected = answer(plugin, *texts)
    plugin.save_pretrained(tmp_path / "saved")
    assert [path.name for path in tmp_path.iterdir()] == ["saved"]

    again = KnowledgePlugin.from_pretrained(tmp_path / "saved")
    again.attach(*host(folder))
    assert torch.equal(answer(again, *texts), expected)
    assert again.kb.metadata["entities"] == plugin.kb.metadata["entities"]
    assert list(again.kb.names()) == list(plugin.kb.names())
    assert again.config["trained_with"] == plugin.config["entities"]
    assert again.config["entities"]["rows"] == plugin.config["entities"]["rows"] + 1
    assert again.config["kb"]["entities"] == int(plugin.kb.metadata["entities"])
    assert {path: path.read_bytes() for path in base} == base
    again.remove_entity("X:1")
    again.save_pretrained(tmp_path / "saved")
    assert KnowledgePlugin.from_pretrained(tmp_path / "saved").explain(TEXT) == []


def test_the_mean_of_neighbours_is_a_vector_where_none_is_known(plugin):
    triples = [Triple("X:1", "near", "E4"), Triple(PARENT, "near", "X:1")]
    plugin.add_entity(NEW, "neighbours", triples)
    table = plugin.table
    assert table is not None
    own, *others = table.gather(table.rows(["X:1", "E4", PARENT]))
    np.testing.assert_array_equal(own, np.mean(others, axis=0).astype(np.float16))
    plugin.update_entity("E6", vector="neighbours")  # of the base: kind of one, near to one
    near = table.gather(table.rows(["E7"]))[0]
    np.testing.assert_array_equal(plugin.table.gather(plugin.table.rows(["E6"]))[0], near)
    lonely = Entity("X:2", "blue nails")
    assert code_of(plugin.add_entity, lonely, "neighbours") == "KP793"
    known = [Triple("X:2", "near", "E4")]
    assert code_of(plugin.add_entity, lonely, "neighbors", known) == "KP793"


@pytest.mark.parametrize(
    "bad", [None, [1.0] * 7, [[1.0] * 8], [float("nan")] * 8, [1e39] * 8, ["a"] * 8, [1j] * 8]
)
def test_a_vector_that_cannot_be_used_is_refused(plugin, bad):
    assert code_of(plugin.add_entity, NEW, bad) == "KP793"


def test_ids_that_clash_or_are_not_there_and_triples_of_others_are_refused(plugin):
    assert code_of(plugin.add_entity, Entity("E4", "four"), vector(0)) == "KP791"
    assert code_of(plugin.add_entity, Entity("", "none"), vector(0)) == "KP402"
    assert code_of(plugin.add_entity, Entity("X", "x", ("y",), (1.0,)), vector(0)) == "KP402"
    assert code_of(plugin.remove_entity, "X:1") == "KP792"
    assert code_of(plugin.update_entity, "X:1", name="x") == "KP792"
    for triple in (Triple("E4", "near", "E5"), Triple("X:1", "", "E5"), Triple("X:1", "n", "X:9")):
        assert code_of(plugin.add_entity, NEW, vector(0), [triple]) == "KP794"
    with plugin.edit() as edit:
        assert code_of(plugin.add_entity, NEW, vector(0)) == "KP795"
        assert code_of(plugin.discard_edits) == "KP795"
    assert code_of(edit.add_entity, NEW, vector(0)) == "KP795"


def test_a_method_that_has_to_be_fitted_again_refuses_edits(folder):
    plugin = load(folder, "e-bert")
    with pytest.raises(KpError) as error:
        plugin.add_entity(NEW, vector(0))
    assert error.value.code == "KP790"
    assert "'refit'" in str(error.value)


def test_a_prompt_says_what_was_put_in_and_takes_no_vector(folder, tmp_path):
    trained = load(folder)
    config = {**trained.config, "injector": {"type": "prompt"}, "entities": None}
    write_artifact(tmp_path / "prompt", config, {}, {"kb": trained.kb.folder})
    plugin = KnowledgePlugin.from_pretrained(tmp_path / "prompt")
    model, tokenizer = host(folder)
    plugin.attach(model, tokenizer)
    before = answer(plugin)
    entity = Entity("X:1", NEW.name, description="The capital is born long.")
    assert code_of(plugin.add_entity, entity, vector(0)) == "KP793"
    plugin.add_entity(entity, triples=[Triple("X:1", "near", "E4")])
    shown = tokenizer.decode(plugin.encode([TEXT])["input_ids"][0])
    assert f"the capital is born long. {NEW.name} near {entity_name(4)}." in shown.replace(
        " ##", ""
    ).replace(" .", ".")
    plugin.remove_entity("X:1")
    assert torch.equal(answer(plugin), before)


def test_edits_from_many_threads_are_all_kept_while_texts_are_linked(plugin):
    wrong: list[BaseException] = []
    stop = threading.Event()

    def link() -> None:
        try:
            while not stop.is_set():
                plugin.explain(f"{OTHER} blue{0} tuberous fingertips")
        except BaseException as error:
            wrong.append(error)

    def edit(number: int) -> None:
        for step in range(5):
            plugin.add_entity(Entity(f"X:{number}-{step}", f"blue{number}x{step}"), vector(0))
            if step % 2:
                plugin.remove_entity(f"X:{number}-{step}")

    reader = threading.Thread(target=link)
    writers = [threading.Thread(target=edit, args=(number,)) for number in range(4)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    stop.set()
    reader.join()
    assert wrong == []
    kept = sorted(f"X:{number}-{step}" for number in range(4) for step in (0, 2, 4))
    assert [text for text in plugin.kb.entity_ids if text.startswith("X:")] == kept


def test_the_page_on_editing_does_what_it_says(folder):
    blocks = re.findall(
        r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    assert len(blocks) >= 4
    exec(compile("\n".join(blocks), str(PAGE), "exec"), {})  # noqa: S102 - it is our own page
