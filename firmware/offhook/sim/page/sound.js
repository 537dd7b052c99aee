// The browser's loudspeaker and microphone as the handset. A browser lets a page sound only after a click or a key, so
// the first of them wakes the loudspeaker, and lifting the handset asks for the microphone. What the ear hears is
// drawn from the first moment on: the phone's PCM arrives whether or not the loudspeaker is awake.
import { Bell } from "./bell.js";
import { SoundLink } from "./link.js";

const MIC = { audio: { echoCancellation: true, noiseSuppression: false, autoGainControl: true, channelCount: 1 } };
const RELEASE_MS = 20_000;
const REFUSALS = { NotAllowedError: "microphone refused", NotFoundError: "no microphone found", NotReadableError: "microphone in use elsewhere" };

export class Sound {
  // handlers: changed(), pcm("ear" | "mouth", Int16Array), say(text)
  constructor(handlers) {
    this.handlers = handlers;
    this.off = false;
    this.live = false;
    this.fault = "";
    this.place = "lost";
    this.link = new SoundLink({
      pcm: (data) => {
        this.handlers.pcm("ear", new Int16Array(data));
        if (this.live) this.node?.port.postMessage(data, [data]);
      },
      state: (place) => { this.place = place; this.handlers.changed(); },
    });
  }

  // Wake the loudspeaker; does nothing before the first click or key.
  async wake() {
    if (this.off || navigator.userActivation?.hasBeenActive === false) return;
    this.context ??= new AudioContext({ latencyHint: "interactive" });
    this.waking ??= this.build();
    await Promise.all([this.context.resume(), this.waking]);
    this.live = true;
    this.handlers.changed();
  }

  async build() {
    await this.context.audioWorklet.addModule("sound-worklet.js");
    this.node = new AudioWorkletNode(this.context, "handset", { outputChannelCount: [1] });
    this.node.connect(this.context.destination);
    this.node.port.onmessage = ({ data }) => {
      if (!this.lifted) return;
      this.handlers.pcm("mouth", new Int16Array(data));
      this.link.send(data);
    };
    this.bell = new Bell(this.context);
  }

  // The handset is off the hook: ear and mouth live. Who lifts it here (`mine`) has the sound here.
  async lift(mine = false) {
    this.lifted = true;
    clearTimeout(this.release);
    if (mine) this.link.claim();
    else if (this.place === "elsewhere") return;
    if (this.off) return;
    try {
      await this.wake();
      if (this.live) await this.listen();
    } catch (error) { this.complain(error); }
  }

  // A click or a key: from now on the browser lets this page sound.
  gesture() {
    if (this.live || this.off || this.fault) return;
    if (this.lifted) this.lift();
    else this.wake().catch((error) => this.complain(error));
  }

  // Back on the hook: nothing is sent, and the microphone is let go a while later.
  hangUp() {
    this.lifted = false;
    clearTimeout(this.release);
    this.release = setTimeout(() => this.letGo(), RELEASE_MS);
  }

  async listen() {
    if (this.mic?.active) return;
    if (!navigator.mediaDevices) throw new DOMException("this browser gives no microphone to this page");
    const stream = await navigator.mediaDevices.getUserMedia(MIC);
    this.letGo();
    this.mic = stream;
    this.source = new MediaStreamAudioSourceNode(this.context, { mediaStream: stream });
    this.source.connect(this.node);
    this.fault = "";
    this.handlers.changed();
  }

  letGo() {
    this.source?.disconnect();
    this.mic?.getTracks().forEach((track) => track.stop());
    this.source = this.mic = undefined;
  }

  complain(error) {
    this.fault = REFUSALS[error.name] ?? "no sound";
    this.handlers.say(`${this.fault}: ${error.message}`);
    this.handlers.changed();
  }

  // The button beside the meter: bring the sound here, try the microphone again, or switch all of it off and on.
  async toggle() {
    if (this.place === "elsewhere") { this.link.claim(); this.off = false; }
    else if (this.live && !this.fault) { await this.silence(); return; }
    this.off = false;
    try {
      await this.wake();
      if (this.lifted || this.fault) await this.listen();
    } catch (error) { this.complain(error); }
  }

  async silence() {
    this.off = true;
    this.live = false;
    this.letGo();
    await this.context.suspend();
    this.handlers.changed();
  }

  ring(seconds) { if (this.live) this.bell.ring(seconds); }
  hush() { this.bell?.stop(); }
}
