// The customer's side of one chat: says what is tapped and typed, shows what arrives.

import { makeBubble, make, setTicks } from "./bubbles.js";
import { askFile, bytesOf, samplePhoto, voiceNote } from "./files.js";
import { setUpNetwork } from "./network.js";

const PEOPLE = ["15550100777", "15550100888", "447700900123", "GB.71820000000000000002"];
const query = new URLSearchParams(window.location.search);
const phone = (query.get("phone") ?? PEOPLE[0]).replace(/^\+/, "");
const contact = `/_emulator/contacts/${encodeURIComponent(phone)}`;
const $ = (id) => document.getElementById(id);
const [chat, scroller, composer, words] = [$("chat"), $("scroller"), $("composer"), $("words")];
const messages = new Map();
let business = document.querySelector(".who strong").textContent;
let windowUntil = null;

async function post(url, body) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body ?? {}),
  });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  return answer.json();
}

const act = {
  get business() {
    return business;
  },
  say: (utterance) => post(`${contact}/messages`, utterance),
  attach,
  choose,
  fill: (parameters, back) =>
    act.say({ type: "flow_reply", answers: JSON.stringify({ flow_token: parameters.flow_token ?? "unused" }), ...back }),
};

async function attach(kind, back = {}) {
  if (kind === "location") return act.say({ type: "location", latitude: 52.2297, longitude: 21.0122, name: "Sample Square", address: "1 Invented Way", ...back });
  if (kind === "contacts") return act.say({ type: "contacts", is_requested: false, ...back });
  if (kind === "voice") return act.say({ type: "audio", mime_type: "audio/ogg; codecs=opus", content: await voiceNote() });
  if (kind === "sample") return act.say({ type: "image", mime_type: "image/png", content: await samplePhoto() });
  const file = await askFile($("file"), kind === "image" ? "image/*" : "");
  if (file === null) return null;
  return act.say({ type: kind, mime_type: file.type || "application/octet-stream", filename: file.name, content: await bytesOf(file) });
}

/** The sheet of a list menu: a choice closes it and is sent. */
function choose(action, back) {
  const sheet = $("sheet");
  $("sheet-title").textContent = action.button;
  $("sheet-rows").replaceChildren(...action.sections.flatMap((section) => rowsOf(section, back, sheet)));
  sheet.showModal();
}

function rowsOf(section, back, sheet) {
  const rows = section.rows.map((row) => {
    const button = make("button", "choice", "", make("b", "", row.title), make("span", "small", row.description ?? ""));
    button.type = "button";
    button.addEventListener("click", () => {
      sheet.close();
      act.say({ type: "list_reply", id: row.id, title: row.title, description: row.description ?? null, ...back });
    });
    return button;
  });
  return section.title ? [make("h3", "", section.title), ...rows] : rows;
}

function isNearEnd() {
  return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 160;
}

function toEnd() {
  scroller.scrollTop = scroller.scrollHeight;
}

function dayOf(at) {
  const date = new Date(at);
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(at).setHours(0, 0, 0, 0)) / 86400000);
  return days === 0 ? "Today" : days === 1 ? "Yesterday" : date.toLocaleDateString();
}

function react(message) {
  const target = [...chat.children].find((line) => line.dataset.wamid === message.reply_to);
  const bubble = target?.querySelector(".bubble");
  if (!bubble) return;
  bubble.querySelector(`.reaction.${message.mine ? "by-me" : "by-them"}`)?.remove();
  if (message.text) bubble.append(make("span", `reaction ${message.mine ? "by-me" : "by-them"}`, message.text));
}

function show(message) {
  if (messages.has(message.wamid)) return;
  messages.set(message.wamid, message);
  if (message.type === "reaction") {
    react(message);
    return;
  }
  const follow = message.mine || isNearEnd();
  const day = dayOf(message.at);
  if (chat.dataset.day !== day) {
    chat.dataset.day = day;
    chat.append(make("li", "day", day));
  }
  chat.append(makeBubble(message, messages.get(message.reply_to), act));
  if (message.mine && (windowUntil === null || new Date(message.at) > new Date(windowUntil - 86400000))) {
    windowUntil = new Date(message.at).getTime() + 86400000;
    showWindow();
  }
  if (follow) toEnd();
}

function mark({ wamid, status }) {
  const line = [...chat.children].find((each) => each.dataset.wamid === wamid);
  if (line) setTicks(line, status);
}

function showTyping(isOn) {
  const follow = isNearEnd();
  $("typing").hidden = !isOn;
  $("presence").textContent = isOn ? "typing…" : "Business account";
  if (isOn && follow) toEnd();
}

function showWindow() {
  const notice = $("window");
  const isOpen = windowUntil !== null && windowUntil > Date.now();
  const until = isOpen ? new Date(windowUntil).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) : "";
  notice.classList.toggle("closed", !isOpen);
  notice.textContent = isOpen
    ? `24-hour window open until ${dayOf(windowUntil) === "Today" ? "today" : "tomorrow"}, ${until}`
    : "24-hour window closed: only templates until you write";
  notice.hidden = false;
}

function markRead() {
  if (document.visibilityState === "visible") post(`${contact}/read`).catch(() => {});
}

async function load() {
  const answer = await fetch(`${contact}/messages`);
  const state = await answer.json();
  business = state.business.name;
  windowUntil = state.window_until === null ? null : new Date(state.window_until).getTime();
  for (const message of state.messages) {
    show(message);
    if (message.mine) mark(message);
  }
  showTyping(state.typing);
  showWindow();
  toEnd();
  markRead();
}

function listen() {
  const events = new EventSource(`${contact}/events`);
  const on = (kind, handle) => events.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  events.addEventListener("open", () => load().catch(() => {}));
  on("message", ({ bubble }) => {
    if (bubble === null) return;
    if (!bubble.mine) showTyping(false);
    show(bubble);
    if (!bubble.mine) markRead();
  });
  on("status", mark);
  on("typing", ({ on: isOn }) => showTyping(isOn));
  window.addEventListener("pagehide", () => events.close());
}

function growWords() {
  words.style.height = "auto";
  words.style.height = `${Math.min(words.scrollHeight, 132)}px`;
  const isEmpty = words.value.trim() === "";
  $("send").hidden = isEmpty;
  $("voice").hidden = !isEmpty;
}

function setUpComposer() {
  words.addEventListener("input", growWords);
  words.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
      event.preventDefault();
      composer.requestSubmit();
    }
  });
  composer.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = words.value.trim();
    if (text === "") return;
    words.value = "";
    growWords();
    words.focus();
    act.say({ type: "text", text }).catch(() => {
      words.value = text;
      growWords();
    });
  });
  $("voice").addEventListener("click", () => attach("voice"));
}

function setUpMenu() {
  const [opener, menu] = [$("attach-open"), $("attach-menu")];
  const toggle = (isOpen) => {
    menu.hidden = !isOpen;
    opener.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) menu.querySelector("button").focus();
  };
  opener.addEventListener("click", () => toggle(menu.hidden));
  menu.addEventListener("click", (event) => {
    const kind = event.target.closest("button")?.dataset.attach;
    if (!kind) return;
    toggle(false);
    attach(kind);
    words.focus();
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !menu.hidden) {
      toggle(false);
      opener.focus();
    }
  });
  document.addEventListener("click", (event) => {
    if (!menu.hidden && !event.target.closest(".attach")) toggle(false);
  });
}

async function setUpPeople() {
  const known = PEOPLE.includes(phone) ? PEOPLE : [phone, ...PEOPLE];
  const profiles = await Promise.all(known.map(async (each) => (await fetch(`/_emulator/contacts/${encodeURIComponent(each)}`)).json()));
  $("people").replaceChildren(...profiles.map((profile, at) => {
    const address = profile.phone && profile.shows_phone ? `+${profile.phone}` : `@${profile.username ?? "hidden"}`;
    const person = make("a", "person", "", make("span", "avatar", profile.name.slice(0, 1)), make("span", "", "", make("b", "", profile.name), make("span", "small", address)));
    person.href = `/phone?phone=${encodeURIComponent(known[at])}`;
    if (known[at] === phone) person.setAttribute("aria-current", "page");
    return person;
  }));
  $("other").addEventListener("submit", (event) => {
    event.preventDefault();
    window.location.search = `?phone=${encodeURIComponent($("other-phone").value.replace(/^\+/, ""))}`;
  });
}

function setUpBench() {
  $("bench-open").addEventListener("click", () => {
    const isOpen = document.body.classList.toggle("bench-open");
    $("bench-open").setAttribute("aria-expanded", String(isOpen));
  });
}

setUpComposer();
setUpMenu();
setUpBench();
setUpPeople().catch(() => {});
setUpNetwork(phone, $("network-note"));
document.addEventListener("visibilitychange", markRead);
window.setInterval(showWindow, 30000);
listen();
