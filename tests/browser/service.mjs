// A running service with contracts of its own, and calls to it.
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
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
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
