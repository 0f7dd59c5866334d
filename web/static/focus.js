// Where the keyboard is, when a part of the page is replaced: as near as possible to where it was.

const byTouch = matchMedia("(pointer: coarse)");
let place = null;

/** Describe the focused control by the message or conversation that it belongs to. */
function remember() {
  const focused = document.activeElement;
  if (focused === document.body || focused.id) return;
  const versions = [...document.querySelectorAll(".versions")].indexOf(focused.closest(".versions"));
  place = { holder: focused.closest("[id^=m-], [id^=c-]")?.id, versions, list: Boolean(focused.closest("#conversations")) };
}

function candidates() {
  const holder = document.getElementById(place.holder);
  return [
    document.querySelectorAll(".versions")[place.versions]?.querySelector("button"),
    holder?.querySelector("summary:not([hidden] > *), .actions a, .actions button:not([data-copy-message])"),
    place.list && document.querySelector("#toasts button"),
    composer(),
  ];
}

const composer = () => document.querySelector(byTouch.matches ? "#scroller" : "#text");

document.addEventListener("htmx:before:request", remember);
document.addEventListener("pointerdown", () => (place = null));
document.addEventListener("htmx:after:swap", () => {
  document.querySelector(".rename input:focus")?.select();
  if (!place || document.activeElement !== document.body) return;
  candidates().find((candidate) => candidate)?.focus({ preventScroll: true });
  place = null;
});

// The button that ends an answer is gone a moment after it was pressed.
document.getElementById("stop")?.addEventListener("submit", ({ submitter }) => {
  if (submitter) composer().focus({ preventScroll: true });
});

// Escape leaves what is being changed in its place.
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || event.isComposing) return;
  const changed = event.target.closest?.("form.edit, form.rename");
  if (!changed) return;
  event.stopImmediatePropagation();
  if (changed.matches(".edit")) changed.querySelector("a").click();
  else htmx.ajax("GET", "/c/list", { target: document.getElementById("conversations"), swap: "innerHTML" });
}, true);

// A conversation that was renamed, here or elsewhere, has its new title everywhere on the page.
document.addEventListener("htmx:after:swap", () => {
  const heading = document.querySelector(".chat-head h1");
  const title = document.querySelector("#conversations [aria-current=page]")?.textContent;
  if (!heading || !title || heading.textContent === title) return;
  document.title = document.title.replace(heading.textContent, () => title);
  heading.textContent = title;
});

// Who has just asked goes on writing; an address that names a message takes the focus away when it is loaded.
const asked = document.querySelector("#thread > .assistant:last-child");
if (asked && `#${asked.id}` === location.hash && !byTouch.matches) {
  addEventListener("load", () => setTimeout(() => document.getElementById("text").focus({ preventScroll: true })));
}
