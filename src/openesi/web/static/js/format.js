// @ts-check
// Numbers and times as people read them.

const number = new Intl.NumberFormat(undefined, { maximumFractionDigits: 0 });
const decimal = new Intl.NumberFormat(undefined, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit", second: "2-digit" });
const minute = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** @param {number | null | undefined} watts */
export function power(watts) {
  if (watts === null || watts === undefined) return "–";
  if (Math.abs(watts) < 999.5) return `${number.format(watts)} W`;
  if (Math.abs(watts) < 999_950) return `${decimal.format(watts / 1000)} kW`;
  return `${decimal.format(watts / 1e6)} MW`;
}

/** @param {number} seconds since 1970 */
export const time = (seconds) => clock.format(new Date(seconds * 1000));

/** A mark of a time axis: the hour, or at midnight the day. @param {number} seconds since 1970 */
export function tick(seconds) {
  const at = new Date(seconds * 1000);
  return (at.getHours() + at.getMinutes() === 0 ? weekday : minute).format(at);
}

/** @param {number} seconds since 1970 */
export const date = (seconds) => day.format(new Date(seconds * 1000));

/** A span in its two largest units: "1 h 05 min", "2 min 03 s". @param {number} seconds */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const two = (/** @type {number} */ value) => String(value).padStart(2, "0");
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86_400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86_400)} d ${two(Math.floor((whole % 86_400) / 3600))} h`;
}

/** A span in one unit, for "12 s ago". @param {number} seconds */
export function roughly(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 90) return `${whole} s`;
  if (whole < 5400) return `${Math.round(whole / 60)} min`;
  if (whole < 129_600) return `${Math.round(whole / 3600)} h`;
  return `${Math.round(whole / 86_400)} d`;
}

/** Both ends of an LFDI. @param {string} lfdi */
export const short = (lfdi) => `${lfdi.slice(0, 6)}…${lfdi.slice(-4)}`;

/** What a control asks for, in words. @param {any} event */
export function control(event) {
  const parts = [];
  for (const [name, value] of Object.entries(event.control)) {
    if (name === "opModMaxLimW") {
      const share = `${value / 100} %`;
      parts.push(event.limit_w === null ? `limit ${share}` : `limit ${power(event.limit_w)} (${share})`);
    } else if (name === "opModTargetW") parts.push(`target ${power(value.value * 10 ** value.multiplier)}`);
    else if (name === "opModConnect") parts.push(value ? "connect" : "disconnect");
    else if (name === "opModEnergize") parts.push(value ? "energize" : "cease to energize");
    else parts.push(name);
  }
  return parts.join(", ") || "nothing";
}
