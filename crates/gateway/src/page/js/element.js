// Making elements. Whatever a system said becomes text; nothing here reads HTML.

/** An element with attributes and children; `onclick` and the like are listeners, and children may be left out. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith('on')) made.addEventListener(key.slice(2), value);
    else if (typeof value === 'boolean') made.toggleAttribute(key, value);
    else if (value !== undefined && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.flat().filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

function part(id) {
  return document.getElementById(id);
}

/** Puts something in the place of all that is in a part. */
function fill(place, ...children) {
  place.replaceChildren(...children.flat().filter(Boolean));
}

function button(text, onclick, kind = '') {
  return element('button', { type: 'button', class: kind || null, onclick }, text);
}

/** A box that stands out. `kind` is `warn`, `good` or `bad`. */
function note(kind, ...children) {
  return element('div', { class: `note ${kind}` }, children.map((child) => typeof child === 'string' ? element('p', {}, child) : child));
}

/** Tells those who listen. */
function announce(text) {
  const place = part('announcement');
  if (place.textContent !== text) place.textContent = text;
}

/** Goes to a heading that an action has led to. */
function goTo(heading) {
  if (!heading) return;
  heading.setAttribute('tabindex', '-1');
  heading.focus({ preventScroll: true });
  const calm = matchMedia('(prefers-reduced-motion: reduce)').matches;
  heading.closest('.card')?.scrollIntoView({ block: 'nearest', behavior: calm ? 'instant' : 'smooth' });
}

/** Lets a button do something once at a time. */
async function busy(pressed, work) {
  if (pressed.getAttribute('aria-disabled') === 'true') return;
  pressed.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } finally {
    pressed.removeAttribute('aria-disabled');
  }
}

