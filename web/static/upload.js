// Sends an update with a meter and a way to stop; without scripts the form is sent as it is.

const BEGINNING = 1 << 19; // bytes in which a file says what it is and who has signed it
const form = document.getElementById("upload");
const [file, apply, shown] = [form.elements.file, form.querySelector(".button:not([type])"), form.lastElementChild];
const told = shown.previousElementSibling;
const [meter, text, cancel] = ["progress", "p", "button"].map((name) => shown.querySelector(name));
const numbers = new Intl.NumberFormat(document.documentElement.lang, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const size = (bytes) => (bytes < 1 << 30 ? `${numbers.format(bytes / 2 ** 20)} MiB` : `${numbers.format(bytes / 2 ** 30)} GiB`);
let stop = new AbortController();

function show(sending) {
  shown.hidden = !sending;
  file.disabled = apply.disabled = sending;
  if (sending) cancel.focus();
  else apply.focus();
}

function progress(done, total) {
  const { sending, sent } = form.dataset;
  if (done < total) meter.value = done / total;
  else meter.removeAttribute("value");
  cancel.hidden = done >= total; // from then on the device alone decides
  text.textContent = done < total ? sending.replace("{done}", size(done)).replace("{total}", size(total)) : sent;
}

/** Send something to the device; resolves once that has answered. */
function post(address, body) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how far it is
    request.open("POST", address);
    request.setRequestHeader("X-CSRF-Token", form.elements.csrf.value);
    request.setRequestHeader("HX-Request", "true");
    if (body instanceof FormData) request.upload.onprogress = (event) => progress(event.loaded, event.total);
    request.onload = () => resolve(request);
    request.onerror = reject;
    request.onabort = () => resolve(null);
    stop.signal.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}

/** Show what the device has answered; tells whether it goes on. */
function answered(reply) {
  const address = reply?.getResponseHeader("HX-Redirect");
  if (address) {
    location.assign(address);
    if (reply.status < 400) location.reload(); // another part of the same page is none to load
  } else if (reply?.status >= 400) {
    told.innerHTML = reply.responseText;
  } else return Boolean(reply);
  return false;
}

function leaving(event) {
  event.preventDefault();
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const whole = new FormData(form);
  stop = new AbortController();
  told.replaceChildren();
  show(true);
  progress(0, file.files[0].size || 1);
  addEventListener("beforeunload", leaving);
  try {
    const welcome = answered(await post("/updates/check", file.files[0].slice(0, BEGINNING)));
    const reply = welcome && (await post(form.action, whole));
    removeEventListener("beforeunload", leaving);
    if (reply) answered(reply);
  } catch {
    told.innerHTML = '<p class="notice bad" role="alert"></p>';
    told.firstChild.textContent = form.dataset.cut;
  }
  removeEventListener("beforeunload", leaving);
  show(false);
});
cancel.addEventListener("click", () => stop.abort());
