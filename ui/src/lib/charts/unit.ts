/// How large a chart's own pixel is: charts grow with the text around them.

/** Pixels of the screen per pixel of a drawing, which is made for text of 16 px. */
export function drawingUnit(): number {
  const size = Number.parseFloat(getComputedStyle(document.documentElement).fontSize);
  return Number.isFinite(size) && size > 0 ? size / 16 : 1;
}
