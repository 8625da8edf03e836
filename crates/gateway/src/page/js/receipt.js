// The receipt: what was done, in words, and the signed file to keep.

/** What the signed text says. It came from the signer itself; whoever keeps the file can verify it offline. */
function claimsOf(jws) {
  const middle = jws.split('.')[1].replace(/-/g, '+').replace(/_/g, '/');
  const bytes = Uint8Array.from(atob(middle), (letter) => letter.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

/** Fetches the receipt of a request and shows it in a place. */
async function showReceipt(request, place, names) {
  const response = await call('GET', request.links.receipt);
  const opening = response.headers.get('adieu-receipt-opening');
  const jws = await response.text();
  const claims = claimsOf(jws);
  const rows = rowsOfReceipt(claims);
  fill(place,
    claims.kind === 'erasure' && element('p', { class: 'sum' }, summaryOf(rows, 'was')),
    outcomeLists(rows, 'was', names),
    claims.kind === 'erasure' && unreachableList(claims.connectors, names),
    element('div', { class: 'keep' },
      element('h3', {}, say('receipt.keep')),
      element('p', {}, say('receipt.why')),
      element('div', { class: 'actions' }, button(say('receipt.save'), () => saveText(jws, `adieu-receipt-${request.id}.jws`))),
      opening && [
        element('p', { id: `opening-${request.id}` }, say('receipt.opening')),
        element('p', { class: 'code' }, element('code', {}, opening)),
      ]));
}

/** One sentence that sums the rows up. */
function summaryOf(rows, tense) {
  const gone = recordsIn(rows, 'erased', 'scheduled');
  const kept = recordsIn(rows, 'retained', 'pseudonymized');
  if (gone + kept === 0) return say(`summary.nothing.${tense}`);
  const goes = count(`summary.erased.${tense}`, gone);
  return kept === 0 ? goes : `${goes} ${count(`summary.kept.${tense}`, kept)}`;
}

/** Hands a small text over as a file. */
function saveText(text, name) {
  const link = URL.createObjectURL(new Blob([text], { type: 'application/jose' }));
  element('a', { href: link, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(link), 60_000);
  announce(say('receipt.saved'));
}

