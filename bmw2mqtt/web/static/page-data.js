// The page on which the owner chooses what a car sends: copies the helper, reads its result

import { $, copyText, t } from "./page-parts.js";

const RESULT = /bmw2mqtt-selection:1:offered=(\d+),before=(\d+),now=(\d+),refused=(\d+),untried=(\d+)/;
const SHOWN_MS = 2000;

$("copy-console").addEventListener("click", async ({ target }) => {
  const before = target.textContent;
  try {
    await copyText($("console").value);
    target.textContent = t("Copied");
    $("announcement").textContent = t("Copied");
    setTimeout(() => { target.textContent = before; }, SHOWN_MS);
  } catch (error) {
    $("notice").textContent = error.message;
  }
});

// The helper belongs on BMW's page; here it would only say so
$("bookmarklet").addEventListener("click", (event) => {
  event.preventDefault();
  $("announcement").textContent = t("Drag this link to your bookmarks, and click it on BMW’s page.");
  $("outcome").textContent = t("Drag this link to your bookmarks, and click it on BMW’s page.");
});

function outcome(text) {
  const found = RESULT.exec(text);
  if (!found) return [t("This is not the text of the helper. Copy all of it: it begins with bmw2mqtt-selection."), "bad"];
  const [offered, before, count, refused, untried] = found.slice(1).map(Number);
  const lines = [t("BMW offers {offered} values, {count} are selected now, {added} of them new.", { offered, count, added: count - before })];
  if (refused) lines.push(t("{refused} are not for this car.", { refused }));
  if (untried) lines.push(t("{untried} were not tried: click the bookmark once more.", { untried }));
  lines.push(t("Now lock or unlock the car once. The first values arrive within minutes."));
  return [lines.join(" "), "good"];
}

$("check-result").addEventListener("click", () => {
  const [text, kind] = outcome($("result").value);
  $("outcome").textContent = text;
  $("outcome").className = `message ${kind}`;
});
