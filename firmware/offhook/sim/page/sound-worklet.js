// The handset's capsules, on the browser's audio thread: PCM of the phone (8 kHz, S16, 10 ms a message) to the ear,
// the microphone to PCM. Two clocks meet here, the phone's and the sound card's: the ear is resampled by a little more
// or less than the nominal step so that what waits stays near the target; it starts, stops and skips under a fade.
import { Resampler } from "./resampler.js";

const RATE = 8000, FRAME = 80, LEAST = 0.06 * RATE, MOST = 0.3 * RATE, LOW = 0.012 * RATE, FADE_S = 0.004, PULL = 0.004;

export class Ear {
  constructor(rate) {
    this.step = RATE / rate;
    this.resampler = new Resampler(this.step);
    this.fade = 1 / (FADE_S * rate);
    this.target = LEAST;
    this.level = LEAST;
    this.gain = 0;
    this.goal = 0;
  }

  push(pcm) { this.resampler.push(Float32Array.from(pcm, (sample) => sample / 32768)); }

  // Decide once a block, before it is played.
  steer() {
    const queue = this.resampler, waiting = queue.waiting;
    if (this.gain === 0) {
      if (waiting > this.target) {
        queue.skip(waiting - this.target);
        this.level = this.target;
        this.goal = 1;
      }
    } else if (waiting < queue.half + LOW) {
      if (this.goal === 1) this.target = Math.min(this.target + 160, 0.16 * RATE); // it came later than we hoped
      this.goal = 0;
    } else if (waiting > MOST) {
      this.goal = 0;
    } else {
      this.goal = 1;
      this.target = Math.max(LEAST, this.target - 0.01);
      this.level += 0.01 * (waiting - this.level);
      queue.step = this.step * (1 + Math.max(-PULL, Math.min(PULL, (this.level / this.target - 1) * 0.02)));
    }
  }

  play(out) {
    this.steer();
    for (let i = 0; i < out.length; i++) {
      if (this.gain === 0 && this.goal === 0) { out[i] = 0; continue; }
      this.gain = this.goal ? Math.min(1, this.gain + this.fade) : Math.max(0, this.gain - this.fade);
      out[i] = this.gain * (this.resampler.next() ?? 0);
    }
  }
}

export class Mouth {
  constructor(rate, send) {
    this.resampler = new Resampler(rate / RATE);
    this.send = send;
    this.frame = new Int16Array(FRAME);
    this.filled = 0;
  }

  take(samples) {
    this.resampler.push(samples);
    for (let sample; (sample = this.resampler.next()) !== null;) {
      this.frame[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      if (this.filled === FRAME) {
        this.send(this.frame.slice());
        this.filled = 0;
      }
    }
  }
}

if (globalThis.registerProcessor) {
  registerProcessor("handset", class extends AudioWorkletProcessor {
    constructor() {
      super();
      this.ear = new Ear(sampleRate);
      this.mouth = new Mouth(sampleRate, (frame) => this.port.postMessage(frame.buffer, [frame.buffer]));
      this.port.onmessage = ({ data }) => this.ear.push(new Int16Array(data));
    }

    process(inputs, outputs) {
      const [mic] = inputs[0], [first, ...rest] = outputs[0];
      if (mic) this.mouth.take(mic);
      this.ear.play(first);
      for (const channel of rest) channel.set(first);
      return true;
    }
  });
}
