// Moves sound between the browser's clock and 8 kHz frames of 10 ms, resampling by windowed-sinc low-pass and
// linear interpolation: an AudioContext runs at 44 100 or 48 000 Hz and takes no orders.
const RATE = 8000, FRAME = 80, START = 4, MOST = 12;

class Handset extends AudioWorkletProcessor {
  constructor() {
    super();
    this.ratio = sampleRate / RATE;
    this.taps = this.design(63, 3600 / sampleRate);
    this.micHistory = new Float32Array(this.taps.length);
    this.earHistory = new Float32Array(this.taps.length);
    this.at = 0;
    this.micPhase = 0;
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
    this.queue = [];
    this.playing = false;
    this.earPhase = 0;
    this.last = 0;
    this.next = 0;
    this.index = 0;
    this.port.onmessage = ({ data }) => {
      this.queue.push(new Int16Array(data));
      while (this.queue.length > MOST) this.queue.shift();
    };
  }
  design(length, cutoff) {
    const taps = new Float32Array(length), middle = (length - 1) / 2;
    let sum = 0;
    for (let i = 0; i < length; i++) {
      const x = i - middle, sinc = x === 0 ? 2 * cutoff : Math.sin(2 * Math.PI * cutoff * x) / (Math.PI * x);
      taps[i] = sinc * (0.5 - 0.5 * Math.cos((2 * Math.PI * i) / (length - 1)));
      sum += taps[i];
    }
    return taps.map((t) => t / sum);
  }
  filter(history, sample) {
    const n = this.taps.length;
    history[this.at] = sample;
    let out = 0;
    for (let i = 0, j = this.at; i < n; i++, j = j === 0 ? n - 1 : j - 1) out += this.taps[i] * history[j];
    return out;
  }
  pull() {
    if (!this.playing && this.queue.length >= START) this.playing = true;
    if (!this.playing) return 0;
    if (this.queue.length === 0) { this.playing = false; return 0; }
    const value = this.queue[0][this.index++] / 32768;
    if (this.index >= this.queue[0].length) { this.queue.shift(); this.index = 0; }
    return value;
  }
  process(inputs, outputs) {
    const mic = inputs[0][0], ear = outputs[0][0];
    let peak = 0;
    for (let i = 0; i < ear.length; i++) {
      const low = this.filter(this.micHistory, mic ? mic[i] : 0);
      this.micPhase += 1;
      if (this.micPhase >= this.ratio) {
        this.micPhase -= this.ratio;
        this.frame[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(low * 32768)));
        if (this.filled === FRAME) {
          this.port.postMessage({ mic: this.frame.buffer.slice(0) });
          this.filled = 0;
        }
      }
      this.earPhase += 1 / this.ratio;
      if (this.earPhase >= 1) { this.earPhase -= 1; this.last = this.next; this.next = this.pull(); }
      const value = this.filter(this.earHistory, this.last + (this.next - this.last) * this.earPhase);
      this.at = (this.at + 1) % this.taps.length;
      ear[i] = value;
      peak = Math.max(peak, Math.abs(value));
    }
    for (let c = 1; c < outputs[0].length; c++) outputs[0][c].set(ear);
    this.port.postMessage({ peak });
    return true;
  }
}
registerProcessor("handset", Handset);
