// Redis as Better Auth's secondary storage, with no package: one connection, commands answered in their order (RESP2).
import { connect } from "node:net";

function parsed(buffer, at = 0) {
  const end = buffer.indexOf("\r\n", at);
  if (end < 0) return null;
  const kind = String.fromCharCode(buffer[at]);
  const line = buffer.toString("utf8", at + 1, end);
  if (kind === "+") return { value: line, next: end + 2 };
  if (kind === ":") return { value: Number(line), next: end + 2 };
  if (kind === "-") return { value: new Error(line), next: end + 2 };
  const length = Number(line); // "$": a text, or nothing where it is negative; no command here answers an array
  if (length < 0) return { value: null, next: end + 2 };
  const next = end + 2 + length + 2;
  return buffer.length < next ? null : { value: buffer.toString("utf8", end + 2, next - 2), next };
}

export function secondaryStorage(url) {
  const { hostname, port, password, pathname } = new URL(url);
  const socket = connect(Number(port || 6379), hostname);
  const waiting = [];
  let buffer = Buffer.alloc(0);
  socket.on("data", (data) => {
    buffer = Buffer.concat([buffer, data]);
    for (let answer = parsed(buffer); answer; answer = parsed(buffer)) {
      buffer = buffer.subarray(answer.next);
      const { resolve, reject } = waiting.shift();
      (answer.value instanceof Error ? reject : resolve)(answer.value);
    }
  });
  const command = (...parts) =>
    new Promise((resolve, reject) => {
      waiting.push({ resolve, reject });
      const texts = parts.map((part) => Buffer.from(String(part)));
      const pieces = texts.flatMap((text) => [Buffer.from(`$${text.length}\r\n`), text, Buffer.from("\r\n")]);
      socket.write(Buffer.concat([Buffer.from(`*${parts.length}\r\n`), ...pieces]));
    });
  if (password) void command("AUTH", password);
  if (pathname.length > 1) void command("SELECT", pathname.slice(1));
  return {
    get: (key) => command("GET", key),
    set: async (key, value, ttl) => void (await command("SET", key, value, ...(ttl ? ["EX", ttl] : []))),
    delete: async (key) => void (await command("DEL", key)),
    getAndDelete: (key) => command("GETDEL", key),
  };
}
