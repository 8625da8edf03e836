// Asking the API, as whoever has come with a token or a cookie.

const KEPT = 'adieu.token';
let token = null;

/** Takes the token out of the address bar at once, so that it is in no history; it is kept for this tab alone. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  if (given) {
    history.replaceState(null, '', location.pathname + location.search);
    token = given;
    keep(given);
  } else {
    token ??= kept();
  }
  return Boolean(given);
}

function kept() {
  try {
    return sessionStorage.getItem(KEPT);
  } catch {
    return null;
  }
}

function keep(given) {
  try {
    sessionStorage.setItem(KEPT, given);
  } catch {
    // It lives as long as the page then.
  }
}

function dropToken() {
  token = null;
  try {
    sessionStorage.removeItem(KEPT);
  } catch {
    // It was never kept.
  }
}

/** What the API refused, by its stable code; `offline` when there was no answer. */
class Problem extends Error {
  constructor(code, status = 0, wait = null, said = {}) {
    super(code);
    this.code = code;
    this.status = status;
    this.wait = wait;
    this.said = said;
  }

  static async read(response) {
    const said = await response.json().catch(() => ({}));
    const code = String(said.type ?? '').split(':').pop() || 'other';
    const wait = Number(response.headers.get('retry-after')) || null;
    return new Problem(code, response.status, wait, said);
  }

  /** Whether nobody is logged in any more. */
  get isSignedOut() {
    return this.status === 401 && this.code !== 'insufficient_user_authentication';
  }

  /** Whether the same may well work in a while. */
  get passes() {
    return this.code === 'offline' || this.status === 429 || this.status >= 500;
  }

  /** In people's words. */
  get words() {
    if (this.status === 429) return count('problem.too_many_calls', this.wait ?? 60);
    const usual = this.status >= 500 ? say('problem.server') : say('problem.other', { code: this.code });
    return sayOr(`problem.${this.code}`, usual);
  }
}

function api(path) {
  return settings.prefix + path;
}

/**
 * One call. A token that was handed over is all that is sent: with a cookie beside it there would be two persons.
 * `cookie` says that the answer sets one.
 */
async function call(method, path, { body, key, signal, cookie = false } = {}) {
  const headers = {};
  if (token) headers.authorization = `Bearer ${token}`;
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (key) headers['idempotency-key'] = key;
  let response;
  try {
    response = await fetch(path, {
      method, headers, signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: token && !cookie ? 'omit' : 'same-origin',
      cache: 'no-store', redirect: 'error',
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem('offline');
  }
  if (!response.ok) throw await Problem.read(response);
  return response;
}

async function ask(method, path, options) {
  const response = await call(method, path, options);
  return response.json().catch(() => {
    throw new Problem('offline');
  });
}

/** Names a submission, so that it is one however often it has to be sent. */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

