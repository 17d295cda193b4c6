// Walks the official client through other services' accounts: node social.mjs BASE_URL
// The server knows three providers: corp (Grace, whom it does not know yet), home (Ada), and closed, which lets nobody in.
// Prints one JSON object, the client's answers by step.
import { openBrowser } from "./browser.mjs";

const baseURL = process.argv[2];
const laptop = openBrowser(baseURL);
const phone = openBrowser(baseURL);
const ada = { email: "ada@example.com", password: "correct horse battery staple", name: "Ada" };
const pages = { callbackURL: "/app", newUserCallbackURL: "/welcome", errorCallbackURL: "/oops?from=there" };
const results = {};

/** The client's answer that sends somebody to a provider, with what it asks there; what is random is told by its length. */
function departure({ data, error }) {
  if (error) return { data, error };
  const asked = Object.fromEntries(new URL(data.url).searchParams);
  for (const name of ["state", "nonce", "code_challenge"]) asked[name] = asked[name]?.length;
  asked.redirect_uri = asked.redirect_uri.replace(baseURL, "");
  return { redirect: data.redirect, asked };
}

/** Be at the provider, agree, and say where it sends the browser. */
async function agree(url) {
  const response = await fetch(url, { redirect: "manual" });
  return response.headers.get("location");
}

/** Be sent back by a provider, as a browser without looking at where it leads then. */
async function arrive(browser, url) {
  const response = await browser.fetch(url, { redirect: "manual" });
  return { status: response.status, location: response.headers.get("location").replace(baseURL, "") };
}

/** Go where the client says, and come back. */
async function travel(browser, { data, error }) {
  if (error) throw new Error(`nowhere to go: ${JSON.stringify(error)}`);
  return arrive(browser, await agree(data.url));
}

/** Be sent back by a form that the provider's page posts: a browser adds no cookies of ours to that. */
async function arriveByForm(browser, url) {
  const { origin, pathname, searchParams } = new URL(url);
  const from = { origin: "https://provider.example", "content-type": "application/x-www-form-urlencoded" };
  const posted = await fetch(origin + pathname, { method: "POST", body: `${searchParams}`, headers: from, redirect: "manual" });
  return arrive(browser, posted.headers.get("location"));
}

async function session(browser) {
  return (await browser.client.getSession()).data;
}

/** Sign out, be sent on to the provider by the client itself as on a page, and from there back. */
async function signOut(browser, body) {
  const page = { location: { href: `${baseURL}/app` } };
  globalThis.window = page;
  const { data, error } = await browser.client.signOut(body);
  delete globalThis.window;
  if (error || !data.url) return { data, error };
  const asked = Object.fromEntries(new URL(data.url).searchParams);
  asked.id_token_hint = asked.id_token_hint?.split(".").length;
  asked.post_logout_redirect_uri = asked.post_logout_redirect_uri?.replace(baseURL, "");
  const there = await fetch(data.url, { redirect: "manual" });
  return {
    redirect: data.redirect,
    asked,
    followed: page.location.href === data.url,
    status: there.status,
    location: there.headers.get("location")?.replace(baseURL, ""),
  };
}

async function accounts(browser) {
  return (await browser.client.listAccounts()).data;
}

// Grace signs up with her account of corp.
const away = await laptop.client.signIn.social({ provider: "corp", ...pages });
results.departure = departure(away);
results.cookiesAway = laptop.cookies();
const back = await agree(away.data.url);
results.newUser = await arrive(laptop, back);
results.cookiesBack = laptop.cookies();
results.grace = await laptop.client.getSession();
results.replay = await arrive(laptop, back);
results.graceAfterReplay = await session(laptop);

// What her account opens.
results.accounts = await laptop.client.listAccounts();
const accountId = results.accounts.data[0].id;
results.token = await laptop.client.getAccessToken({ accountId });
results.info = await laptop.client.accountInfo({ query: { accountId } });
results.refreshed = await laptop.client.refreshToken({ accountId });
results.tokenThen = await laptop.client.getAccessToken({ accountId });
results.infoThen = await laptop.client.accountInfo({ query: { accountId } });
results.tokenOfNoAccount = await laptop.client.getAccessToken({ accountId: "none" });
results.unlinkLast = await laptop.client.unlinkAccount({ accountId });
results.tokenOfNobody = await phone.client.getAccessToken({ accountId });

// She comes again, also by a form that the provider posts.
await laptop.client.signOut();
results.signOut = await laptop.client.getSession();
results.knownUser = await travel(laptop, await laptop.client.signIn.social({ provider: "corp", ...pages }));
results.graceAgain = await session(laptop);
const byForm = await phone.client.signIn.social({ provider: "corp", callbackURL: "/app", disableRedirect: true });
results.departureOfForm = departure(byForm);
results.byForm = await arriveByForm(phone, await agree(byForm.data.url));
results.graceOnPhone = await session(phone);
await phone.client.signOut();
await laptop.client.signOut();

// Signing out goes on at the provider, which sends her back.
results.signOutThere = [];
for (const body of [{ callbackURL: "/bye", state: "a b" }, { callbackURL: "/bye", disableRedirect: true }, undefined]) {
  await travel(phone, await phone.client.signIn.social({ provider: "corp", ...pages }));
  results.signOutThere.push(await signOut(phone, body));
}
results.signOutNobody = await signOut(phone, { callbackURL: "/bye" });
results.signOutAway = await signOut(phone, { callbackURL: "https://evil.example/" });

// An app of hers that has got an ID token by itself signs her in at once.
const idToken = { token: results.tokenThen.data.idToken };
results.byIdToken = await phone.client.signIn.social({ provider: "corp", idToken });
results.graceByIdToken = await session(phone);
await phone.client.signOut();
results.wrongIdToken = await phone.client.signIn.social({ provider: "corp", idToken: { token: "garbage" } });
results.othersIdToken = await phone.client.signIn.social({ provider: "home", idToken });
results.wrongNonce = await phone.client.signIn.social({ provider: "corp", idToken: { ...idToken, nonce: "another" } });

// Who is refused.
results.unknownProvider = await phone.client.signIn.social({ provider: "nowhere", ...pages });
results.untrustedPage = await phone.client.signIn.social({ provider: "corp", callbackURL: "https://evil.example/" });
results.denied = await travel(phone, await phone.client.signIn.social({ provider: "closed", ...pages }));
results.deniedWithoutPage = await travel(phone, await phone.client.signIn.social({ provider: "closed", callbackURL: "/app" }));
const laptops = await laptop.client.signIn.social({ provider: "corp", ...pages });
results.otherBrowser = await arrive(phone, await agree(laptops.data.url));
results.noCode = await arrive(laptop, `${baseURL}/api/auth/callback/corp?state=${new URL(laptops.data.url).searchParams.get("state")}`);
const wrong = await laptop.client.signIn.social({ provider: "corp", ...pages });
results.wrongCode = await arrive(laptop, (await agree(wrong.data.url)).replace(/code=[^&]+/, "code=guessed"));
results.noState = await arrive(laptop, `${baseURL}/api/auth/callback/corp?code=guessed`);
results.linkOfNobody = await phone.client.linkSocial({ provider: "home", callbackURL: "/linked" });
results.nobody = [await session(laptop), await session(phone)];

// Ada has a password, and links her account of home.
await laptop.client.signUp.email(ada);
results.ada = await session(laptop);
const stranger = await phone.client.signIn.social({ provider: "home", ...pages });
results.beforeLinking = await travel(phone, stranger);
const linking = await laptop.client.linkSocial({ provider: "home", ...pages });
results.linking = departure(linking);
results.linked = await travel(laptop, linking);
results.adaLinked = await session(laptop);
results.adasAccounts = await accounts(laptop);
results.linkOthers = await travel(laptop, await laptop.client.linkSocial({ provider: "corp", ...pages }));
results.linkDenied = await travel(laptop, await laptop.client.linkSocial({ provider: "closed", ...pages }));
results.adasAccountsStill = await accounts(laptop);

// Either way in is hers; the address, which both sides have seen to be hers by now, brings back what was taken away.
results.signInLinked = await travel(phone, await phone.client.signIn.social({ provider: "home", ...pages }));
results.adaOnPhone = await session(phone);
await phone.client.signOut();
const linkedId = results.adasAccounts.find((account) => account.providerId === "home").id;
results.linkedInfo = await laptop.client.accountInfo({ query: { accountId: linkedId } });
const { data: adasTokens } = await laptop.client.getAccessToken({ accountId: linkedId });
results.unlink = await laptop.client.unlinkAccount({ accountId: linkedId });
results.unlinkAgain = await laptop.client.unlinkAccount({ accountId: linkedId });
results.accountsThen = await accounts(laptop);
results.signInUnlinked = await travel(phone, await phone.client.signIn.social({ provider: "home", ...pages }));
results.adaOnPhoneThen = await session(phone);
results.accountsThereupon = await accounts(phone);

// And an ID token links without a trip.
await phone.client.unlinkAccount({ accountId: results.accountsThereupon[1].id });
results.linkByIdToken = await phone.client.linkSocial({ provider: "home", idToken: { token: adasTokens.idToken } });
results.linkOthersIdToken = await phone.client.linkSocial({ provider: "corp", idToken });
results.accountsAtLast = await accounts(phone);

console.log(JSON.stringify(results, null, 1));
