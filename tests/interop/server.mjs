// A small real Better Auth server: BETTER_AUTH_SECRET=... node server.mjs DATABASE_FILE [PORT]
// Prints "listening PORT" once the tables are there and requests are answered. Needs node:sqlite (Node 22.13 or newer).
import { once } from "node:events";
import { createServer } from "node:http";
import { DatabaseSync } from "node:sqlite";
import { betterAuth } from "better-auth";
import { getMigrations } from "better-auth/db/migration";
import { toNodeHandler } from "better-auth/node";
import { bearer } from "better-auth/plugins";

const [file, wantedPort = "0"] = process.argv.slice(2);
const database = new DatabaseSync(file);
// another process may read and write the same file
database.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 5000;");

// the port comes first: cookies and trusted origins follow from the base URL
const server = createServer();
server.listen(Number(wantedPort), "127.0.0.1");
await once(server, "listening");
const { port } = server.address();

const auth = betterAuth({
  baseURL: `http://127.0.0.1:${port}`,
  secret: process.env.BETTER_AUTH_SECRET,
  database,
  emailAndPassword: { enabled: true },
  plugins: [bearer()],
  rateLimit: { enabled: false },
  telemetry: { enabled: false },
  logger: { level: "error" },
});
const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

server.on("request", toNodeHandler(auth));
console.log(`listening ${port}`);
