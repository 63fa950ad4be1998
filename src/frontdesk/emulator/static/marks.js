// WhatsApp's own marks, as nodes: the text of a stranger only ever becomes text.

const MARKS = [
  ["```", "code"],
  ["*", "strong"],
  ["_", "em"],
  ["~", "s"],
  ["`", "code"],
];
const LINK = /https?:\/\/[^\s<>"']+/;

/** The first mark in the text that opens at a word's edge and closes again, or null. */
function firstMark(text) {
  let best = null;
  for (const [mark, tag] of MARKS) {
    const escaped = mark.replace("*", "\\*");
    const found = new RegExp(`(^|[^\\p{L}\\p{N}])${escaped}(?=\\S)([^\\n]*?\\S)${escaped}(?![\\p{L}\\p{N}])`, "u").exec(text);
    const block = mark === "```" ? /(^|[^`])```([\s\S]+?)```/.exec(text) : null;
    const hit = block ?? found;
    if (hit === null) continue;
    const start = hit.index + hit[1].length;
    if (best === null || start < best.start) {
      best = { start, end: hit.index + hit[0].length, inner: hit[2], tag };
    }
  }
  return best;
}

function appendPlain(parent, text) {
  let rest = text;
  for (let hit = LINK.exec(rest); hit !== null; hit = LINK.exec(rest)) {
    const address = hit[0].replace(/[.,;:!?)]+$/, "");
    parent.append(rest.slice(0, hit.index));
    parent.append(link(address, address));
    rest = rest.slice(hit.index + address.length);
  }
  parent.append(rest);
}

/** A link that leaves the page behind; anything that is not http becomes plain text. */
export function link(address, label) {
  if (!/^https?:\/\//i.test(address)) return document.createTextNode(label);
  const anchor = document.createElement("a");
  anchor.href = address;
  anchor.target = "_blank";
  anchor.rel = "noopener noreferrer";
  anchor.textContent = label;
  return anchor;
}

/** Append `text` with its marks to `parent`. */
export function appendMarked(parent, text) {
  const mark = firstMark(text);
  if (mark === null) {
    appendPlain(parent, text);
    return;
  }
  appendPlain(parent, text.slice(0, mark.start));
  const node = document.createElement(mark.tag);
  if (mark.tag === "code") node.textContent = mark.inner;
  else appendMarked(node, mark.inner);
  parent.append(node);
  appendMarked(parent, text.slice(mark.end));
}
