// What was heard and said in the last seconds: the ear upward, the mouth downward, 40 ms a bar, in decibels.
const BAR_MS = 40, FLOOR_DB = -54, WIDTH = 3;
const decibels = (peak) => (peak > 0 ? 20 * Math.log10(peak / 32768) : -Infinity);

export class Scope {
  constructor(canvas) {
    this.canvas = canvas;
    this.bars = [];
    this.ear = this.mouth = this.recent = 0;
    this.quiet = 0;
    this.due = 0;
    new ResizeObserver(() => this.draw()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  // PCM of one direction: "ear" or "mouth".
  note(direction, pcm) {
    let peak = 0;
    for (const sample of pcm) peak = Math.max(peak, Math.abs(sample));
    this[direction] = Math.max(this[direction], peak);
    if (direction === "ear") this.recent = Math.max(this.recent, peak);
    this.quiet = 0;
    this.timer ??= setInterval(() => this.step(), BAR_MS);
  }

  step() {
    this.bars.push([this.ear, this.mouth]);
    this.ear = this.mouth = 0;
    while (this.bars.length > this.canvas.clientWidth / WIDTH) this.bars.shift();
    if (++this.due % 6 === 0) {
      this.canvas.setAttribute("aria-valuenow", Math.max(-60, Math.round(decibels(this.recent))));
      this.recent = 0;
    }
    this.draw();
    if (++this.quiet > this.canvas.clientWidth / WIDTH) {
      clearInterval(this.timer);
      this.timer = undefined;
    }
  }

  draw() {
    const { canvas } = this, scale = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
    canvas.width = width * scale;
    canvas.height = height * scale;
    const pen = canvas.getContext("2d"), colours = getComputedStyle(canvas), middle = height * 0.62;
    pen.scale(scale, scale);
    pen.fillStyle = colours.getPropertyValue("--hair");
    pen.fillRect(0, middle - 0.5, width, 1);
    const high = (peak, room) => Math.max(0, 1 - decibels(peak) / FLOOR_DB) * room;
    this.bars.forEach(([ear, mouth], i) => {
      const x = width - (this.bars.length - i) * WIDTH, up = high(ear, middle - 1), down = high(mouth, height - middle - 1);
      pen.fillStyle = colours.getPropertyValue("--trace");
      pen.fillRect(x, middle - up, WIDTH - 1, up);
      pen.fillStyle = colours.getPropertyValue("--mouth");
      pen.fillRect(x, middle, WIDTH - 1, down);
    });
  }
}
