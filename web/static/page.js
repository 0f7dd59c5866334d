// What every page can do beyond plain HTML: copying, menus, messages that go away, and keyboard shortcuts.

const root = document.documentElement;
const words = document.body.dataset;
const scratch = document.createElement("textarea");
root.classList.add("js");

/** Put text on the clipboard; pages on plain http are not given navigator.clipboard. */
async function copy(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const focused = document.activeElement;
  scratch.value = text;
  scratch.className = "visually-hidden";
  scratch.setAttribute("aria-hidden", "true");
  (focused?.closest("dialog") ?? document.body).append(scratch);
  scratch.select();
  document.execCommand("copy");
  scratch.remove();
  focused?.focus({ preventScroll: true });
}

function announce(text) {
  const status = document.getElementById("announcer");
  if (status && status.textContent !== text) status.textContent = text;
}

async function copyWith(button, text) {
  await copy(text);
  announce(words.copied);
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 1500);
}

/** The Markdown of a message, or what is to be seen of it when the device does not answer. */
async function textOf(message) {
  const shown = message.querySelector(".bubble, [data-answer]").innerText;
  try {
    const reply = await fetch(`/m/${message.id.slice(2)}/text`);
    return reply.ok ? await reply.text() : shown;
  } catch {
    return shown;
  }
}

document.addEventListener("click", async (event) => {
  const target = event.target;
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(target)) menu.open = false;
  const button = target.closest("button");
  if (!button) return;
  if (button.matches(".copy")) await copyWith(button, button.closest(".code").querySelector("code").innerText);
  else if (button.matches("[data-copy-message]")) await copyWith(button, await textOf(button.closest(".message")));
  else if (button.matches("[data-copy]")) await copyWith(button, button.dataset.copy);
  else if (button.matches("[data-dismiss]")) button.closest(".toast, .notice")?.remove();
});

/** Put a copy button on every block of code that has none. */
function dress(part) {
  for (const block of part.querySelectorAll(".code:not(:has(.copy))")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = words.copy;
    block.append(button);
  }
}

document.addEventListener("htmx:after:swap", () => dress(document));
document.addEventListener("live:dress", (event) => dress(event.detail));
dress(document);

// A request that got no answer at all; answers with an error bring their own text.
document.addEventListener("htmx:error", () => {
  const notices = document.getElementById("notices");
  const notice = document.createElement("div");
  notice.className = "notice bad";
  notice.setAttribute("role", "alert");
  notice.textContent = words.failed;
  notices?.replaceChildren(notice);
});
document.addEventListener("htmx:before:request", () => document.getElementById("notices")?.replaceChildren());

new MutationObserver((changes) => {
  for (const node of changes.flatMap((change) => [...change.addedNodes])) {
    if (node.nodeType === 1) setTimeout(() => node.remove(), 10_000);
  }
}).observe(document.getElementById("toasts"), { childList: true });

/** Leave the innermost thing that is open; tells whether there was one. */
function leave() {
  const menu = document.querySelector("details.menu[open]");
  const drawer = document.getElementById("drawer");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (drawer.checked) drawer.checked = false;
  else return false;
  return true;
}

function help() {
  const dialog = document.getElementById("help");
  if (!dialog) return void (location.href = "/help");
  htmx.ajax("GET", "/help", { target: dialog, swap: "innerHTML" });
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-help]");
  if (link) {
    event.preventDefault();
    help();
  }
  if (event.target.id === "help" || event.target.closest("#help [data-close]")) document.getElementById("help").close();
});

document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
  const command = event.ctrlKey || event.metaKey;
  if (command && key === "k") {
    document.getElementById("drawer").checked = true;
    document.querySelector("[data-search] input").focus();
  } else if ((command && event.shiftKey && key === "o") || (event.altKey && key === "n")) location.href = "/";
  else if (key === "?" && !typing) help();
  else if (key === "/" && !typing) document.getElementById("text")?.focus();
  else if (key === "escape" && leave()) event.stopImmediatePropagation();
  else return;
  event.preventDefault();
});

// A menu that opens at the end of a list is to be seen whole.
document.addEventListener("toggle", ({ target }) => {
  if (target.matches("details.menu[open]")) target.lastElementChild.scrollIntoView({ block: "nearest" });
}, true);
