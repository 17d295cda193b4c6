// What a browser adds to fetch: a cookie jar of its own, and an Origin header on every request that changes something.
import { createAuthClient } from "better-auth/client";

/** The official client as one browser would run it; `cookies()` names what its jar holds, `fetch` is the browser's own. */
export function openBrowser(baseURL, plugins = []) {
  const jar = new Map();
  const fetchOptions = { customFetchImpl: (input, init) => browserFetch(jar, new URL(baseURL).origin, input, init) };
  const client = createAuthClient({ baseURL, plugins, fetchOptions });
  return { client, cookies: () => [...jar.keys()], fetch: fetchOptions.customFetchImpl };
}

/** fetch as a page of `origin` would do it; `send` is the fetch underneath. */
export async function browserFetch(jar, origin, input, init = {}, send = fetch) {
  const headers = new Headers(init.headers);
  if (jar.size > 0) headers.set("cookie", [...jar].map(([name, value]) => `${name}=${value}`).join("; "));
  if (!["GET", "HEAD"].includes(init.method?.toUpperCase() ?? "GET")) headers.set("origin", origin);
  const response = await send(input, { ...init, headers });
  for (const line of response.headers.getSetCookie()) keep(jar, line);
  return response;
}

function keep(jar, line) {
  const [pair, ...attributes] = line.split(";").map((part) => part.trim());
  const cut = pair.indexOf("=");
  const name = pair.slice(0, cut);
  const expired = attributes.some((attribute) => attribute.toLowerCase() === "max-age=0");
  if (expired) jar.delete(name);
  else jar.set(name, pair.slice(cut + 1));
}
