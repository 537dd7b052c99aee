// The phone in the browser: what is on the screen, joined to the board's socket and the handset's sound.
import { Cord } from "./cord.js";
import { Board } from "./link.js";
import { Scope } from "./scope.js";
import { Sound } from "./sound.js";
import * as words from "./words.js";

const $ = (id) => document.getElementById(id);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const KEY_MS = 70, GAP_MS = 55, SETTLE_MS = 600;
const phone = $("phone"), started = performance.now();
const shown = { state: "", peer: "", emergency: false, off: false, mains: true, tone: "none", said: "", dialled: "", held: "", movedAt: -Infinity };

function log(text) {
  const row = document.createElement("li"), time = document.createElement("span"), list = $("log");
  time.textContent = ((performance.now() - started) / 1000).toFixed(1);
  row.append(time, text);
  list.append(row);
  while (list.children.length > 300) list.firstChild.remove();
}

// ---- what the phone shows --------------------------------------------------------------------------------------

function showState(state) {
  if (state !== shown.state && state === "DIAL_TONE") shown.dialled = "";
  if (state !== shown.state && state === "ON_HOOK") Object.assign(shown, { tone: "none", said: "", peer: "", emergency: false });
  shown.state = phone.dataset.state = state;
  showHeadline();
  showEar();
  if (performance.now() - shown.movedAt > SETTLE_MS) showHook(state !== "ON_HOOK" && state !== "RINGING");
  if (state !== "RINGING") ring(false);
}

function showHeadline() {
  const [headline, hint] = words.headline(shown);
  if ($("headline").textContent !== headline) $("headline").textContent = headline;
  if ($("hint").textContent !== hint) $("hint").textContent = hint;
}

function showEar() {
  const text = shown.said ? `“${shown.said}”` : words.tone(shown.tone, shown);
  if ($("tone").textContent !== text) $("tone").textContent = text;
}

function showHook(off, mine = false) {
  if (off === shown.off) return;
  shown.off = off;
  phone.dataset.off = off;
  $("handset").setAttribute("aria-pressed", off);
  $("handset").setAttribute("aria-label", off ? "Put the handset back" : "Lift the handset");
  cord.follow();
  if (off) sound.lift(mine); else sound.hangUp();
}

function showLamp(name, state) {
  const lamp = $(`lamp-${name}`);
  if (!lamp) return;
  lamp.dataset.state = state;
  lamp.parentElement.querySelector(".unseen").textContent = state === "blink" ? "blinks" : state;
}

function showSupply(mains, percent) {
  shown.mains = mains;
  $("plug").setAttribute("aria-pressed", mains);
  $("supply").textContent = mains ? "on mains" : "on battery";
  if (percent != null && document.activeElement !== $("battery")) $("battery").value = percent;
  $("percent").textContent = `${$("battery").value} %`;
}

function showSound() {
  const elsewhere = sound.place === "elsewhere", button = $("sound");
  const on = sound.live && !elsewhere && !sound.fault;
  button.textContent = elsewhere ? "in another tab: bring it here" : sound.fault ? `${sound.fault}: try again` : sound.live ? "sound is on" : "turn the sound on";
  button.setAttribute("aria-pressed", on);
  button.classList.toggle("fault", Boolean(sound.fault) || elsewhere);
  document.body.dataset.sound = on ? (sound.mic ? "both" : "ear") : "off";
}

let ringTimer;
function ring(on, cadence = "") {
  clearTimeout(ringTimer);
  phone.dataset.bell = false;
  sound.hush();
  if (!on) { phone.dataset.ringing = false; return; }
  phone.dataset.ringing = true;
  const times = cadence.split(",").map(Number).filter((ms) => ms > 0);
  const cycle = times.length > 1 ? times : [1000, 4000];
  const step = (index) => {
    const ms = cycle[index % cycle.length], striking = index % 2 === 0;
    phone.dataset.bell = striking;
    if (striking) sound.ring(ms / 1000); else sound.hush();
    ringTimer = setTimeout(step, ms, index + 1);
  };
  step(0);
}

function onEvent(event) {
  const line = words.journal(event);
  if (line) log(line);
  switch (event.event) {
    case "state": showState(event.phone); break;
    case "ringer": ring(event.on, event.cadence); break;
    case "lamp": showLamp(event.name, event.state); break;
    case "tone": shown.tone = event.name; shown.said = ""; showHeadline(); showEar(); break;
    case "say": shown.said = event.text; showEar(); break;
    case "call":
      if (!words.ASIDE.includes(event.state)) Object.assign(shown, { peer: words.party(event.peer), emergency: event.emergency });
      poll();
      break;
  }
}

function onStatus(status) {
  const call = words.current(status.calls);
  const held = status.calls.find((other) => other.state === "held");
  shown.held = held ? words.party(held.peer) : "";
  if (call) { shown.peer = words.party(call.peer); shown.emergency = call.emergency; shown.seconds = call.seconds; }
  if (status.phone === "RINGING" && phone.dataset.ringing !== "true") ring(true);
  showState(status.phone);
  const { power } = status;
  showSupply(power.source !== "battery", power.percent);
  $("line").replaceChildren(...words.facts(status).flatMap(([name, value]) => {
    const term = document.createElement("dt"), text = document.createElement("dd");
    term.textContent = name;
    text.textContent = value;
    return [term, text];
  }));
  document.body.dataset.ready = "true";
}

// The lamps tell of changes only: what they show now follows from the status.
function showLamps(status) {
  showLamp("line", { ON_HOOK: "off", RINGING: "blink" }[status.phone] ?? "on");
  showLamp("battery", words.BATTERY_LAMP[status.power.state] ?? "off");
}

function banner(text, label = "", action = undefined) {
  const box = $("banner"), button = box.querySelector("button");
  box.hidden = !text;
  box.querySelector("span").textContent = text;
  button.hidden = !label;
  button.textContent = label;
  button.onclick = action;
}

// ---- what the person does ---------------------------------------------------------------------------------------

async function ask(request) {
  const answer = await board.ask(request);
  if (!answer.ok) log(answer.error);
  return answer;
}

async function toggleHook() {
  const off = !shown.off;
  shown.movedAt = performance.now();
  showHook(off, true);
  await ask({ do: off ? "lift" : "hang_up" });
}

function flash() {
  if (shown.off) ask({ do: "flash" });
  else log("a flash needs the handset lifted");
}

let presses = Promise.resolve();
// One after the other: a finger lets go of a key before it presses the next.
function press(key) {
  const button = document.querySelector(`#keys button[data-key="${CSS.escape(key)}"]`);
  presses = presses.then(async () => {
    button.classList.add("down");
    if (shown.state === "DIAL_TONE" || shown.state === "DIALLING") { shown.dialled += key; showHeadline(); }
    await ask({ do: "press", key, ms: KEY_MS });
    button.classList.remove("down");
    await sleep(GAP_MS);
  });
  return presses;
}

async function callNumber(number) {
  if (!shown.off) await toggleHook();
  for (let waited = 0; shown.state !== "DIAL_TONE" && waited < 2000; waited += 20) await sleep(20);
  if (shown.state !== "DIAL_TONE") { log("put the handset back first"); return; }
  for (const key of number) press(key);
}

function supply(mains) {
  showSupply(mains);
  ask({ do: "power", ac: mains, percent: Number($("battery").value) });
}

async function poll() {
  const { status } = await board.ask({ do: "status" });
  if (status) onStatus(status);
  return status;
}

for (const [key, letters] of words.KEYS) {
  const button = document.createElement("button"), digit = document.createElement("b"), small = document.createElement("small");
  button.dataset.key = digit.textContent = key;
  small.textContent = letters;
  small.setAttribute("aria-hidden", "true");
  button.setAttribute("aria-label", { "*": "star", "#": "hash" }[key] ?? key);
  button.append(digit, ...(letters ? [small] : []));
  // At once under a finger; by click for keyboards and screen readers. A press leaves the focus where it was.
  button.addEventListener("pointerdown", (event) => { if (event.button === 0) { event.preventDefault(); press(key); } });
  button.addEventListener("mousedown", (event) => event.preventDefault());
  button.addEventListener("click", (event) => { if (event.detail === 0) press(key); });
  $("keys").append(button);
}
$("handset").addEventListener("mousedown", (event) => event.preventDefault());
$("handset").addEventListener("click", toggleHook);
$("sound").addEventListener("click", () => sound.toggle());
$("plug").addEventListener("click", () => supply(!shown.mains));
$("battery").addEventListener("input", () => supply(shown.mains));
for (const name of ["volume_up", "volume_down"]) $(name).addEventListener("click", () => ask({ do: "button", name, ms: 80 }));
$("flash").addEventListener("click", flash);
for (const button of document.querySelectorAll("[data-number]")) button.addEventListener("click", () => callNumber(button.dataset.number));

const SHORTCUTS = {
  " ": toggleHook,
  f: flash,
  p: () => supply(!shown.mains),
  "+": () => ask({ do: "button", name: "volume_up", ms: 80 }),
  "-": () => ask({ do: "button", name: "volume_down", ms: 80 }),
};
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const { target } = event;
  if (event.key === " " && target instanceof HTMLButtonElement) return; // it presses that button
  if (target === $("battery")) return;
  if (/^[0-9*#]$/.test(event.key)) press(event.key);
  else if (SHORTCUTS[event.key]) { event.preventDefault(); SHORTCUTS[event.key](); }
});
for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => sound.gesture());

const cord = new Cord(phone), scope = new Scope($("scope"));
const sound = new Sound({ changed: showSound, pcm: (direction, pcm) => scope.note(direction, pcm), say: log });
const board = new Board({
  event: onEvent,
  async up() {
    banner("");
    const status = await poll();
    if (status) showLamps(status);
  },
  down(reason) { banner(...words.LOST[reason]); },
});
setInterval(() => { if (!document.hidden) poll(); }, 1000);
