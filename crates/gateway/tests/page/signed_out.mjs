// Nobody is logged in, or not any more, or not lately; the network is gone; too much was asked.

import assert from 'node:assert/strict';
import { announced, enter, focused, home, inspect, open, run, stage, tell } from './browser.mjs';

await run(async () => {
  // Without a token there is nothing but the way in, which leads back here.
  let page = await open();
  await page.goto(home);
  await page.getByRole('heading', { name: 'Please sign in' }).waitFor();
  const link = page.getByRole('link', { name: 'Sign in' });
  assert.equal(await link.getAttribute('href'), `/login?next=${encodeURIComponent(home)}`);
  assert.equal(await page.locator('#parts').isVisible(), false);
  await inspect(page, 'signed-out');

  // Something that is no token is not kept.
  await page.goto(`${home}#token=nonsense`);
  await page.getByRole('heading', { name: 'Your sign-in is not valid here' }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.equal(page.url(), home);

  // Another link in the same tab is another person.
  await page.goto(`${home}#token=${stage.tokens.ada}`);
  await page.locator('#parts').waitFor();
  assert.equal(page.url(), home);
  await page.context().close();

  // The host's own session cookie is enough.
  page = await open();
  await page.context().addCookies([{ name: 'session', value: stage.tokens.ada, url: stage.base, httpOnly: true, sameSite: 'Lax' }]);
  await page.goto(home);
  await page.locator('#parts').waitFor();
  await page.getByRole('button', { name: 'Prepare my copy' }).click();
  await page.getByText('Your copy is ready.').first().waitFor();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('#export').getByRole('button', { name: /^Download/ }).click(),
  ]);
  assert.equal(await download.failure(), null);
  await page.context().close();

  // Another person's cookie beside a token that was handed over changes nothing about whose page it is.
  page = await open();
  await page.context().addCookies([{ name: 'session', value: stage.tokens.eve, url: stage.base, httpOnly: true, sameSite: 'Lax' }]);
  await enter(page, stage.tokens.ada);
  await page.locator('#requests').getByText('A copy of your data').waitFor();
  await page.context().close();

  // A login that is too old is told before anything is typed, and when it gets too old meanwhile, after it.
  page = await open();
  await enter(page, stage.tokens.stale);
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.getByText('To delete your data, please sign in once more').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Delete my data…' }).count(), 0);
  await inspect(page, 'stale-login');
  await page.getByRole('button', { name: 'Leave it as it is' }).click();
  assert.equal(await focused(page), 'Have your data deleted');
  await page.context().close();

  page = await open();
  await enter(page, stage.tokens.steady);
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.getByRole('button', { name: 'Delete my data…' }).click();
  await tell('ahead/700');
  await page.getByLabel('Type DELETE to confirm').fill('DELETE');
  await page.keyboard.press('Enter');
  await page.locator('#erasure').getByText('To delete your data, please sign in once more').waitFor();
  await page.locator('#erasure').getByRole('link', { name: 'Sign in' }).waitFor();
  await page.context().close();

  // A token that runs out while the page is open.
  page = await open();
  await enter(page, stage.tokens.steady);
  await tell('ahead/90000');
  await page.getByRole('button', { name: 'Show what would be deleted' }).click();
  await page.getByRole('heading', { name: 'Your sign-in has run out' }).waitFor();
  assert.equal(await focused(page), 'Your sign-in has run out');
  assert.match(await announced(page).textContent(), /run out/);
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await inspect(page, 'expired');
  await page.context().close();
});
