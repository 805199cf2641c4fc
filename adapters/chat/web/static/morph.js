// Makes one element look like another while keeping what is the same: focus, loaded pictures and transitions survive.

export function morph(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || differ(old, fresh)) {
    old.replaceWith(fresh);
    return fresh;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return old;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const children = [...fresh.childNodes];
  children.forEach((child, index) => {
    const there = old.childNodes[index];
    if (there) morph(there, child);
    else old.append(child);
  });
  while (old.childNodes.length > children.length) old.lastChild.remove();
  return old;
}

// Two buttons or pictures in the same place are different things when they do or show something else.
function differ(old, fresh) {
  return ["data-act", "data-index"].some((name) => old.getAttribute?.(name) !== fresh.getAttribute?.(name));
}
