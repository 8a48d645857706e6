"""The page in a headless browser: what is shown, how it is reached, what is never asked for."""

from __future__ import annotations

import socket
import threading
import time

import pytest
import uvicorn
from kp_plugin_serve.app import make_app
from kp_plugin_serve.server import LOCAL

from .browser import BINARY, Browser
from .conftest import BIDI, NAME, SCRIPT, TEXT

pytestmark = pytest.mark.skipif(BINARY is None, reason="no chromium is installed")

DONE = (
    "!document.getElementById('result').hidden && "
    "document.getElementById('result').getAttribute('aria-busy') === 'false'"
)
FOCUSED = "((a) => a.className || a.id || a.name)(document.activeElement)"
MARKED = """((a) => {
  const shown = a.matches("input") ? a.nextSibling : a.matches("textarea") ? a.closest(".box") : a;
  const accent = getComputedStyle(document.querySelector("#submit")).backgroundColor;
  const { outlineStyle, borderColor } = getComputedStyle(shown);
  return outlineStyle !== "none" || borderColor === accent;
})(document.activeElement)"""
"""Whether what has the focus can be told from what has not."""
COLORS = """["backgroundColor", "color"].map(
  (own) => getComputedStyle(document.body)[own].match(/\\d+/g).map(Number))"""
CARD = f"{DONE} && (document.getElementById('card').hidden || document.querySelector('#card dl'))"


@pytest.fixture(scope="module")
def url(service):
    """The address of a running server."""
    bound = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(make_app(service, LOCAL), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{bound.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="module")
def chromium(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def page(chromium, url):
    """The browser; at the end nothing may have gone wrong, or to anywhere else."""
    chromium.requests.clear()
    chromium.complaints.clear()
    yield chromium
    assert chromium.js("window.hurt") is None
    assert chromium.complaints == []
    assert chromium.hosts() == {url.removeprefix("http://")}


def write(page, text):
    page.js("document.getElementById('text').value = ''; document.getElementById('text').focus()")
    page.type(text)


def answered(page):
    """Ask what is in the box by the keyboard, and wait for the answer."""
    page.js("document.getElementById('status').textContent = ''")
    page.press("Enter", "\r")
    page.until(f"{DONE} && document.getElementById('status').textContent")


def test_it_opens_with_an_example_answered_and_a_typed_text_is_answered_by_the_keyboard(page, url):
    page.open(url)
    page.until(CARD)
    write(page, TEXT)
    answered(page)
    assert page.js("document.getElementById('shown').textContent") == TEXT
    assert page.js("document.querySelector('.mention').textContent") == NAME
    rows = page.js("document.querySelectorAll('#answer tbody tr').length")
    assert rows == 2
    told = page.js("document.getElementById('status').textContent")
    assert told.startswith("Answered. Alone: ")
    assert "ms" in page.js("document.getElementById('timing').textContent")


def test_hostile_strings_are_shown_as_text(page, url):
    page.open(url)
    page.until(CARD)
    typed = SCRIPT.replace("hurt = 1", "hurt = 3")
    write(page, f"{NAME} {typed} {BIDI}.")
    answered(page)
    page.until(CARD)
    shown = page.js("document.getElementById('shown').textContent")
    assert typed in shown
    assert r"safe \u202egnp.exe\u202c \u0007\u001b[31m end" in shown
    card = page.js("document.getElementById('card').textContent")
    assert card.count(SCRIPT) == 3, "a description, and a neighbour's name by two relations"
    assert r"\u202egnp.exe" in card
    assert page.js("document.querySelectorAll('main script, main img').length") == 0
    whole = page.js("document.documentElement.textContent")
    assert not set("\u202e\u202c\x07\x1b") & set(whole)


def test_the_switch_changes_the_plugin_by_the_arrow_keys_and_asks_again(page, url):
    page.open(url)
    page.until(CARD)
    write(page, TEXT)
    answered(page)
    first = page.requests.count(f"{url}/api/answer")
    page.js("document.querySelector('input[value=concat]').focus()")
    page.js("document.getElementById('status').textContent = ''")
    page.press("ArrowRight")
    page.until(f"{DONE} && document.getElementById('status').textContent")
    assert page.js("document.querySelector('input[name=knowledge]:checked').value") == "replace"
    assert page.requests.count(f"{url}/api/answer") == first + 1
    assert "knowledge=replace" in page.js("location.hash")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page, url):
    page.open(url)
    page.until(CARD)
    page.js("document.activeElement.blur(); window.scrollTo(0, 0)")
    reached, outlined = [], []

    def tab_to(last):
        for _ in range(20):
            page.press("Tab")
            reached.append(page.js(FOCUSED))
            outlined.append(page.js(MARKED))
            if reached[-1] == last:
                return

    tab_to("text")
    write(page, TEXT)
    answered(page)
    page.until(CARD)
    tab_to("mention")
    assert reached[0] == "skip"
    assert {"knowledge", "text", "submit", "chip", "mention"} <= set(reached)
    assert all(outlined)


def test_an_example_is_asked_by_a_click_and_an_error_is_told(page, url, service, monkeypatch):
    page.open(url)
    page.until(CARD)
    write(page, "Something else.")
    answered(page)
    text = page.js("document.querySelector('.chip:last-child span').textContent")
    page.js("document.querySelector('.chip:last-child').click()")
    page.until(f"{DONE} && document.getElementById('shown').textContent === {text!r}")

    def broken(questions):
        raise RuntimeError("the model is gone")

    monkeypatch.setattr(service, "_answer", broken)
    page.js("document.getElementById('submit').click()")
    page.until("!document.getElementById('error').hidden")
    assert "internal error" in page.js("document.getElementById('error').textContent")
    assert page.js("document.getElementById('result').hidden") is True
    assert page.js("document.getElementById('submit').textContent") == "Ask"
    (complaint,) = page.complaints
    assert "500" in complaint
    page.complaints.clear()
    monkeypatch.undo()
    page.js("document.getElementById('submit').click()")
    page.until(f"{DONE} && document.getElementById('error').hidden")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1200, 390, 320])
def test_it_fits_the_width_in_light_and_dark(page, url, width, dark):
    page.open(f"{url}/#text={'A_long_word' * 20}%20{NAME}", width, dark)
    page.until(CARD)
    assert page.js("document.documentElement.scrollWidth") <= width
    ground, ink = page.js(COLORS)
    assert (sum(ground) < sum(ink)) is dark
