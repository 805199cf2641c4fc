// Sharing, deleting, and more pictures as one scrolls. Without it the page still shows and searches.

import { announce, complain, post, words } from "./net.js";

const cards = document.getElementById("cards");
const further = document.getElementById("further");
let loading = false;

cards?.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  const card = button?.closest(".card");
  if (!card) return;
  button.disabled = true;
  await (button.hasAttribute("data-share") ? share(card, button) : remove(card));
  button.disabled = false;
});

async function share(card, button) {
  const shared = button.getAttribute("aria-pressed") !== "true";
  const answer = await post(`/gallery/${card.dataset.job}/${card.dataset.index}/share`, { shared });
  if (!answer.ok) return complain(answer.problem);
  button.setAttribute("aria-pressed", String(shared));
  announce(button.innerText);
}

async function remove(card) {
  if (!confirm(words.delete)) return;
  const answer = await post(`/room/jobs/${card.dataset.job}/delete`, {});
  if (!answer.ok) return complain(answer.problem);
  for (const each of cards.querySelectorAll(`[data-job="${card.dataset.job}"]`)) each.remove();
}

async function more() {
  if (loading || further.hidden) return;
  loading = true;
  try {
    const query = new URL(further.querySelector("a").href).search;
    const answer = await fetch(`/gallery/more${query}`);
    if (!answer.ok) return;
    const next = await answer.json();
    cards.insertAdjacentHTML("beforeend", next.html);
    further.querySelector("a").href = `/gallery?${next.further}`;
    further.hidden = !next.further;
  } finally {
    loading = false;
  }
}

if (cards) new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && more(), { rootMargin: "600px" }).observe(further);
