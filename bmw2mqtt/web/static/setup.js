// The setup works without this script. It adds: pages that update by themselves, copying, a countdown,
// and the check of the client ID while it is typed.
const LIVE_MS = 2000;
const UUID = /^[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}$/i;
let clockOffsetMs = 0;

async function update() {
  const main = document.querySelector("main[data-live]");
  if (!main || document.hidden) return;
  let response;
  try {
    response = await fetch(location.href, { headers: { Accept: "text/html" } });
  } catch {
    return; // it is starting again
  }
  if (response.redirected) return location.replace(response.url);
  if (!response.ok) return;
  const date = Date.parse(response.headers.get("Date"));
  if (date) clockOffsetMs = date - Date.now();
  const next = new DOMParser().parseFromString(await response.text(), "text/html");
  const fresh = next.getElementById("main");
  if (!fresh || fresh.dataset.live === main.dataset.live) return;
  const hadFocus = main.contains(document.activeElement);
  document.title = next.title;
  const title = next.getElementById("title").textContent;
  main.replaceWith(fresh);
  if (hadFocus) fresh.focus();
  document.getElementById("announcement").textContent = title;
  tick();
}

function tick() {
  for (const element of document.querySelectorAll("[data-expires]")) {
    const left = Math.max(0, Math.round((Date.parse(element.dataset.expires) - Date.now() - clockOffsetMs) / 1000));
    element.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  }
}

// The clipboard's own interface exists only with HTTPS and on this machine
async function copy(element) {
  if (navigator.clipboard) return navigator.clipboard.writeText(element.textContent);
  getSelection().selectAllChildren(element);
  document.execCommand("copy");
}

function check(input) {
  const result = document.getElementById("client-check");
  const text = input.value.replace(/[\s{}"']/g, "");
  const isExample = /^[0-]+$/.test(text) && UUID.test(text);
  const kind = !text ? "" : isExample ? "example" : UUID.test(text) ? "good" : "short";
  result.className = `check-result ${kind && (kind === "good" ? "good" : "bad")}`;
  const said = kind ? result.dataset[kind] : "";
  if (result.textContent !== said) result.textContent = said;
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await copy(document.getElementById(button.dataset.copy));
  const before = button.textContent;
  button.textContent = button.dataset.copied;
  document.getElementById("announcement").textContent = button.dataset.copied;
  setTimeout(() => { button.textContent = before; }, 2000);
});

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (!button?.dataset.busy) return;
  button.textContent = button.dataset.busy;
  button.setAttribute("aria-busy", "true");
});

// A page from the browser's history has its buttons back
window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });

const input = document.querySelector("[data-check]");
if (input) {
  input.addEventListener("input", () => check(input));
  if (!input.hasAttribute("aria-invalid")) check(input); // else the answer of the server is there
}
document.querySelector("[aria-invalid]")?.focus();
tick();
setInterval(tick, 1000);
setInterval(update, LIVE_MS);
