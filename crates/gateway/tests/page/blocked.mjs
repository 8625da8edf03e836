// Something has to be settled first; and names that a system chose are shown as they are, and do nothing.

import assert from 'node:assert/strict';
import { enter, inspect, open, run, stage, tell } from './browser.mjs';

await run(async () => {
  const page = await open();
  const dialogs = [];
  page.on('dialog', (dialog) => { dialogs.push(dialog.message()); dialog.dismiss(); });
  await enter(page, stage.tokens.ada);
  assert.equal(await page.locator('img').count(), 0);
  await page.locator('summary').first().click();
  await page.getByText('<img src=x onerror=alert(2)>').first().waitFor();
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  const section = page.locator('#erasure');
  await section.getByText('Something has to be settled first:').waitFor();
  await section.getByText('An invoice is not paid yet; <img src=x onerror=alert(1)> pay it first.').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Delete my data…' }).count(), 0);
  assert.equal(await page.locator('img').count(), 0);
  await inspect(page, 'blocked');
  await tell('unblock');
  await page.getByRole('button', { name: 'Leave it as it is' }).click();
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.getByRole('button', { name: 'Delete my data…' }).waitFor();
  assert.deepEqual(dialogs, []);
});
