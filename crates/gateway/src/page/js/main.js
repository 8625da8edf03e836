// The page as a whole: who is there, what is known, and what is shown of it.

const page = { map: null, names: null, requests: [], followed: new Map() };

function newest(kind) {
  return page.requests.find((request) => request.kind === kind) ?? null;
}

/** Asks for everything and shows it. */
async function load() {
  part('loading').hidden = !part('parts').hidden;
  try {
    const [map, list] = await Promise.all([ask('GET', api('/v1/data-map')), ask('GET', api('/v1/requests'))]);
    page.map = map;
    page.names = titles(map);
    page.requests = list.requests;
  } catch (problem) {
    part('loading').hidden = true;
    return failed(problem, null);
  }
  fill(part('notice'));
  part('loading').hidden = true;
  part('door').hidden = true;
  part('parts').hidden = false;
  showHoldings(part('holdings'), page.map, page.names);
  show('export');
  show('erasure');
  showRequests(part('requests'), page.requests);
  page.requests.filter((request) => !isOver(request)).forEach(watch);
}

function show(kind) {
  (kind === 'export' ? showExport : showErasure)(part(kind), newest(kind));
}

/** Takes over how a request stands now. */
function requestSeen(request) {
  const at = page.requests.findIndex((known) => known.id === request.id);
  if (at < 0) page.requests.unshift(request);
  else page.requests[at] = request;
  show(request.kind);
  showRequests(part('requests'), page.requests);
  if (!isOver(request)) watch(request);
}

/** Follows an unfinished request as long as the page is open. */
function watch(request) {
  if (page.followed.has(request.id)) return;
  const stop = new AbortController();
  page.followed.set(request.id, stop);
  let shown = request;
  const seen = (latest, progress) => {
    if (latest.status !== shown.status && !isOver(latest)) requestSeen(latest);
    shown = latest;
    progressSeen(latest, progress);
  };
  follow(request, seen, stop.signal)
    .then((latest) => {
      if (stop.signal.aborted || !isOver(latest)) return;
      page.followed.delete(request.id);
      const stays = part(latest.kind).contains(document.activeElement);
      requestSeen(latest);
      announce(`${kindOf(latest)}: ${sayOr(`status.${latest.status}`, latest.status)}`);
      if (stays) goTo(part(`${latest.kind}-title`));
    })
    .catch((problem) => {
      page.followed.delete(request.id);
      failed(problem, null);
    });
}

function unfollow() {
  page.followed.forEach((stop) => stop.abort());
  page.followed.clear();
}

/** Says what went wrong: where it was asked for, or on top; or shows the way in when nobody is logged in any more. */
function failed(problem, place) {
  if (!(problem instanceof Problem)) throw problem;
  if (problem.isSignedOut) return signedOut(problem);
  if (problem.code === 'insufficient_user_authentication' && place) {
    return fill(place, problem.words, ' ', loginLink('link'));
  }
  if (place) {
    place.textContent = problem.words;
    return undefined;
  }
  return fill(part('notice'), note('warn', problem.words,
    element('div', { class: 'actions' }, button(say('problem.retry'), () => load()))));
}

/** What a person sees who is not logged in. */
function signedOut(problem) {
  const hadToken = token !== null;
  dropToken();
  unfollow();
  const reason = ['token_missing', 'token_expired', 'subject_erased'].includes(problem.code) ? problem.code : 'other';
  part('loading').hidden = true;
  part('parts').hidden = true;
  fill(part('notice'));
  part('confirm').close();
  part('door-title').textContent = say(`signed_out.${reason}.title`);
  fill(part('door-body'),
    element('p', {}, say(`signed_out.${reason}`)),
    loginLink() ? element('div', { class: 'actions' }, loginLink()) : element('p', {}, say('signed_out.no_login')));
  part('door').hidden = false;
  announce(say(`signed_out.${reason}.title`));
  if (hadToken) goTo(part('door-title'));
}

/** The way to the host's own login, which leads back here. */
function loginLink(kind = 'button primary') {
  if (!settings.login_url) return null;
  const back = encodeURIComponent(location.origin + location.pathname);
  return element('a', { class: kind, href: settings.login_url.replaceAll('{return}', back) }, say('signed_out.login'));
}

function begin() {
  if (settings.contact) {
    fill(part('contact'), `${say('page.contact')} `, element('a', { href: settings.contact.link }, settings.contact.text));
    part('contact').hidden = false;
  }
  takeToken();
  addEventListener('hashchange', () => {
    // Another link was opened in this tab: another login, and maybe another person.
    if (!takeToken()) return;
    unfollow();
    part('parts').hidden = true;
    load();
  });
  addEventListener('offline', () => fill(part('notice'), note('warn', say('problem.offline'))));
  addEventListener('online', () => load());
  load();
}

begin();
