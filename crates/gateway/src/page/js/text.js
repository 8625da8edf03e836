// Words, numbers and dates, as the reader has them.

const settings = JSON.parse(document.getElementById('settings').textContent);
const plural = new Intl.PluralRules(settings.language);
const reader = navigator.languages?.length ? [...navigator.languages] : undefined;

/** The word of a key, with its placeholders filled. */
function say(key, values = {}) {
  const word = settings.words[key] ?? key;
  return word.replace(/\{(\w+)\}/g, (_, name) => name === 'company' ? settings.company : String(values[name] ?? ''));
}

/** The word of a key for so many things. */
function count(key, n, values = {}) {
  const form = `${key}.${plural.select(n)}`;
  return say(settings.words[form] ? form : `${key}.other`, { n: number(n), ...values });
}

/** The word of a key that is made of what the API says, or another word. */
function sayOr(key, other, values) {
  return settings.words[key] ? say(key, values) : other;
}

function number(n) {
  return new Intl.NumberFormat(reader).format(n);
}

/** A day: `2036-11-22` is that day everywhere. */
function day(text) {
  return new Intl.DateTimeFormat(reader, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${text}T00:00:00Z`));
}

function dayOf(instant) {
  return new Intl.DateTimeFormat(reader, { dateStyle: 'long' }).format(new Date(instant));
}

/** A point in time, where the reader is. */
function moment(instant) {
  return new Intl.DateTimeFormat(reader, { dateStyle: 'long', timeStyle: 'short' }).format(new Date(instant));
}

function size(bytes) {
  const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];
  let at = 0;
  let amount = bytes;
  while (amount >= 1000 && at < units.length - 1) {
    amount /= 1000;
    at += 1;
  }
  return new Intl.NumberFormat(reader, {
    style: 'unit', unit: units[at], unitDisplay: at === 0 ? 'long' : 'short', maximumFractionDigits: amount < 10 && at > 0 ? 1 : 0,
  }).format(amount);
}

/** A system's own name for something, as a person reads it: `order_lines` is "Order lines". */
function readable(name) {
  return begun(String(name).replace(/[_-]+/g, ' '));
}

/** The same with a capital letter. */
function begun(text) {
  const trimmed = String(text).trim();
  return trimmed.charAt(0).toLocaleUpperCase() + trimmed.slice(1);
}

/** What a system says, as a sentence. */
function sentence(text) {
  const said = begun(text);
  return /[.!?…]$/.test(said) ? said : `${said}.`;
}

