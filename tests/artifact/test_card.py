"""The card that is saved beside a plugin."""

from __future__ import annotations

import json
from typing import Any

from huggingface_hub import ModelCard

from kpframework.run.card import model_card, plain_text
from kpframework.run.card_data import front_matter


class _Cell:
    row, host, task = "names", "mine", "typing"


def test_the_card_says_what_the_hub_reads_and_what_a_user_must_know(run):
    plugin = run.plugin()
    card = ModelCard(plugin.card)
    data = card.data
    assert data.library_name == "kpframework"
    assert {"knowledge-injection", "map-tuning", "triples"} <= set(data.tags)
    assert data.license == "other"
    result = data.eval_results[0]
    assert (result.task_type, result.dataset_name) == ("entity-typing", "typing")
    assert result.metric_value == plugin.config["metrics"][result.metric_type]
    coverage = plugin.config["coverage"]
    for said in (
        f"{coverage['mentions']} mentions, {coverage['linked']} linked",
        "% bootstrap intervals, seeds 0",
        "| interval | against the baseline |",
        "48 x 8",
        "linker | gazetteer",
        "family bert, 32 wide",
        "KnowledgePlugin.from_pretrained(",
        "## Risks and limits",
        "kp-plugin-map-tuning==",
    ):
        assert said in card.text, said
    spec = json.loads(card.text.split("```json\n")[1].split("\n```")[0])
    assert spec == plugin.config["spec"]
    assert spec["injection"]["layout"] == "concat"
    assert str(run.folder) not in plugin.card + json.dumps(plugin.config), "no path of this machine"


def test_hostile_strings_of_a_knowledge_base_are_text(run):
    config: dict[str, Any] = run.plugin().config
    results = json.loads((run.folder / "runs" / "tiny" / "results.json").read_text("utf-8"))
    kb = {
        **config["kb"],
        "name": "KB | <script>alert(1)</script>\n# [x](javascript:1)",
        "release": '"\n---\nlicense: mit',
        "licence": "https://e.org/x\n---\nevil: true",
    }
    card = model_card({**config, "kb": kb}, _Cell(), results)  # type: ignore[arg-type]
    assert "<script>" not in card
    assert "\n# [x]" not in card
    data = ModelCard(card).data
    assert data.license == "other"
    assert "evil" not in data.to_dict()
    assert plain_text("a|b <i>\n`c`") == r"a\|b \<i\> \`c\`"


def test_a_licence_that_the_hub_knows_and_a_backbone_from_it_are_named(run):
    config = run.plugin().config
    row = {"method": {"type": "map-tuning"}, "metrics": {}}
    known = {
        **config,
        "kb": {**config["kb"], "licence": "CC0-1.0"},
        "host": {**config["host"], "backbone": "google-bert/bert-base-uncased"},
    }
    card = ModelCard(f"---\n{front_matter(known, row)}\n---\n")
    assert (card.data.license, card.data.base_model) == ("cc0-1.0", "google-bert/bert-base-uncased")
