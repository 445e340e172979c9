// @ts-check
// Numbers and times as people read them. Pure functions.

/** @param {number} watts */
export function power(watts) {
  const size = Math.abs(watts);
  if (size < 1000) return { number: String(Math.round(watts)), unit: "W" };
  return { number: (watts / 1000).toFixed(size < 100000 ? 2 : 0), unit: "kW" };
}

/** @param {number | null} watts */
export function powerText(watts) {
  if (watts === null) return "unknown";
  const { number, unit } = power(watts);
  return `${number.replace("-", "−")} ${unit}`;
}

/** For an axis: "2.5 kW". @param {number} watts */
export function tickText(watts) {
  const text = Math.abs(watts) < 1000 ? `${watts} W` : `${watts / 1000} kW`;
  return text.replace("-", "−");
}

/** @param {number | null} wattHours */
export function energyText(wattHours) {
  if (wattHours === null) return "unknown";
  return `${(wattHours / 1000).toLocaleString(undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 })} kWh`;
}

/** How long a time is: "45 s", "2 h 32 min". @param {number} seconds */
export function duration(seconds) {
  const s = Math.max(0, Math.round(seconds));
  if (s < 60) return `${s} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return s % 60 && minutes < 10 ? `${minutes} min ${s % 60} s` : `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  return `${Math.floor(hours / 24)} days`;
}

/** "2 h 32 min ago". @param {number} seconds */
export function ago(seconds) {
  return seconds < 1 ? "just now" : `${duration(seconds)} ago`;
}

const day = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "long", day: "numeric" });
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" });

/** "April 3, 2014, 2:30:45 PM" (in the reader's own locale). @param {number} unixSeconds */
export function moment(unixSeconds) {
  const date = new Date(unixSeconds * 1000);
  return `${day.format(date)}, ${clock.format(date)}`;
}
