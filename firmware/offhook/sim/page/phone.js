// The phone in the browser. What is clicked goes to the simulated board as the requests of its socket; what the phone
// does comes back as its events. Sound is a second WebSocket of raw PCM: 8 kHz, mono, S16_LE, 10 ms a message.
const LETTERS = { 1: "", 2: "ABC", 3: "DEF", 4: "GHI", 5: "JKL", 6: "MNO", 7: "PQRS", 8: "TUV", 9: "WXYZ", "*": "", 0: "OPER", "#": "" };
const HEADLINES = {
  ON_HOOK: ["On hook", "Lift the handset, then dial a number."],
  RINGING: ["Ringing", "Somebody calls: lift the handset to answer."],
  DIAL_TONE: ["Dial tone", "Dial a number: 100 is an echo."],
  DIALLING: ["Dialling", "Go on, or press # to send."],
  CALLING: ["Calling", "The number is complete, the call is on its way."],
  RINGBACK: ["It rings there", "Wait for an answer, or hang up."],
  TALKING: ["Talking", "Say something."],
  HELD: ["On hold", "The other side put you on hold."],
  REORDER: ["The call is over", "Put the handset back."],
  HOWLER: ["Please hang up", "The handset is off the hook."],
  SILENT: ["Off hook, silent", "Put the handset back."],
};
const token = new URLSearchParams(location.search).get("token") ?? "";
const $ = (id) => document.getElementById(id);
const socketUrl = (path) => `ws://${location.host}/${path}?token=${encodeURIComponent(token)}`;

class Board {
  constructor(onEvent, onStatus) {
    this.socket = new WebSocket(socketUrl("board"));
    this.socket.onopen = () => { this.send({ do: "watch" }); this.poll(); setInterval(() => this.poll(), 1000); };
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event) onEvent(message);
      else if (message.status) onStatus(message.status);
      else if (message.ok === false) onEvent({ event: "error", text: message.error });
    };
    this.socket.onclose = () => onEvent({ event: "error", text: "the phone has stopped; start it again and reload" });
  }
  send(request) { if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(request)); }
  poll() { this.send({ do: "status", id: "s" }); }
}

class Sound {
  async start() {
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("sound-worklet.js");
    this.node = new AudioWorkletNode(this.context, "handset", { outputChannelCount: [1] });
    this.node.connect(this.context.destination);
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: false, autoGainControl: false } });
      this.context.createMediaStreamSource(stream).connect(this.node);
    } catch (error) { log(`no microphone: ${error.message}`); }
    this.socket = new WebSocket(socketUrl("sound"));
    this.socket.binaryType = "arraybuffer";
    this.socket.onmessage = ({ data }) => { window.offhookHeard = (window.offhookHeard ?? 0) + 1; this.node.port.postMessage(data, [data]); };
    this.node.port.onmessage = ({ data }) => {
      if (data.mic && this.socket.readyState === WebSocket.OPEN) this.socket.send(data.mic);
      if (data.peak !== undefined) this.show(data.peak);
    };
    await this.context.resume();
  }
  show(peak) {
    this.peak = Math.max(peak, (this.peak ?? 0) * 0.97);
    const percent = this.peak < 1e-4 ? 0 : Math.max(0, 100 + 20 * Math.log10(this.peak) * 2);
    $("level").style.width = `${Math.min(100, percent)}%`;
    window.offhookPeak = Math.max(window.offhookPeak ?? 0, peak);
  }
  ring(on, cadence) {
    clearTimeout(this.ringTimer);
    this.bell?.stop();
    this.bell = undefined;
    if (!on || !this.context) return;
    const times = cadence.length ? cadence : [1000, 4000];
    let step = 0;
    const next = () => {
      if (step % 2 === 0) this.bell = bell(this.context, times[step % times.length] / 1000);
      this.ringTimer = setTimeout(next, times[step++ % times.length]);
    };
    next();
  }
}

function bell(context, seconds) {
  const gain = context.createGain(), beat = context.createOscillator(), depth = context.createGain();
  gain.gain.value = 0.05; depth.gain.value = 0.05; beat.type = "square"; beat.frequency.value = 25;
  beat.connect(depth).connect(gain.gain); gain.connect(context.destination);
  const tones = [1400, 1760, 2640].map((hz) => { const o = context.createOscillator(); o.frequency.value = hz; o.connect(gain); return o; });
  for (const o of [beat, ...tones]) { o.start(); o.stop(context.currentTime + seconds); }
  return { stop: () => { for (const o of [beat, ...tones]) try { o.stop(); } catch { /* it ended by itself */ } } };
}

let offHook = false, mains = true, sound;
const started = performance.now();

function log(text) {
  const row = document.createElement("li"), time = document.createElement("span");
  time.textContent = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  row.append(time, text);
  $("log").append(row);
  while ($("log").children.length > 200) $("log").firstChild.remove();
  $("log").scrollTop = $("log").scrollHeight;
}

function onEvent(event) {
  switch (event.event) {
    case "state": showState(event.phone); log(event.phone.toLowerCase().replaceAll("_", " ")); break;
    case "ringer":
      $("phone").dataset.ringing = event.on;
      sound?.ring(event.on, (event.cadence ?? "").split(",").filter(Boolean).map(Number));
      log(event.on ? "the bell rings" : "the bell stops"); break;
    case "lamp": { const lamp = $(`lamp-${event.name}`); if (lamp) lamp.dataset.state = event.state; break; }
    case "tone": $("tone").textContent = event.name === "none" ? "silence" : `${event.name.replaceAll("_", " ")} tone`; break;
    case "say": $("tone").textContent = `“${event.text}”`; log(`says: ${event.text}`); break;
    case "call": log(`call ${event.direction} ${event.peer}: ${event.state}${event.emergency ? " (emergency, stub desk)" : ""}`); board.poll(); break;
    case "dtmf": log(`DTMF ${event.direction} ${event.digit}`); break;
    case "registration": log(`account ${event.account}: ${event.state} ${event.reason ?? ""}`); break;
    case "power": log(`power: ${event.state}`); break;
    case "poweroff": log("the board switches off (the simulated one goes on)"); break;
    case "config": log(`config ${event.serial}: ${event.state} ${event.detail ?? ""}`); break;
    case "error": log(event.text); break;
  }
}

function showState(state) {
  const [headline, hint] = HEADLINES[state] ?? [state, ""];
  $("headline").textContent = headline;
  $("hint").textContent = hint;
  $("phone").dataset.state = state;
}

function showHook() {
  $("handset").setAttribute("aria-pressed", offHook);
  $("handset").setAttribute("aria-label", offHook ? "Put the handset back" : "Lift the handset");
  $("phone").dataset.off = offHook;
}

function onStatus(status) {
  showState(status.phone);
  const call = status.calls[0], rows = [];
  for (const a of status.accounts) rows.push([a.name, a.in_service ? `in service at ${a.server}` : a.last_error || "not registered"]);
  rows.push(["call", call ? `${call.peer}, ${call.state}, ${Math.round(call.seconds)} s` : "none"]);
  if (call?.codec) rows.push(["sound", `${call.codec}, jitter ${call.jitter_ms} ms, buffer ${call.buffer_ms} ms, lost ${call.lost}${call.mos ? `, MOS ${call.mos}` : ""}`]);
  const p = status.power, e = status.emergency;
  rows.push(["power", [p.state, p.percent == null ? "" : `${p.percent} %`].filter(Boolean).join(", ")], ["location", e.location || "none: set one in the config"]);
  rows.push(["audio", status.audio.state]);
  $("line").replaceChildren(...rows.flatMap(([k, v]) => { const dt = document.createElement("dt"), dd = document.createElement("dd"); dt.textContent = k; dd.textContent = v; return [dt, dd]; }));
  document.body.dataset.ready = "true";
}

function toggleHook() { offHook = !offHook; showHook(); startSound(); board.send({ do: offHook ? "lift" : "hang_up" }); }
function press(key) {
  const button = document.querySelector(`#keys button[data-key="${CSS.escape(key)}"]`);
  button.classList.add("down");
  setTimeout(() => button.classList.remove("down"), 110);
  board.send({ do: "press", key, ms: 80 });
}
function power() {
  $("plug").setAttribute("aria-pressed", mains);
  $("plug").querySelector("span").textContent = mains ? "on mains" : "on battery";
  $("percent").textContent = `${$("battery").value} %`;
  board.send({ do: "power", ac: mains, percent: Number($("battery").value) });
}
async function startSound() {
  if (sound) return;
  sound = new Sound();
  try { await sound.start(); $("sound").textContent = "sound is live"; $("sound").classList.add("live"); }
  catch (error) { log(`no sound: ${error.message}`); }
}

for (const key of ["1", "2", "3", "4", "5", "6", "7", "8", "9", "*", "0", "#"]) {
  const button = document.createElement("button"), small = document.createElement("small");
  button.dataset.key = key;
  small.textContent = LETTERS[key];
  button.append(key, small);
  button.addEventListener("click", () => press(key));
  $("keys").append(button);
}
$("handset").addEventListener("click", toggleHook);
$("sound").addEventListener("click", startSound);
$("plug").addEventListener("click", () => { mains = !mains; power(); });
$("battery").addEventListener("input", power);
for (const name of ["volume_up", "volume_down"]) $(name).addEventListener("click", () => board.send({ do: "button", name, ms: 80 }));
document.addEventListener("keydown", (event) => {
  if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === " ") { event.preventDefault(); toggleHook(); }
  else if (event.key === "p") { mains = !mains; power(); }
  else if (/^[0-9*#]$/.test(event.key)) press(event.key);
});
const board = new Board(onEvent, onStatus);
showHook();
