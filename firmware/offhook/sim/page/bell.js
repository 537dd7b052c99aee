// A telephone bell: a clapper strikes two gongs in turn, each a few decaying partials.
const GONGS = [1040, 1315], PARTIALS = [[1, 0.5, 0.42], [2.01, 0.22, 0.3], [2.74, 0.4, 0.2], [4.1, 0.12, 0.12], [5.42, 0.16, 0.07]];
const STRIKES_S = 40, TAIL_S = 1.2, LOUDNESS = 0.3;

function peal(rate, seconds) {
  const samples = new Float32Array(Math.ceil((seconds + TAIL_S) * rate));
  GONGS.forEach((hz, gong) => {
    const blows = new Float32Array(samples.length);
    for (let k = gong; k < seconds * STRIKES_S; k += 2) blows[Math.floor((k / STRIKES_S) * rate)] = 1 + 0.2 * Math.sin(7.3 * k);
    for (const [ratio, weight, decay] of PARTIALS) {
      const w = (2 * Math.PI * hz * ratio) / rate, r = Math.exp(-1 / (decay * rate)), c = 2 * r * Math.cos(w), d = r * r, force = weight * Math.sin(w);
      for (let i = 0, y1 = 0, y2 = 0; i < samples.length; i++) {
        const y = c * y1 - d * y2 + force * blows[i];
        samples[i] += y;
        y2 = y1;
        y1 = y;
      }
    }
  });
  const peak = samples.reduce((most, sample) => Math.max(most, Math.abs(sample)), 1e-9);
  return samples.map((sample) => (sample / peak) * LOUDNESS);
}

export class Bell {
  constructor(context) {
    this.context = context;
    this.buffers = new Map();
  }

  ring(seconds) {
    if (!this.buffers.has(seconds)) {
      const samples = peal(this.context.sampleRate, seconds), buffer = this.context.createBuffer(1, samples.length, this.context.sampleRate);
      buffer.copyToChannel(samples, 0);
      this.buffers.set(seconds, buffer);
    }
    this.stop();
    this.source = new AudioBufferSourceNode(this.context, { buffer: this.buffers.get(seconds) });
    this.gain = new GainNode(this.context);
    this.source.connect(this.gain).connect(this.context.destination);
    this.source.start();
  }

  // The hand on the gong: 40 ms.
  stop() {
    this.gain?.gain.setTargetAtTime(0, this.context.currentTime, 0.015);
    this.source?.stop(this.context.currentTime + 0.1);
    this.source = this.gain = undefined;
  }
}
