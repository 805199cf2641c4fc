// Posts that may be sent twice and count once, and small helpers.

const TRIES = [0, 800, 1500, 3000, 5000, 8000];

export const words = JSON.parse(document.body.dataset.words);
export const me = document.body.dataset.me;

export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// The answer as {status, ...}; the same key goes out until an answer comes, so a lost connection doubles nothing.
export async function post(path, values, onTrouble = () => {}) {
  const body = JSON.stringify({ key: newKey(), ...values });
  for (const wait of TRIES) {
    await pause(wait);
    try {
      const answer = await fetch(path, {
        method: "POST",
        headers: { "content-type": "application/json", "x-imagine-token": document.body.dataset.token },
        body,
      });
      if (answer.status === 502 || answer.status === 504) throw new Error("gateway");
      const said = await answer.json();
      return { status: answer.status, ok: answer.ok && !said.problem, ...said };
    } catch {
      onTrouble();
    }
  }
  return { status: 0, ok: false, problem: words.failed };
}

const status = document.getElementById("status");

// For a screen reader, beside what the page shows.
export function announce(sentence) {
  status.textContent = sentence;
}

const problem = document.getElementById("problem");
let hiding = 0;

// `decision`: what the sentence tells of, to be appealed against; then it stays until something else is said.
export function complain(sentence, { good = false, decision = "" } = {}) {
  clearTimeout(hiding);
  problem.classList.toggle("good", good);
  problem.textContent = sentence;
  problem.hidden = !sentence;
  if (decision) problem.append(" ", appealButton(decision));
  else hiding = setTimeout(() => (problem.hidden = true), good ? 5000 : 15000);
}

export function appealButton(decision) {
  const button = document.createElement("button");
  Object.assign(button, { type: "button", textContent: words.appeal });
  Object.assign(button.dataset, { act: "appeal", decision });
  return button;
}

// A page of a session that is no more is loaded again, but not over and over.
export function reloadOnce() {
  if (Date.now() - Number(sessionStorage.reloaded ?? 0) < 30000) return complain(words.stale);
  sessionStorage.reloaded = String(Date.now());
  location.reload();
}
