// What every script of these tests needs: a browser that notes whatever must not happen, and pictures of what it shows.

import assert from 'node:assert/strict';
import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const require = createRequire(`${process.env.ADIEU_TEST_NODE}/`);
const { chromium } = require('playwright-core');
const axeSource = await readFile(require.resolve('axe-core/axe.min.js'), 'utf8');

/** What the test has set up: `base`, `tokens`, `downloads`, `shots`. */
export const stage = JSON.parse(process.env.ADIEU_TEST_STAGE);
export const home = `${stage.base}/privacy`;

export const DESKTOP = { width: 1280, height: 900 };
export const PHONE = { width: 360, height: 740 };

const browser = await chromium.launch({
  executablePath: process.env.ADIEU_TEST_CHROMIUM,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/** What happened in any page that must not: each is a failure in the end. */
const wrongs = [];

/** A page of its own, which nobody has logged in to. `expected` are texts of console errors that belong to the test. */
export async function open({ viewport = DESKTOP, scheme = 'light', expected = [], ...options } = {}) {
  const context = await browser.newContext({
    viewport, colorScheme: scheme, reducedMotion: 'reduce', acceptDownloads: true, locale: 'en-GB', timezoneId: 'Europe/Berlin',
    ...options,
  });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  // A refusal of the API is noted by the browser itself; it is what these tests are about.
  const usual = /^Failed to load resource: the server responded with a status of (400|401|403|404|409|410|429|503)/;
  page.on('console', (message) => {
    const text = message.text();
    if (['error', 'warning'].includes(message.type()) && !usual.test(text) && !expected.some((one) => text.includes(one))) {
      wrongs.push(`console: ${text}`);
    }
  });
  page.on('pageerror', (error) => wrongs.push(`error: ${error.message}`));
  page.on('request', (request) => {
    const url = request.url();
    if (!url.startsWith(`${stage.base}/`) && !/^(data|blob):/.test(url)) wrongs.push(`another origin: ${url}`);
    if (url.includes('eyJ')) wrongs.push('a token stands in a URL');
  });
  await page.exposeFunction('noteViolation', (what) => wrongs.push(`policy: ${what}`));
  await page.addInitScript(() => {
    addEventListener('securitypolicyviolation', (event) => window.noteViolation(`${event.effectiveDirective} ${event.blockedURI}`));
  });
  return page;
}

/** The page with a token in its link, once it shows what it has to show. */
export async function enter(page, token, ready = '#parts') {
  await page.goto(`${home}#token=${token}`);
  await page.locator(ready).waitFor();
}

/** Asks the test's own routes on the host: `hold`, `release`, `ahead/SECONDS`, … */
export async function tell(what) {
  const response = await fetch(`${stage.base}/test/${what}`, { method: 'POST' });
  assert.equal(response.status, 200, what);
  return response.text();
}

/** Looks at a state in light and dark, on a desktop and on a phone: axe finds nothing, nothing is wider than the screen. */
export async function inspect(page, name) {
  await page.evaluate(axeSource);
  for (const [device, viewport] of [['desktop', DESKTOP], ['phone', PHONE]]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ['light', 'dark']) {
      await page.emulateMedia({ colorScheme });
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const found = await page.evaluate(async () => {
        const { violations, passes } = await window.axe.run(document, {
          runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
        });
        return {
          passes: passes.length,
          violations: violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`),
          wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
        };
      });
      assert.ok(found.passes > 10, `${name}: axe looked at nothing`);
      assert.deepEqual(found.violations, [], `${name}, ${device}, ${colorScheme}`);
      assert.ok(found.wide <= 0, `${name} is ${found.wide} px wider than a ${device}`);
      const fullPage = await page.locator('dialog[open]').count() === 0;
      await picture(page, `${name}-${device}-${colorScheme}`, { fullPage });
    }
  }
  await page.setViewportSize(DESKTOP);
  await page.emulateMedia({ colorScheme: 'light' });
}

export async function picture(page, name, options = { fullPage: true }) {
  if (!stage.shots) return;
  await mkdir(stage.shots, { recursive: true });
  await page.screenshot({ path: `${stage.shots}/${name}.png`, ...options });
}

/** What is announced to those who listen. */
export function announced(page) {
  return page.locator('#announcement');
}

/** Where the focus is: the text of the element. */
export function focused(page) {
  return page.evaluate(() => document.activeElement?.textContent.trim() ?? '');
}

/** Runs a script to its end: whatever happened that must not fails it. */
export async function run(script) {
  try {
    await script();
    assert.deepEqual(wrongs, []);
  } catch (error) {
    console.error(error);
    for (const wrong of wrongs) console.error(wrong);
    for (const context of browser.contexts()) {
      for (const page of context.pages()) console.error(await page.locator('body').innerText().catch(() => ''));
    }
    process.exitCode = 1;
  } finally {
    await browser.close();
  }
}
