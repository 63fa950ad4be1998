// One bubble per message. Everything is built from nodes and textContent.

import { appendMarked, link } from "./marks.js";

/** A node with a class, its text and its children. */
export function make(tag, className = "", text = "", ...children) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text) node.textContent = text;
  node.append(...children);
  return node;
}

function icon(path, viewBox = "0 0 24 24") {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", viewBox);
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

const CLOCK = "M8 1.500a6.500 6.500 0 1 0 0 13a6.500 6.500 0 0 0 0-13M8 4.500V8l2.500 1.500";
const TICK = "M2 6.500l3 3L11.500 3";
const TICKS = "M1 6.500l3 3L10.500 3M7.500 9.200l.5.300L14.500 3";
const WORDS = { pending: "waiting", sent: "sent", delivered: "delivered", read: "read" };

/** Ticks under a message of the customer: ✓ until the service took it, ✓✓ then, blue once the business read it. */
function ticks(status) {
  const shape = status === "pending" ? TICK : TICKS;
  const node = make("span", `ticks ${status}`, "", icon(status === "waiting" ? CLOCK : shape, "0 0 16 12"));
  node.append(make("span", "sr", WORDS[status] ?? status));
  return node;
}

export function setTicks(bubble, status) {
  bubble.querySelector(".ticks")?.replaceWith(ticks(status));
}

function time(at) {
  return new Date(at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}

function marked(className, text) {
  const node = make("p", className);
  appendMarked(node, text);
  return node;
}

function duration(bytes) {
  const seconds = Math.max(1, Math.round(bytes / 16000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function voice(content, address) {
  const player = make("div", "voice");
  const play = make("button", "icon", "", icon("M7 4.500v15l12-7.500z"));
  play.type = "button";
  play.setAttribute("aria-label", "Play the voice note");
  const wave = make("span", "wave");
  for (let at = 0; at < 26; at += 1) wave.append(make("i", `h${(at * 7 + 3) % 5}`));
  const length = make("span", "length", duration(32000));
  play.addEventListener("click", () => {
    if (address) new Audio(address).play().catch(() => {});
  });
  player.append(play, wave, length);
  return player;
}

function picture(content, address, label) {
  if (!address) return file("image", content.filename ?? label, "");
  const image = make("img", "picture");
  image.src = address;
  image.alt = content.caption || label;
  image.addEventListener("error", () => image.replaceWith(file("image", label, address)));
  return image;
}

function file(kind, name, address) {
  const card = make("div", "file", "", icon("M6 2.500h8l5 5v14H6zM14 2.500v5h5"));
  const words = make("div", "", "", make("b", "", name), make("span", "", kind));
  card.append(words);
  if (!address) return card;
  const anchor = link(address, "");
  if (!(anchor instanceof Element)) return card;
  anchor.className = "file-link";
  anchor.append(card);
  return anchor;
}

function media(kind, content, address) {
  const nodes = [];
  if (kind === "audio") nodes.push(voice(content, address));
  else if (kind === "image" || kind === "sticker") nodes.push(picture(content, address, kind === "image" ? "Photo" : "Sticker"));
  else if (kind === "video" && address) {
    const video = make("video", "picture");
    video.src = address;
    video.controls = true;
    nodes.push(video);
  } else nodes.push(file(kind, content.filename || kind, address));
  if (content.caption) nodes.push(marked("words", content.caption));
  return nodes;
}

function place(content) {
  const map = make("div", "map", "", icon("M12 21.500s-7-7-7-12a7 7 0 0 1 14 0c0 5-7 12-7 12zM12 12a2.500 2.500 0 1 0 0-5a2.500 2.500 0 0 0 0 5"));
  map.setAttribute("role", "img");
  map.setAttribute("aria-label", "Map");
  const where = `${Number(content.latitude).toFixed(4)}, ${Number(content.longitude).toFixed(4)}`;
  return [map, make("b", "", content.name ?? "Location"), make("span", "small", content.address ?? where)];
}

function cards(content) {
  return content.map((card) => {
    const name = card.name?.formatted_name ?? card.phones?.[0]?.phone ?? "Contact";
    const row = make("div", "card", "", make("span", "avatar", name.replace("+", "").slice(0, 1)));
    row.append(make("div", "", "", make("b", "", name), make("span", "small", card.phones?.[0]?.phone ?? "")));
    return row;
  });
}

function actionButton(label, onClick, path = "") {
  const button = make("button", "action", "");
  button.type = "button";
  if (path) button.append(icon(path));
  button.append(label);
  button.addEventListener("click", onClick);
  return button;
}

const REPLY = "M10 8V4L3 11l7 7v-4c5 0 8.500 1.500 11 5-1-5-4-10-11-11z";
const LIST = "M4 6h16M4 12h16M4 18h16";
const PIN = "M12 21.500s-7-7-7-12a7 7 0 0 1 14 0c0 5-7 12-7 12z";
const PERSON = "M12 12a4 4 0 1 0 0-8a4 4 0 0 0 0 8zM4 21c0-5 3.500-7 8-7s8 2 8 7z";
const LEAVE = "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6";

/** What hangs under an interactive message. `act` does what the customer chose. */
function actions(message, act) {
  const { content } = message;
  const back = { reply_to: message.wamid };
  switch (content.type) {
    case "button":
      return content.action.buttons.map(({ reply }) =>
        actionButton(reply.title, () => act.say({ type: "button_reply", ...reply, ...back }), REPLY));
    case "list":
      return [actionButton(content.action.button, () => act.choose(content.action, back), LIST)];
    case "cta_url": {
      const { display_text: label, url } = content.action.parameters;
      const anchor = link(url, label);
      if (anchor instanceof Element) {
        anchor.className = "action";
        anchor.prepend(icon(LEAVE));
      }
      return [anchor];
    }
    case "location_request_message":
      return [actionButton("Send location", () => act.attach("location", back), PIN)];
    case "request_contact_info":
      return [actionButton("Share phone number", () => act.say({ type: "contacts", is_requested: true, ...back }), PERSON)];
    case "flow":
      return [actionButton(content.action.parameters.flow_cta, () => act.fill(content.action.parameters, back), LIST)];
    default:
      return [];
  }
}

function templateActions(message, act) {
  return message.content.buttons.map(({ kind, id, title }) =>
    kind === "quick_reply"
      ? actionButton(title, () => act.say({ type: "template_reply", id, title, reply_to: message.wamid }), REPLY)
      : make("span", "action", title));
}

function interactiveBody(content, address) {
  if (!content.body) {
    const reply = content[content.type] ?? {};
    return [make("p", "words", reply.title ?? reply.body ?? ""), ...(reply.description ? [make("span", "small", reply.description)] : [])];
  }
  const head = content.header;
  const nodes = [];
  if (head?.type === "text") nodes.push(make("b", "head", head.text));
  else if (head) nodes.push(...media(head.type, head[head.type], address));
  nodes.push(marked("words", content.body.text));
  if (content.footer) nodes.push(make("span", "small", content.footer.text));
  return nodes;
}

function body(message) {
  const { type, content, media_url: address } = message;
  switch (type) {
    case "text":
      return [marked("words", content.body)];
    case "image":
    case "video":
    case "audio":
    case "document":
    case "sticker":
      return media(type, content, address);
    case "location":
      return place(content);
    case "contacts":
      return cards(content);
    case "interactive":
      return interactiveBody(content, address);
    case "template":
      return [...(address ? [picture({}, address, "Photo")] : []), ...(content.header ? [make("b", "head", content.header)] : []), marked("words", content.body)];
    case "button":
      return [make("p", "words", content.text)];
    default:
      return [make("p", "words odd", `(${type})`)];
  }
}

/** The list item of one message. `quoted` is the message it answers, if the chat has it. */
export function makeBubble(message, quoted, act) {
  const item = make("li", `line ${message.mine ? "mine" : "theirs"}`);
  item.dataset.wamid = message.wamid;
  const bubble = make("div", `bubble ${message.mine ? "mine" : "theirs"} ${message.type}`);
  bubble.append(make("span", "sr", message.mine ? "You:" : "Business:"));
  if (quoted) {
    bubble.append(make("blockquote", quoted.mine ? "by-me" : "", "", make("b", "", quoted.mine ? "You" : act.business), make("span", "", quoted.text || quoted.type)));
  }
  bubble.append(...body(message));
  const foot = make("span", "foot", "", make("time", "", time(message.at)));
  if (message.mine) foot.append(ticks(message.status));
  bubble.append(foot);
  item.append(bubble);
  const more = message.mine ? [] : message.type === "interactive" ? actions(message, act) : message.type === "template" ? templateActions(message, act) : [];
  if (more.length > 0) item.append(make("div", "actions", "", ...more));
  return item;
}
