"""What the API answers, refuses and sends along."""

from __future__ import annotations

import shutil
from functools import partialmethod
from pathlib import Path

import numpy as np
import pytest
import torch
from kp_plugin_serve import service as service_module
from kp_plugin_serve.answers import classes
from kp_plugin_serve.app import CHARACTERS, TEXTS, make_app
from kp_plugin_serve.guard import BODY
from kp_plugin_serve.loading import load
from kp_plugin_serve.server import LOCAL, serve
from kp_plugin_serve.service import Service
from starlette.testclient import TestClient

from kpframework import KnowledgePlugin, KpError
from kpframework.testing.project import entity_name
from kpframework.testing.tiny import tiny_model, tiny_tokenizer

from .conftest import BIDI, NAME, SCRIPT, TEXT

LOCAL_URL = "http://127.0.0.1:8000"


@pytest.fixture
def client(service):
    return TestClient(make_app(service, LOCAL), base_url=LOCAL_URL, raise_server_exceptions=False)


def ask(client, **body):
    answer = client.post("/api/answer", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_text_is_answered_with_and_without_knowledge_and_its_mention_is_told(client, service):
    told = ask(client, text=TEXT, knowledge="concat")
    (result,) = told["results"]
    (mention,) = result["mentions"]
    assert TEXT[mention["start"] : mention["end"]] == mention["text"] == NAME
    assert (mention["entity"], mention["name"], mention["description"]) == ("E40", NAME, SCRIPT)
    assert result["in_task_form"]
    rows = result["answer"]["bars"][0]["rows"]
    assert {row["label"] for row in rows} == {"system", "capital"}
    for row in rows:
        assert row["change"] == pytest.approx(row["with"] - row["without"])
        assert row["change"] != 0
    assert told["milliseconds"] > 0
    # What the model says when it is asked by hand, its marker words written out.
    host = service.host
    inputs = host.tokenizer(TEXT.replace(NAME, f"$ {NAME} $"), return_tensors="pt")
    with torch.inference_mode():
        by_hand = host.model(**inputs).logits.sigmoid()[0].tolist()
    without = {row["label"]: row["without"] for row in rows}
    assert [without[label] for label in host.labels] == pytest.approx(by_hand, abs=1e-5)


def test_each_answer_is_decided_by_its_own_threshold(service):
    pair = np.array([[0.2, -3.0], [0.2, -3.0]], dtype=np.float32)
    thresholds = [{"threshold": 9.0}, {"threshold": -9.0}]
    told = classes(service.host, pair, thresholds)
    assert told["without"] == "capital"
    assert told["with"] == "capital, system"
    assert service.host.calibration["threshold"] != thresholds[0]["threshold"]


def test_rows_of_one_batch_have_their_own_plugins_or_none(client):
    knowledge = ["concat", "__host__", "replace", "concat"]
    texts = [TEXT, TEXT, TEXT, "Nothing in this text is known."]
    results = ask(client, texts=texts, knowledge=knowledge)["results"]
    assert [result["knowledge"] for result in results] == knowledge
    alone = [
        ask(client, text=text, knowledge=own)["results"][0]
        for text, own in zip(texts, knowledge, strict=True)
    ]
    for together, single in zip(results, alone, strict=True):
        pairs = zip(
            together["answer"]["bars"][0]["rows"], single["answer"]["bars"][0]["rows"], strict=True
        )
        for one, other in pairs:
            assert one["label"] == other["label"]
            assert one["without"] == pytest.approx(other["without"], abs=1e-5)
            assert one["with"] == (
                None if other["with"] is None else pytest.approx(other["with"], abs=1e-5)
            )
    shares = [result["answer"]["bars"][0]["rows"][0]["with"] for result in results]
    assert shares[1] is None
    assert shares[0] != pytest.approx(shares[2], abs=1e-6)
    assert results[3]["mentions"] == []
    for row in results[3]["answer"]["bars"][0]["rows"]:
        assert row["change"] == pytest.approx(0, abs=1e-6)


def test_spans_choose_what_the_task_is_asked_about(client):
    other = entity_name(3)
    text = f"{TEXT} Then {other}."
    start = text.index(other)
    spans = [[start, start + len(other)]]
    first, second = (ask(client, text=text, **own)["results"][0] for own in ({}, {"spans": spans}))
    assert [m["entity"] for m in first["mentions"] if m["role"]] == ["E40"]
    assert [m["entity"] for m in second["mentions"] if m["role"]] == ["E3"]
    assert len(first["mentions"]) == len(second["mentions"]) == 2


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        ({}, 422, "give one of 'text' and 'texts'"),
        ({"text": "a", "texts": ["a"]}, 422, "give one of 'text' and 'texts'"),
        ({"text": ""}, 422, "at least 1 character"),
        ({"text": "x" * (CHARACTERS + 1)}, 422, f"at most {CHARACTERS} characters"),
        ({"texts": ["x"] * (TEXTS + 1)}, 422, f"at most {TEXTS} items"),
        ({"texts": ["x", "y"], "knowledge": ["concat"]}, 422, "one for each text"),
        ({"texts": ["x"], "spans": [[0, 1]]}, 422, "'spans' go with 'text'"),
        ({"text": "x", "colour": 1}, 422, "Extra inputs"),
        ({"text": 3}, 422, "valid string"),
        ({"text": "x", "knowledge": "nobody"}, 400, "no knowledge 'nobody' is served"),
        ({"text": "abc", "spans": [[1, 9]]}, 400, "no span 1-9"),
        ({"text": "abc", "spans": [[0, 1], [1, 2]]}, 400, "2 spans"),
    ],
)
def test_wrong_questions_are_refused_in_words(client, body, status, told):
    answer = client.post("/api/answer", json=body)
    assert answer.status_code == status
    error = answer.json()["error"]
    assert told in error["message"]
    assert set(error) == {"code", "message", "fix"}


@pytest.mark.parametrize("body", [b"{", b'{"text": "\\ud800"}', b"\xff\xfe", b"[]"])
def test_malformed_bodies_are_refused(client, body):
    answer = client.post("/api/answer", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.json()["error"]["message"]


def test_a_form_of_another_page_is_no_question(client):
    answer = client.post(
        "/api/answer", content=b'{"text": "a"}', headers={"content-type": "text/plain"}
    )
    assert answer.status_code == 422


def test_a_body_that_is_too_large_is_refused_whatever_it_says_of_its_length(client):
    def chunks():
        for _ in range(BODY // 1000 + 2):
            yield b"x" * 1000

    for content in (b"x" * (BODY + 1), chunks()):
        answer = client.post(
            "/api/answer", content=content, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413


@pytest.mark.parametrize(
    "text", [BIDI, SCRIPT, "\x00", "\U0001f600 " * 50, "\n\n", "[CLS] [SEP] [PAD]", NAME]
)
def test_hostile_texts_are_answered_and_come_back_as_they_were(client, text):
    (result,) = ask(client, text=text)["results"]
    assert result["text"] == text
    assert result["answer"]["bars"][0]["rows"]


def test_what_is_served_is_described(client):
    told = client.get("/api/knowledge").json()
    assert [own["id"] for own in told["knowledge"]] == ["concat", "replace"]
    first = told["knowledge"][0]
    assert first["kb"]["name"] == "names"
    assert first["counts"] == {
        "entities": 50,
        "triples": first["counts"]["triples"],
        "with_vector": 48,
    }
    assert told["model"]["task"] == {"id": "typing", "type": "entity-typing"}
    assert told["model"]["labels"] == ["capital", "system"]
    assert told["roles"] == ["mention"]
    assert told["examples"]
    assert {example["knowledge"] for example in told["examples"]} == {"concat", "replace"}
    assert client.get("/api/health").json() == {"status": "ok"}


def test_an_entity_has_its_neighbours_by_name(client):
    card = client.get("/api/entity/E40").json()
    assert card["entity"]["description"] == SCRIPT
    near = next(group for group in card["outgoing"]["groups"] if group["relation"] == "near")
    assert near["entities"] == [{"id": "E41", "name": SCRIPT}]
    incoming = next(group for group in card["incoming"]["groups"] if group["relation"] == "near")
    assert incoming["entities"] == [{"id": "E39", "name": BIDI}]


@pytest.mark.parametrize(
    "path",
    ["/api/entity/none", "/api/entity/a/b%2Fc", "/static/..%2Fapp.py", "/docs", "/openapi.json"],
)
def test_what_is_not_there_is_told_as_json(client, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    "path",
    ["/", "/static/app.js", "/static/style.css", "/static/icon.svg", "/api/knowledge", "/nothing"],
)
def test_every_response_forbids_what_the_page_does_not_need(client, path):
    headers = client.get(path, headers={"origin": "http://elsewhere.example"}).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'self';")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize(
    "name", ["elsewhere.example", "127.0.0.1.elsewhere.example", "", "[::1].elsewhere"]
)
def test_a_local_server_answers_to_local_names_alone(client, name):
    assert client.get("/api/health", headers={"host": name}).status_code == 421


@pytest.mark.parametrize("name", ["localhost:9", "127.0.0.1", "[::1]:8000"])
def test_local_names_are_answered(client, name):
    assert client.get("/api/health", headers={"host": name}).status_code == 200


def test_more_requests_than_may_wait_are_turned_away(client, service):
    for _ in range(service_module.WAITING):
        assert service._places.acquire(blocking=False)
    try:
        assert client.post("/api/answer", json={"text": "a"}).status_code == 503
    finally:
        for _ in range(service_module.WAITING):
            service._places.release()
    assert client.post("/api/answer", json={"text": "a"}).status_code == 200


def language_model(folder: Path, architecture: str) -> Path:
    tokenizer = tiny_tokenizer(architecture)
    tiny_model(architecture, len(tokenizer)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def lenient(monkeypatch):
    """Let a plugin onto a host of another vocabulary: what it changes there means nothing."""
    attach = partialmethod(KnowledgePlugin.attach, strict=False)
    monkeypatch.setattr(KnowledgePlugin, "attach", attach)


def test_a_masked_language_model_fills_the_blanks(run, tmp_path, lenient):
    model = language_model(tmp_path, "bert-masked-lm")
    client = TestClient(
        make_app(Service(load([run / "plugins/concat"], model)), LOCAL), base_url=LOCAL_URL
    )
    told = ask(client, text=f"The {NAME} is [MASK] and ___ there.")["results"][0]["answer"]
    assert (told["kind"], [group["title"] for group in told["bars"]]) == (
        "tokens",
        ["blank 1", "blank 2"],
    )
    for group in told["bars"]:
        assert any(row["change"] != 0 for row in group["rows"])
        assert 0 < sum(row["without"] for row in group["rows"]) <= 1
    assert ask(client, text="No blank.")["results"][0]["answer"]["bars"] == []


def test_a_decoder_goes_on_with_and_without(run, tmp_path, lenient):
    model = language_model(tmp_path, "gpt2-lm")
    host = load([run / "plugins/concat"], model)
    client = TestClient(make_app(Service(host), LOCAL), base_url=LOCAL_URL)
    texts = [f"The {NAME} is", "Jean lives in the capital of France and"]
    long, short = ask(client, texts=texts)["results"], ask(client, text=texts[0])["results"]
    told = long[0]["answer"]
    assert told["kind"] == "continuation"
    assert any(row["change"] != 0 for row in told["bars"][0]["rows"])
    # Whatever stands beside it in the batch.
    assert told["without"] == short[0]["answer"]["without"]
    assert told["with"] == short[0]["answer"]["with"]
    assert long[1]["answer"]["changed"] is False


def test_a_plugin_away_from_its_run_asks_for_the_model(run, tmp_path):
    alone = Path(shutil.copytree(run / "plugins/concat", tmp_path / "concat"))
    with pytest.raises(KpError) as error:
        load([alone])
    assert error.value.code == "KP861"
    loaded = load([alone, run], run / "hosts/tuned")
    assert list(loaded.plugins) == ["concat", "concat-2", "replace"]
    shown = Service(loaded).examples
    assert [own for own in shown if own["knowledge"] == "concat"], "made of descriptions"


def test_a_folder_without_a_plugin_is_refused_and_a_taken_port_too(tmp_path, service):
    with pytest.raises(KpError) as error:
        serve([tmp_path], None, "127.0.0.1", 0)
    assert error.value.code == "KP860"
    with pytest.raises(KpError) as error:
        serve([tmp_path], None, "203.0.113.1", 0)
    assert error.value.code == "KP864"
