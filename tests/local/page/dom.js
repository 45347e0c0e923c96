// Small helpers for building elements. Text is always set as text, so nothing that a platform answers becomes markup.

/** An element with its attributes (those that are functions listen to an event) and its children. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** A time of an answer as a person here reads it. */
export const clock = (text) => new Date(text).toLocaleTimeString('zh-CN', { hour12: false });

export const pause = (milliseconds) => new Promise((next) => setTimeout(next, milliseconds));
