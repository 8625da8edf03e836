// An erasure without grace, to the receipt that a person keeps.

import assert from 'node:assert/strict';
import { enter, inspect, open, run, stage, tell } from './browser.mjs';

await run(async () => {
  const page = await open();
  await enter(page, stage.tokens.ada);
  const own = () => page.evaluate(async (token) => {
    const response = await fetch('/orders', { headers: { authorization: `Bearer ${token}` } });
    return response.status;
  }, stage.tokens.ada);
  assert.equal(await own(), 200);
  const section = page.locator('#erasure');
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.getByRole('button', { name: 'Delete my data…' }).click();
  await page.getByText('This begins at once and cannot be undone.').waitFor();
  await tell('hold');
  await page.getByLabel('Type DELETE to confirm').fill('DELETE');
  await page.keyboard.press('Enter');
  await section.getByRole('progressbar').waitFor();
  await inspect(page, 'erasing');
  await tell('release');
  await section.getByText(/^Done. Your data was deleted on/).waitFor();
  await section.getByText('5 records about you were deleted. 3 stay, for the reasons below.').waitFor();
  await section.getByRole('heading', { name: 'Keep your receipt' }).waitFor();
  await inspect(page, 'receipt');

  const [receipt] = await Promise.all([
    page.waitForEvent('download'),
    section.getByRole('button', { name: 'Save the receipt' }).click(),
  ]);
  assert.match(receipt.suggestedFilename(), /^adieu-receipt-[0-9a-f-]{36}\.jws$/);
  await receipt.saveAs(`${stage.downloads}/receipt.jws`);
  const opening = await section.locator('code').textContent();
  assert.match(opening, /^[\w-]{43}$/);
  console.log(`opening ${opening}`);
  assert.equal(await own(), 401, 'the token is good no longer on the host');

  await page.getByRole('button', { name: 'Check again what is held' }).click();
  await page.getByText('We hold nothing about you that could be deleted.').or(page.getByText('0 records about you')).first().waitFor();
});
