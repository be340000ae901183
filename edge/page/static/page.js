// Asks for the parts of a page that change, and puts them in place when their pictures are there.
"use strict";

const LONGEST_MS = 10000; // a station that does not answer is asked again after so long

function sources(element) {
  return [...element.querySelectorAll("img[src]:not([loading=lazy])")].map((image) => image.src);
}

async function loaded(address) {
  const image = new Image();
  image.src = address;
  try { await image.decode(); } catch { /* shown as it comes */ }
}

async function renew(element, before) {
  const limit = AbortSignal.timeout(LONGEST_MS);
  const answer = await fetch(element.dataset.fragment, { signal: limit, headers: { accept: "text/html" } });
  if (!answer.ok) return before;
  const text = await answer.text();
  if (text === before) return before;
  const fresh = document.createElement("template");
  fresh.innerHTML = text;
  await Promise.all(sources(fresh.content).map(loaded));
  if (element.contains(document.activeElement)) { // whoever is at a link keeps it
    const link = document.activeElement.getAttribute("href");
    element.replaceChildren(fresh.content);
    const same = link && element.querySelector(`a[href="${CSS.escape(link)}"]`);
    if (same) same.focus({ preventScroll: true });
  } else {
    element.replaceChildren(fresh.content);
  }
  return text;
}

async function follow(element) {
  let shown = "";
  for (;;) {
    await new Promise((done) => setTimeout(done, Number(element.dataset.every)));
    const hold = document.getElementById(element.dataset.heldBy || "");
    if (document.hidden || (hold && hold.checked)) continue;
    try { shown = await renew(element, shown); } catch { element.classList.add("stale"); continue; }
    element.classList.remove("stale");
  }
}

for (const element of document.querySelectorAll("[data-fragment]")) follow(element);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
  if (event.target.closest && event.target.closest("input:not([type=checkbox]), select, textarea")) return;
  const button = document.querySelector(`button[data-key="${CSS.escape(event.key)}"]`);
  if (button) button.click();
});
