// Taking a copy along.

const FORMATS = ['zip', 'csv', 'json'];
let wantsAnother = false;

function showExport(place, request) {
  const archive = request?.links.archive;
  if (request?.status === 'awaiting_confirmation') {
    fill(place, note('warn', say('requests.looked_at')), cancelButton(request, say('export.cancel'), say('export.cancelled')));
  } else if (request && !isOver(request)) {
    fill(place, element('p', {}, say('export.running')), progressOf(request));
  } else if (archive && !wantsAnother && Date.parse(request.archive_expires_at) > Date.now()) {
    fill(place,
      note('good', element('p', { class: 'strong' }, say('export.ready')),
        element('p', {}, say('export.ready_until', { size: size(request.archive_bytes), date: moment(request.archive_expires_at) }))),
      request.exceptions.length > 0 && exceptionsOf(request),
      element('div', { class: 'actions' },
        downloadButton(request, 'primary'),
        button(say('export.another'), () => {
          wantsAnother = true;
          showExport(place, request);
          goTo(part('export-title'));
        }, 'quiet')));
  } else {
    fill(place,
      element('p', {}, say('export.lead')),
      request?.status === 'failed' && note('bad', say('export.failed')),
      request?.status === 'blocked' && blockersOf(request.blockers),
      exportForm());
  }
}

function exportForm() {
  const wrong = element('p', { class: 'wrong', role: 'alert' });
  const choices = FORMATS.map((format) => element('label', { class: 'choice' },
    element('input', { type: 'radio', name: 'format', value: format, checked: format === FORMATS[0] }),
    element('span', { class: 'name' }, say(`export.format.${format}`)),
    element('span', { class: 'why' }, say(`export.format.${format}.why`))));
  const start = element('button', { type: 'submit', class: 'primary' }, say('export.start'));
  let key = newKey();
  return element('form', {
    onsubmit: (event) => {
      event.preventDefault();
      const format = new FormData(event.currentTarget).get('format');
      busy(start, async () => {
        wrong.textContent = '';
        try {
          const request = await ask('POST', api('/v1/requests'), { body: { kind: 'export', format }, key });
          wantsAnother = false;
          announce(say('export.running'));
          requestSeen(request);
          goTo(part('export-title'));
        } catch (problem) {
          if (problem.code === 'export_unfinished') return load();
          // Only what may have arrived is sent again under the same name.
          if (!problem.passes) key = newKey();
          failed(problem, wrong);
        }
      });
    },
  },
  element('fieldset', { class: 'choices' }, element('legend', {}, say('export.which')), choices),
  wrong,
  element('div', { class: 'actions' }, start));
}

/**
 * A button that hands the archive to the browser, which writes it to disk as it comes. The browser follows a link and
 * cannot send a token, so a cookie for this one archive is asked for first.
 */
function downloadButton(request, kind) {
  const wrong = element('p', { class: 'wrong', role: 'alert' });
  const pressed = button(say('export.download'), () => busy(pressed, async () => {
    wrong.textContent = '';
    try {
      await call('POST', `${request.links.self}/download`, { cookie: true });
      element('a', { href: request.links.archive, download: '' }).click();
      announce(say('export.downloading'));
    } catch (problem) {
      if (problem.code === 'archive_gone') load();
      failed(problem, wrong);
    }
  }), kind);
  pressed.append(element('span', { class: 'unseen' }, ` ${say('requests.of', { date: moment(request.created_at) })}`));
  return element('div', { class: 'download' }, pressed, wrong);
}

/** What is missing, and why. */
function exceptionsOf(request) {
  return element('details', { class: 'exceptions' },
    element('summary', {}, count('requests.exceptions', request.exceptions.length)),
    element('ul', {}, request.exceptions.map((one) => element('li', {},
      element('strong', {}, one.collection ? page.names.collection(one.connector, one.collection) : page.names.system(one.connector)),
      ' – ', sentence(one.reason)))));
}

