// A running service with contracts of its own, and calls to it.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

const karipass = process.env.KARIPASS;
const run = promisify(execFile);

/** The example: arrival mail for the contract number; arrival mail and fax mail for the additional number. */
export const EXAMPLE = ["0600001111=arrival-mail", "0600002222=arrival-mail+fax-mail"];
/** Everything, for both of its numbers. */
export const EVERYTHING = ["0312340000=all", "0312340001=all"];

export async function serve(contracts, { environment = {} } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "karipass-browser-"));
  const db = join(folder, "karipass.db");
  for (const contract of contracts) await run(karipass, ["contract", "add", "--db", db, ...contract]);
  const flags = ["--json", "--db", db, "--sip", "127.0.0.1:0", "--site", "127.0.0.1:0", "--rtp-ports", "0"];
  const env = { ...process.env, RUST_LOG: "warn", KARIPASS_SIP_TRUST_FROM: "127.0.0.0/8", ...environment };
  const child = spawn(karipass, ["serve", ...flags], { env, stdio: ["ignore", "pipe", "pipe"] });
  let log = "";
  child.stderr.on("data", (text) => (log += text));
  const ended = new Promise((resolve) => child.on("exit", resolve));
  const listening = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const said = JSON.parse(line);
    listening[said.listening === "site" ? "site" : said.transport] = said;
    if (said.listening === "site") break;
  }
  if (!listening.site) throw new Error(`the service does not say where it listens:\n${log}`);
  const { transport, address } = listening.site;

  return {
    origin: `${transport}://${address}`,
    db,
    /** Sets a temporary password by telephone: a real call, with the prompts and the keys. */
    async call(unit, from, password) {
      const to = `sip:0664806430@${listening.udp.address}`;
      const order = ["--from", from, "--unit", unit, "--password", password];
      const { stdout } = await run(karipass, ["call", "--json", "--to", to, ...order]);
      if (!stdout.includes('"set"')) throw new Error(`the call for ${unit} ${from} set nothing: ${stdout}`);
    },
    /** A fax arrives, of those in fixtures/fax. */
    async fax(from, to, name) {
      const file = join(process.env.FIXTURES, "fax", `${name}.tif`);
      await run(karipass, ["event", "fax", from, to, file, "--db", db]);
    },
    /** Does something while the store is not there. */
    async withoutStore(work) {
      await rename(db, `${db}.aside`);
      try {
        await work();
      } finally {
        await rename(`${db}.aside`, db);
      }
    },
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A mail server on loopback that takes everything and keeps the texts by recipient. */
export async function mailbox() {
  const texts = new Map();
  const decode = (mail) => {
    const body = mail.slice(mail.indexOf("\r\n\r\n") + 4);
    if (/^Content-Transfer-Encoding: base64/im.test(mail)) return Buffer.from(body, "base64").toString();
    const bytes = body.replace(/=\r\n/g, "").replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
    return Buffer.from(bytes, "latin1").toString();
  };
  const server = createServer((socket) => {
    let [to, data, rest] = ["", null, ""];
    const say = (text) => socket.write(`${text}\r\n`);
    say("220 mailbox");
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      rest += bytes;
      for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
        const line = rest.slice(0, end);
        rest = rest.slice(end + 2);
        if (data !== null && line !== ".") {
          data += `${line.replace(/^\./, "")}\r\n`;
        } else if (data !== null) {
          texts.set(to, decode(data));
          data = null;
          say("250 taken");
        } else if (line.startsWith("DATA")) {
          data = "";
          say("354 go on");
        } else if (line.startsWith("QUIT")) {
          say("221 bye");
          socket.end();
        } else {
          if (line.startsWith("RCPT")) to = line.split(/[<>]/)[1];
          say("250 ok");
        }
      }
    });
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `smtp://127.0.0.1:${server.address().port}`,
    /** The path of the link in the mail to this address, as soon as it is there. */
    async link(address) {
      for (let tries = 0; tries < 600; tries++) {
        const found = texts.get(address)?.match(/\/fax-mail\/confirm\?token=[0-9a-f]+/);
        if (found) return found[0];
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      throw new Error(`no link for ${address}`);
    },
    close: () => new Promise((resolve) => server.close(resolve)),
  };
}
