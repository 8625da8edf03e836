// The whole way of an erasure: seen, confirmed, cancelled in its grace period.

import assert from 'node:assert/strict';
import { announced, enter, focused, inspect, open, run, stage } from './browser.mjs';

await run(async () => {
  const page = await open();
  await enter(page, stage.tokens.ada);
  const section = page.locator('#erasure');
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.getByRole('heading', { name: 'What would happen' }).waitFor();
  assert.equal(await focused(page), 'What would happen');
  await page.getByText('5 records about you would be deleted. 3 would stay, for the reasons below.').first().waitFor();
  for (const text of ['Will be deleted', 'Has to stay', 'Stays, without what points to you', 'What we cannot reach']) {
    await section.getByRole('heading', { name: text }).waitFor();
  }
  await section.getByText('Because of tax law (the law requires it). The first until 22 November 2032, the last until 2 November 2036.').waitFor();
  await section.getByText('Nothing is deleted for 14 days.').waitFor();
  await inspect(page, 'preview');

  await page.getByRole('button', { name: 'Delete my data…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Delete your data?' });
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), 'confirm-word');
  await inspect(page, 'confirm');
  await page.getByLabel('Type DELETE to confirm').fill('REMOVE');
  await dialog.getByRole('button', { name: 'Delete my data' }).click();
  await dialog.getByText('This is not the word. Please type DELETE.').waitFor();
  assert.equal(await page.getByLabel('Type DELETE to confirm').getAttribute('aria-invalid'), 'true');
  await inspect(page, 'confirm-wrong');
  await dialog.getByRole('button', { name: 'Delete my data' }).click();
  assert.ok(await dialog.isVisible(), 'a wrong word goes nowhere');
  await page.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  assert.equal(await focused(page), 'Delete my data…');

  await page.getByRole('button', { name: 'Delete my data…' }).click();
  assert.equal(await page.getByLabel('Type DELETE to confirm').inputValue(), '');
  await page.getByLabel('Type DELETE to confirm').fill('delete ');
  await dialog.getByRole('button', { name: 'Delete my data' }).click();
  await section.getByText('Your data will be deleted from').waitFor();
  assert.equal(await focused(page), 'Have your data deleted');
  await page.locator('#requests').getByText('Planned').waitFor();
  await inspect(page, 'scheduled');

  await section.getByRole('button', { name: 'Keep my data' }).click();
  await section.getByText('You cancelled the deletion that you asked for before. Nothing was deleted.').waitFor();
  await page.locator('#requests').getByText('Cancelled').waitFor();
  assert.match(await announced(page).textContent(), /Nothing was deleted|Cancelled/);
  await inspect(page, 'cancelled');
});
