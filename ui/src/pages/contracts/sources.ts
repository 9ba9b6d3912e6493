/// The sources as they are typed, and back.
import type { PriceSourceKind, SourcesForm } from "../../lib/api/bindings";

export type Fields = {
  priceKind: PriceSourceKind | "none";
  priceValue: string;
  weather: boolean;
  latitude: string;
  longitude: string;
  planes: { peak: string; tilt: string; azimuth: string }[];
  inverterW: number | null;
  battery: string;
};

const text = (value: number | null): string => (value === null ? "" : String(value));

export const fieldsOf = (form: SourcesForm): Fields => ({
  priceKind: form.prices?.kind ?? "none",
  priceValue: form.prices?.value ?? "",
  weather: form.weather,
  latitude: text(form.latitude_deg),
  longitude: text(form.longitude_deg),
  planes: form.planes.map((plane) => ({
    peak: String(plane.peak_w / 1000),
    tilt: text(plane.tilt_deg),
    azimuth: text(plane.azimuth_deg),
  })),
  inverterW: form.inverter_w,
  battery: form.battery_capacity_wh === null ? "" : String(form.battery_capacity_wh / 1000),
});

/** Reads a number as it is typed; both decimal signs are understood. */
function number(value: string): number | null {
  const plain = value.trim().replace(",", ".");
  return /^-?\d+(\.\d+)?$/.test(plain) ? Number(plain) : null;
}

const within = (value: number | null, low: number, high: number): boolean =>
  value !== null && value >= low && value <= high;

export function faultsIn(fields: Fields): Set<string> {
  const faults = new Set<string>();
  if (fields.priceKind !== "none" && fields.priceValue.trim() === "") faults.add("value");
  const placeless = fields.latitude.trim() === "" && fields.longitude.trim() === "";
  const placed =
    within(number(fields.latitude), -90, 90) && within(number(fields.longitude), -180, 180);
  if (!placed && (!placeless || fields.weather)) faults.add("place");
  const fits = fields.planes.every(
    (plane) =>
      within(number(plane.peak), 0.05, 1000) &&
      within(number(plane.tilt), 0, 90) &&
      within(number(plane.azimuth), 0, 360),
  );
  if (!fits) faults.add("plane");
  if (fields.battery.trim() !== "" && !within(number(fields.battery), 0.1, 1000))
    faults.add("battery");
  return faults;
}

/** The form of fields without faults. */
export const sourcesOf = (fields: Fields): SourcesForm => ({
  prices:
    fields.priceKind === "none"
      ? null
      : { kind: fields.priceKind, value: fields.priceValue.trim() },
  weather: fields.weather,
  latitude_deg: number(fields.latitude),
  longitude_deg: number(fields.longitude),
  planes: fields.planes.map((plane) => ({
    peak_w: Math.round((number(plane.peak) ?? 0) * 1000),
    tilt_deg: number(plane.tilt) ?? 0,
    azimuth_deg: number(plane.azimuth) ?? 0,
  })),
  inverter_w: fields.inverterW,
  battery_capacity_wh:
    fields.battery.trim() === "" ? null : Math.round((number(fields.battery) ?? 0) * 1000),
});
