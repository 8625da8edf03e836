// Somebody of the company looks at requests first: a person sees that it waits, that it takes longer, that it was refused, that it goes on.

import assert from 'node:assert/strict';
import { enter, inspect, open, run, stage } from './browser.mjs';

/** What an operator does with the request that waits. */
async function operator(action, body) {
  const call = (method, path, sent) => fetch(`${stage.base}/privacy/v1/operator/requests${path}`, {
    method,
    headers: { authorization: `Bearer ${stage.tokens.olga}`, 'content-type': 'application/json' },
    body: sent && JSON.stringify(sent),
  });
  const { requests } = await (await call('GET', '?status=awaiting_confirmation')).json();
  assert.equal(requests.length, 1, 'one request waits');
  const response = await call('POST', `/${requests[0].id}/${action}`, body);
  assert.ok(response.ok, `${action}: ${response.status} ${await response.text()}`);
}

await run(async () => {
  const page = await open();
  await enter(page, stage.tokens.ada);
  const [exports, erasure, requests] = ['#export', '#erasure', '#requests'].map((part) => page.locator(part));
  const looked = 'Somebody looks at your request first. You do not have to do anything.';

  // An export that takes longer, and is withdrawn.
  await page.getByRole('button', { name: 'Prepare my copy' }).click();
  await exports.getByText(looked).waitFor();
  await requests.getByText('To be confirmed').waitFor();
  await inspect(page, 'awaiting');
  await operator('extend', { reason: 'complexity' });
  await page.reload();
  await requests.getByText('We need more time than usual, because your request is complex.').waitFor();
  await inspect(page, 'extended');
  await exports.getByRole('button', { name: 'Withdraw this request' }).click();
  await requests.getByText('Cancelled').waitFor();

  // One that is refused while the page is open.
  await page.getByRole('button', { name: 'Prepare my copy' }).click();
  await exports.getByText(looked).waitFor();
  await operator('refuse', { code: 'identity_not_verified' });
  await exports.getByText('We cannot do what you asked for:').waitFor();
  await exports.getByText('We are not sure that it is you who asks. Please prove who you are, and ask again.').waitFor();
  await requests.getByText('Refused', { exact: true }).waitFor();
  await inspect(page, 'refused');

  // An erasure that goes on when it is approved.
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.getByRole('button', { name: 'Delete my data…' }).click();
  await page.getByLabel('Type DELETE to confirm').fill('DELETE');
  await page.getByRole('dialog').getByRole('button', { name: 'Delete my data' }).click();
  await erasure.getByText(looked).waitFor();
  await erasure.getByText('Until then you can change your mind.').waitFor();
  await erasure.getByRole('button', { name: 'Keep my data' }).waitFor();
  await inspect(page, 'erasure-awaiting');
  await operator('approve');
  await erasure.getByText('Done. Your data was deleted on').waitFor();
  await requests.getByText('Done', { exact: true }).waitFor();
});
