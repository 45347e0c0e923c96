// What both plays share: the running `cargo dev`, the browser, and the clock that they tell the time by.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

export const root = new URL('../../../', import.meta.url);
export const stack = JSON.parse(readFileSync(new URL('target/local/stack.json', root)));

const started = Date.now();
export const say = (text) => console.log(`[+${((Date.now() - started) / 1000).toFixed(1).padStart(5)} s] ${text}`);

/** A browser that asks nothing by itself. */
export const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
