// The one connection of a visible tab: what the device tells becomes DOM events named live:NAME.

const PATIENCE = 3000; // milliseconds without an answer until the page says so, and between two tries
const SILENCE = 40_000; // milliseconds without a word, after which a connection is dead: the device pings every 15 s
const NAMES = ["ping", "status", "list", "thread", "snapshot", "state", "think", "block", "more", "tail", "delta", "done"];

const bar = document.getElementById("offline");
let source = null;
let followed = "";
let lost = false;
let timer = 0;
let silence = 0;

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

/** What this page shows: its conversation, the last message of it, and the answer that is running. */
const shown = () => document.getElementById("thread")?.dataset.conversation ?? "";
const last = () => document.querySelector("#thread > .message:last-child")?.id.slice(2) ?? "";
const running = () => document.querySelector("[data-state=running]:not([data-ending])")?.dataset.message ?? "";

function close() {
  timer = clearTimeout(timer);
  clearTimeout(silence);
  source?.close();
  source = null;
}

/** Connect, unless there is a connection and no other answer to follow. */
function connect(again = false) {
  const answer = running();
  if (source && !again && (!answer || answer === followed)) return;
  close();
  if (document.hidden) return;
  followed = answer;
  source = new EventSource(`/events?${new URLSearchParams({ c: shown(), m: answer, l: last() })}`);
  for (const name of NAMES) {
    source.addEventListener(name, (event) => {
      hear();
      tell(name, JSON.parse(event.data));
    });
  }
  hear();
  source.addEventListener("open", found);
  source.addEventListener("error", missing);
}

// A device that lost its power, or a phone that changed its network, leaves a connection that never ends.
function hear() {
  clearTimeout(silence);
  silence = setTimeout(() => {
    connect(true);
    missing();
  }, SILENCE);
}

function found() {
  timer = clearTimeout(timer);
  bar.hidden = true;
  if (lost) tell("thread", { conversation: shown() });
  lost = false;
}

// The browser tries again by itself, and reports each time; what counts is how long it has been.
function missing() {
  timer ||= setTimeout(async () => {
    timer = 0;
    bar.textContent = document.body.dataset.offline;
    bar.hidden = false;
    lost = true;
    if (source?.readyState !== EventSource.CLOSED) return;
    if (await gone()) location.reload();
    else connect(true);
  }, PATIENCE);
}

/** Tell whether the device answers, but not with this page: it wants to know who asks, or the page is no more. */
async function gone() {
  try {
    const reply = await fetch(location.href, { redirect: "manual" });
    return reply.type === "opaqueredirect" || reply.status === 404;
  } catch {
    return false;
  }
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) return close();
  connect(true);
  tell("list"); // the messages are compared by the device; the list is cheap to ask for
});
document.addEventListener("htmx:after:swap", () => connect());
// A fragment that was made before the end may come after it, and shows the answer as running: then it is asked for anew.
document.addEventListener("live:done", () => (followed = ""));
addEventListener("pagehide", close);
addEventListener("online", () => connect(true));
addEventListener("pageshow", () => connect());

document.addEventListener("live:status", ({ detail }) => {
  for (const lamp of document.querySelectorAll("[data-lamp]")) {
    lamp.dataset.state = detail.state;
    lamp.title = detail.text;
  }
  for (const model of document.querySelectorAll("[data-model]")) if (detail.model) model.textContent = detail.model;
  for (const text of document.querySelectorAll("[data-status]")) text.textContent = detail.text;
});

document.addEventListener("live:list", () => {
  const list = document.getElementById("conversations");
  const busy = list?.querySelector(".rename, details[open]") || document.querySelector("[data-search] input").value;
  if (list && !busy) htmx.ajax("GET", "/c/list", { target: list, swap: "innerMorph" });
});

connect();
