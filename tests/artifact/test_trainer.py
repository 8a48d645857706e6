"""The plugin where transformers trains: its `Trainer` and its collators."""

from __future__ import annotations

from typing import Any

import torch
import transformers

from kpframework import KnowledgePlugin
from kpframework.inject.batch import ENTITIES as CODES
from kpframework.inject.freezing import fingerprint, freeze
from kpframework.testing.project import entity_name

from .conftest import PROMPTS, classifier, language_model, logits


class _Rows(torch.utils.data.Dataset):
    def __init__(self, encode: Any) -> None:
        texts = [f"The patient has {entity_name(i)} and fingers." for i in range(12)]
        self.rows = [{**encode(text), "labels": i % 2} for i, text in enumerate(texts)]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, at: int) -> Any:
        return self.rows[at]


def trainer(model: Any, knowing: Any, folder: Any, **options: Any) -> Any:
    arguments = transformers.TrainingArguments(
        str(folder), max_steps=3, per_device_train_batch_size=4, per_device_eval_batch_size=5,
        learning_rate=0.01, use_cpu=True, report_to=[], save_strategy="no", seed=0,
    )  # fmt: skip
    rows = _Rows(knowing)
    collate = transformers.DataCollatorWithPadding(knowing)
    return transformers.Trainer(
        model, arguments, train_dataset=rows, eval_dataset=rows, data_collator=collate, **options
    )


def test_a_trainer_fine_tunes_and_predicts_with_the_plugin_on_its_host(run, tmp_path):
    model, tokenizer, plugin = classifier(run)
    held = {name: own.clone() for name, own in plugin.module.state_dict().items()}
    own = trainer(model, plugin.tokenizer(), tmp_path)
    own.train()
    assert all(torch.equal(held[n], t) for n, t in plugin.module.state_dict().items())
    texts = [f"The patient has {entity_name(i)} and fingers." for i in range(12)]
    predicted = torch.from_numpy(own.predict(own.eval_dataset).predictions)
    model.eval()
    torch.testing.assert_close(predicted, logits(model, plugin.encode(texts)), atol=1e-5, rtol=0)
    bare = trainer(model, tokenizer, tmp_path).predict(_Rows(tokenizer)).predictions
    assert not torch.allclose(predicted, torch.from_numpy(bare), atol=1e-4)


def test_a_trainer_moves_the_plugin_alone_where_the_host_is_frozen(run, tmp_path):
    model, _, plugin = classifier(run)
    freeze(model)
    before = fingerprint(model)
    plugin.module.requires_grad_(True)
    held = {name: own.clone() for name, own in plugin.module.state_dict().items()}
    optimizer = torch.optim.AdamW(plugin.module.parameters(), lr=0.01)
    trainer(model, plugin.tokenizer(), tmp_path, optimizers=(optimizer, None)).train()
    assert fingerprint(model) == before
    moved = {name: own.clone() for name, own in plugin.module.state_dict().items()}
    assert any(not torch.equal(held[name], own) for name, own in moved.items())
    plugin.save_pretrained(tmp_path / "trained")
    again = KnowledgePlugin.from_pretrained(tmp_path / "trained")
    assert all(torch.equal(moved[name], own) for name, own in again.state.items())
    assert "metrics" not in again.config
    assert "Trained on after the figures" in again.card
    assert again.config["trained_on_from"] == plugin.config["sha256"]


def test_positions_that_an_entity_took_are_no_labels_of_a_language_model(run):
    model, _, plugin = language_model(run, side="right")
    knowing = plugin.tokenizer()
    collate = transformers.DataCollatorForLanguageModeling(knowing, mlm=False)
    batch = collate([knowing(text) for text in PROMPTS])
    loss = model(**batch).loss
    inputs = plugin.encode(PROMPTS)
    labels = inputs["input_ids"].masked_fill(inputs["attention_mask"] == 0, -100)
    labels = labels.masked_fill(inputs[CODES] >= 0, -100)
    torch.testing.assert_close(loss, model(**inputs, labels=labels).loss)
