// The whole way with a keyboard alone.

import assert from 'node:assert/strict';
import { enter, focused, open, picture, run, stage } from './browser.mjs';

/** Goes on with the tabulator until the focus is on something that says this. */
async function tabTo(page, text) {
  for (let n = 0; n < 60; n += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const one = document.activeElement;
      const said = one.labels?.[0]?.textContent ?? one.textContent;
      const box = one.getBoundingClientRect();
      const style = getComputedStyle(one.closest('.choice') ?? one);
      return { said: said.trim(), seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2, height: box.height };
    });
    if (at.said.startsWith(text)) {
      assert.ok(at.seen, `the focus on ${text} is seen`);
      return at;
    }
  }
  assert.fail(`${text} is not reached; the focus is on ${await focused(page)}`);
  return undefined;
}

await run(async () => {
  const page = await open();
  await enter(page, stage.tokens.ada);
  await page.keyboard.press('Tab');
  assert.equal(await focused(page), 'Skip to the content');
  await picture(page, 'skip', {});
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');

  await tabTo(page, 'Shop');
  await page.keyboard.press('Enter');
  await page.getByText('To send you what you bought').waitFor();
  await tabTo(page, 'To read');
  await page.keyboard.press('ArrowDown');
  assert.ok(await page.getByRole('radio', { name: /As tables/ }).isChecked());
  const start = await tabTo(page, 'Prepare my copy');
  assert.ok(start.height >= 44, 'large enough for a finger');
  await page.keyboard.press('Space');
  await page.getByText('Your copy is ready.').first().waitFor();
  await tabTo(page, 'Download');
  const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  assert.equal(await download.failure(), null);

  await tabTo(page, 'Show what would be deleted');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'What would happen' }).waitFor();
  await tabTo(page, 'Delete my data…');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await page.keyboard.type('DELETE');
  // The dialog keeps the focus to itself.
  for (const text of ['Go back', 'Delete my data']) await tabTo(page, text);
  await page.keyboard.press('Enter');
  await page.locator('#erasure').getByText('Your data will be deleted from').waitFor();
  await tabTo(page, 'Keep my data');
  await page.keyboard.press('Enter');
  await page.locator('#erasure').getByText('You cancelled the deletion').waitFor();
  assert.equal(await focused(page), 'Have your data deleted');

  // Twice as large, nothing is cut off and nothing scrolls sideways.
  await page.setViewportSize({ width: 640, height: 450 });
  await page.evaluate(() => { document.documentElement.style.fontSize = '200%'; });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.ok(wide <= 0, `${wide} px too wide`);
  const narrow = await page.evaluate(() => Math.min(...[...document.querySelectorAll('dd')].map((one) => one.clientWidth).filter(Boolean)));
  assert.ok(narrow > 200, `a text is ${narrow} px wide`);
  await picture(page, 'zoomed');
});
