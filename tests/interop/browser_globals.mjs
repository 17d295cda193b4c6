// Preloaded (node --import) where a script is written for pages: gives `fetch` the cookie jar and the Origin of a browser.
import { browserFetch } from "./browser.mjs";

const jar = new Map();
const nodeFetch = globalThis.fetch;
globalThis.fetch = (input, init) => browserFetch(jar, new URL(input.url ?? input).origin, input, init, nodeFetch);
