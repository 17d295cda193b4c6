// Walks the official client through a user's life: node client.mjs BASE_URL
// Prints one JSON object: the client's own answer to every step, by the step's name.
import { openBrowser } from "./browser.mjs";

const baseURL = process.argv[2];
const laptop = openBrowser(baseURL);
const phone = openBrowser(baseURL);
const email = "ada@example.com";
const password = "correct horse battery staple";
const newPassword = "an even better battery staple";
const results = {};

results.signUp = await laptop.client.signUp.email({ email, password, name: "Ada" });
results.cookiesSignedIn = laptop.cookies();
results.session = await laptop.client.getSession();
results.datesAreDates = results.session.data?.session.expiresAt instanceof Date;
results.sessions = await laptop.client.listSessions();

results.signOut = await laptop.client.signOut();
results.cookiesSignedOut = laptop.cookies();
results.sessionSignedOut = await laptop.client.getSession();
results.sessionsSignedOut = await laptop.client.listSessions();

results.wrongPassword = await laptop.client.signIn.email({ email, password: "not the password" });
results.signIn = await laptop.client.signIn.email({ email, password });
results.updateUser = await laptop.client.updateUser({ name: "Ada Lovelace" });
results.sessionUpdated = await laptop.client.getSession();

results.changePassword = await laptop.client.changePassword({ currentPassword: password, newPassword });
results.oldPassword = await phone.client.signIn.email({ email, password });
results.phoneSignIn = await phone.client.signIn.email({ email, password: newPassword });
results.sessionsOfBoth = await laptop.client.listSessions();
results.revokeOtherSessions = await laptop.client.revokeOtherSessions();
results.phoneSession = await phone.client.getSession();
results.laptopSession = await laptop.client.getSession();

results.duplicateSignUp = await phone.client.signUp.email({ email, password, name: "Another Ada" });
results.lastSignOut = await laptop.client.signOut();
results.lastSession = await laptop.client.getSession();

console.log(JSON.stringify(results, null, 1));
