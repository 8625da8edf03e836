// All that was asked for, the newest first.

function showRequests(place, requests) {
  fill(place, requests.length === 0
    ? element('p', {}, say('requests.none'))
    : element('ol', { class: 'requests' }, requests.map((request) => element('li', {}, shownRequest(request)))));
}

function kindOf(request) {
  return request.kind === 'export' ? say('requests.export') : say('requests.erasure');
}

/** Whether somebody of the company said no. */
function isRefused(request) {
  return request.status === 'blocked' && request.blockers.some((blocker) => blocker.code.startsWith('refused_'));
}

function shownRequest(request) {
  const receipt = element('div', { class: 'receipt', hidden: true });
  const state = isRefused(request) ? 'refused' : request.status;
  const dates = [
    [say('requests.asked'), request.created_at],
    !isOver(request) && request.status === 'scheduled' && [say('requests.begins'), request.execute_at],
    !isOver(request) && [say('requests.due'), request.due_at],
    request.finished_at && [say('requests.ended'), request.finished_at],
    request.links.archive && [say('requests.archive_until'), request.archive_expires_at],
  ].filter(Boolean);
  return [
    element('div', { class: 'head' },
      element('h3', {}, kindOf(request)),
      element('span', { class: `status ${state}` }, sayOr(`status.${state}`, readable(state)))),
    element('dl', {}, dates.map(([what, when]) =>
      element('div', {}, element('dt', {}, what), element('dd', {}, element('time', { datetime: when }, moment(when)))))),
    request.extension && !isOver(request) && element('p', {}, sayOr(`extension.${request.extension.reason}`, say('extension.other'))),
    request.exceptions.length > 0 && exceptionsOf(request),
    request.status === 'blocked' && blockersOf(request.blockers),
    (request.links.archive || request.links.receipt) && element('div', { class: 'actions' },
      request.links.archive && downloadButton(request, ''),
      request.links.receipt && receiptButton(request, receipt)),
    receipt,
  ].filter(Boolean);
}

/** Cancels a request of which nothing has been done. */
function cancelButton(request, text, done) {
  const wrong = element('p', { class: 'wrong', role: 'alert' });
  const pressed = button(text, () => busy(pressed, async () => {
    wrong.textContent = '';
    try {
      const cancelled = await ask('DELETE', request.links.self);
      requestSeen(cancelled);
      announce(done);
      goTo(part(`${request.kind}-title`));
    } catch (problem) {
      if (problem.code === 'state_conflict') load();
      failed(problem, wrong);
    }
  }), 'primary');
  return element('div', {}, wrong, element('div', { class: 'actions' }, pressed));
}

function receiptButton(request, place) {
  const pressed = button(say('requests.receipt'), () => busy(pressed, async () => {
    if (place.hidden) {
      try {
        await showReceipt(request, place, page.names);
      } catch (problem) {
        fill(place, element('p', { class: 'wrong', role: 'alert' }));
        failed(problem, place.firstChild);
      }
    }
    place.hidden = !place.hidden;
    pressed.setAttribute('aria-expanded', String(!place.hidden));
  }), 'quiet');
  pressed.setAttribute('aria-expanded', 'false');
  pressed.append(element('span', { class: 'unseen' }, ` ${say('requests.of', { date: moment(request.created_at) })}`));
  return pressed;
}

