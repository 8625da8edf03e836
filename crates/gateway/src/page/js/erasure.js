// Being forgotten: the preview, the decision, the time to change one's mind, the receipt.

function showErasure(place, request) {
  if (request && !isOver(request)) {
    if (request.status === 'running') {
      fill(place, element('p', {}, say('erasure.running')), progressOf(request));
    } else {
      fill(place, waitingErasure(request));
    }
    return;
  }
  const before = pastErasure(request);
  const again = Boolean(request?.links.receipt);
  fill(place, before, again ? null : element('p', {}, say('erasure.lead')),
    previewButton(place, again ? say('erasure.again') : say('erasure.preview'), again ? 'quiet' : ''));
}

/** What came of an earlier one. */
function pastErasure(request) {
  switch (request?.status) {
    case 'completed':
    case 'completed_with_exceptions': {
      const clean = request.status === 'completed';
      const date = moment(request.finished_at);
      const receipt = element('div', { class: 'receipt' }, element('p', { class: 'loading' }, say('page.loading')));
      showReceipt(request, receipt, page.names).catch((problem) => {
        fill(receipt, element('p', { class: 'wrong', role: 'alert' }));
        failed(problem, receipt.firstChild);
      });
      return [
        note(clean ? 'good' : 'warn',
          element('p', { class: 'strong' }, clean ? say('erasure.done', { date }) : say('erasure.done_partly', { date })),
          clean && request.next_at && element('p', {}, say('erasure.checked_again', { date: dayOf(request.next_at) }))),
        receipt,
      ];
    }
    case 'blocked': return blockersOf(request.blockers);
    case 'failed': return note('bad', say('erasure.failed'));
    case 'cancelled': return note('', say('erasure.cancelled', { date: dayOf(request.finished_at ?? request.created_at) }));
    default: return null;
  }
}

/** An erasure of which nothing has been done. */
function waitingErasure(request) {
  const what = request.status === 'scheduled'
    ? say('erasure.scheduled', { date: moment(request.execute_at) })
    : say('requests.looked_at');
  return [
    note('warn', element('p', { class: 'strong' }, what), element('p', {}, say('erasure.until_then'))),
    cancelButton(request, say('erasure.cancel'), say('erasure.kept')),
  ];
}

function previewButton(place, text, kind) {
  const wrong = element('p', { class: 'wrong', role: 'alert' });
  const pressed = button(text, () => busy(pressed, async () => {
    wrong.textContent = '';
    announce(say('erasure.counting'));
    try {
      await preview(place);
    } catch (problem) {
      failed(problem, wrong);
    }
  }), kind);
  return [wrong, element('div', { class: 'actions' }, pressed)];
}

/** Asks what an erasure would do and shows it. */
async function preview(place, why = null) {
  const seen = await ask('POST', api('/v1/preview'), { body: {} });
  const rows = rowsOfPreview(seen);
  const heading = element('h3', { class: 'first' }, say('preview.title'));
  fill(place,
    heading,
    why && note('warn', why),
    element('p', { class: 'sum' }, summaryOf(rows, 'will')),
    seen.complete ? null : note('warn', say('preview.incomplete')),
    blockersOf(seen.blockers),
    outcomeLists(rows, 'will', page.names),
    unreachableList(seen.connectors, page.names),
    decision(place, seen, rows));
  announce(summaryOf(rows, 'will'));
  goTo(heading);
}

function blockersOf(blockers) {
  return blockers.length === 0 ? null : note('bad',
    element('p', { class: 'strong' }, blockers[0].code.startsWith('refused_') ? say('blocker.refused') : say('blocker.title')),
    element('ul', {}, blockers.map((blocker) => element('li', {},
      sayOr(`blocker.${blocker.code}`, sentence(blocker.advice || say('blocker.other', { code: blocker.code })))))));
}

/** The last part of a preview: to go on, or to leave it. */
function decision(place, seen, rows) {
  const back = button(say('preview.back'), () => {
    showErasure(place, newest('erasure'));
    goTo(part('erasure-title'));
  }, 'quiet');
  if (!seen.plan_token) return element('div', { class: 'actions' }, back);
  if (seen.login_required) {
    return [note('warn', say('problem.insufficient_user_authentication')), element('div', { class: 'actions' }, loginLink(), back)];
  }
  const wrong = element('p', { class: 'wrong', role: 'alert' });
  const key = newKey();
  const go = button(say('preview.go'), () => confirmErasure(seen, rows, () => busy(go, async () => {
    wrong.textContent = '';
    try {
      const request = await ask('POST', api('/v1/requests'), { body: { kind: 'erasure', plan_token: seen.plan_token }, key });
      requestSeen(request);
      announce(request.status === 'running' ? say('erasure.running') : say('erasure.until_then'));
      goTo(part('erasure-title'));
    } catch (problem) {
      await notErased(problem, place, wrong);
    }
  })), 'danger');
  return [
    seen.grace_days > 0 && element('p', {}, count('preview.grace', seen.grace_days)),
    wrong,
    element('div', { class: 'actions' }, go, back),
  ];
}

async function notErased(problem, place, wrong) {
  if (problem.code === 'erasure_unfinished') return load();
  if (problem.code === 'plan_token_expired' || problem.code === 'plan_token_used') {
    return preview(place, say('preview.old')).catch((again) => failed(again, wrong));
  }
  failed(problem, wrong);
}

