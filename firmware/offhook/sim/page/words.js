// What the page says.
export const KEYS = [["1", ""], ["2", "ABC"], ["3", "DEF"], ["4", "GHI"], ["5", "JKL"], ["6", "MNO"], ["7", "PQRS"], ["8", "TUV"], ["9", "WXYZ"], ["*", ""], ["0", "+"], ["#", ""]];

export const BATTERY_LAMP = { OUTAGE: "on", LOW: "blink", CRITICAL: "blink" };

export const LOST = {
  refused: ["This address is of another run of the phone: open the one that it printed when it started."],
  stopped: ["The phone has stopped. Start it again: this page waits for it."],
  waiting: ["The phone does not answer. This page goes on trying."],
};

const HEADLINES = {
  ON_HOOK: ["On hook", "Lift the handset, then dial a number."],
  RINGING: ["It rings", "Lift the handset to answer."],
  DIAL_TONE: ["Dial tone", "Dial a number: 100 is an echo."],
  DIALLING: ["Dialling", "Go on dialling, or wait a moment."],
  CALLING: ["Calling", "The call is on its way."],
  RINGBACK: ["It rings there", "Wait for an answer, or put the handset back."],
  TALKING: ["Talking", "Say something."],
  HELD: ["On hold", "Wait for the other side, or put the handset back."],
  REORDER: ["The line is busy or gone", "Put the handset back."],
  HOWLER: ["Please hang up", "The handset has been off the hook for long."],
  SILENT: ["Off the hook", "Nothing is on the line. Put the handset back."],
};

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const plain = (name) => name.toLowerCase().replaceAll("_", " ");

// "sip:100@offhook.invalid", "100@offhook.invalid" -> "100"
export function party(peer) {
  const text = peer ?? "";
  if (text.toLowerCase().includes("urn:service:sos")) return "the emergency desk";
  return /^(?:<?sips?:)?([^@;>]+)@/.exec(text)?.[1] ?? /tel:([^;>]+)/.exec(text)?.[1] ?? text;
}

// States of a call that is not in the ear, and of one that is over.
export const ASIDE = ["held", "waiting", "ending", "ended", "failed"];

// The call in the ear, or that rings or is on its way; where there is none, the one on hold.
export const current = (calls) => calls.find((call) => !ASIDE.includes(call.state)) ?? calls[0];

export function headline({ state, peer, emergency, dialled, held, tone }) {
  const [headline, hint] = HEADLINES[state] ?? [plain(state), ""];
  const who = emergency ? "the emergency desk" : peer;
  switch (state) {
    case "RINGING": return [headline, who ? `${who} calls: lift the handset to answer.` : hint];
    case "DIALLING": return [dialled ? `Dialling ${dialled}` : headline, hint];
    case "CALLING": return [who ? `Calling ${who}` : headline, hint];
    case "TALKING": return [who ? `Talking to ${who}` : headline, emergency ? "A stub inside this program: nobody outside hears this." : tone === "waiting" ? "Another call waits: flash takes it." : held && held !== peer ? `${held} is on hold: flash goes there.` : hint];
    case "DIAL_TONE": return [headline, held ? `${held} is on hold: dial another number, or flash to return.` : hint];
    default: return [headline, hint];
  }
}

export function tone(name, { state }) {
  if (name === "none") return state === "TALKING" ? "the other side" : state === "ON_HOOK" || state === "RINGING" ? "nothing: it is on the hook" : "silence";
  return { no_service: "no-service tone", info: "information tone", waiting: "call-waiting tone", confirm: "confirmation tone", howler: "howler" }[name] ?? `${plain(name)} tone`;
}

export function journal(event) {
  switch (event.event) {
    case "state": return plain(event.phone);
    case "ringer": return event.on ? "the bell rings" : "the bell stops";
    case "tone": return event.name === "none" ? "" : `ear: ${tone(event.name, {})}`;
    case "say": return `ear: “${event.text}”`;
    case "call": return `call ${event.direction === "in" ? "from" : "to"} ${party(event.peer)}: ${event.state}${event.status >= 300 ? ` (${event.status} ${event.reason})` : ""}${event.emergency ? ", emergency" : ""}`;
    case "dtmf": return `DTMF ${event.digit} ${event.direction === "in" ? "received" : "sent"}`;
    case "registration": return `account ${event.account}: ${event.state}${event.reason ? `, ${event.reason}` : ""}`;
    case "power": return `power: ${plain(event.state)}`;
    case "poweroff": return "the board switches off (the simulated one goes on)";
    case "config": return `config ${event.serial}: ${event.state} ${event.detail ?? ""}`.trim();
    default: return "";
  }
}

function service(account) {
  const keys = account.keys_in_clear ? ", SRTP keys travel in clear" : "";
  if (account.registered || account.in_service) return `in service at ${account.server}${keys}`;
  return account.last_error || "not registered";
}

function secured(call) {
  if (!call.srtp) return "";
  return call.secured === "keys in clear" ? ", SRTP with keys in clear" : ", SRTP";
}

// Rows of name and text for the status object.
export function facts({ accounts, calls, power, emergency, audio }) {
  const rows = accounts.map((account) => [account.name, service(account)]);
  const call = current(calls);
  rows.push(["call", call ? `${call.direction === "in" ? "from" : "to"} ${party(call.peer)}, ${call.state}${call.seconds ? `, ${clock(call.seconds)}` : ""}` : "none"]);
  for (const other of calls) if (other !== call) rows.push(["beside", `${party(other.peer)}, ${{ held: "on hold" }[other.state] ?? other.state}`]);
  rows.push(["packets", call?.codec ? `${call.rx} in, ${call.tx} out, ${call.lost} lost` : "–"]);
  rows.push(["sound", call?.codec ? `${call.codec}${secured(call)}${call.mos ? `, MOS ${call.mos.toFixed(1)}` : ""}, ${Math.round(call.buffer_ms)} ms buffer, ${Math.round(call.jitter_ms)} ms jitter` : "–"]);
  const hours = power.runtime_s ? `, about ${Math.max(1, Math.round(power.runtime_s / 360) / 10)} h left` : "";
  rows.push(["power", `${plain(power.state)}${power.percent == null ? "" : `, ${Math.round(power.percent)} %`}${hours}`]);
  rows.push(["location", emergency.location || "none: an emergency desk would not know where you are"]);
  if (audio.mixer) rows.push(["mixer", audio.mixer]);
  if (audio.state !== "open") rows.push(["device", [audio.state, audio.detail].filter(Boolean).join(": ")]);
  return rows;
}
