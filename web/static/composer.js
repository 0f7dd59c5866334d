// Where messages are written: grows with the text, keeps it safe, takes files, and turns into Stop.

const form = document.getElementById("composer");
const text = document.getElementById("text");
const stop = document.getElementById("stop");
const room = document.getElementById("room");
const chips = document.getElementById("chips");
const files = form.querySelector("[type=file]");
const token = form.elements.csrf.value;
const byTouch = matchMedia("(pointer: coarse)");

let kept = `draft:${form.dataset.draft || "new"}`;
let sent = { text: "", chips: [] };
let saving = 0;
let measuring = 0;
let uploads = 0;

/** Send a form as htmx does, and return the fragment that comes back, or null after saying what went wrong. */
async function send(address, body) {
  try {
    const reply = await fetch(address, { method: "POST", body, headers: { "HX-Request": "true", "X-CSRF-Token": token } });
    const html = await reply.text();
    if (reply.ok) return html;
    document.getElementById("notices").innerHTML = html;
  } catch {
    document.dispatchEvent(new CustomEvent("htmx:error"));
  }
  return null;
}

function grow() {
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + 2}px`;
}

/** Whether there is something to send, and nothing in the way of it. */
function ready() {
  const something = text.value.trim() || chips.querySelector("[name=attachments]");
  return something && !uploads && !form.dataset.running && form.getAttribute("aria-busy") !== "true";
}

function refresh() {
  const running = document.querySelector("#thread [data-state=running]")?.dataset.message ?? "";
  if (running) {
    form.dataset.running = running;
    stop.action = `/m/${running}/stop`;
  } else delete form.dataset.running;
  form.querySelector(".send").disabled = !ready();
  text.required = !chips.children.length;
}

// The draft lies in this browser at once, and on the device a moment later, so that other devices have it too.

function keep() {
  if (text.value) localStorage.setItem(kept, text.value);
  else localStorage.removeItem(kept);
  clearTimeout(saving);
  if (form.dataset.draft) saving = setTimeout(save, 1000);
}

async function save() {
  const written = text.value;
  const body = new URLSearchParams({ text: written });
  try {
    const reply = await fetch(`/c/${form.dataset.draft}/draft`, { method: "POST", body, headers: { "X-CSRF-Token": token } });
    if (reply.ok && localStorage.getItem(kept) === written) localStorage.removeItem(kept);
  } catch {
    saving = setTimeout(save, 5000);
  }
}

/** Ask how much of the context this takes, once it is more than a few lines. */
function measure() {
  clearTimeout(measuring);
  if (text.value.length < 1000 && !chips.children.length) return void (room.textContent = "");
  measuring = setTimeout(async () => {
    const body = new FormData(form);
    body.delete("files");
    const html = await send("/c/measure", body);
    if (html !== null) room.innerHTML = html;
  }, 600);
}

text.addEventListener("input", () => {
  grow();
  keep();
  measure();
  refresh();
});

text.addEventListener("keydown", (event) => {
  const composing = event.isComposing || event.keyCode === 229;
  if (event.key !== "Enter" || event.shiftKey || composing || (byTouch.matches && !event.ctrlKey)) return;
  event.preventDefault();
  if (ready()) form.requestSubmit();
});

form.addEventListener("submit", (event) => {
  if (ready()) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("htmx:before:request", ({ target }) => {
  if (target !== form) return;
  form.setAttribute("aria-busy", "true");
  sent = { text: text.value, chips: [...chips.children] };
  clearTimeout(saving);
  refresh();
});

document.addEventListener("htmx:after:request", ({ target, detail }) => {
  if (target !== form || !detail.ctx.response || detail.ctx.response.status >= 400) return;
  clearTimeout(saving);
  localStorage.removeItem(kept);
  const begun = detail.ctx.hx.redirect?.match(/^\/c\/(\w+)/);
  if (begun) kept = `draft:${begun[1]}`;
  if (text.value.startsWith(sent.text)) text.value = text.value.slice(sent.text.length); // what was added meanwhile
  for (const chip of sent.chips) chip.remove();
  room.textContent = "";
  if (text.value) keep();
  document.querySelector("#thread > .welcome")?.remove();
  grow();
});

document.addEventListener("htmx:finally:request", ({ target, detail }) => {
  if (target !== form || detail.ctx.hx?.redirect) return; // while the next page comes, nothing is sent from this one
  form.removeAttribute("aria-busy");
  refresh();
});

document.addEventListener("htmx:after:swap", ({ detail }) => {
  refresh();
  measure();
  if (detail?.ctx?.sourceElement === form) document.dispatchEvent(new CustomEvent("composer:sent"));
});

// Back from the conversation that this page began: it would still believe that it is sending.
addEventListener("pageshow", ({ persisted }) => persisted && form.ariaBusy && location.reload());

stop.addEventListener("submit", (event) => {
  event.preventDefault();
  send(stop.action, new FormData(stop));
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && form.dataset.running && !document.querySelector("dialog[open]")) stop.requestSubmit();
});

// Files: chosen, dropped or pasted.

async function attach(list) {
  for (const file of list) {
    const body = new FormData();
    body.append("files", file, file.name);
    body.append("conversation", form.dataset.draft);
    uploads += 1;
    form.classList.add("uploading");
    refresh();
    const html = await send("/attachments", body);
    uploads -= 1;
    if (html !== null) {
      chips.insertAdjacentHTML("beforeend", html);
      htmx.process(chips);
    }
  }
  form.classList.toggle("uploading", uploads > 0);
  refresh();
  measure();
}

files.addEventListener("change", async () => {
  const list = [...files.files];
  files.value = "";
  await attach(list);
});

text.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  attach([...event.clipboardData.files]);
});

const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
addEventListener("dragover", (event) => {
  if (!carriesFiles(event)) return;
  event.preventDefault();
  form.classList.add("drop");
});
addEventListener("dragleave", (event) => event.relatedTarget || form.classList.remove("drop"));
addEventListener("drop", (event) => {
  form.classList.remove("drop");
  if (!carriesFiles(event)) return;
  event.preventDefault();
  attach([...event.dataTransfer.files]);
});

document.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (!example) return;
  event.preventDefault();
  text.value = example.innerText.trim();
  text.dispatchEvent(new Event("input"));
  text.focus();
});

if (text.value === text.defaultValue) text.value = localStorage.getItem(kept) ?? text.value; // else typed already
grow();
measure();
refresh();
