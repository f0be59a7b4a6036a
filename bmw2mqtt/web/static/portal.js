// Selects what a car streams. It runs in the owner's own tab at BMW, from a bookmark or the console.
// The descriptors that bmw2mqtt knows are filled in where the list is empty.
(async () => {
  const WANTED = [/* WANTED */];
  const PAGE_SIZE = 10, MOST_PAGES = 60, MOST_SAVES = 60, PAUSE_MS = 150, TIMEOUT_MS = 30000;
  const old = document.getElementById("bmw2mqtt-helper");
  if (old) return;
  const german = navigator.language.startsWith("de");
  const say = (english, other) => (german ? other : english);

  const box = document.createElement("div");
  box.id = "bmw2mqtt-helper";
  box.setAttribute("role", "status");
  box.style.cssText = "position:fixed;z-index:2147483647;right:16px;bottom:16px;width:min(360px,calc(100vw - 32px));padding:16px 18px;" +
    "border-radius:12px;background:#fff;color:#18202b;font:15px/1.45 system-ui,sans-serif;box-shadow:0 6px 32px rgba(0,0,0,.35)";
  const title = document.createElement("strong"), line = document.createElement("p");
  title.textContent = "bmw2mqtt";
  line.style.margin = "6px 0 0";
  box.append(title, line);
  document.body.append(box);
  const show = (text) => { line.textContent = text; };
  const button = (text, act) => {
    const made = document.createElement("button");
    made.type = "button";
    made.textContent = text;
    made.style.cssText = "margin:10px 8px 0 0;padding:8px 14px;border:1px solid #566273;border-radius:8px;background:#fff;color:#18202b;font:inherit;cursor:pointer";
    made.addEventListener("click", act);
    box.append(made);
  };
  const end = (text) => { show(text); button(say("Close", "Schließen"), () => box.remove()); };

  const parts = location.pathname.split("/").filter(Boolean);
  const at = parts.indexOf("mapped-vehicle");
  const car = at > 0 ? parts[at + 1] : null;
  if (!car) return end(say("Open the car first: CarData, then Configure data stream. Then click the bookmark again.",
    "Öffne zuerst das Auto: CarData, dann Datenstream konfigurieren. Klicke dann das Lesezeichen noch einmal."));

  const brand = location.hostname.split(".").includes("mini") ? "mini" : "bmw";
  const root = `${location.origin}/${parts[0]}/utilities/${brand}/api/cd`;
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));

  async function request(path, attributes) {
    const body = attributes && JSON.stringify({ attributes });
    const response = await fetch(root + path, {
      method: body ? "POST" : "GET", credentials: "include", body, signal: AbortSignal.timeout(TIMEOUT_MS),
      headers: { Accept: "application/json", "x-ocp-stage": "prod", ...(body && { "Content-Type": "application/json" }) },
    });
    return { status: response.status, data: await response.json().then((json) => json.data, () => null) };
  }

  async function selection() {
    const { status, data } = await request(`/streams/${car}?includeAttributes=true`);
    // Without an answer nothing may be saved: saving replaces what is selected
    if (status === 404) return [];
    if (status !== 200 || !data || !Array.isArray(data.attributes)) throw new Error(`HTTP ${status}`);
    return data.attributes;
  }

  async function offered() {
    const found = new Set();
    for (let page = 0; page < MOST_PAGES; page += 1) {
      show(say(`Reading what BMW offers: ${found.size} …`, `Lese, was BMW anbietet: ${found.size} …`));
      const { status, data } = await request(`/catalogue?streamable=true&offset=${page * PAGE_SIZE}&q=&category=`);
      if (status !== 200 || !data || !Array.isArray(data.items)) throw new Error(`HTTP ${status}`);
      for (const item of data.items) if (item && item.id && item.streamable !== false) found.add(item.id);
      if (data.items.length < PAGE_SIZE || data.hasNextPage === false) return found;
      await pause(PAUSE_MS);
    }
    return found;
  }

  // BMW refuses a whole selection because of one value that this car does not stream: then try halves
  async function add(selected, wanted) {
    const refused = [], waiting = [wanted];
    let saves = 0;
    while (waiting.length && saves < MOST_SAVES) {
      const part = waiting.shift();
      show(say(`Saving ${part.length} values …`, `Speichere ${part.length} Werte …`));
      const { status } = await request(`/streams/${car}`, [...selected, ...part]);
      saves += 1;
      if (status >= 200 && status < 300) part.forEach((name) => selected.add(name));
      else if (status !== 500 && status !== 400) throw new Error(`HTTP ${status}`);
      else if (part.length === 1) refused.push(part[0]);
      else waiting.push(part.slice(0, part.length / 2), part.slice(part.length / 2));
      await pause(PAUSE_MS);
    }
    return { refused: refused.length, untried: waiting.flat().length };
  }

  try {
    const before = await selection(), selected = new Set(before), available = await offered();
    const wanted = WANTED.filter((name) => available.has(name) && !selected.has(name));
    const { refused, untried } = wanted.length ? await add(selected, wanted) : { refused: 0, untried: 0 };
    const result = `bmw2mqtt-selection:1:offered=${available.size},before=${before.length},now=${selected.size},refused=${refused},untried=${untried}`;
    show(say(`Done: ${selected.size} values are selected, ${selected.size - before.length} of them new. Copy this text into bmw2mqtt:`,
      `Fertig: ${selected.size} Werte sind ausgewählt, ${selected.size - before.length} davon neu. Kopiere diesen Text in bmw2mqtt:`));
    const text = document.createElement("textarea");
    text.readOnly = true;
    text.value = result;
    text.rows = 3;
    text.setAttribute("aria-label", "bmw2mqtt");
    text.style.cssText = "display:block;box-sizing:border-box;width:100%;margin-top:10px;font:13px/1.4 monospace";
    box.append(text);
    text.select();
    button(say("Copy", "Kopieren"), async () => {
      try {
        await navigator.clipboard.writeText(result);
      } catch {
        text.select();
        document.execCommand("copy");
      }
    });
    button(say("Close", "Schließen"), () => box.remove());
  } catch (error) {
    end(say(`BMW did not answer as expected (${error.message}). What was selected before is still selected. Reload the page, log in again, and click the bookmark once more.`,
      `BMW hat nicht wie erwartet geantwortet (${error.message}). Was vorher ausgewählt war, ist es noch. Lade die Seite neu, melde dich wieder an und klicke das Lesezeichen noch einmal.`));
  }
})();
