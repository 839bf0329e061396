/** Builds elements. Text is always text: nothing here parses HTML. */

/**
 * An element with properties and children. `class`, `aria-*`, `data-*`, `role`, `for`, `scope` and `colspan` become
 * attributes, `style` an object of CSS properties (set by script, which the page's policy allows), `on` an object of
 * listeners, everything else a property.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null) continue;
    if (name === "style") for (const [key, css] of Object.entries(value)) element.style.setProperty(key, css);
    else if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    else if (/^(class|role|for|scope|colspan|aria-.*|data-.*)$/.test(name)) element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The computed value of a colour token, for canvases. */
export function color(token) {
  const probe = h("span", { style: { color: `var(--${token})`, display: "none" } });
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

/** `rgb(…)` with an opacity. */
export function faded(rgb, alpha) {
  const [r, g, b] = rgb.match(/[\d.]+/g);
  return `rgba(${r}, ${g}, ${b}, ${alpha})`;
}
