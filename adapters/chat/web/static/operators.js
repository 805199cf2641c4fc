// The page asks how the house is every two seconds while it is looked at, and turns the switches.

import { morph } from "./morph.js";

const EVERY = 2000;
const status = document.getElementById("status");
const live = status.textContent;
const words = JSON.parse(document.body.dataset.words);

function show(html) {
  const fresh = new DOMParser().parseFromString(html, "text/html").getElementById("live");
  if (fresh) morph(document.getElementById("live"), document.adoptNode(fresh));
}

async function ask(path, options) {
  try {
    const answer = await fetch(path, options);
    if (answer.status === 401 || answer.status === 403) return location.reload();
    if (!answer.ok) throw new Error(String(answer.status));
    show(await answer.text());
    if (status.textContent !== live) status.textContent = live;
  } catch {
    status.textContent = words.lost;
  }
}

document.querySelector("main").addEventListener("click", async (event) => {
  const button = event.target.closest("[data-switch]");
  if (!button) return;
  const on = button.getAttribute("aria-pressed") !== "true";
  button.disabled = true;
  await ask(`/moderation/operations/switches/${button.dataset.switch}`, {
    method: "POST",
    headers: { "content-type": "application/json", "x-imagine-token": document.body.dataset.token },
    body: JSON.stringify({ on }),
  });
  for (const each of document.querySelectorAll("[data-switch]")) each.disabled = false;
});

setInterval(() => document.hidden || ask("/moderation/operations/live"), EVERY);
document.addEventListener("visibilitychange", () => document.hidden || ask("/moderation/operations/live"));
