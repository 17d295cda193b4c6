// Walks the official client through the flows that send letters: node letters.mjs BASE_URL
// The server tells at /letters what it has sent: [{kind, to, url, token}]. Prints one JSON object, the client's answers by step.
import { openBrowser } from "./browser.mjs";

const baseURL = process.argv[2];
const laptop = openBrowser(baseURL);
const phone = openBrowser(baseURL);
const email = "ada@example.com";
const newEmail = "countess@example.com";
const password = "correct horse battery staple";
const newPassword = "an even better battery staple";
const results = {};

/** The newest letter of a kind, once it is there. */
async function letter(kind) {
  for (let tries = 0; tries < 100; tries++) {
    const found = (await (await fetch(`${baseURL}/letters`)).json()).filter((each) => each.kind === kind).pop();
    if (found) return found;
    await new Promise((done) => setTimeout(done, 50));
  }
  throw new Error(`no letter of kind ${kind}`);
}

/** Follow a link of a letter, as a browser without looking at where it leads: the status and the place. */
async function follow(browser, url) {
  const response = await browser.fetch(url, { redirect: "manual" });
  return { status: response.status, location: response.headers.get("location") };
}

await laptop.client.signUp.email({ email, password, name: "Ada" });
results.isVerifiedAtFirst = (await laptop.client.getSession()).data.user.emailVerified;
results.sendVerification = await laptop.client.sendVerificationEmail({ email, callbackURL: "/verified" });
const verification = await letter("verify-email");
results.verificationGoesTo = verification.to;
results.followVerification = await follow(laptop, verification.url);
results.isVerifiedThen = (await laptop.client.getSession()).data.user.emailVerified;
results.sendVerificationAgain = await laptop.client.sendVerificationEmail({ email });
results.verifyEmail = await phone.client.verifyEmail({ query: { token: verification.token } });
results.verifyGarbage = await phone.client.verifyEmail({ query: { token: "garbage" } });

results.requestReset = await phone.client.requestPasswordReset({ email, redirectTo: "/choose" });
results.requestResetOfNobody = await phone.client.requestPasswordReset({ email: "nobody@example.com", redirectTo: "/choose" });
const reset = await letter("reset-password");
results.resetGoesTo = reset.to;
results.followReset = await follow(phone, reset.url);
results.followReset.location = results.followReset.location.replace(reset.token, "TOKEN").replace(baseURL, "");
results.resetPassword = await phone.client.resetPassword({ newPassword, token: reset.token });
results.resetPasswordAgain = await phone.client.resetPassword({ newPassword, token: reset.token });
results.oldPassword = await phone.client.signIn.email({ email, password });
results.signInAgain = await phone.client.signIn.email({ email, password: newPassword });

results.listAccounts = await phone.client.listAccounts();
results.unlinkLastAccount = await phone.client.unlinkAccount({ accountId: results.listAccounts.data[0].id });

results.changeToTheSame = await phone.client.changeEmail({ newEmail: email });
results.changeEmail = await phone.client.changeEmail({ newEmail, callbackURL: "/changed" });
const confirmation = await letter("change-email-confirmation");
results.confirmationGoesTo = confirmation.to;
results.followConfirmation = await follow(phone, confirmation.url);
let toNewAddress = await letter("verify-email");
for (let tries = 0; tries < 100 && toNewAddress.to !== newEmail; tries++) toNewAddress = await letter("verify-email");
results.lastLetterGoesTo = toNewAddress.to;
results.followToNewAddress = await follow(phone, toNewAddress.url);
results.newAddress = (await phone.client.getSession()).data.user.email;

results.deleteWithWrongPassword = await phone.client.deleteUser({ password: "not the password" });
results.deleteUser = await phone.client.deleteUser({ password: newPassword });
results.sessionOfNobody = await phone.client.getSession();
results.cookiesOfNobody = phone.cookies();
results.signInOfNobody = await laptop.client.signIn.email({ email: newEmail, password: newPassword });

console.log(JSON.stringify(results, null, 1));
