// @ts-check
// The little there is between the data and the document.

/** @param {string} selector @returns {any} */
export const find = (selector) => document.querySelector(selector);

/** Set text only where it differs: what is selected or read aloud is not disturbed.
 * @param {Element} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} tag @param {Record<string, string>} attributes @param {...(Node | string)} children */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Keep one element per item: made once, then updated in place, so that focus stays where it is.
 * @template T
 * @param {HTMLElement} parent @param {T[]} items @param {(item: T) => string} key
 * @param {(item: T) => HTMLElement} create @param {(element: HTMLElement, item: T) => void} update */
export function keep(parent, items, key, create, update) {
  const known = new Map([...parent.children].map((child) => [/** @type {HTMLElement} */ (child).dataset.key, child]));
  items.forEach((item, index) => {
    const name = key(item);
    let element = /** @type {HTMLElement | undefined} */ (known.get(name));
    known.delete(name);
    if (!element) {
      element = create(item);
      element.dataset.key = name;
    }
    if (parent.children[index] !== element) parent.insertBefore(element, parent.children[index] ?? null);
    update(element, item);
  });
  for (const gone of known.values()) gone.remove();
}

/** Copy the text of an element; without a secure context, select it for the user to copy.
 * @param {HTMLButtonElement} button @param {HTMLElement} source @param {string} text */
export async function copy(button, source, text) {
  const label = button.textContent ?? "";
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    source.textContent = text;
    getSelection()?.selectAllChildren(source);
    button.textContent = "Press Ctrl+C";
  }
  setTimeout(() => (button.textContent = label), 2000);
}
