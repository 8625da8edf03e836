// The whole way of an export: asked for, followed, downloaded.

import assert from 'node:assert/strict';
import { announced, enter, focused, home, inspect, open, run, stage, tell } from './browser.mjs';

await run(async () => {
  const page = await open();
  await enter(page, stage.tokens.ada);
  assert.equal(page.url(), home, 'the token is out of the address bar');
  await page.getByText('You have not asked for anything yet.').waitFor();
  await inspect(page, 'begin');

  await page.locator('summary').first().click();
  await page.getByText('What it is for').first().waitFor();
  await inspect(page, 'holdings');

  await page.getByRole('radio', { name: /To read/ }).check();
  await tell('hold');
  await page.getByRole('button', { name: 'Prepare my copy' }).click();
  await page.getByRole('progressbar', { name: 'Progress' }).waitFor();
  assert.equal(await focused(page), 'Take your data with you');
  await page.getByText('Just begun…').waitFor();
  await inspect(page, 'export-running');

  // A reload loses nothing, and the kept token is enough.
  await page.reload();
  await page.getByRole('progressbar', { name: 'Progress' }).waitFor();
  await page.evaluate(() => {
    window.seen = [];
    const bar = document.querySelector('progress');
    new MutationObserver(() => window.seen.push(bar.value)).observe(bar, { attributes: true });
  });
  await tell('release');
  await page.getByText('Your copy is ready.').first().waitFor();
  const seen = await page.evaluate(() => window.seen);
  assert.ok(seen.length > 1 && seen.at(-1) > seen[0], `progress was seen: ${seen}`);
  assert.match(await announced(page).textContent(), /A copy of your data: Done/);
  await inspect(page, 'export-ready');

  const requests = [];
  page.on('request', (request) => requests.push(request));
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('#export').getByRole('button', { name: /^Download/ }).click(),
  ]);
  await download.saveAs(`${stage.downloads}/archive.zip`);
  assert.match(download.suggestedFilename(), /^adieu-export-[0-9a-f-]{36}\.zip$/);
  const archives = requests.filter((request) => request.url().endsWith('/archive'));
  assert.ok(archives.every((request) => request.resourceType() === 'document'), 'no script holds the archive');
  const [cookie] = (await page.context().cookies()).filter((one) => one.name === 'adieu-archive')
    .concat(await page.context().cookies(download.url()));
  assert.ok(cookie.httpOnly && cookie.sameSite === 'Strict' && cookie.path.endsWith('/archive'), JSON.stringify(cookie));
  assert.equal(await page.evaluate(() => document.cookie), '');

  // The receipt of an export, and a second copy as JSON.
  await page.getByRole('button', { name: /^Receipt/ }).click();
  await page.locator('#requests').getByText('In your copy').waitFor();
  await inspect(page, 'export-receipt');
  await page.getByRole('button', { name: 'Prepare another copy' }).click();
  await page.getByRole('radio', { name: /For another service/ }).check();
  await page.getByRole('button', { name: 'Prepare my copy' }).click();
  await page.getByText('Your copy is ready.').first().waitFor();
  assert.equal(await page.locator('#requests li h3').count(), 2);
  const [json] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('#export').getByRole('button', { name: /^Download/ }).click(),
  ]);
  assert.match(json.suggestedFilename(), /\.json$/);
});
