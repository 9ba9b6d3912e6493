/// What a bar chart is drawn from.

export type BlockRole =
  | "self"
  | "battery"
  | "neighbour"
  /** Of the same role as what stands beside it, and the lesser of the two. */
  | "gain"
  | "export"
  | "import"
  /** Not settled yet: who gets it is not known. */
  | "open";
export type Block = { role: BlockRole; y: number; height: number };
export type Column = {
  key: string;
  blocks: readonly Block[];
  /** Not measured, but recovered or estimated. */
  hatched: boolean;
};
/** A line across, with its word at the left. */
export type Tick = { at: number; text: string; zero: boolean };
/** A word below: in the middle of its column, or at its left edge where a column begins then. */
export type Label = { index: number; text: string; at: "middle" | "edge" };

/** Where things stand, in a chart's own pixels from the top. */
export type Frame = {
  left: number;
  /** Where the chosen column's shade begins and ends. */
  from: number;
  to: number;
  height: number;
};

/** Drops a label that says the same as one before it: an hour that comes twice. */
export const once = (labels: readonly Label[]): Label[] =>
  labels.filter((label, index) => labels.findIndex(({ text }) => text === label.text) === index);
