// Completion in the message box: commands, options with their ranges, and the values that can be chosen.

const commands = JSON.parse(document.body.dataset.commands);
const options = JSON.parse(document.body.dataset.options);
const LONG_DASH = /^(--|[\u2012-\u2015\u2212]{1,2})/;

// What could stand at the caret: [{insert, label, about, range}], and where the word begins that it replaces.
export function suggestions(text, caret) {
  const before = text.slice(0, caret);
  if (/^\/\S*$/.test(before)) {
    const typed = before.toLowerCase();
    const fitting = commands.filter((command) => command.name.startsWith(typed) && command.name !== typed);
    const longer = fitting.map((command) => ({ insert: command.name + " ", label: command.name, about: command.help }));
    return { from: 0, choices: longer };
  }
  if (!/^\s*\/imagine\s/i.test(before)) return { from: 0, choices: [] };
  const word = /\S*$/.exec(before)[0];
  const from = caret - word.length;
  if (LONG_DASH.test(word)) return { from, choices: optionsLike(word.replace(LONG_DASH, "").toLowerCase(), before) };
  return { from, choices: valuesFor(before.slice(0, from), word.toLowerCase()) };
}

function optionsLike(typed, before) {
  const used = new Set([...before.matchAll(/(?:--|[\u2012-\u2015])(\w+)\s/g)].map((match) => match[1].toLowerCase()));
  return options
    .filter((option) => option.names.some((name) => name.startsWith(typed)))
    .filter((option) => option.name === "no" || !option.names.some((name) => used.has(name)))
    .map((option) => ({ insert: `--${option.name} `, label: `--${option.name}`, about: option.help, range: option.range }));
}

function valuesFor(before, typed) {
  const match = /(?:--|[\u2012-\u2015])(\w+)\s+$/.exec(before);
  const option = match && options.find((each) => each.names.includes(match[1].toLowerCase()));
  if (!option) return [];
  const fitting = option.values.filter((value) => value.toLowerCase().startsWith(typed) && value.toLowerCase() !== typed);
  if (fitting.length) return fitting.map((value) => ({ insert: `${value} `, label: value, about: "", range: option.range }));
  return typed || option.values.length ? [] : [{ insert: "", label: `--${option.name}`, about: option.help, range: option.range }];
}

export class Completion {
  constructor(box, list) {
    this.box = box;
    this.list = list;
    this.choices = [];
    this.active = -1;
    this.from = 0;
    box.addEventListener("input", () => this.show());
    box.addEventListener("click", () => this.show());
    box.addEventListener("blur", () => setTimeout(() => document.activeElement !== box && this.close(), 150));
    list.addEventListener("mousedown", (event) => {
      event.preventDefault();
      const item = event.target.closest("li");
      if (item) this.take([...list.children].indexOf(item));
    });
  }

  get isOpen() {
    return !this.list.hidden;
  }

  show() {
    const { from, choices } = suggestions(this.box.value, this.box.selectionStart);
    this.from = from;
    this.choices = choices;
    this.list.replaceChildren(...choices.map((choice, index) => item(choice, index)));
    this.list.hidden = choices.length === 0;
    this.mark(-1);
  }

  close() {
    this.list.hidden = true;
    this.mark(-1);
  }

  mark(index) {
    this.active = index;
    [...this.list.children].forEach((each, at) => each.setAttribute("aria-selected", String(at === index)));
    const chosen = this.list.children[index];
    if (chosen) {
      this.box.setAttribute("aria-activedescendant", chosen.id);
      chosen.scrollIntoView({ block: "nearest" });
    } else this.box.removeAttribute("aria-activedescendant");
  }

  take(index) {
    const choice = this.choices[index];
    if (!choice?.insert) return;
    this.box.setRangeText(choice.insert, this.from, this.box.selectionStart, "end");
    this.box.dispatchEvent(new Event("input", { bubbles: true }));
    this.box.focus();
  }

  // True where the key was for the list. Enter takes only what was chosen with the arrows: else it sends.
  key(event) {
    if (!this.isOpen || event.isComposing) return false;
    const last = this.choices.length - 1;
    if (event.key === "ArrowDown") this.mark(this.active >= last ? 0 : this.active + 1);
    else if (event.key === "ArrowUp") this.mark(this.active <= 0 ? last : this.active - 1);
    else if (event.key === "Escape") this.close();
    else if (event.key === "Tab" && !event.shiftKey && this.choices[Math.max(this.active, 0)].insert) this.take(Math.max(this.active, 0));
    else if (event.key === "Enter" && this.active >= 0 && this.choices[this.active].insert) this.take(this.active);
    else return false;
    event.preventDefault();
    return true;
  }
}

function item(choice, index) {
  const made = document.createElement("li");
  made.id = `choice-${index}`;
  made.setAttribute("role", "option");
  made.append(part("code", choice.label), part("span", choice.about, "about"), part("span", choice.range ?? "", "range"));
  return made;
}

function part(tag, text, name) {
  const made = document.createElement(tag);
  made.textContent = text;
  if (name) made.className = name;
  return made;
}
