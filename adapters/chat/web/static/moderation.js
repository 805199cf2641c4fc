// The moderation page: every act is one post; the view that comes back replaces what is shown.

const body = document.body;
const words = JSON.parse(body.dataset.words);
const view = document.getElementById("view");
const said = document.getElementById("said");
const problem = document.getElementById("problem");
const REFRESH = 5000;
let busy = false;
let last = "";

function tell(sentence) {
  said.textContent = sentence;
}

function complain(sentence, place = problem) {
  place.textContent = sentence;
  place.hidden = !sentence;
}

function show(html) {
  const focused = document.activeElement?.closest?.("article.item");
  const cards = [...view.querySelectorAll("article.item")];
  const place = focused ? cards.indexOf(focused) : -1;
  const shown = new Set([...view.querySelectorAll('[data-show][aria-pressed="true"]')].map((each) => each.closest("article").dataset.item));
  view.innerHTML = html;
  last = html;
  const now = [...view.querySelectorAll("article.item")];
  for (const card of now) if (shown.has(card.dataset.item)) reveal(card);
  if (place >= 0 && now.length) {
    const same = now.find((card) => card.dataset.item === focused.dataset.item);
    (same ?? now[Math.min(place, now.length - 1)]).focus({ preventScroll: Boolean(same) });
  }
}

async function post(act, values, complaints = problem) {
  if (busy) return false;
  busy = true;
  complain("", complaints);
  try {
    const answer = await fetch(act === "logout" ? "/moderation/logout" : "/moderation/act", {
      method: "POST",
      headers: { "content-type": "application/json", "x-imagine-token": body.dataset.token },
      body: JSON.stringify({ act, tenant: body.dataset.tenant, view: body.dataset.view, ...values }),
    });
    const back = await answer.json();
    if (back.html) show(back.html);
    if (back.problem) complain(back.problem, complaints);
    return answer.ok && !back.problem ? back : false;
  } catch {
    complain(words.failed, complaints);
    return false;
  } finally {
    busy = false;
  }
}

// -- the queue

function reveal(card) {
  const button = card.querySelector("[data-show]");
  if (!button) return;
  const hidden = button.getAttribute("aria-pressed") === "true";
  button.setAttribute("aria-pressed", String(!hidden));
  for (const image of card.querySelectorAll(".shots img")) image.classList.toggle("blurred", hidden);
}

function ask(dialog, card, fill) {
  const form = dialog.querySelector("form");
  form.reset();
  complain("", form.querySelector(".problem"));
  fill(form);
  dialog.dataset.item = card.dataset.item;
  dialog.showModal();
  form.querySelector("textarea").focus();
}

async function act(card, name) {
  const button = card.querySelector(`[data-act="${name}"]`);
  if (!button) return;
  card.focus({ preventScroll: true });
  if (name === "reject") {
    document.getElementById("never").hidden = !card.querySelector(".shots");
    ask(document.getElementById("reject"), card, () => {});
  }
  else if (name === "edit") ask(document.getElementById("edit"), card, (form) => (form.prompt.value = button.dataset.prompt));
  else {
    const back = await post(name, { item: card.dataset.item });
    if (back) tell(back.said);
  }
}

for (const dialog of document.querySelectorAll("dialog")) {
  const form = dialog.querySelector("form");
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const values = Object.fromEntries(new FormData(form));
    if (form.never) values.never = form.never.checked;
    const back = await post(dialog.id, { item: dialog.dataset.item, ...values }, form.querySelector(".problem"));
    if (!back) return;
    dialog.close();
    tell(back.said);
    view.querySelector("article.item")?.focus({ preventScroll: true });
  });
  for (const button of dialog.querySelectorAll("[data-reason]"))
    button.addEventListener("click", () => {
      form.reason.value = button.textContent;
      form.reason.focus();
    });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
}

const KEYS = { a: "approve", r: "reject", e: "edit", c: "claim" };

const isTyping = (event) => event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.("input, textarea, select, dialog");

// J and K from wherever one is: the first J selects the first.
function step(key, here, selector) {
  const all = [...view.querySelectorAll(selector)];
  all[all.indexOf(here) + (key === "j" ? 1 : -1)]?.focus();
}

document.addEventListener("keydown", (event) => {
  const card = event.target.closest?.("article.item");
  const key = event.key.toLowerCase();
  if (body.dataset.view !== "queue" || isTyping(event)) return;
  if (key === "j" || key === "k") step(key, card, "article.item");
  else if (!card) return;
  else if (key === "s") reveal(card);
  else if (KEYS[key]) act(card, KEYS[key]);
  else return;
  event.preventDefault();
});

// The list of people: J and K as in the queue, so that hands stay where they are.
document.addEventListener("keydown", (event) => {
  const key = event.key.toLowerCase();
  if (body.dataset.view !== "people" || (key !== "j" && key !== "k") || isTyping(event)) return;
  step(key, event.target.closest?.(".people a"), ".people a");
  event.preventDefault();
});

view.addEventListener("click", async (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const card = button.closest("article.item");
  if (button.dataset.act) act(card, button.dataset.act);
  else if ("show" in button.dataset) reveal(card);
  else if (button.dataset.remove) {
    const back = await post("remove", { id: button.dataset.remove });
    if (back) tell(back.said);
  } else if (button.dataset.change) change(JSON.parse(button.dataset.change));
});

// -- rules, people, settings

function change(rule) {
  const form = view.querySelector('[data-form="rule"]');
  for (const [name, value] of Object.entries(rule)) {
    if (form.elements[name].type === "checkbox") form.elements[name].checked = value;
    else form.elements[name].value = value;
  }
  form.scrollIntoView({ block: "start" });
  form.patterns.focus();
}

// A file is only read into the form: what is sent is what one sees.
view.addEventListener("change", async (event) => {
  const into = event.target.dataset?.into;
  const [file] = event.target.files ?? [];
  if (into && file) event.target.form.elements[into].value = await file.text();
});

view.addEventListener("submit", async (event) => {
  const form = event.target;
  const name = event.submitter?.dataset.submit ?? form.querySelector("[data-submit]")?.dataset.submit;
  if (!name) return;
  event.preventDefault();
  const values = Object.fromEntries(new FormData(form));
  for (const box of form.querySelectorAll('input[type="checkbox"]')) values[box.name] = box.checked;
  const back = await post(name, values);
  if (!back) {
    problem.scrollIntoView({ block: "nearest" });
    return;
  }
  const answer = back.html ? null : form.querySelector(".answer");
  if (answer) {
    answer.textContent = back.said;
    answer.hidden = false;
    tell("");
  } else {
    tell(back.said);
    said.scrollIntoView({ block: "nearest" });
  }
});

document.getElementById("leave").addEventListener("click", async () => {
  if (await post("logout", {})) location.assign("/moderation");
});

document.querySelector("#community select").addEventListener("change", (event) => event.target.form.submit());

// -- others decide too

async function refresh() {
  if (body.dataset.view !== "queue" || busy || document.hidden || document.querySelector("dialog[open]")) return;
  try {
    const query = new URLSearchParams({ tenant: body.dataset.tenant, view: "queue" });
    const answer = await fetch(`/moderation/view?${query}`);
    const back = await answer.json();
    if (!answer.ok) complain(back.problem);
    else if (!busy && back.html !== last) show(back.html);
  } catch {
    complain(words.offline);
  }
}

setInterval(refresh, REFRESH);
