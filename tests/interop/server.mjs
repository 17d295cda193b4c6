// A small real Better Auth server: BETTER_AUTH_SECRET=... node server.mjs DATABASE_FILE [PORT [OPTIONS_AS_JSON]]
// GENERIC_OAUTH, where it is set, holds the providers of its plugin genericOAuth, as JSON.
// API_KEYS, where it is set, holds the options of the plugin apiKey, as JSON; POST /verify asks it about a key.
// JWT, where it is set, holds the options of its plugin jwt, as JSON; POST /verify-jwt asks it about a token.
// SECONDARY_REDIS, where it is set, is the URL of the Redis that is its secondary storage.
// Prints "listening PORT" once the tables are there and requests are answered; /letters tells what it has sent.
// Needs node:sqlite (Node 22.13 or newer).
import { once } from "node:events";
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { apiKey } from "@better-auth/api-key";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer, genericOAuth, jwt } from "better-auth/plugins";
import { secondaryStorage } from "./redis.mjs";

const [file, wantedPort = "0", options = "{}"] = process.argv.slice(2);
const database = new DatabaseSync(file);
// another process may read and write the same file
database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000;");

// the port comes first: cookies and trusted origins follow from the base URL
const server = createServer();
server.listen(Number(wantedPort), "127.0.0.1");
await once(server, "listening");
const { port } = server.address();

const providers = JSON.parse(process.env.GENERIC_OAUTH ?? "[]");
const keys = process.env.API_KEYS ? [apiKey(JSON.parse(process.env.API_KEYS))] : [];
const tokens = process.env.JWT ? [jwt(JSON.parse(process.env.JWT))] : [];
const letters = [];
const post = (kind) => async ({ user, url, token }) => void letters.push({ kind, to: user.email, url, token });

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: process.env.BETTER_AUTH_SECRET,
  database,
  emailAndPassword: { enabled: true, sendResetPassword: post("reset-password") },
  emailVerification: { sendVerificationEmail: post("verify-email") },
  user: {
    changeEmail: { enabled: true, sendChangeEmailConfirmation: post("change-email-confirmation") },
    deleteUser: { enabled: true },
  },
  plugins: [bearer(), ...keys, ...tokens, ...(providers.length > 0 ? [genericOAuth({ config: providers })] : [])],
  ...(process.env.SECONDARY_REDIS ? { secondaryStorage: secondaryStorage(process.env.SECONDARY_REDIS) } : {}),
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
  ...JSON.parse(options),
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const handler = toNodeHandler(auth);
const answer = (response, value) => response.setHeader("content-type", "application/json").end(JSON.stringify(value));
server.on("request", async (request, response) => {
  if (request.url === "/letters") return answer(response, letters);
  const verify = { "/verify": auth.api.verifyApiKey, "/verify-jwt": auth.api.verifyJWT }[request.url];
  if (!verify) return handler(request, response);
  const body = JSON.parse(Buffer.concat(await request.toArray()).toString());
  return answer(response, await verify({ body }));
});
console.log(`listening ${port}`);
