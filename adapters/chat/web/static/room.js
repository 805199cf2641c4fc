// The room: what is said and drawn comes by server-sent events; what one types goes out as posts.

import { Completion } from "./complete.js";
import { appeal, enlarge, help, report, vary } from "./dialogs.js";
import { morph } from "./morph.js";
import { announce, complain, fill, me, newKey, post, reloadOnce, words } from "./net.js";

const find = (id) => document.getElementById(id);
const room = find("room");
const log = find("log");
const box = find("message");
const newer = find("newer");

// -- showing

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return [...template.content.children];
}

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

// What only this browser knows: whose an article is, and the local time.
function dress(article) {
  if (article.dataset.by === me) article.classList.add("mine");
  const time = article.querySelector("time");
  const when = new Date(time.dateTime);
  time.textContent = (Date.now() - when < 12 * 3600e3 ? clock : day).format(when);
  return article;
}

function countDown(part) {
  for (const eta of part.querySelectorAll(".eta")) {
    eta.due = eta.dataset.eta ? performance.now() + Number(eta.dataset.eta) * 1000 : null;
  }
}

function etaWords(seconds) {
  if (seconds <= 1) return words.any_moment;
  return seconds < 90 ? fill(words.seconds, { n: seconds }) : fill(words.minutes, { n: Math.round(seconds / 60) });
}

setInterval(() => {
  if (!find("offline").hidden) return; // nobody knows how it goes on
  for (const eta of log.querySelectorAll("[data-live] .eta")) {
    if (eta.due) eta.textContent = etaWords(Math.round((eta.due - performance.now()) / 1000));
  }
}, 1000);

let stuck = true;
const isAtEnd = () => room.scrollHeight - room.scrollTop - room.clientHeight < 80;
const toEnd = () => room.scrollTo({ top: find("welcome").hidden ? room.scrollHeight : 0 });

// Only a person leaves the end: what grows or shrinks above moves the scroll bar too.
let touched = 0;
for (const name of ["wheel", "touchmove", "pointerdown", "keydown"]) {
  room.addEventListener(name, () => (touched = performance.now()), { passive: true });
}
room.addEventListener("scroll", () => {
  if (isAtEnd()) stuck = true;
  else if (performance.now() - touched < 1500) stuck = false;
  if (stuck) newer.hidden = true;
}, { passive: true });
new ResizeObserver(() => stuck && toEnd()).observe(log);
new ResizeObserver(() => stuck && toEnd()).observe(room);
newer.addEventListener("click", () => { stuck = true; toEnd(); box.focus(); });

let newest = Math.max(0, ...[...log.children].map((each) => Number(each.dataset.seq)));

function showArticle({ id, seq, html }) {
  const [fresh] = parse(html).map(dress);
  const there = find(id);
  if (there) return change(there, fresh);
  if (seq <= newest) return; // older than what is loaded: it comes when one scrolls up
  newest = seq;
  find("welcome").hidden = true;
  if (fresh.classList.contains("mine")) stuck = true;
  else if (!stuck) newer.hidden = false;
  log.append(fresh);
  countDown(fresh);
  if (stuck) toEnd();
}

function change(there, fresh) {
  const wasLive = there.querySelector("[data-live]") !== null;
  const hadFocus = there.contains(document.activeElement);
  const article = morph(there, fresh);
  countDown(article);
  if (hadFocus && !article.contains(document.activeElement)) (article.querySelector(".buttons button, a") ?? box).focus();
  if (wasLive && !article.querySelector("[data-live]") && article.classList.contains("mine")) {
    const sentence = article.querySelector("figure.shot") ? words.ready : words.not_ready;
    announce(fill(sentence, { prompt: article.querySelector(".text").textContent.trim() }));
  }
}

function showProgress({ job, headline, step, steps, eta, previews }) {
  const thread = log.querySelector(`.thread[data-job="${job}"][data-live]`);
  if (!thread) return;
  thread.querySelector(".what").textContent = headline;
  const left = thread.querySelector(".eta");
  if (eta) left.dataset.eta = eta;
  else delete left.dataset.eta;
  countDown(thread);
  left.textContent = eta ? etaWords(eta) : "";
  const bar = thread.querySelector("progress");
  if (steps) Object.assign(bar, { max: steps, value: step });
  (previews ?? []).forEach((address, index) => {
    const place = thread.querySelectorAll(".place")[index];
    if (!place || !address) return;
    const image = place.querySelector("img") ?? place.appendChild(new Image());
    image.alt = "";
    image.src = address;
  });
}

function remove({ by }) {
  for (const article of log.querySelectorAll(`article[data-by="${by}"]`)) article.remove();
  if (by === me) for (const article of log.querySelectorAll("article.private")) article.remove();
}

// -- listening

let cursor = document.body.dataset.cursor;
let source = null;
let trouble = 0;
let broken = 0;

function listen() {
  source?.close();
  source = new EventSource(`/room/events?since=${cursor}`);
  const on = (name, act) =>
    source.addEventListener(name, (event) => {
      act(JSON.parse(event.data));
      if (event.lastEventId) cursor = event.lastEventId;
    });
  on("article", showArticle);
  on("progress", showProgress);
  on("gone", remove);
  on("reload", () => location.reload());
  on("here", () => {
    clearTimeout(trouble);
    broken = 0;
    online();
  });
  source.addEventListener("error", () => {
    clearTimeout(trouble);
    trouble = setTimeout(() => (find("offline").hidden = false), 1500);
    if (source.readyState === EventSource.CLOSED) setTimeout(revive, Math.min(1000 * 2 ** broken++, 15000));
  });
}

const isConnected = () => source?.readyState === EventSource.OPEN;

function online() {
  if (!find("offline").hidden) announce(words.online);
  find("offline").hidden = true;
}

// The server said no to the stream: either it is starting, or this page belongs to a session that is no more.
async function revive() {
  const answer = await fetch("/room/older?before=0").catch(() => null);
  if (answer?.status === 403) reloadOnce();
  else listen();
}

// A browser has six connections for one host: pages out of sight leave theirs to others.
let resting = 0;
const loaded = Date.now();
const LINKS_HOLD = 6 * 3600e3; // at least; a page older than this has pictures that no longer open

document.addEventListener("visibilitychange", () => {
  clearTimeout(resting);
  if (!document.hidden && Date.now() - loaded > LINKS_HOLD) return location.reload();
  if (document.hidden) resting = setTimeout(() => { source?.close(); source = null; }, 10000);
  else if (!source) listen();
});

// -- older messages

let loading = false;

async function loadOlder() {
  const older = find("older");
  if (loading || older.dataset.more === "0") return;
  loading = true;
  try {
    const answer = await fetch(`/room/older?before=${older.dataset.more}`);
    const { html, more } = await answer.json();
    room.style.overflowAnchor = "none";
    const height = room.scrollHeight - room.scrollTop;
    const articles = parse(html).map(dress);
    log.prepend(...articles);
    articles.forEach(countDown);
    room.scrollTop = room.scrollHeight - height;
    room.style.overflowAnchor = "";
    older.dataset.more = more;
    older.hidden = more === 0;
  } catch {
    complain(words.offline);
  }
  loading = false;
}

new IntersectionObserver((seen) => seen[0].isIntersecting && loadOlder(), { root: room, rootMargin: "600px" }).observe(find("older"));
find("older").addEventListener("click", loadOlder);

// -- sending

const completion = new Completion(box, find("choices"));

function grow() {
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight + 2}px`;
}

function write(text) {
  box.value = text;
  box.dispatchEvent(new Event("input", { bubbles: true }));
  box.focus();
}

box.addEventListener("input", () => {
  grow();
  sessionStorage.draft = box.value;
});
box.addEventListener("keydown", (event) => {
  if (completion.key(event) || event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    find("composer").requestSubmit();
  }
});
find("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = box.value;
  if (!text.trim()) return box.focus();
  completion.close();
  if (!mayGo(text)) return box.focus();
  box.value = "";
  grow();
  sessionStorage.draft = "";
  if (HELP.test(text)) return help();
  send(text, lost.get(text) ?? newKey());
});

const HELP = /^\s*\/(imagine[\s-]+)?help\s*$/i;
const mayGo = (text) => !/^\s*\/imagine-forget(\s|$)/i.test(text) || confirm(words.forget_sure);

// Words that did not get out stand below the others until they do.
function keepInSight(key, text) {
  if (document.querySelector(`#unsent [data-key="${key}"]`)) return;
  const shown = document.createElement("div");
  shown.dataset.key = key;
  for (const [name, said] of [["text", text], ["note", words.unsent]]) {
    shown.append(Object.assign(document.createElement("p"), { className: name, textContent: said }));
  }
  find("unsent").append(shown);
  find("welcome").hidden = true;
  announce(words.unsent);
  toEnd();
}

const goneOut = (key) => document.querySelector(`#unsent [data-key="${key}"]`)?.remove();

// Unsent words outlive a reload, and go out with the key they had.
const unsent = new Map(JSON.parse(sessionStorage.unsent ?? "[]"));
const lost = new Map(); // words whose answer never came, and the key they went out with
const remember = () => (sessionStorage.unsent = JSON.stringify([...unsent]));

async function send(text, key) {
  unsent.set(key, text);
  remember();
  complain("");
  stuck = true;
  const late = setTimeout(() => keepInSight(key, text), 4000);
  let answer;
  do {
    answer = await post("/room/messages", { text, key }, () => {
      find("offline").hidden = false;
      keepInSight(key, text);
    });
  } while (answer.status === 0 && (!isConnected() || box.value));
  clearTimeout(late);
  if (answer.status === 403) {
    reloadOnce(); // and what is unsent goes out again from the new page
    return answer;
  }
  if (answer.status === 0) {
    lost.set(text, key);
    complain(words.failed);
    if (!box.value) write(text);
  } else {
    lost.delete(text);
    if (isConnected()) online();
    else if (answer.ok && !source) listen();
    if (answer.problem) complain(answer.problem);
    if ((answer.refused || !answer.ok) && !box.value) write(text);
  }
  goneOut(key);
  unsent.delete(key);
  remember();
  return answer;
}

// -- buttons

const acts = {
  send: (article) => mayGo(correction(article)) && send(correction(article), newKey()),
  edit: (article) => write(correction(article)),
  vary: (_, thread) => vary(thread.dataset.job),
  again: (_, thread, button) => press(button, thread, "again"),
  report: (_, thread) => report(thread.dataset.job, thread),
  delete: (_, thread, button) => confirm(words.gallery_delete_all) && press(button, thread, "delete"),
  cancel: (_, thread, button) => press(button, thread, "cancel"),
  appeal: (article, _, button) => appeal(button.dataset.decision, told(article, button)),
};

const told = (article, button) => (article?.querySelector(".text") ?? button.parentElement.firstChild).textContent.trim();
const correction = (article) => article.querySelector(".correction code").textContent;

async function press(button, thread, act) {
  button.disabled = true;
  const [answer] = await Promise.all([
    post(`/room/jobs/${thread.dataset.job}/${act}`, {}),
    new Promise((done) => setTimeout(done, 700)), // a second click of a double click asks for nothing
  ]);
  button.disabled = false;
  if (!answer.ok) complain(answer.problem, answer);
  else if (answer.said) complain(answer.said, { good: true });
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("a.enlarge");
  if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) {
    event.preventDefault();
    return enlarge(link);
  }
  const example = event.target.closest("[data-example]");
  if (example) {
    example.closest("dialog")?.close();
    return write(example.textContent);
  }
  const button = event.target.closest("[data-act]");
  if (!button) return;
  if (!button.closest("#problem")) complain("");
  acts[button.dataset.act](button.closest("article"), button.closest(".thread"), button);
});

// -- starting

for (const article of log.children) dress(article);
countDown(log);
if (sessionStorage.draft && !box.defaultValue) box.value = sessionStorage.draft;
grow();
toEnd();
listen();
for (const [key, text] of unsent) send(text, key);
