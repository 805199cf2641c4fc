// The viewer and the forms. Each opens as a modal dialog and gives the focus back when it closes.

import { appealButton, complain, post } from "./net.js";

const find = (id) => document.getElementById(id);

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
  });
}

// Back closes a dialog and stays on the page: while one is open the history has an entry of its own.
let goingBack = false;
const isOpen = () => document.querySelector("dialog[open]") !== null;

function show(dialog) {
  dialog.showModal();
  if (!goingBack && !history.state?.dialog) history.pushState({ dialog: true }, "");
}

addEventListener("popstate", () => {
  if (!goingBack) for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  else if (isOpen()) history.pushState({ dialog: true }, "");
  goingBack = false;
});

for (const dialog of document.querySelectorAll("dialog")) {
  dialog.addEventListener("close", () => {
    if (goingBack || isOpen() || !history.state?.dialog) return;
    goingBack = true;
    history.back();
  });
}

export const help = () => show(find("help"));

// -- one picture at a time

const viewer = find("viewer");
let shown = [];
let at = 0;

export function enlarge(link) {
  shown = [...link.closest(".pictures").querySelectorAll("a.enlarge")];
  at = shown.indexOf(link);
  for (const button of viewer.querySelectorAll("[data-move]")) button.hidden = shown.length < 2;
  look();
  show(viewer);
  viewer.querySelector("[data-close]").focus();
}

function look() {
  const small = shown[at].querySelector("img");
  const large = viewer.querySelector("img");
  large.src = shown[at].href;
  large.alt = small.alt;
  large.width = small.getAttribute("width");
  large.height = small.getAttribute("height");
  large.classList.toggle("small", shown[at].closest(".small") !== null);
  viewer.querySelector(".caption").textContent = small.alt;
  const download = viewer.querySelector("a");
  const beside = shown[at].parentElement.querySelector(".download");
  download.href = beside.href;
  download.setAttribute("download", beside.getAttribute("download"));
}

function move(step) {
  if (shown.length < 2) return;
  at = (at + step + shown.length) % shown.length;
  look();
}

viewer.addEventListener("click", (event) => {
  const step = event.target.dataset.move;
  if (step) move(Number(step));
});
viewer.addEventListener("keydown", (event) => {
  if (event.key === "ArrowLeft") move(-1);
  if (event.key === "ArrowRight") move(1);
});

// -- forms

function open(dialog, onSubmit) {
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector(".problem");
  problem.hidden = true;
  form.onsubmit = async (event) => {
    event.preventDefault();
    const button = form.querySelector("[type=submit]");
    button.disabled = true;
    const answer = await onSubmit(Object.fromEntries(new FormData(form)));
    button.disabled = false;
    if (answer.ok) return dialog.close();
    problem.textContent = answer.problem;
    if (answer.decision) problem.append(" ", appealButton(answer.decision));
    problem.hidden = false;
  };
  show(dialog);
}

export async function vary(job) {
  const answer = await fetch(`/room/jobs/${job}/request`);
  const request = await answer.json();
  if (!answer.ok) return complain(request.problem);
  const form = find("vary").querySelector("form");
  form.reset();
  for (const [name, value] of Object.entries(request)) if (form.elements[name]) form.elements[name].value = value;
  open(find("vary"), (values) => post(`/room/jobs/${job}/vary`, values));
  form.elements.prompt.focus();
}

export function report(job, thread) {
  const dialog = find("report");
  const form = dialog.querySelector("form");
  const pictures = [...thread.querySelectorAll("figure.shot")];
  form.reset();
  dialog.querySelector("fieldset").hidden = pictures.length < 2;
  dialog.querySelector(".choices").replaceChildren(...pictures.map(choice));
  dialog.querySelector(".all input").checked = true;
  open(dialog, async ({ picture, reason }) => {
    const sent = await post(`/room/jobs/${job}/report`, { reason, picture: picture ? Number(picture) : null });
    if (sent.ok) complain(sent.said, { good: true });
    return sent;
  });
  form.elements.reason.focus();
}

export function appeal(decision, words) {
  const dialog = find("appeal");
  const form = dialog.querySelector("form");
  form.reset();
  dialog.querySelector("blockquote").textContent = words;
  open(dialog, async ({ reason }) => {
    const sent = await post("/room/appeals", { decision, reason });
    if (sent.ok) complain(sent.said, { good: true });
    return sent;
  });
  form.elements.reason.focus();
}

function choice(figure) {
  const label = document.createElement("label");
  const input = document.createElement("input");
  const image = document.createElement("img");
  const small = figure.querySelector("img");
  Object.assign(input, { type: "radio", name: "picture", value: figure.dataset.index });
  Object.assign(image, { src: small.currentSrc || small.src, alt: small.alt });
  label.append(input, image);
  return label;
}

find("help-button").addEventListener("click", help);

