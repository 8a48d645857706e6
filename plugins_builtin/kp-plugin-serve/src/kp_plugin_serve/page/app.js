// The page: asks the API, shows what it says.

import { el, large, percent, pieces, table, thousands, visible } from "/static/view.js";

const at = (id) => document.getElementById(id);
const state = { catalogue: null, knowledge: null, spans: null, asked: 0, result: null, cards: new Map() };

async function fetched(path, body) {
  const options = body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw { message: "The server does not answer.", fix: "Is it still running? Then ask again." };
  }
  const content = await response.json().catch(() => null);
  if (!response.ok) {
    throw content?.error ?? { message: `The server answered with ${response.status}.`, fix: "" };
  }
  return content;
}

function fail(error) {
  at("error").replaceChildren(el("p", {}, error.message ?? String(error)), ...(error.fix ? [el("p", {}, error.fix)] : []));
  at("error").hidden = false;
}

const plugin = () => state.catalogue.knowledge.find((own) => own.id === state.knowledge);

async function ask() {
  const text = at("text").value;
  if (!state.catalogue) return;
  if (text.trim() === "") {
    at("text").focus();
    return;
  }
  const number = ++state.asked;
  busy(true);
  const body = { text, knowledge: state.knowledge };
  if (state.spans) body.spans = state.spans;
  history.replaceState(null, "", `#${new URLSearchParams({ text, knowledge: state.knowledge })}`);
  try {
    const answer = await fetched("/api/answer", body);
    if (number !== state.asked) return;
    at("error").hidden = true;
    show(answer);
  } catch (error) {
    if (number !== state.asked) return;
    at("result").hidden = true;
    fail(error);
  } finally {
    if (number === state.asked) busy(false);
  }
}

function busy(on) {
  at("submit").setAttribute("aria-disabled", on);
  at("submit").textContent = on ? "Asking…" : "Ask";
  at("result").setAttribute("aria-busy", on);
}

function show({ results: [result], milliseconds }) {
  state.result = result;
  at("result").hidden = false;
  showText(result);
  showAnswer(result);
  const sides = result.answer.with === null ? "One answer" : "Both answers, in one batch";
  at("timing").textContent = `${sides}: ${milliseconds.toFixed(0)} ms`;
  const { changed, without, with: told } = result.answer;
  at("status").textContent = visible(
    told === null ? `Answered: ${without}` : `Answered. Alone: ${without}. With knowledge: ${told}. ${changed ? "Changed." : "Not changed."}`);
}

function showText(result) {
  const parts = pieces(result.text, result.mentions);
  at("shown").replaceChildren(...parts.map((part) => {
    if (!part.mention) return document.createTextNode(visible(part.text));
    const { mention } = part;
    const choose = () => showCard(mention);
    const button = el("button", {
      type: "button", class: "mention", "aria-pressed": "false", "data-start": mention.start,
      onclick: choose, onpointerenter: choose, onfocus: choose,
    }, part.text);
    button.title = visible(mention.name);
    return button;
  }));
  at("asked").textContent = visible(about(result));
  at("card").hidden = result.mentions.length === 0;
  if (result.mentions.length) showCard(result.mentions.find((own) => own.role) ?? result.mentions[0]);
}

function about(result) {
  const roles = result.mentions.filter((own) => own.role);
  const notes = [];
  if (result.mentions.length === 0 && result.answer.with !== null) {
    notes.push("No mention was linked, so nothing is injected: both answers are the model’s own.");
  }
  if (result.in_task_form && roles.length) {
    const named = roles.map((own) => (roles.length > 1 ? `${own.role}: “${own.text}”` : `“${own.text}”`));
    notes.push(`Asked about ${named.join(", ")}.`);
  } else if (state.catalogue.roles.length && !result.in_task_form) {
    notes.push("The text went in without the marks around a mention that the model was trained with.");
  }
  if (result.truncated) notes.push("The text is longer than the model’s inputs and was cut.");
  return notes.join(" ");
}

function showCard(mention) {
  for (const button of at("shown").querySelectorAll(".mention")) {
    button.setAttribute("aria-pressed", Number(button.dataset.start) === mention.start);
  }
  const more = el("div");
  at("card").replaceChildren(
    el("h3", {}, mention.name || mention.entity),
    el("p", { class: "id" }, [mention.entity, ...mention.types, `score ${mention.score.toFixed(2)}`].join(" · ")),
    mention.description ? el("p", { class: "description", dir: "auto" }, mention.description) : "",
    more,
    ...askAbout(mention));
  const key = `${state.knowledge}\n${mention.entity}`;
  const fill = (card) => { if (more.isConnected) more.replaceChildren(facts(card)); };
  if (state.cards.has(key)) return fill(state.cards.get(key));
  const query = new URLSearchParams({ knowledge: state.knowledge });
  fetched(`/api/entity/${encodeURIComponent(mention.entity)}?${query}`).then((card) => {
    state.cards.set(key, card);
    fill(card);
  }, () => { more.replaceChildren(el("p", { class: "soft" }, "Its neighbours could not be loaded.")); });
}

function askAbout(mention) {
  const { roles } = state.catalogue;
  const own = state.result.mentions.filter((other) => other.role);
  return roles.filter((role) => mention.role !== role).map((role, _, { length }) => el("button", {
    type: "button", class: "ask-about",
    onclick: () => {
      const taken = roles.map((name) => own.find((other) => other.role === name));
      taken[roles.indexOf(role)] = mention;
      const spans = taken.filter(Boolean).map((other) => [other.start, other.end]);
      state.spans = spans.length === roles.length ? spans : null;
      ask();
    },
  }, roles.length > 1 ? `Take as ${role}` : "Ask about this mention"));
}

function facts(card) {
  const list = el("dl");
  const { aliases } = card.entity;
  if (aliases.length) list.append(el("dt", {}, "Also called"), el("dd", {}, ...aliases.map((name) => el("span", {}, name))));
  for (const [direction, arrow] of [["outgoing", "→"], ["incoming", "←"]]) {
    for (const group of card[direction].groups.slice(0, 4)) {
      const shown = group.entities.slice(0, 5);
      const rest = group.triples - shown.length;
      list.append(el("dt", {}, `${group.relation} ${arrow}`), el("dd", {},
        ...shown.map((other) => el("span", { title: visible(other.id) }, other.name || other.id)),
        rest > 0 ? el("span", { class: "soft" }, `${thousands(rest)} more`) : ""));
    }
  }
  return list;
}

function showAnswer({ answer }) {
  const written = answer.kind === "continuation" ? "written" : null;
  const side = (name, words, style) => el("div", { class: `side ${style}` },
    el("h3", {}, name), el("p", { class: written, dir: "auto" }, words === "" ? "—" : words));
  const parts = [];
  if (answer.with === null) {
    parts.push(el("div", { class: "pair" }, side("Model alone", answer.without, "without")));
  } else {
    parts.push(el("div", { class: "pair" },
      side("Model alone", answer.without, "without"), side(`With ${plugin().kb.name}`, answer.with, "with")));
    parts.push(el("p", { class: "verdict" }, verdict(answer)));
  }
  if (answer.kind === "tokens" && answer.bars.length === 0) {
    parts.splice(0, parts.length, el("p", {}, `Put ${state.catalogue.model.mask} where the model is to name a word.`));
  }
  for (const group of answer.bars) {
    parts.push(table(group, group.title));
    if (group.more) parts.push(el("p", { class: "soft more" }, `${group.more} more, all less probable.`));
  }
  if (answer.bars.length && answer.with !== null) {
    parts.push(el("p", { class: "soft more" }, answer.several
      ? "Each label has a probability of its own; change in percentage points."
      : "Probabilities; change in percentage points."));
  }
  at("answer").replaceChildren(...parts);
}

function verdict(answer) {
  const rows = answer.bars.flatMap((group) => group.rows);
  const most = rows.reduce((best, row) => (Math.abs(row.change) > Math.abs(best?.change ?? 0) ? row : best), null);
  const moved = most ? ` Most moved: ${most.label.trim()}, from ${percent(most.without)} to ${percent(most.with)}.` : "";
  return `${answer.changed ? "Knowledge changes the answer." : "The answer stays the same."}${moved}`;
}

function describe(catalogue) {
  const { model } = catalogue;
  const what = { "sequence-classification": "classifier", "masked-lm": "masked language model", "causal-lm": "decoder" }[model.head];
  const task = model.task ? ` for the task ${model.task.id}` : "";
  at("lead").textContent = visible(
    `One frozen model answers a text twice: as it is, and with a knowledge base plugged in. The model is a ${what} ` +
    `of type ${model.kind} with ${large(model.parameters)} parameters${task ? `, made${task}` : ""}.`);
  at("about").textContent = visible(
    `The model was ${model.adaptation ? `trained${task} (adaptation: ${model.adaptation}), then ` : ""}frozen: plugging knowledge in changes none of its weights, ` +
    "and where no mention is linked, both answers are the same.");
}

function showFacts() {
  const own = plugin();
  const pairs = [["Method", [own.method, own.control ? `control: ${own.control} vectors` : ""].filter(Boolean).join(", ")],
    ["Knowledge base", [own.kb.name, own.kb.release].filter(Boolean).join(", ")],
    ["Licence", own.kb.licence || "not stated"],
    ["Entities", thousands(own.counts.entities)], ["Triples", thousands(own.counts.triples)], ["Linker", own.linker]];
  for (const [name, value] of Object.entries(own.metrics)) pairs.push([`${name} on test data`, percent(value)]);
  at("facts").replaceChildren(...pairs.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}

function showExamples() {
  const own = state.catalogue.examples.filter((example) => example.knowledge === state.knowledge);
  at("examples").hidden = own.length === 0;
  at("examples-title").textContent = own.some((example) => example.outcome)
    ? "Examples of the test set, with what knowledge did there" : "Examples";
  at("chips").replaceChildren(...own.map((example) => el("button", {
    type: "button", class: "chip", onclick: () => take(example),
  }, el("span", { dir: "auto" }, example.text),
  example.outcome ? el("small", {}, `${example.outcome} · gold: ${example.gold}`) : "")));
}

function take(example) {
  at("text").value = example.text;
  state.spans = example.spans;
  return ask();
}

function choose(id) {
  state.knowledge = id;
  showFacts();
  showExamples();
}

function showChoices(catalogue) {
  at("choices").replaceChildren(...catalogue.knowledge.map((own) => {
    const detail = [own.kb.name, own.method, own.control ? `${own.control} vectors` : ""].filter(Boolean).join(" · ");
    const input = el("input", {
      type: "radio", name: "knowledge", value: own.id,
      onchange: () => { choose(own.id); ask(); },
    });
    input.checked = own.id === state.knowledge;
    return el("label", { class: "choice" }, input, el("span", {}, own.id, el("small", {}, detail)));
  }));
  at("knowledge").hidden = false;
}

async function start() {
  let catalogue;
  try {
    catalogue = await fetched("/api/knowledge");
  } catch (error) {
    at("lead").textContent = "The model’s description could not be loaded.";
    fail(error);
    return;
  }
  state.catalogue = catalogue;
  const wanted = new URLSearchParams(location.hash.slice(1));
  const known = catalogue.knowledge.some((own) => own.id === wanted.get("knowledge"));
  describe(catalogue);
  const best = catalogue.knowledge.find((own) => !own.control) ?? catalogue.knowledge[0];
  choose(known ? wanted.get("knowledge") : best.id);
  showChoices(catalogue);
  at("text").maxLength = catalogue.limits.characters;
  const first = catalogue.examples.find((example) => example.knowledge === state.knowledge);
  if (wanted.get("text")) at("text").value = wanted.get("text");
  else if (first) ({ text: at("text").value, spans: state.spans } = first);
  if (at("text").value) await ask();
  else at("text").focus();
}

at("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  ask();
});
at("text").addEventListener("input", () => { state.spans = null; });
at("text").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    ask();
  }
});
start();
