// How a running request gets on.

const views = new Map();

/** A view of a running request; `progressSeen` keeps it true. */
function progressOf(request) {
  const bar = element('progress', { max: '1', 'aria-label': say('progress.label') });
  const line = element('p', { class: 'line' });
  const hint = element('p', { class: 'hint', hidden: true });
  const view = { bar, line, hint, request: null, done: new Set(), records: new Map(), told: Date.now() };
  views.set(request.id, view);
  progressSeen(request, null);
  return element('div', { class: 'progress' }, bar, line, hint);
}

function progressSeen(request, what) {
  const view = views.get(request.id);
  if (!view) return;
  if (request !== view.request) {
    // It stands written how far it was; what comes now is more.
    view.request = request;
    view.done.clear();
    view.hint.hidden = !(request.next_at && Date.parse(request.next_at) > Date.now());
    if (!view.hint.hidden) view.hint.textContent = say('progress.waiting', { date: moment(request.next_at) });
  }
  const key = what?.collection && `${what.connector}/${what.collection}`;
  if (what?.event === 'records') {
    view.records.set(key, what.records);
    if (what.done) view.done.add(key);
    view.hint.hidden = true;
  } else if (what?.event === 'step_failed') {
    view.hint.hidden = false;
    view.hint.textContent = say('progress.trouble', { name: page.names.collection(what.connector, what.collection) });
  }
  const known = page.map.connectors.reduce((sum, connector) => sum + connector.collections.length, 0);
  const total = Math.max(request.progress.collections, known, 1);
  const done = Math.min(request.progress.collections_done + view.done.size, total);
  const heard = [...view.records.values()].reduce((sum, records) => sum + records, 0);
  const records = Math.max(request.progress.records, heard);
  if (done > 0 || records > 0) view.bar.value = done / total;
  else view.bar.removeAttribute('value');
  view.line.textContent = done === 0 && records === 0
    ? say('progress.begins')
    : count('progress.line', records, { done: number(done), total: number(total) });
  if (Date.now() - view.told > 5000) {
    view.told = Date.now();
    announce(view.line.textContent);
  }
}

