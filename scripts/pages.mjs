// Looks at pages in a real browser, as people do: in every width, light and dark, with keyboard, with and without script; axe-core
// says what keeps somebody out. Fails on what is serious, on anything that runs or loads, and on too many nodes.
//
//   node pages.mjs pages FILE...           pages of runs
//   node pages.mjs live URL RUN DONE       a run that goes on; the file DONE is made to end it
//   node pages.mjs pictures FOLDER FILE... pictures of pages, FILE's name each
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import puppeteer from 'puppeteer-core';

const axe = readFileSync(new URL(import.meta.resolve('axe-core')), 'utf8');
const most = 5000;
const widths = [320, 768, 1280, 2000];

const hold = (is, what) => {
  if (!is) throw new Error(what);
};

// Opens a page, and hears of whatever it tries.
const open = async (browser, url, { width = 1280, dark = false, script = true } = {}) => {
  const page = await browser.newPage();
  const tried = [];
  await page.setJavaScriptEnabled(script);
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
  await page.setViewport({ width, height: 900 });
  page.on('console', (message) => message.type() === 'error' && tried.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => tried.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { tried.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('request', (request) => {
    const own = request.url() === url || (url.startsWith('http') && new URL(request.url()).origin === new URL(url).origin);
    if (!own) tried.push(`request: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: 'load' });
  return { page, tried };
};

const accessible = async (page, what) => {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const serious = violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
  const said = serious.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join('\n    ')}`);
  hold(serious.length === 0, `${what}: axe finds\n  ${said.join('\n  ')}`);
  return violations.length;
};

const nodes = (page) => page.evaluate(() => {
  const walk = document.createTreeWalker(document, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  let count = 0;
  while (walk.nextNode()) count += 1;
  return count;
});

const fits = (page) => page.evaluate(() => document.scrollingElement.scrollWidth <= window.innerWidth);

const unfold = (page) => page.evaluate(() => {
  for (const each of document.querySelectorAll('details')) each.open = true;
});

// Search by keyboard alone, in what the log has.
const search = async (page, what) => {
  const word = await page.evaluate(() => (document.querySelector('#lines').textContent.match(/[a-z]{4,}/g) ?? []).pop());
  if (!word) return;
  await page.keyboard.press('/');
  hold(await page.evaluate(() => document.activeElement.id === 'wanted'), `${what}: / leads to the search`);
  await page.keyboard.type(word);
  await page.keyboard.press('Enter');
  const found = () => page.evaluate(() => document.querySelector('#found').textContent);
  hold(/^1 of \d+/.test(await found()), `${what}: ${word} is found: ${await found()}`);
  const shown = await page.evaluate(() => [...CSS.highlights.get('now')].map((range) => range.toString().toLowerCase()).join());
  hold(shown === word, `${what}: ${shown} is shown where ${word} is searched`);
};

const look = async (browser, file) => {
  const url = pathToFileURL(file).href;
  const what = basename(file);
  for (const dark of [false, true]) {
    for (const width of widths) {
      const { page, tried } = await open(browser, url, { width, dark });
      await unfold(page);
      const name = `${what}, ${width} px, ${dark ? 'dark' : 'light'}`;
      hold(await fits(page), `${name}: it has to be pushed sideways`);
      // What axe looks at is the same in between.
      if (width !== 768 && width !== 2000) await accessible(page, name);
      hold(tried.length === 0, `${name}: ${tried.join('; ')}`);
      await page.close();
    }
  }
  const { page, tried } = await open(browser, url);
  const count = await nodes(page);
  hold(count <= most, `${what}: ${count} nodes`);
  await page.keyboard.press('Tab');
  hold(await page.evaluate(() => document.activeElement.className === 'skip'), `${what}: the keyboard begins with the content`);
  await search(page, what);
  hold(await page.evaluate(() => window.evil === undefined && !document.querySelector('iframe, img, base')), `${what}: something got out`);
  hold(tried.length === 0, `${what}: ${tried.join('; ')}`);
  const { LayoutDuration, ScriptDuration } = await page.metrics();
  await page.close();
  const plain = await open(browser, url, { script: false });
  const text = await plain.page.$eval('main', (main) => main.innerText);
  hold(text.includes('For a reviewer') && text.includes('How to check this'), `${what}: without script it is not whole`);
  await plain.page.close();
  const ms = (seconds) => `${Math.round(seconds * 1000)} ms`;
  console.log(`${what}: ${count} nodes, layout ${ms(LayoutDuration)}, script ${ms(ScriptDuration)}`);
};

// A page that follows its run: says that it goes on, and in the end that it is done, without being asked again.
const follow = async (browser, url, run, done) => {
  const { page, tried } = await open(browser, url);
  hold(!page.url().includes('token'), 'the token stays in the address');
  await accessible(page, 'all runs');
  await page.goto(new URL(`/run/${run}`, url).href);
  const heading = () => page.$eval('h1', (h1) => h1.textContent);
  hold((await heading()).includes('running'), `it goes on: ${await heading()}`);
  await accessible(page, 'a run that goes on');
  await page.evaluate(() => { window.same = true; });
  writeFileSync(done, '');
  await page.waitForFunction(() => /done in/.test(document.querySelector('h1').textContent), { timeout: 60000 });
  hold(await page.evaluate(() => window.same), 'it was loaded anew');
  await page.waitForFunction(() => document.querySelector('#alive').textContent === 'over', { timeout: 60000 });
  hold(tried.length === 0, `live: ${tried.join('; ')}`);
  console.log(`live: ${await heading()}`);
};

const pictures = async (browser, folder, files) => {
  for (const file of files) {
    for (const dark of [false, true]) {
      const { page } = await open(browser, pathToFileURL(file).href, { width: 1200, dark });
      await page.setViewport({ width: 1200, height: 760 });
      const name = `${basename(file, '.html')}${dark ? '-dark' : ''}.png`;
      await page.screenshot({ path: join(folder, name) });
      await page.close();
      console.log(name);
    }
  }
};

const [, , mode, ...rest] = process.argv;
// Root has no sandbox of Chromium's own; the pages are ours.
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage', '--hide-scrollbars'],
});
try {
  if (mode === 'pages') for (const file of rest) await look(browser, file);
  else if (mode === 'live') await follow(browser, ...rest);
  else if (mode === 'pictures') await pictures(browser, rest[0], rest.slice(1));
  else throw new Error(`${mode}: pages, live or pictures`);
} finally {
  await browser.close();
}
