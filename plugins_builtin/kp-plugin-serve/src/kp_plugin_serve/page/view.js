// Building blocks of the page. Every string is set as text; nothing here parses HTML.

const UNSEEN = /[\p{C}\p{Zl}\p{Zp}]/gu;

/** Shows what cannot be seen, such as control and bidirectional characters, as its code. */
export function visible(text) {
  return String(text).replace(UNSEEN, (c) => {
    if (c === "\n" || c === "\t") return c;
    const code = c.codePointAt(0);
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/** Returns an element; children are elements, or strings that become text. */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === false || value === null || value === undefined) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== "").map((child) =>
    child instanceof Node ? child : document.createTextNode(visible(child))));
  return node;
}

/** Cuts a text at its mentions, whose offsets count code points; of two that overlap the first stays. */
export function pieces(text, mentions) {
  const points = Array.from(text);
  const found = [];
  let at = 0;
  for (const mention of [...mentions].sort((a, b) => a.start - b.start || b.end - a.end)) {
    if (mention.start < at) continue;
    if (mention.start > at) found.push({ text: points.slice(at, mention.start).join("") });
    found.push({ text: points.slice(mention.start, mention.end).join(""), mention });
    at = mention.end;
  }
  if (at < points.length) found.push({ text: points.slice(at).join("") });
  return found;
}

export const percent = (share) => `${(100 * share).toFixed(1)}\u202f%`;

/** A change in percentage points, with its sign. */
export function points(change) {
  const value = (100 * change).toFixed(1);
  if (Number(value) === 0) return "0.0";
  return change > 0 ? `+${value}` : value.replace("-", "−");
}

export const thousands = (number) => number.toLocaleString("en").replaceAll(",", "\u202f");

export function large(number) {
  if (number >= 1e9) return `${(number / 1e9).toFixed(1)} billion`;
  if (number >= 1e6) return `${(number / 1e6).toFixed(1)} million`;
  return thousands(number);
}

function bar(share, side, chosen) {
  const fill = el("span", { class: "fill" });
  fill.style.width = `${Math.max(0.4, 100 * share)}%`;
  return el("td", { class: chosen ? `${side} chosen` : side },
    el("div", { class: "cell" },
      el("div", { class: "track", "aria-hidden": "true" }, fill),
      el("span", { class: "value" }, percent(share))));
}

/** The rows of an answer: a label, its bar without and with knowledge, and the change. */
export function table(group, title) {
  const both = group.rows.some((row) => row.with !== null);
  const head = ["", "Model alone", ...(both ? ["With knowledge", "Change"] : [])];
  const rows = group.rows.map((row) => {
    const moved = both && Math.abs(row.change) >= 0.05;
    const picked = row.chosen_without || row.chosen_with;
    return el("tr", { class: `${moved ? "moved" : ""} ${picked ? "picked" : ""}`.trim() || null },
      el("th", { scope: "row" }, row.label.trim() === "" ? JSON.stringify(row.label) : row.label),
      bar(row.without, "without", row.chosen_without),
      both ? bar(row.with, "with", row.chosen_with) : null,
      both ? el("td", { class: "number change" }, points(row.change)) : null);
  });
  return el("table", {},
    title ? el("caption", {}, title) : null,
    el("colgroup", {}, el("col", { class: "label" }), el("col"), both ? el("col") : null, both ? el("col", { class: "change" }) : null),
    el("thead", {}, el("tr", {}, ...head.map((name) =>
      el("th", { scope: "col", class: name === "Change" ? "number" : null },
        name === "" ? el("span", { class: "visually-hidden" }, "Answer") : name)))),
    el("tbody", {}, ...rows));
}
