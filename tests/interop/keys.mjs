// Walks the official client's plugin for API keys through the life of some: node keys.mjs BASE_URL
// Prints one JSON object: the client's own answer to every step, by the step's name.
import { apiKeyClient } from "@better-auth/api-key/client";
import { openBrowser } from "./browser.mjs";

const baseURL = process.argv[2];
const laptop = openBrowser(baseURL, [apiKeyClient()]);
const other = openBrowser(baseURL, [apiKeyClient()]);
const { apiKey } = laptop.client;
const password = "correct horse battery staple";
const results = {};

results.createSignedOut = await apiKey.create({ name: "nobody's" });
results.signUp = await laptop.client.signUp.email({ email: "ada@example.com", password, name: "Ada" });
await other.client.signUp.email({ email: "bob@example.com", password, name: "Bob" });

results.create = await apiKey.create({ name: "backup", prefix: "bk_", metadata: { host: "a" }, expiresIn: 172800 });
const { id, key } = results.create.data;
results.datesAreDates = results.create.data.createdAt instanceof Date;
results.another = await apiKey.create({ name: "another" });
results.tooLong = await apiKey.create({ name: "x".repeat(40) });
results.serverOnly = await apiKey.create({ remaining: 5 });

results.get = await apiKey.get({ query: { id } });
results.list = await apiKey.list();
results.page = await apiKey.list({ query: { limit: 1, sortBy: "name", sortDirection: "desc" } });
results.update = await apiKey.update({ keyId: id, name: "renamed" });
results.updateNothing = await apiKey.update({ keyId: id });

const withKey = { headers: { "x-api-key": key }, credentials: "omit" };
const machine = openBrowser(baseURL);
results.sessionOfKey = await machine.client.getSession({ fetchOptions: withKey });
results.cookiesOfKey = machine.cookies();

results.foreignGet = await other.client.apiKey.get({ query: { id } });
results.foreignDelete = await other.client.apiKey.delete({ keyId: id });
results.foreignList = await other.client.apiKey.list();

results.disable = await apiKey.update({ keyId: id, enabled: false });
results.sessionOfDisabled = await machine.client.getSession({ fetchOptions: withKey });
results.delete = await apiKey.delete({ keyId: id });
results.deleteAgain = await apiKey.delete({ keyId: id });
results.lastList = await apiKey.list();

console.log(JSON.stringify(results, null, 1));
