// A large archive: the browser writes it to disk as it comes, and the page never holds it.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { enter, open, run, stage } from './browser.mjs';

await run(async () => {
  const page = await open();
  const cdp = await page.context().newCDPSession(page);
  const heap = async () => {
    await cdp.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize = 0 } = await cdp.send('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  };
  await enter(page, stage.tokens.ada);
  await page.getByRole('button', { name: 'Prepare my copy' }).click();
  await page.getByText('Your copy is ready.').first().waitFor({ timeout: 120_000 });
  await page.locator('#export').getByText(/^1\d\d MB, to be downloaded until/).waitFor();
  const before = await heap();
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.locator('#export').getByRole('button', { name: /^Download/ }).click(),
  ]);
  const file = `${stage.downloads}/large.zip`;
  await download.saveAs(file);
  const grown = await heap() - before;
  assert.ok(grown < 16 << 20, `the page grew by ${grown} bytes`);

  // The receipt names what was downloaded.
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  const sha256 = hash.digest('hex');
  const claims = await page.evaluate(async (token) => {
    const headers = { authorization: `Bearer ${token}` };
    const { requests } = await (await fetch('/privacy/v1/requests', { headers })).json();
    const jws = await (await fetch(requests[0].links.receipt, { headers })).text();
    return JSON.parse(atob(jws.split('.')[1].replace(/-/g, '+').replace(/_/g, '/')));
  }, stage.tokens.ada);
  assert.equal(claims.archive.sha256, sha256);
});
