// The two sockets of the page. What is clicked goes to the simulated board as the requests of its socket and is
// answered; what the phone does comes back as its events. A socket that was lost is tried again.
const token = new URLSearchParams(location.search).get("token") ?? "";
const RETRY_MS = 700;
export const TAKEN = 4001; // another page took the handset (offhook/sim/web.py)

function open(path) { return new WebSocket(`ws://${location.host}/${path}?token=${encodeURIComponent(token)}`); }

// Why nobody answers: "refused" where the token is of another run, "stopped" where nobody is there, else "waiting".
async function reason() {
  try { return (await fetch(location.href, { cache: "no-store" })).status === 403 ? "refused" : "waiting"; } catch { return "stopped"; }
}

export class Board {
  // handlers: event(event), up(), down(reason)
  constructor(handlers) {
    this.handlers = handlers;
    this.answers = new Map();
    this.number = 0;
    this.connect();
  }

  connect() {
    this.socket = open("board");
    this.socket.onopen = async () => { await this.ask({ do: "watch" }); this.handlers.up(); };
    this.socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.event) { this.handlers.event(message); return; }
      this.answers.get(message.id)?.(message);
      this.answers.delete(message.id);
    };
    this.socket.onclose = async () => {
      for (const answer of this.answers.values()) answer({ ok: false, error: "the phone did not answer" });
      this.answers.clear();
      this.handlers.down(await reason());
      setTimeout(() => this.connect(), RETRY_MS);
    };
  }

  // The answer to a request; never rejects.
  ask(request) {
    if (this.socket.readyState !== WebSocket.OPEN) return Promise.resolve({ ok: false, error: "the phone is not there" });
    const id = ++this.number;
    return new Promise((resolve) => {
      this.answers.set(id, resolve);
      this.socket.send(JSON.stringify({ ...request, id }));
    });
  }
}

export class SoundLink {
  // handlers: pcm(Int16Array), state("open" | "elsewhere" | "lost")
  constructor(handlers) {
    this.handlers = handlers;
    this.connect();
  }

  connect() {
    clearTimeout(this.timer);
    const socket = this.socket = open("sound");
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.handlers.state("open");
    socket.onmessage = ({ data }) => this.handlers.pcm(data);
    socket.onclose = ({ code }) => {
      if (this.socket !== socket) return;
      this.handlers.state(code === TAKEN ? "elsewhere" : "lost");
      if (code !== TAKEN) this.timer = setTimeout(() => this.connect(), RETRY_MS);
    };
  }

  // Take the handset's sound back from another page.
  claim() { if (this.socket.readyState > WebSocket.OPEN) this.connect(); }

  send(pcm) {
    // What cannot go out now would come too late.
    if (this.socket.readyState === WebSocket.OPEN && this.socket.bufferedAmount < 4096) this.socket.send(pcm);
  }
}
