type Props = { readonly [name: string]: unknown }

/** Makes an element: properties, then children. */
export const element = <K extends keyof HTMLElementTagNameMap>(
  name: K,
  props: Props = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] => {
  const made = document.createElement(name)
  const { dataset, ariaLabel, ...rest } = props
  Object.assign(made, rest)
  Object.assign(made.dataset, dataset)
  if (typeof ariaLabel === 'string') made.setAttribute('aria-label', ariaLabel)
  made.append(...children)
  return made
}

/** An element of the page. */
export const find = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T

/** Puts elements in order below another one, and leaves alone what is in its place, so that it keeps the focus. */
export const arrange = (parent: HTMLElement, children: readonly HTMLElement[]): void => {
  const wanted = new Set<Element>(children)
  for (const child of parent.querySelectorAll(':scope > *')) if (!wanted.has(child)) child.remove()
  for (const [at, child] of children.entries()) {
    const there = parent.children[at]
    if (there !== child) parent.insertBefore(child, there ?? null)
  }
}
