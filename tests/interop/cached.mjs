// Walks the official client through a session that is also kept in a cookie: node cached.mjs BASE_URL
// The server has its cookie cache on. Prints one JSON object, the client's answers by step.
import { openBrowser } from "./browser.mjs";

const baseURL = process.argv[2];
const laptop = openBrowser(baseURL);
const phone = openBrowser(baseURL);
const ada = { email: "ada@example.com", password: "correct horse battery staple", name: "Ada" };
const results = {};

/** What a browser is told from its cookie, and from the database. */
async function session(browser) {
  const { data: cached } = await browser.client.getSession();
  const { data: stored } = await browser.client.getSession({ query: { disableCookieCache: true } });
  return { cached, stored };
}

await laptop.client.signUp.email(ada);
results.cookies = laptop.cookies();
results.signedUp = await session(laptop);
await laptop.client.updateUser({ name: "Ada Lovelace", image: "https://example.com/ada.png" });
results.updated = await session(laptop);

// The phone's cookie says what it has said, until it is asked to look.
await phone.client.signIn.email(ada);
results.phone = await session(phone);
await laptop.client.updateUser({ name: "Countess" });
results.changedElsewhere = await session(phone);
results.changedThen = await session(phone);
await laptop.client.revokeOtherSessions();
results.revokedElsewhere = await session(phone);
results.cookiesOfRevoked = phone.cookies();

results.sensitive = await laptop.client.changePassword({ currentPassword: ada.password, newPassword: "an even better battery staple", revokeOtherSessions: true });
results.replaced = await session(laptop);
await laptop.client.signOut();
results.signedOut = await session(laptop);
results.cookiesAtLast = laptop.cookies();

console.log(JSON.stringify(results, null, 1));
