// A running answer as it grows. Committed blocks come as HTML and stay; text flows into the open block after them.

const FRAME = 50; // milliseconds between two changes of the page
const thread = document.getElementById("thread");
const scroller = document.getElementById("scroller");
const jump = document.getElementById("jump");
const announcer = document.getElementById("announcer");

let queue = [];
let timer = 0;
let phase = "";
let ended = ""; // the answer whose end is not announced yet
let following = true; // whether the reader is at the end
let top = 0; // where the reader was

const fed = new WeakSet(); // the answers that have been told here from the beginning
const running = () => [...thread.children].findLast((message) => message.dataset.state === "running");

/** Change the page at most every FRAME milliseconds, just before it is painted. */
function later(name, detail) {
  queue.push([name, detail]);
  timer ||= setTimeout(() => requestAnimationFrame(write), FRAME);
}

function write() {
  const events = queue;
  queue = [];
  timer = 0;
  const article = running();
  if (!article || !events.length) return; // it was written at the end of the answer already
  const part = new Part(article);
  for (const [name, detail] of events) part[name](detail);
  part.commit();
  follow();
}

/** The changes to one answer, gathered so that each place is written once. */
class Part {
  constructor(article) {
    this.article = article;
    this.answer = article.querySelector("[data-answer]");
    this.blocks = []; // HTML of each, and whether it goes on with the block before
    this.html = null; // of the open block, when it is another than on the page
    this.text = "";
    this.thought = "";
  }
  block({ html }, more = false) {
    this.blocks.push([html, more]);
    this.tail({ html: "" });
  }
  more(detail) {
    this.block(detail, true);
  }
  tail({ html }) {
    this.html = html;
    this.text = "";
  }
  delta({ text }) {
    this.text += text;
  }
  think({ text }) {
    this.thought += text;
  }
  commit() {
    const open = opened(this.answer) ?? this.#open();
    for (const [html, more] of this.blocks) {
      if (more) rows(open.previousElementSibling).append(nodes(html));
      else open.before(nodes(html));
    }
    if (this.html !== null) open.innerHTML = this.html;
    if (this.text) append(open.querySelector(".tail") ?? open, this.text);
    if (this.thought) think(this.article, this.thought);
  }
  #open() {
    const open = document.createElement("div");
    open.className = "open";
    open.dataset.open = "";
    this.answer.append(open);
    return open;
  }
}

/** The place of the open block, which comes last: looking for it must not take longer in a long answer. */
const opened = (answer) => (answer.lastElementChild?.matches("[data-open]") ? answer.lastElementChild : null);

/** What the items of a list or the rows of a table are in. */
const rows = (block) => (block.matches(".table") ? block.querySelector("tbody") : block);

function nodes(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  tell("dress", template.content);
  return template.content;
}

const tell = (name, detail) => document.dispatchEvent(new CustomEvent(`live:${name}`, { detail }));

function append(place, text) {
  if (place.lastChild?.nodeType === Node.TEXT_NODE) place.lastChild.appendData(text);
  else place.append(text);
}

function think(article, text) {
  const details = article.querySelector(".thinking");
  details.hidden = false;
  append(details.querySelector("[data-thought]"), text);
}

/** Say what is going on: always beside the answer, and aloud when it changes. */
function show(article, detail) {
  const place = article.querySelector("[data-phase]");
  if (!place) return;
  place.dataset.phase = detail.phase;
  place.querySelector("[data-phase-text]").textContent = detail.text;
  const bar = place.querySelector("progress");
  bar.hidden = !detail.progress;
  bar.value = detail.progress ?? 0;
  const news = detail.phase === "queued" ? detail.text : detail.phase;
  if (news !== phase) announcer.textContent = detail.text;
  const label = article.querySelector("[data-thinking-label]");
  label.textContent = detail.phase === "thinking" ? thread.dataset.thinking : thread.dataset.thought;
  phase = news;
}

/** Keep the end in view for those who were there; others get a button that leads to it. */
function follow() {
  if (following && thread.querySelector(".message")) scroller.scrollTop = scroller.scrollHeight;
  jump.hidden = following;
}

// What has grown since the page was scrolled to its end is no reason to stop there: only who scrolls up stays behind.
scroller.addEventListener("scroll", () => {
  const rest = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  following = rest < 60 || (following && scroller.scrollTop >= top);
  top = scroller.scrollTop;
  jump.hidden = following;
}, { passive: true });

jump.addEventListener("click", () => {
  following = true;
  follow();
});

for (const name of ["block", "more", "tail", "delta", "think"]) {
  document.addEventListener(`live:${name}`, ({ detail }) => later(name, detail));
}

document.addEventListener("live:snapshot", ({ detail }) => {
  const article = document.getElementById(`m-${detail.message}`);
  if (article?.dataset.state !== "running") return; // begun after this page was made: `thread` brings it
  queue = [];
  fed.add(article);
  article.querySelector("[data-answer]").innerHTML = `${detail.html}<div class="open" data-open>${detail.open}</div>`;
  article.querySelector("[data-thought]").textContent = detail.thinking;
  article.querySelector(".thinking").hidden = !detail.thinking;
  show(article, detail);
  tell("dress", article);
  follow();
});

document.addEventListener("live:state", ({ detail }) => {
  const article = document.getElementById(`m-${detail.message}`);
  if (article) show(article, detail);
});

// An answer that was told to its end is on the page already, and stays; what is missing is what comes around it.
document.addEventListener("live:done", async ({ detail }) => {
  const article = document.getElementById(`m-${detail.message}`);
  if (!article) return;
  write();
  phase = "";
  article.removeAttribute("hx-morph-skip");
  article.dataset.ending = "";
  ended = article.id;
  const answer = article.querySelector("[data-answer]");
  const kept = detail.state !== "" && fed.has(article);
  if (kept) opened(answer)?.remove();
  answer.toggleAttribute("hx-morph-skip", kept);
  const address = `/m/${detail.message}${kept ? "?kept=1" : ""}`;
  await htmx.ajax("GET", address, { source: article, target: article, swap: "outerMorph" });
  delete article.dataset.ending;
});

document.addEventListener("live:thread", async ({ detail }) => {
  const { conversation } = thread.dataset;
  const busy = document.querySelector("#composer[aria-busy=true], #thread form.edit");
  if (!conversation || conversation !== detail.conversation || busy) return;
  htmx.ajax("GET", `/c/${conversation}/thread`, { target: thread, swap: "innerMorph" });
});

// New messages: whoever sends one wants to see it.
document.addEventListener("htmx:after:swap", () => {
  follow();
  const state = document.getElementById(ended)?.dataset.state;
  if (!state || state === "running") return;
  announcer.textContent = thread.dataset[state] ?? thread.dataset.complete;
  ended = "";
});
document.addEventListener("composer:sent", () => {
  following = true;
  follow();
});

// An address that names a message is of a search, unless it is the last one, which was just asked for.
const named = location.hash && document.getElementById(location.hash.slice(1));
if (!named || named === thread.lastElementChild) follow();
