// What a person is told when something does not work.

import assert from 'node:assert/strict';
import { enter, focused, home, inspect, open, run, stage, tell } from './browser.mjs';

await run(async () => {
  // Offline, and back again.
  let page = await open({ expected: ['net::ERR_INTERNET_DISCONNECTED'] });
  await enter(page, stage.tokens.ada);
  await page.context().setOffline(true);
  await page.locator('#notice').getByText('You seem to be offline.').waitFor();
  await page.getByRole('button', { name: 'Prepare my copy' }).click();
  await page.locator('#export').getByText('You seem to be offline.').waitFor();
  await inspect(page, 'offline');
  await page.context().setOffline(false);
  await page.locator('#notice').getByText('You seem to be offline.').waitFor({ state: 'detached' });

  await page.context().close();

  // A scope that is missing.
  page = await open();
  await enter(page, stage.tokens.idle);
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.locator('#erasure').getByText('Your sign-in does not allow this.').waitFor();
  await page.context().close();

  // Too much was asked.
  page = await open();
  await enter(page, stage.tokens.ada);
  const refused = page.locator('#erasure').getByText(/^That was a bit often. Please wait for \d+ seconds?\.$/);
  const back = page.getByRole('button', { name: 'Leave it as it is' });
  for (let n = 0; n < 10 && await refused.count() === 0; n += 1) {
    await page.getByRole('button', { name: 'Show what would be deleted' }).click();
    await refused.or(back).waitFor();
    if (await back.count() > 0) await back.click();
  }
  await refused.waitFor();
  await inspect(page, 'too-often');
  await page.context().close();

  // Without scripts, the page says what to do.
  page = await open({ javaScriptEnabled: false });
  await page.goto(home);
  await page.locator('noscript p').waitFor();
  assert.match(await page.locator('noscript p').textContent(), /^This page needs JavaScript/);
  assert.equal(await page.locator('#parts').isVisible(), false);
  await page.context().close();
});
