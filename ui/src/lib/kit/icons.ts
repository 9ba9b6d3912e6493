/// The strokes of the small icons, on a grid of 24.
export const ICONS = {
  now: "M3 12h4l3-8 4 16 3-8h4",
  energy: "M13 2.5 5 13.5h6l-1 8 8-11h-6z",
  save: "M12 4v11M7 10.5l5 5 5-5M4.5 20h15",
  rules: "M4 7h9M19 7h1M4 17h1M11 17h9M16 4.5v5M8 14.5v5",
  earnings: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  stop: "M7 7h10v10H7z",
  resume: "M8 5.5v13l10.5-6.5z",
  good: "M5 12.5l4.5 4.5L19 7.5",
  warn: "M12 4 2.8 19.5h18.4L12 4zM12 10v4.5M12 17.2v.1",
  trouble: "M8.2 3h7.6L21 8.2v7.6L15.8 21H8.2L3 15.8V8.2L8.2 3zM12 8v5M12 16.2v.1",
  wait: "M12 7v5l3 2M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18z",
  pause: "M9 6v12M15 6v12",
  info: "M12 11v5.5M12 7.6v.1M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18z",
  left: "M14.5 5.5 8 12l6.5 6.5",
  right: "M9.5 5.5 16 12l-6.5 6.5",
  down: "M5.5 9.5 12 16l6.5-6.5",
  table: "M4 5h16v14H4zM4 10h16M4 14.5h16M10 10v9",
  chart: "M4 20V11M9.5 20V5M15 20v-7M20 20V9",
  eye: "M2.5 12S6 5.5 12 5.5 21.5 12 21.5 12 18 18.5 12 18.5 2.5 12 2.5 12zM12 9.2a2.8 2.8 0 1 1 0 5.6 2.8 2.8 0 0 1 0-5.6z",
} as const;

export type IconName = keyof typeof ICONS;
