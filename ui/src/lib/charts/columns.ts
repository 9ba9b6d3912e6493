/// Where the columns of a bar chart stand, side by side from left to right.

export class Columns {
  constructor(
    readonly count: number,
    readonly left: number,
    readonly right: number,
  ) {}

  /** The left edge of a column; one past the last is the right edge. */
  x(index: number): number {
    return this.left + (index / Math.max(1, this.count)) * (this.right - this.left);
  }

  get width(): number {
    return this.x(1) - this.x(0);
  }

  /** How wide a bar is in its column: slots stand close, years do not fill the window. */
  get barWidth(): number {
    return Math.max(1, Math.min(this.width < 14 ? this.width - 1 : this.width * 0.72, 72));
  }

  barX(index: number): number {
    return this.x(index) + (this.width - this.barWidth) / 2;
  }

  /** The column under a place, or null beside them. */
  indexAt(x: number): number | null {
    const index = Math.floor(((x - this.left) / (this.right - this.left)) * this.count);
    return index >= 0 && index < this.count ? index : null;
  }
}
